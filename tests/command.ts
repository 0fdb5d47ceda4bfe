/**
 * `arpc --command-mode` as `deno task client` starts it, with a home of its own in which the CLIs
 * know no model but the stub.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { delimiter, join } from "@std/path";
import { Api } from "./api.ts";
import { CLI_BIN, type CliHome, cliHome } from "./clis.ts";
import { PATIENCE_MS, Program, startServer, type TestServer } from "./helpers.ts";
import { type Model, startModel } from "./model/mod.ts";
import { eventually } from "./raw_peers.ts";
import { freePort } from "./ports.ts";

const MODULE = fileURLToPath(new URL("../client/main.ts", import.meta.url));

/** What {@link startCommand} needs. */
export interface CommandOptions {
  server: Pick<TestServer, "controlPort" | "proxyPort">;
  /** `--client-id` */
  id: string;
  home: Pick<CliHome, "path" | "env">;
  flags?: readonly string[];
  /** Variables that win over those of the home, such as `ARP_API_KEY`. */
  env?: Record<string, string>;
  /** Flags of the runtime, instead of the permissions that it asks for. */
  runtime?: readonly string[];
}

/**
 * Starts it under exactly the permissions that it asks for itself, and waits until it is registered.
 * None of the variables of whoever runs the tests is among its own.
 */
export async function startCommand(
  { server, id, home, flags = [], env = {}, runtime }: CommandOptions,
): Promise<Program> {
  const all = [
    ...["--command-mode", "--client-id", id, "--log-level", "debug"],
    ...["--control-port", String(server.controlPort), "--proxy-port", String(server.proxyPort)],
    ...flags,
  ];
  const own = { ...home.env, ...env, DENO_DIR: await denoDir() };
  const granted = runtime ?? await commandPermissions(all, own);
  const program = new Program("../client/main.ts", all, granted, own, { clearEnv: true });
  try {
    await program.message("Registered");
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** What `--print-permissions` says in this environment. */
export async function commandPermissions(
  flags: readonly string[],
  env: Record<string, string>,
): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MODULE, ...flags, "--print-permissions"],
    env: { ...env, DENO_DIR: await denoDir() },
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`--print-permissions: ${text(stderr)}`);
  return text(stdout).split("\n").filter((line) => line !== "");
}

/** Where Deno itself has what is imported; it would look below the home. */
function denoDir(): Promise<string> {
  return known ??= new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()
    .then(({ stdout }) => JSON.parse(new TextDecoder().decode(stdout)).denoDir);
}
let known: Promise<string> | undefined;

/** How a {@link CommandRig} is started. */
export interface RigOptions extends Pick<CommandOptions, "flags" | "env" | "runtime"> {
  /** Changes the home before anything is started in it; further variables for `arpc`. */
  prepare?: (home: CliHome) => Promise<Record<string, string>>;
}

/** Everything from the model to the API: a test has only to ask. */
export class CommandRig implements AsyncDisposable {
  /** The running `arpc`. */
  client!: Program;
  /** The running `arps`. */
  server!: TestServer;

  private constructor(
    readonly model: Model,
    readonly home: CliHome,
    readonly api: Api,
    private readonly ports: readonly string[],
    private readonly options: RigOptions,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** Starts all of it. The client is called `laptop`, and has a key if `ARP_API_KEY` says so. */
  static async start(options: RigOptions = {}): Promise<CommandRig> {
    await using stack = new AsyncDisposableStack();
    const model = stack.use(startModel());
    const home = stack.use(await cliHome(model));
    const env = { ...options.env, ...await options.prepare?.(home) };
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const api = stack.use(new Api({ url }, "laptop", options.env?.ARP_API_KEY));
    const ports = ["--public-port", String(port)]
      .concat(["--control-port", "--proxy-port"].flatMap((flag) => [flag, String(freePort())]));
    const rig = new CommandRig(model, home, api, ports, { ...options, env }, stack.move());
    try {
      await rig.startServer();
      await rig.startClient();
      return rig;
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts `arps`, again after it was killed, on the same ports. */
  async startServer(): Promise<void> {
    this.server = await startServer(this.ports);
  }

  /** Kills `arps`, and with it every connection through it. */
  async killServer(): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  /** Starts `arpc`, again after it was killed, with what it left behind. */
  async startClient(): Promise<void> {
    const { server, home } = this;
    this.client = await startCommand({ server, id: "laptop", home, ...this.options });
  }

  /** Kills `arpc`, as a lack of memory does; what it started is left alone. */
  async killClient(): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }

  /** Resolves when no process that has this home is left but `arpc` itself; Unix only. */
  async quiet(ms: number = PATIENCE_MS): Promise<void> {
    let left: string[] = [];
    const ended = async () => (left = await this.processes()).length === 0;
    await eventually("the end of all CLIs", ended, ms).catch((error) => {
      throw new Error(`${error.message}; there are\n${left.join("\n")}`);
    });
  }

  /** The processes that have this home, such as CLIs and their shells, without `arpc`; Unix only. */
  async processes(): Promise<string[]> {
    const all = Deno.build.os === "darwin" ? "-AEww" : "axeww";
    const { stdout } = await new Deno.Command("ps", {
      args: [all, "-o", "pid=,stat=,command="],
      env: { LC_ALL: "C" },
    }).output();
    return new TextDecoder().decode(stdout).split("\n")
      .filter((line) => line.includes(` HOME=${this.home.path}`))
      // What has ended, and has only not been asked about yet, is gone.
      .filter((line) => !/^\s*\d+\s+Z/.test(line) && parseInt(line) !== this.client?.pid)
      .map((line) => line.trim().slice(0, 300));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client?.[Symbol.asyncDispose]();
    await this.server?.[Symbol.asyncDispose]();
    await this.stack.disposeAsync();
  }
}

/**
 * Makes a folder of programs that stands for all of `PATH`, but for what belongs to the system.
 *
 * @param real names of CLIs that shall be in it.
 * @param scripts others, by name.
 * @returns the variable, for {@link RigOptions.prepare}.
 */
export async function onlyPrograms(
  home: CliHome,
  real: readonly string[],
  scripts: Record<string, string> = {},
): Promise<Record<string, string>> {
  const bin = join(home.path, "bin");
  await Deno.mkdir(bin, { recursive: true });
  for (const name of ["node", ...real]) await Deno.symlink(join(CLI_BIN, name), join(bin, name));
  for (const [name, text] of Object.entries(scripts)) {
    await Deno.writeTextFile(join(bin, name), text, { mode: 0o755 });
  }
  return { PATH: [bin, "/usr/bin", "/bin"].join(delimiter) };
}
