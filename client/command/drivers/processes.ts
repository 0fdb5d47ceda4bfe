/**
 * Processes beside our own children: who belongs to whom, and signals to many at once.
 *
 * `Deno.kill` of a group needs the permission to run anything; the programs of the system that do
 * the same need only their own.
 *
 * @module
 */

import { DeadlineError } from "@agentx/common";
import { readVariable } from "@agentx/common/cli";

const WINDOWS = Deno.build.os === "windows";

/**
 * A variable by which processes are found that have left both their parent and their group, as the
 * shells of a CLI do that has been killed. All that a child of ours starts inherits it.
 */
export const MARK = "AGENTX_CHILD";

/** The programs of the system that this module runs. */
export const SYSTEM_PROGRAMS: readonly string[] = WINDOWS ? ["taskkill"] : ["kill", "ps"];

/** Signals by which a process is asked to end, each stronger than the one before. */
export const ENDING: readonly EndingSignal[] = WINDOWS
  // What has no window cannot be asked there.
  ? ["SIGKILL"]
  : ["SIGINT", "SIGTERM", "SIGKILL"];

/** One of {@link ENDING}. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGKILL";

/** How long one of the programs may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** What the reckoning of the system may be off when it tells a start again, in milliseconds. */
const SLACK_MS = 2000;

/** A process, and when it started: a number alone may soon be another's. */
export interface Process {
  pid: number;
  /** In milliseconds, of the system's local time. */
  started: number;
}

/**
 * Signals a process group, named by its leader; on Windows the process with its descendants. That
 * the group is gone is no error.
 *
 * @throws {Error} when the program that does it is not there or may not be run.
 */
export async function signalGroup(leader: number, signal: EndingSignal): Promise<void> {
  if (WINDOWS) await run("taskkill", ["/PID", String(leader), "/T", "/F"]);
  else await run("kill", [`-${signal.slice(3)}`, "--", `-${leader}`]);
}

/** Signals these processes, of which some may be gone; nothing on Windows. */
export async function signalAll(
  processes: readonly Process[],
  signal: EndingSignal,
): Promise<void> {
  if (WINDOWS || processes.length === 0) return;
  await run("kill", [`-${signal.slice(3)}`, "--", ...processes.map(({ pid }) => String(pid))]);
}

/** Whose family is meant. */
export interface Kin {
  /** The leader of a process group; once it has ended, a process with its number is a stranger. */
  leader?: { readonly pid: number; readonly gone: boolean } | undefined;
  /** Those that were found before; by now they may have another parent. */
  known?: readonly Process[];
  /** The value of {@link MARK} in the environment of those that were started by them. */
  mark?: string | undefined;
}

/**
 * The processes that belong to one, itself left out: its group, its descendants, at whatever session
 * or group they are, those that bear the mark, those of `known` that are still there, and the
 * descendants of them all. Empty on Windows, where `taskkill` finds them.
 *
 * @throws {Error} when `ps` is not there or may not be run.
 */
export async function familyOf({ leader, known = [], mark }: Kin): Promise<Process[]> {
  if (WINDOWS) return [];
  const rows = await all(mark);
  const children = Map.groupBy(rows, ({ parent }) => parent);
  const found = new Map<number, Process>();
  const add = ({ pid, started }: Row) => {
    if (pid === leader?.pid || found.has(pid)) return;
    found.set(pid, { pid, started });
    children.get(pid)?.forEach(add);
  };
  for (const row of rows) if (row.marked || known.some((one) => isSame(one, row))) add(row);
  // The number of a group is not given away while it has members, so a new owner has a new group.
  if (leader !== undefined && (!leader.gone || !rows.some(({ pid }) => pid === leader.pid))) {
    for (const row of rows) if (row.group === leader.pid || row.parent === leader.pid) add(row);
  }
  return [...found.values()];
}

function isSame(one: Process, other: Process): boolean {
  return one.pid === other.pid && Math.abs(one.started - other.started) <= SLACK_MS;
}

interface Row extends Process {
  parent: number;
  group: number;
  marked: boolean;
}

/** All processes, without those that have ended and that their parents have not asked about yet. */
async function all(mark: string | undefined): Promise<Row[]> {
  const columns = "pid=,ppid=,pgid=,stat=,lstart=";
  // The environment comes behind the command, in the words of each system's own `ps`.
  const everything = Deno.build.os === "darwin" ? "-AEww" : "axeww";
  const text = mark === undefined
    ? await run("ps", ["-A", "-o", columns])
    : await run("ps", [everything, "-o", `${columns},command=`]);
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.{24})(.*)$/.exec(line);
    if (match === null || match[4]!.startsWith("Z")) return [];
    const [, pid, parent, group] = match.map(Number) as [number, number, number, number];
    const marked = mark !== undefined && match[6]!.split(" ").includes(`${MARK}=${mark}`);
    return [{ pid, parent, group, marked, started: Date.parse(match[5]!) }];
  });
}

/** What the program wrote; its exit code says only that somebody had gone already. */
async function run(program: string, args: string[]): Promise<string> {
  const child = start(program, args);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, PATIENCE_MS);
  try {
    const { stdout } = await child.output();
    if (late) throw new DeadlineError(`${program} did not end within ${PATIENCE_MS / 1000} s`);
    return new TextDecoder().decode(stdout);
  } finally {
    clearTimeout(timer);
  }
}

function start(program: string, args: string[]): Deno.ChildProcess {
  const path = readVariable("PATH");
  try {
    return new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      // Not ours: with LD_LIBRARY_PATH in it, Deno starts nothing unless it may run everything.
      clearEnv: true,
      env: { LC_ALL: "C", ...path === undefined ? {} : { PATH: path } },
    }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(`${program} is not installed; on Linux it is part of procps`, { cause });
  }
}
