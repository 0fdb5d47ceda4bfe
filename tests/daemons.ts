/**
 * Servers that others wrote, started for a test: without privileges, in a folder of their own, on a
 * port of the system's choice.
 *
 * @module
 */

import { eventually } from "./raw_peers.ts";
import { WHOLE_PROGRAM } from "./helpers.ts";
import { hasPermissions, peer } from "./peers.ts";

/** Who owns a daemon's folder, and runs it, where the tests are run by root: nobody. */
const NOBODY = 65534;

/** Gives up root; PostgreSQL refuses to be root. */
export const setpriv = peer("setpriv", "apt-get install util-linux");

const UID: Deno.PermissionDescriptor = { name: "sys", kind: "uid" };

/** Permissions that a test with a daemon needs; for `peerTest`. */
export const WITH_DAEMON: readonly Deno.PermissionDescriptor[] = [...WHOLE_PROGRAM, UID];

/** Whether the tests are run by root; asked while they are only being registered as well. */
export function isRoot(): boolean {
  return Deno.build.os !== "windows" && hasPermissions(UID) && Deno.uid() === 0;
}

/** The command line that runs a program without privileges. */
export function unprivileged(path: string, args: readonly string[]): [string, string[]] {
  if (!isRoot()) return [path, [...args]];
  const to = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];
  return [setpriv.path, [...to, path, ...args]];
}

/** A folder that is removed when disposed, and belongs to whoever {@link unprivileged} is. */
export class Scratch implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "arp-test-" });

  constructor() {
    if (isRoot()) Deno.chownSync(this.path, NOBODY, NOBODY);
  }

  /** Writes a file that the daemon owns; its full path. */
  write(name: string, text: string, mode = 0o600): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, text, { mode });
    if (isRoot()) Deno.chownSync(path, NOBODY, NOBODY);
    return path;
  }

  /** Runs a program to its end, without privileges; throws with its words if it fails. */
  async run(path: string, args: readonly string[]): Promise<string> {
    const [command, all] = unprivileged(path, args);
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: all,
      cwd: this.path,
      env: { HOME: this.path },
      stdin: "null",
    }).output();
    const words = new TextDecoder().decode(stdout);
    if (!success) throw new Error(`${path}: ${words}${new TextDecoder().decode(stderr)}`);
    return words;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A server program; disposing kills it. */
export class Daemon implements AsyncDisposable {
  /** What it said, on both of its outputs. */
  words = "";
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #ended = false;

  private constructor(
    path: string,
    args: readonly string[],
    folder: Scratch,
    as: typeof unprivileged,
  ) {
    const [command, all] = as(path, args);
    this.#process = new Deno.Command(command, {
      args: all,
      cwd: folder.path,
      env: { HOME: folder.path },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.words += text;
    };
    this.#reading = Promise.all([read(this.#process.stdout), read(this.#process.stderr)])
      .then(() => this.#ended = true);
  }

  /**
   * Starts it, and waits until `ready` says that it serves.
   *
   * @param as who runs it: nobody in particular by default.
   */
  static async start(
    path: string,
    args: readonly string[],
    folder: Scratch,
    ready: () => Promise<boolean>,
    { as = unprivileged }: { as?: typeof unprivileged } = {},
  ): Promise<Daemon> {
    const daemon = new Daemon(path, args, folder, as);
    try {
      await eventually(`${path} ready`, () => {
        if (daemon.#ended) throw new Error(`${path} ended: ${daemon.words}`);
        return ready();
      });
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw new Error(`Cannot start ${path}; it said:\n${daemon.words}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#process.status;
    await this.#reading;
  }
}

/** Whether something accepts connections on a port. */
export async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
