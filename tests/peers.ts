/**
 * Tests that need more than the language: a permission, an operating system, or a real program
 * (a "peer") to check against. Each is registered by {@linkcode peerTest}, which skips it with the
 * reason in its name, so that a plain `deno test` is green everywhere and still says what it left
 * out. `REQUIRE_PEERS=1` turns a missing peer into a failure: CI sets it, because there a skipped
 * test is a test that nobody runs.
 *
 * Peers are looked for in `PATH`, then in `.cache/bin` of the project, the place for tools that
 * the system's package manager lacks.
 *
 * @module
 */
import { basename, delimiter, isAbsolute, join } from "@std/path";

/** A program that a test would like to run. */
export interface Peer {
  /** What to call it in messages. */
  readonly name: string;
  /** How to get it, as a command where there is one. */
  readonly hint: string;
  /** Whether it is there and may be run. */
  readonly found: boolean;
  /** Its full path. Throws an error that carries the hint when it was not found. */
  readonly path: string;
}

/** What {@linkcode peerTest} needs to know beside what `Deno.test` does. */
export interface PeerTestOptions
  extends Omit<Deno.TestDefinition, "fn" | "ignore" | "permissions"> {
  /** Programs that the test runs. Permission to run them is asked for as well. */
  peers?: readonly Peer[];
  /** Permissions that must have been granted already; a test must never prompt. */
  permissions?: readonly Deno.PermissionDescriptor[];
  /** Operating systems it makes sense on; all when absent. Others skip it whatever else is set. */
  os?: readonly (typeof Deno.build.os)[];
}

/** What running a test came to before it started: run it, skip it, or fail it, and why. */
export type Verdict = { run: true } | { run: false; fail: boolean; reason: string };

/**
 * Looks for a program under one of `names` (the first is what it is called in messages). A full
 * path is looked for there and nowhere else.
 *
 * @param folders to look in beside those of `PATH`.
 */
export function peer(
  names: string | readonly [string, ...string[]],
  hint: string,
  folders: readonly string[] = [],
): Peer {
  const candidates = typeof names === "string" ? [names] : names;
  const name = basename(typeof names === "string" ? names : names[0]);
  const path = candidates.map((one) => findProgram(one, folders))
    .find((found) => found !== undefined);
  return {
    name,
    hint,
    found: path !== undefined,
    get path(): string {
      if (path === undefined) throw new Error(`Cannot run ${name}: not found (${hint})`);
      return path;
    },
  };
}

/** Permissions a whole-program test needs; for `peerTest`. */
export const WHOLE_PROGRAM: readonly Deno.PermissionDescriptor[] = [
  { name: "run" },
  { name: "net" },
  { name: "read" },
  { name: "write" },
  { name: "env" },
];

/** Whether all of these have been granted. Asks nobody. */
export function hasPermissions(...wanted: readonly Deno.PermissionDescriptor[]): boolean {
  return wanted.every((one) => Deno.permissions.querySync(one).state === "granted");
}

/**
 * Registers a test that runs only where everything it needs is there.
 *
 * @example
 * ```ts ignore
 * const curl = peer("curl", "apt-get install curl");
 * peerTest({ name: "curl gets the page", peers: [curl] }, async () => {
 *   await new Deno.Command(curl.path, { args: ["--version"] }).output();
 * });
 * ```
 */
export function peerTest(
  options: PeerTestOptions,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const { peers: _peers, permissions: _permissions, os: _os, ...definition } = options;
  const verdict = judge(options);
  if (verdict.run) {
    Deno.test({ ...definition, fn });
  } else if (verdict.fail) {
    const { reason } = verdict;
    Deno.test({
      ...definition,
      fn: () => {
        throw new Error(`${reason} (REQUIRE_PEERS is set, so this is no reason to skip)`);
      },
    });
  } else {
    Deno.test({
      ...definition,
      name: `${options.name} [skipped: ${verdict.reason}]`,
      ignore: true,
      fn,
    });
  }
}

/** Decides what becomes of a test: the wrong system and a missing grant always skip. */
export function judge(
  options: Pick<PeerTestOptions, "peers" | "permissions" | "os">,
  required: boolean = peersRequired(),
  unreachable: readonly string[] = unreachablePeers(),
): Verdict {
  const { peers = [], permissions = [], os } = options;
  if (os !== undefined && !os.includes(Deno.build.os)) {
    return { run: false, fail: false, reason: `only on ${os.join(", ")}` };
  }
  const missing = permissions.filter((one) => !hasPermissions(one)).map(flag);
  if (peers.length > 0 && !hasPermissions({ name: "env", variable: "PATH" })) {
    missing.push("--allow-env=PATH");
  }
  // Without read access nothing can be looked for, and "not found" would be a lie.
  if (peers.some((one) => !one.found) && !hasPermissions({ name: "read" })) {
    missing.push("--allow-read");
  }
  for (const one of peers) {
    const descriptor = { name: "run", command: one.found ? one.path : one.name } as const;
    if (!hasPermissions(descriptor)) missing.push(flag({ name: "run", command: one.name }));
  }
  if (missing.length > 0) {
    // `--allow-env` says all that `--allow-env=PATH` does.
    const flags = [...new Set(missing)].filter((one) => {
      const [kind = one] = one.split("=");
      return kind === one || !missing.includes(kind);
    });
    return { run: false, fail: false, reason: `needs ${flags.join(" ")}` };
  }
  const absent = peers.filter((one) => !one.found);
  if (absent.length === 0) return { run: true };
  const reason = `needs ${absent.map((one) => `${one.name}: ${one.hint}`).join("; ")}`;
  const fail = required && !absent.some((one) => unreachable.includes(one.name));
  return { run: false, fail, reason };
}

function peersRequired(): boolean {
  return hasPermissions({ name: "env", variable: "REQUIRE_PEERS" }) &&
    Deno.env.get("REQUIRE_PEERS") === "1";
}

/** Peers that could not be fetched just now, as whoever tried says: that is no fault of the tests. */
function unreachablePeers(): string[] {
  const name = "UNREACHABLE_PEERS";
  const said = hasPermissions({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
  return said?.split(",") ?? [];
}

/** The command-line flag that grants a permission, as a reader would type it. */
function flag(one: Deno.PermissionDescriptor): string {
  const scope = "command" in one
    ? one.command
    : "path" in one
    ? one.path
    : "host" in one
    ? one.host
    : "variable" in one
    ? one.variable
    : "kind" in one
    ? one.kind
    : undefined;
  return `--allow-${one.name}${scope === undefined ? "" : `=${scope}`}`;
}

function findProgram(name: string, more: readonly string[]): string | undefined {
  if (!hasPermissions({ name: "env", variable: "PATH" })) return undefined;
  const windows = Deno.build.os === "windows";
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  if (import.meta.dirname !== undefined) folders.push(join(import.meta.dirname, "../.cache/bin"));
  folders.push(...more);
  for (const folder of isAbsolute(name) ? [""] : folders) {
    for (const suffix of windows ? [".exe", ".cmd", ".bat"] : [""]) {
      const path = join(folder, name + suffix);
      if (isProgram(path)) return path;
    }
  }
  return undefined;
}

function isProgram(path: string): boolean {
  if (!hasPermissions({ name: "read", path })) return false;
  try {
    const info = Deno.statSync(path);
    // Windows has no mode bits; there the suffix already said that it is a program.
    return info.isFile && (info.mode === null || (info.mode & 0o111) !== 0);
  } catch {
    // Whatever keeps it from being looked at also keeps it from being run.
    return false;
  }
}
