/**
 * A real PostgreSQL server and its tools, for tests.
 *
 * @module
 */

import { Daemon, isRoot, Scratch, setpriv } from "./daemons.ts";
import { PATIENCE_MS, within } from "./helpers.ts";
import { hasPermissions, type Peer, peer } from "./peers.ts";
import { freePort } from "./ports.ts";

/** Debian keeps the server's programs out of `PATH`, one folder for each version. */
const DEBIAN = "/usr/lib/postgresql";

function versions(): string[] {
  if (!hasPermissions({ name: "read", path: DEBIAN })) return [];
  try {
    return [...Deno.readDirSync(DEBIAN)].map(({ name }) => name)
      .sort((a, b) => Number(b) - Number(a))
      .map((name) => `${DEBIAN}/${name}/bin`);
  } catch {
    return [];
  }
}

function tool(name: string): Peer {
  return peer(name, "apt-get install postgresql", versions());
}

const initdb = tool("initdb");
const postgres = tool("postgres");
const pgCtl = tool("pg_ctl");
export const psql = tool("psql");
export const pgDump = tool("pg_dump");
export const pgRestore = tool("pg_restore");
export const pgbench = tool("pgbench");

/** What {@link Cluster.start} needs. */
export const SERVER: readonly Peer[] = [
  initdb,
  postgres,
  pgCtl,
  psql,
  ...isRoot() ? [setpriv] : [],
];

/** How a tool ended. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** A tool with a home folder of its own and nothing of this machine's environment. */
export class Tool implements AsyncDisposable {
  readonly #home = Deno.makeTempDirSync({ prefix: "arp-test-" });
  readonly #process: Deno.ChildProcess;
  /** How it ended; fails if that takes too long. */
  readonly ended: Promise<Ran>;

  constructor(program: Peer, args: readonly string[], env: Record<string, string> = {}) {
    this.#process = new Deno.Command(program.path, {
      args: [...args],
      clearEnv: true,
      // psql would hand what it prints to a pager, and read what is typed.
      env: { PATH: Deno.env.get("PATH") ?? "", HOME: this.#home, LC_ALL: "C.UTF-8", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.ended = this.#process.output().then(({ code, stdout, stderr }) => {
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    });
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.ended;
    await Deno.remove(this.#home, { recursive: true });
  }
}

/** Runs a tool to its end. */
export async function run(
  program: Peer,
  args: readonly string[],
  env?: Record<string, string>,
  ms = PATIENCE_MS,
): Promise<Ran> {
  await using tool = new Tool(program, args, env);
  return await within(ms, program.name, tool.ended);
}

/** What a tool printed, trimmed; throws with its complaint if it failed. */
export async function output(...args: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  if (code !== 0) throw new Error(`${args[0].name} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Everybody comes in without a password, but for `alice`. */
const HBA = `
host all alice 127.0.0.1/32 scram-sha-256
host all all   127.0.0.1/32 trust
`;

/** Nothing here has to survive a power cut. */
const FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"];

/** A running server with the databases `postgres` and `mydb`. */
export class Cluster implements AsyncDisposable {
  private constructor(
    private readonly folder: Scratch,
    private readonly daemon: Daemon,
    readonly port: number,
  ) {}

  /** Sets up a server in a folder of its own and starts it. */
  static async start(): Promise<Cluster> {
    const folder = new Scratch();
    try {
      const data = `${folder.path}/data`;
      const how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
      await folder.run(initdb.path, ["-D", data, ...how]);
      folder.write("data/pg_hba.conf", HBA);
      const port = freePort();
      const where = ["-h", "127.0.0.1", "-p", String(port), "-k", folder.path];
      const settings = FAST.flatMap((setting) => ["-c", setting]);
      // It listens before it is ready.
      const ready = async () => (await run(psql, [...asAdmin(port), "-c", "select"])).code === 0;
      const args = ["-D", data, ...where, ...settings];
      const daemon = await Daemon.start(postgres.path, args, folder, ready);
      const cluster = new Cluster(folder, daemon, port);
      await cluster.query("create database mydb");
      return cluster;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Asks the server itself, past all of ARP. */
  query(sql: string, database = "postgres"): Promise<string> {
    return output(psql, ["-X", "-A", "-t", ...asAdmin(this.port, database), "-c", sql]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Killed, it would leave processes that still write, and its shared memory.
    await this.folder.run(pgCtl.path, [
      "stop",
      "-m",
      "immediate",
      "-D",
      `${this.folder.path}/data`,
    ]);
    await this.daemon[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

function asAdmin(port: number, database = "postgres"): string[] {
  return ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres", "-d", database];
}
