/**
 * Starts the real programs under their real permissions, on ports the system chooses.
 *
 * @module
 */

import { permissionFlags } from "@agentx/common/cli";
import * as client from "../client/program.ts";
import { stateFolder } from "../client/state.ts";
import * as server from "../server/program.ts";
import { PATIENCE_MS } from "./patience.ts";

export { PATIENCE_MS, within } from "./patience.ts";
export { WHOLE_PROGRAM } from "./peers.ts";

/** What one log line of a program says. */
export interface LogLine {
  level: string;
  message: string;
  logger: string;
  properties: Record<string, unknown>;
}

/** A running program; disposing kills it and waits for its end. */
export class Program implements AsyncDisposable {
  /** Its log so far. */
  readonly logs: LogLine[] = [];
  /** Its log as it was written, for tests that look for secrets. */
  stderr = "";
  /** What it printed. */
  stdout = "";
  #process: Deno.ChildProcess;
  #reading: Promise<unknown>;
  #waiting = new Set<() => void>();
  #ended = false;

  /**
   * @param options override how it is started, its command line included; `under` is a command line
   * that starts it.
   */
  constructor(
    module: string,
    flags: readonly string[],
    permissions: readonly string[],
    env: Record<string, string>,
    { under = [], ...options }: Deno.CommandOptions & { under?: readonly string[] } = {},
  ) {
    const [command = Deno.execPath(), ...front] = [...under, Deno.execPath()];
    this.#process = new Deno.Command(command, {
      args: [
        ...front,
        "run",
        "--quiet",
        "--no-prompt",
        ...permissions,
        new URL(module, import.meta.url).href,
        ...flags,
      ],
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...options,
    }).spawn();
    this.#reading = Promise.all([
      this.#read(this.#process.stdout, (text) => this.stdout += text),
      this.#read(this.#process.stderr, (text) => this.#log(text)),
    ]).then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Of the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when the process has ended and all it said was read. */
  async status(): Promise<Deno.CommandStatus> {
    await this.#reading;
    return await this.#process.status;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    this.#process.kill(signal);
  }

  /**
   * The first log line from `from` on that fits, as soon as it is there.
   *
   * @throws with the whole log when it does not come in time or the program ends before.
   */
  async log(
    fits: (line: LogLine) => boolean,
    { from = 0, ms = PATIENCE_MS }: { from?: number; ms?: number } = {},
  ): Promise<LogLine> {
    const deadline = performance.now() + ms;
    for (;;) {
      const found = this.logs.slice(from).find(fits);
      if (found !== undefined) return found;
      const left = deadline - performance.now();
      if (this.#ended || left <= 0) {
        throw new Error(`the awaited log line did not come; the program said:\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiting.add(done);
      });
    }
  }

  /** {@link Program.log} by message. */
  message(text: string, options?: { from?: number; ms?: number }): Promise<LogLine> {
    return this.log((line) => line.message === text, options);
  }

  /** The lines with a message, as soon as there are so many. */
  async messages(
    text: string,
    count: number,
    options: { from?: number; ms?: number } = {},
  ): Promise<LogLine[]> {
    const found = () => this.logs.slice(options.from ?? 0).filter((line) => line.message === text);
    if (count > 0) await this.log(() => found().length >= count, options);
    return found();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.status();
    // It goes on after a bug of this kind, and a test would not see it.
    const fault = this.logs.find(({ message }) => message === "Unhandled fault");
    if (fault !== undefined) throw new Error(JSON.stringify(fault));
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      take(text);
      this.#wake();
    }
  }

  #half = "";
  #log(text: string): void {
    this.stderr += text;
    const lines = (this.#half + text).split("\n");
    this.#half = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const { level, message, logger, properties } = JSON.parse(line);
      this.logs.push({ level, message, logger, properties });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** An `arps` and the ports it bound. */
export class TestServer extends Program {
  controlPort = 0;
  proxyPort = 0;
  publicPort = 0;

  /** `http://127.0.0.1:PORT` of the public port. */
  get url(): string {
    return `http://127.0.0.1:${this.publicPort}`;
  }
}

/**
 * Starts `arps` on ports of the system's choice (or those in `flags`) and waits until it serves.
 *
 * @param runtime flags of Deno itself.
 * @param options of the {@link Program}.
 */
export async function startServer(
  flags: readonly string[] = [],
  env: Record<string, string> = {},
  runtime: readonly string[] = [],
  options: { under?: readonly string[] } = {},
): Promise<TestServer> {
  const ports = ["--control-port", "--proxy-port", "--public-port"]
    .filter((flag) => !flags.includes(flag)).flatMap((flag) => [flag, "0"]);
  const all = ["--bind", "127.0.0.1", "--log-level", "debug", ...ports, ...flags];
  const request = await server.readRequest(all);
  if (request.kind !== "run") throw new Error("flags for a run expected");
  const granted = server.permissions(request.values);
  const needed = permissionFlags({
    ...granted,
    env: [...granted.env ?? [], ...Object.keys(env)],
  });
  const program = new TestServer("../server/main.ts", all, [...runtime, ...needed], env, options);
  try {
    const { properties } = await program.message("Server ready");
    const portOf = (name: string) => Number(String(properties[name]).split(":").pop());
    program.controlPort = portOf("control");
    program.proxyPort = portOf("proxy");
    program.publicPort = portOf("public");
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** What {@link startClient} needs. */
export interface ClientOptions {
  server: Pick<TestServer, "controlPort" | "proxyPort">;
  /** `--client-id`; none leaves it out. */
  id?: string;
  /** `--local-port` */
  port: number;
  flags?: readonly string[];
  env?: Record<string, string>;
  /** Flags of Deno itself. */
  runtime?: readonly string[];
  /** Does not wait until it is registered. */
  eager?: boolean;
}

/** Starts `arpc` with a home folder of its own and waits until it is registered. */
export async function startClient(
  { server, id, port, flags = [], env = {}, runtime = [], eager = false }: ClientOptions,
): Promise<Program> {
  const all = [
    ...(id === undefined ? [] : ["--client-id", id]),
    "--control-port",
    String(server.controlPort),
    "--proxy-port",
    String(server.proxyPort),
    "--local-port",
    String(port),
    "--log-level",
    "debug",
    ...flags,
  ];
  const request = await client.readRequest(all);
  if (request.kind !== "run") throw new Error("flags for a run expected");
  // The home folder of whoever runs the tests is none of their business.
  const home = env.HOME ?? "";
  const granted = await client.permissions(request.values);
  const logs = (granted.write ?? []).filter((path) => path !== stateFolder());
  const files = home === "" ? [] : [`${home}/.arp-client`];
  const needed = permissionFlags({
    ...granted,
    read: [...granted.read ?? [], ...files],
    write: [...logs, ...files],
    env: ["HOME", "USERPROFILE", "USER", ...Object.keys(env)],
  });
  const program = new Program("../client/main.ts", all, [...runtime, ...needed], {
    ...env,
    HOME: home,
    USERPROFILE: home,
  });
  try {
    if (!eager) await program.message("Registered");
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens a raw connection to a port of this machine. */
export function dial(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

const encoder = new TextEncoder();

/** Writes text or bytes whole. */
export async function send(conn: Deno.Conn, data: string | Uint8Array): Promise<void> {
  let bytes = typeof data === "string" ? encoder.encode(data) : data;
  while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
}

/** Reads until `enough` says so, or the end of the stream; the text so far, bytes as Latin-1. */
export async function receive(
  conn: Deno.Conn,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!enough(text)) {
    const got = await conn.read(buffer);
    if (got === null) break;
    for (let i = 0; i < got; i++) text += String.fromCharCode(buffer[i]!);
  }
  return text;
}
