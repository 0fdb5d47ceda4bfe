/**
 * Real servers of MariaDB and MySQL, and their client, for tests.
 *
 * @module
 */

import { join } from "@std/path";
import { Daemon, isRoot, Scratch, setpriv } from "./daemons.ts";
import { PATIENCE_MS, type Program, startClient, startServer, type TestServer } from "./helpers.ts";
import { type Peer, peer } from "./peers.ts";
import { type Ran, run } from "./postgres.ts";
import { freePort } from "./ports.ts";

const SBIN = ["/usr/sbin"];
const mariadbd = peer("mariadbd", "apt-get install mariadb-server", SBIN);
const installDb = peer("mariadb-install-db", "apt-get install mariadb-server");
/** Where `.ci/run` unpacks it. */
const ORACLE = join(import.meta.dirname!, "../.cache/mysql");
/** Debian's `mysqld` is MariaDB's. */
const oracle = peer("oracle-mysqld", "bash .ci/run unpacks it", [ORACLE]);

/** The client. Debian calls it `mysql`, too. */
export const mysql: Peer = peer(["mysql", "mariadb"], "apt-get install mariadb-client");
export const mysqlDump: Peer = peer("mariadb-dump", "apt-get install mariadb-client");

const needed = [mysql, ...isRoot() ? [setpriv] : []];
/** What {@link Database.mariadb} needs. */
export const MARIADB: readonly Peer[] = [mariadbd, installDb, ...needed];
/** What {@link Database.mysql} needs. */
export const MYSQL: readonly Peer[] = [oracle, ...needed];

/** Of `root` and `app`; `nobody` has none. */
export const PASSWORD = "a long secret";

const USERS = `
  create database shop;
  create user app identified by '${PASSWORD}';
  create user nobody;
  grant all on shop.* to app, nobody;
  alter user root@localhost identified by '${PASSWORD}';
`;

/** Nothing here has to survive a power cut. */
const FAST = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"];

/** A running server with the database `shop`. */
export class Database implements AsyncDisposable {
  private constructor(
    private readonly folder: Scratch,
    private readonly daemon: Daemon,
    readonly port: number,
  ) {}

  /** MariaDB; its `root` logs in with `mysql_native_password`. */
  static mariadb(): Promise<Database> {
    return this.#start(async (folder) => {
      const how = ["--auth-root-authentication-method=normal", "--skip-test-db"];
      const where = ["--no-defaults", `--datadir=${folder.path}/data`];
      await folder.run(installDb.path, [...where, ...how]);
      return [mariadbd.path, where];
    });
  }

  /** Oracle's; all users log in with `caching_sha2_password`. */
  static mysql(): Promise<Database> {
    return this.#start(async (folder) => {
      // Whoever runs it may not reach into this project.
      const home = `${folder.path}/mysql`;
      const copied = await new Deno.Command("cp", { args: ["-r", ORACLE, home] }).output();
      if (!copied.success) throw new Error(`Cannot copy ${ORACLE}`);
      const path = `${home}/oracle-mysqld`;
      const where = [`--datadir=${folder.path}/data`];
      await folder.run(path, [...where, "--initialize-insecure"]);
      return [path, [...where, "--mysqlx=OFF"]];
    });
  }

  static async #start(
    prepare: (folder: Scratch) => Promise<[path: string, args: string[]]>,
  ): Promise<Database> {
    const folder = new Scratch();
    let daemon: Daemon | undefined;
    try {
      const [path, args] = await prepare(folder);
      const port = freePort();
      const where = ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${folder.path}/s`];
      const files = [`--pid-file=${folder.path}/pid`, "--local-infile=1"];
      const query = (sql: string, password?: string) =>
        client(port, { user: "root", password, args: ["-N", "-e", sql] });
      const ready = async () => (await query("select 1")).code === 0;
      daemon = await Daemon.start(path, [...args, ...where, ...files, ...FAST], folder, ready);
      const set = await query(USERS);
      if (set.code !== 0) throw new Error(set.stderr);
      return new Database(folder, daemon, port);
    } catch (error) {
      await daemon?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Asks the server itself, past all of ARP. */
  async query(sql: string): Promise<string> {
    return rows(
      await client(this.port, { user: "root", password: PASSWORD, args: ["-N", "-e", sql] }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** What {@link client} needs. */
export interface ClientRun {
  user: string;
  password?: string | undefined;
  database?: string | undefined;
  args: readonly string[];
  ms?: number;
}

/** Runs the client of MariaDB against a port of this machine. */
export function client(
  port: number,
  { user, password, database, args, ms }: ClientRun,
): Promise<Ran> {
  const env = password === undefined ? undefined : { MYSQL_PWD: password };
  return run(
    mysql,
    [...asUser(port, user), ...args, ...database === undefined ? [] : [database]],
    env,
    ms,
  );
}

/** The client's flags. One that may use TLS believes it does, and would send MySQL a plain password. */
export function asUser(port: number, user: string): string[] {
  return ["--no-defaults", "-h127.0.0.1", `-P${port}`, `-u${user}`, "--skip-ssl"];
}

/** What a client printed; throws with its complaint if it failed. */
export function rows({ code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`the client ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** A server, and clients by their ids, that have looked at what their services speak. */
export class DbSite implements AsyncDisposable {
  private constructor(readonly server: TestServer, readonly clients: Record<string, Program>) {}

  /**
   * @param ports client id to port of its local service.
   * @param flags of the server.
   */
  static async start(
    ports: Record<string, number>,
    flags: readonly string[] = ["--server-first-wait", "100"],
  ): Promise<DbSite> {
    const server = await startServer(flags);
    const site = new DbSite(server, {});
    try {
      for (const [id, port] of Object.entries(ports)) {
        site.clients[id] = await startClient({ server, id, port });
      }
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The public port. */
  get port(): number {
    return this.server.publicPort;
  }

  /** How the next visitor's end is logged, counted from log line `from`. */
  async end(from = 0): Promise<unknown> {
    const { properties } = await this.server.message("Visitor left", { from, ms: PATIENCE_MS });
    return properties.end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of Object.values(this.clients)) await program[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
