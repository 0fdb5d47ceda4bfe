/**
 * A thousand clients, and how long they take to come back.
 *
 * @module
 */

import { startServer, type TestServer } from "../helpers.ts";
import { within } from "../patience.ts";
import { freePort } from "../ports.ts";

/** Clients that share a process. */
const PER_PROCESS = 125;
/** How long they may take to register, however many they are, in milliseconds. */
const PATIENCE_MS = 120_000;

/** How a herd came back: after the server was there again, in milliseconds, sorted. */
export interface Return {
  times: number[];
  /** What the server had to complain of. */
  complaints: string[];
}

/** Clients without a process of their own, and their server. */
export class Herd implements AsyncDisposable {
  #server: TestServer | undefined;
  readonly #flags: readonly string[];
  readonly #processes: { child: Deno.ChildProcess; reading: Promise<void> }[] = [];
  /** When each registered last. */
  readonly #online = new Map<number, number>();
  #enough = { count: Infinity, reached: () => {} };

  private constructor(readonly size: number) {
    this.#flags = [
      ...["--control-port", "--proxy-port", "--public-port"]
        .flatMap((flag) => [flag, String(freePort())]),
      // They all come from one address.
      ...["--max-links-per-ip", "0"],
      ...["--log-level", "info"],
    ];
  }

  /** Starts a server and so many clients, and waits until all are registered. */
  static async gather(size: number): Promise<Herd> {
    const herd = new Herd(size);
    try {
      const server = herd.#server = await startServer(herd.#flags);
      const all = herd.#all();
      for (let first = 0; first < size; first += PER_PROCESS) {
        herd.#start(server, first, Math.min(PER_PROCESS, size - first));
      }
      await all;
      return herd;
    } catch (error) {
      await herd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Kills the server with -9 and starts it again on the same ports.
   *
   * @param down how long it is away, in milliseconds.
   */
  async restart(down: number): Promise<Return> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#online.clear();
    const all = this.#all();
    await new Promise((resolve) => setTimeout(resolve, down));
    const server = this.#server = await startServer(this.#flags);
    const ready = Date.parse(/"@timestamp":"([^"]+)"[^\n]*"Server ready"/.exec(server.stderr)![1]!);
    await all;
    const times = [...this.#online.values()].map((at) => at - ready).sort((a, b) => a - b);
    const complaints = server.logs.filter(({ level }) => level !== "INFO")
      .map(({ message, properties }) => `${message}: ${JSON.stringify(properties)}`);
    return { times, complaints };
  }

  /** Resolves when each of them has registered since. */
  #all(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#enough = { count: this.size, reached: resolve };
    return within(PATIENCE_MS, `${this.size} clients registered`, promise);
  }

  #start(server: TestServer, first: number, count: number): void {
    const { controlPort, proxyPort } = server;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--allow-net"],
        new URL("./herd_worker.ts", import.meta.url).href,
        ...[controlPort, proxyPort, first, count].map(String),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#processes.push({ child, reading: this.#read(child.stdout) });
  }

  async #read(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let half = "";
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (half + text).split("\n");
      half = lines.pop() ?? "";
      for (const line of lines) {
        const [number, at] = line.split(" ").map(Number);
        this.#online.set(number!, at!);
      }
      if (this.#online.size >= this.#enough.count) this.#enough.reached();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, reading } of this.#processes) {
      child.kill("SIGKILL");
      await reading;
      await child.status;
    }
    await this.#server?.[Symbol.asyncDispose]();
  }
}
