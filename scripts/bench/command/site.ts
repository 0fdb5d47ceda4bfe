/**
 * `arps` and `arpc --command-mode` under their own permissions, with a home of their own, and the
 * writer in the place of Claude Code.
 *
 * @module
 */

import { V8_FLAGS } from "@agentx/common/cli";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../tests/ports.ts";

const SERVER = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
const CLIENT = fileURLToPath(new URL("../../../client/main.ts", import.meta.url));
const READY_MS = 20_000;

/** The programs, until disposed. */
export class Site implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    private readonly url: string,
    private readonly cli: string,
    private readonly env: Record<string, string>,
    private readonly server: Deno.ChildProcess,
    private readonly client: Deno.ChildProcess,
  ) {}

  /** @param writer the program that stands in for the CLI. */
  static async open(writer: string): Promise<Site> {
    const folder = await Deno.makeTempDir({ prefix: "arp-bench-" });
    const [control, proxy, port] = [freePort(), freePort(), freePort()];
    const [home, bin] = [join(folder, "home"), join(folder, "bin")];
    await Deno.mkdir(home);
    await Deno.mkdir(bin);
    const cli = join(bin, "claude");
    await Deno.writeTextFile(cli, script(writer), { mode: 0o755 });
    const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, HOME: home, DENO_DIR: await denoDir() };
    const ports = ["--control-port", `${control}`, "--proxy-port", `${proxy}`];
    const quiet = ["--log-level", "error"];
    const server = run(["--allow-net", SERVER], env, [
      ...["--bind", "127.0.0.1", "--public-port", `${port}`, "--max-per-ip", "0"],
      ...ports,
      ...quiet,
    ]);
    const flags = ["--command-mode", "--client-id", "bench", ...ports, ...quiet];
    const client = run([...await permissions(flags, env), CLIENT], env, flags);
    const url = `http://127.0.0.1:${port}`;
    const site = new Site(folder, url, cli, env, server, client);
    try {
      await site.#ready();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The process of `arpc`. */
  get clientPid(): number {
    return this.client.pid;
  }

  /** Starts a session; its id. */
  async create(prompt: string): Promise<string> {
    const response = await fetch(`${this.url}/?token=bench/api/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ executor: "claude", interactive: false, prompt }),
    });
    const { id, detail } = await response.json();
    if (response.status !== 201) throw new Error(`Cannot start a session: ${detail}`);
    return id;
  }

  /** The stream of a session, from its first line. */
  stream(id: string): Promise<Response> {
    return fetch(`${this.url}/?token=bench/api/sessions/${id}?from_line=1`, {
      headers: { accept: "text/event-stream" },
    });
  }

  /** Starts the writer by hand; milliseconds until its first line was written. */
  async startAlone(): Promise<number> {
    const begin = performance.timeOrigin + performance.now();
    const { stdout } = await new Deno.Command(this.cli, {
      args: ["lines=1"],
      env: this.env,
      clearEnv: true,
      stdin: "null",
    }).output();
    const [first = ""] = new TextDecoder().decode(stdout).split("\n");
    return JSON.parse(first).at - begin;
  }

  async #ready(): Promise<void> {
    const end = performance.now() + READY_MS;
    for (;;) {
      const answer = await fetch(`${this.url}/?token=bench/api/health`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      if (performance.now() > end) throw new Error("Cannot measure: command mode does not answer");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.client, this.server]) {
      try {
        process.kill("SIGTERM");
      } catch { /* it has ended */ }
      await process.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

function run(
  what: string[],
  env: Record<string, string>,
  flags: string[],
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--v8-flags=${V8_FLAGS.join(",")}`, ...what, ...flags],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

async function permissions(flags: string[], env: Record<string, string>): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", CLIENT, ...flags, "--print-permissions"],
    env,
    clearEnv: true,
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** Answers what every CLI is asked, and otherwise writes. */
function script(writer: string): string {
  return `#!/bin/sh
case "$1" in
  --version) echo "0.0.0 (bench)"; exit;;
  --help) echo "-p --input-format --output-format --verbose --model --permission-mode --session-id"; exit;;
esac
exec '${Deno.execPath()}' run --quiet --no-prompt '${writer}' "$@"
`;
}

async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
