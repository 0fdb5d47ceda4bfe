/**
 * Finds the programs the bench needs: on PATH, where Debian keeps servers out of a user's PATH (haproxy and nginx in
 * the administrator's folders, PostgreSQL in one for each version), and in the cache folder that `peers.sh` fills.
 * @module
 */
import { join } from "node:path";
import { capture } from "./process.ts";

/** How to get each program, for the remark that stands in its place. */
const HOW: Record<string, string> = {
  rathole: "scripts/bench/peers.sh, or: cargo install rathole",
  bore: "scripts/bench/peers.sh, or: cargo install bore-cli",
  socat: "apt-get install socat",
  haproxy: "apt-get install haproxy",
  wrk: "apt-get install wrk",
  nginx: "apt-get install nginx-light",
  iperf3: "apt-get install iperf3",
  curl: "apt-get install curl",
  setpriv: "apt-get install util-linux",
  ...Object.fromEntries(
    ["initdb", "postgres", "pg_ctl", "psql", "pgbench"]
      .map((name) => [name, "apt-get install postgresql"]),
  ),
};

/** What asks each program for its version. */
const VERSION: Record<string, string> = { socat: "-V", haproxy: "-v", nginx: "-v", wrk: "-v" };

/** The cache folder: `$ARP_BENCH_CACHE`, else `~/.cache/arp-bench`. */
export function cacheFolder(): string {
  return Deno.env.get("ARP_BENCH_CACHE") ??
    join(Deno.env.get("HOME") ?? ".", ".cache", "arp-bench");
}

/** Full path of a program, or undefined when it is nowhere. */
export function find(name: string): string | undefined {
  const cache = cacheFolder();
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    "/usr/local/sbin",
    "/usr/sbin",
    ...postgresFolders(),
    cache,
    join(cache, "bin"),
    join(cache, "cargo", "bin"),
  ];
  return folders.map((folder) => join(folder, name)).find(isFile);
}

/**
 * Full path of a program that is needed now.
 * @throws {Deno.errors.NotFound} saying how to get it
 */
export function need(name: string): string {
  const path = find(name);
  if (path === undefined) throw new Deno.errors.NotFound(missing(name));
  return path;
}

/** The remark for a program that is not there. */
export function missing(name: string): string {
  return `${name} is not installed (${HOW[name] ?? "not packaged"})`;
}

/** The version that the program says it has: the first number with a point in it. */
export async function version(name: string, signal: AbortSignal): Promise<string | undefined> {
  const path = find(name);
  if (path === undefined) return undefined;
  const { stdout, stderr } = await capture(path, [VERSION[name] ?? "--version"], signal);
  // rathole names the time of its build before its version.
  return /(?<![\d:])\d+\.\d+[\w.+~-]*/.exec(stdout + stderr)?.[0];
}

/** The newest version first. */
function postgresFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    return [...Deno.readDirSync(root)].map(({ name }) => name)
      .sort((a, b) => Number(b) - Number(a)).map((name) => join(root, name, "bin"));
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
