/**
 * A real PostgreSQL as the service behind the tunnels, filled by pgbench. It runs in a folder of its own, without
 * privileges: it refuses to be root.
 * @module
 */
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { capture, Running } from "./process.ts";
import { need } from "./programs.ts";
import type { Service } from "./services.ts";
import { freePort } from "../../tests/ports.ts";

/** 100,000 accounts each; all of them stay in its memory. */
const SCALE = 10;
/** For `initdb`, and for filling; seconds on a fast machine. */
const SETUP_MS = 120_000;
/** A connection through a peer that is not ready could wait for ever. */
const PROBE_MS = 5000;
/** Who runs it where the bench is run by root: nobody. */
const NOBODY = 65534;
const IS_ROOT = Deno.uid() === 0;

/** What {@link startPostgres} takes. */
export const POSTGRES_NEEDS: readonly string[] = [
  ...["initdb", "postgres", "pg_ctl", "psql", "pgbench"],
  ...IS_ROOT ? ["setpriv"] : [],
];

/** Tells its tools where the database is. */
export function database(port: number, options = ""): string {
  return `host=127.0.0.1 port=${port} user=postgres dbname=postgres options='${options}'`;
}

/** Starts PostgreSQL and fills its database. */
export async function startPostgres(bench: Bench): Promise<Service> {
  await using stack = new AsyncDisposableStack();
  // The scratch folder of the bench is closed to others.
  const folder = await Deno.makeTempDir({ prefix: "arp-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  if (IS_ROOT) await Deno.chown(folder, NOBODY, NOBODY);
  const data = join(folder, "data");
  await finish(
    bench,
    ...unprivileged("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-N"]),
  );
  const port = freePort();
  const [program, args] = unprivileged("postgres", [
    ...["-D", data, "-k", folder, "-h", "127.0.0.1", "-p", `${port}`],
    ...["-F", "-c", "shared_buffers=256MB", "-c", "autovacuum=off"],
  ]);
  const postgres = stack.use(new Running(bench, program, args));
  // Killed, it would leave shared memory behind.
  stack.defer(() => stop(data));
  const answersAt = (at: number) => answers(bench, at);
  await postgres.ready(() => answersAt(port), bench.signal);
  await finish(bench, need("pgbench"), ["-i", "-q", "-s", `${SCALE}`, database(port)]);
  const owned = stack.move();
  return { port, answersAt, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function answers(bench: Bench, port: number): Promise<boolean> {
  const query = ["-XAtqc", "SELECT 1", database(port)];
  try {
    return (await capture(need("psql"), query, bench.signal, PROBE_MS)).code === 0;
  } catch {
    bench.signal.throwIfAborted();
    return false;
  }
}

async function finish(bench: Bench, program: string, args: string[]): Promise<void> {
  const { code, stderr } = await capture(program, args, bench.signal, SETUP_MS);
  if (code !== 0) throw new Error(`Cannot set up PostgreSQL: ${program}: ${stderr.trim()}`);
}

/** Also ends it when the run is aborted, so no signal of the bench counts here. */
async function stop(data: string): Promise<void> {
  const [program, args] = unprivileged("pg_ctl", ["stop", "-D", data, "-m", "immediate", "-w"]);
  await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).output();
}

function unprivileged(name: string, args: string[]): [string, string[]] {
  const program = need(name);
  if (!IS_ROOT) return [program, args];
  const to = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--"];
  return [need("setpriv"), [...to, program, ...args]];
}
