/**
 * The real AI coding CLIs, pinned in the project's cache, and homes for them in which they know no
 * model but the stub.
 *
 * @module
 */

import { join } from "@std/path";
import { environment, files } from "./cli_config.ts";
import { within } from "./patience.ts";
import type { Model } from "./model/mod.ts";
import { type Peer, peer, WHOLE_PROGRAM } from "./peers.ts";

/** Where `deno task clis` puts them. */
const CLIS_FOLDER = join(import.meta.dirname!, "../.cache/clis");
/** The programs, with a Node.js new enough for them. */
export const CLI_BIN: string = join(CLIS_FOLDER, "node_modules/.bin");

const cli = (name: string): Peer => peer(join(CLI_BIN, name), "deno task clis");
/** Claude Code, Anthropic's. */
export const claude: Peer = cli("claude");
/** Codex, OpenAI's. */
export const codex: Peer = cli("codex");
/** Gemini CLI, Google's. */
export const gemini: Peer = cli("gemini");
/** Qwen Code, Alibaba's. */
export const qwen: Peer = cli("qwen");
/** opencode, for any vendor. */
export const opencode: Peer = cli("opencode");
/** Copilot CLI, GitHub's. */
export const copilot: Peer = cli("copilot");

/** All of them, by the name of the executor. */
export const CLIS: Readonly<Record<string, Peer>> = {
  claude,
  codex,
  gemini,
  qwen,
  opencode,
  copilot,
};

/** What a test with these CLIs needs; for `peerTest`. */
export function withClis(
  ...clis: Peer[]
): { peers: Peer[]; permissions: readonly Deno.PermissionDescriptor[] } {
  return { peers: clis, permissions: WHOLE_PROGRAM };
}

/** How a CLI ended, and what it said. */
export interface CliOutcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** How long a CLI may take for a few turns, in milliseconds: some take 7 s to start on a busy machine. */
export const CLI_PATIENCE_MS = 90_000;

/** A home folder for CLIs; disposing removes it. */
export class CliHome implements AsyncDisposable {
  /** The home folder. CLIs mind one that lies directly in the system's temporary folder. */
  readonly path: string;
  /** A folder to work in, below the home. */
  readonly project: string;
  /** What to start CLIs, and `arpc`, with. */
  readonly env: Readonly<Record<string, string>>;
  readonly #root: string;

  private constructor(root: string, model: Pick<Model, "url">) {
    this.#root = root;
    this.path = join(root, "home");
    this.project = join(this.path, "project");
    this.env = environment(CLI_BIN, this.path, model.url);
  }

  /** Makes one with the configuration that each CLI needs to talk with this model. */
  static async make(model: Pick<Model, "url">): Promise<CliHome> {
    const home = new CliHome(await Deno.makeTempDir({ prefix: "arp-clis-" }), model);
    try {
      await Deno.mkdir(home.project, { recursive: true });
      await Deno.mkdir(home.env.TMPDIR!);
      for (const [name, text] of Object.entries(files(model.url))) {
        await home.write(name, text);
      }
      await home.#shareUnpacked();
      return home;
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Writes a file below the home folder; its full path. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** Runs a CLI in the project to its end, which the signal hastens. */
  async run(cli: Peer, args: readonly string[], signal?: AbortSignal): Promise<CliOutcome> {
    const leaving = new AbortController();
    const child = new Deno.Command(cli.path, {
      args: [...args],
      cwd: this.project,
      env: this.env,
      clearEnv: true,
      stdin: "null",
      signal: signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]),
    });
    try {
      const { code, stdout, stderr } = await within(CLI_PATIENCE_MS, cli.name, child.output());
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    } finally {
      leaving.abort();
    }
  }

  /** Copilot unpacks 235 MB of itself into its home unless it finds them there. */
  async #shareUnpacked(): Promise<void> {
    if (Deno.build.os === "windows") return;
    const cache = join(this.path, ".cache/copilot");
    await Deno.mkdir(cache, { recursive: true });
    await Deno.symlink(join(CLIS_FOLDER, "packages/pkg"), join(cache, "pkg"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What a CLI left running behind itself may write for another moment.
    for (let tries = 20;; tries--) {
      try {
        return await Deno.remove(this.#root, { recursive: true });
      } catch (error) {
        if (tries === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** Makes a {@link CliHome}. */
export function cliHome(model: Pick<Model, "url">): Promise<CliHome> {
  return CliHome.make(model);
}
