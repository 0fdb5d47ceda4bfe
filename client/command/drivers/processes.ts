/**
 * Processes beside our own children: who descends from whom, and signals to many at once.
 *
 * `Deno.kill` of a group needs the permission to run anything; the programs of the system that do
 * the same need only their own.
 *
 * @module
 */

const WINDOWS = Deno.build.os === "windows";

/** The programs of the system that {@link signalGroup} and {@link descendants} run. */
export const SYSTEM_PROGRAMS: readonly string[] = WINDOWS ? ["taskkill"] : ["kill", "ps"];

/** How long one of them may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** A process, and when it started: a number alone may soon be another's. */
export interface Process {
  pid: number;
  started: string;
}

/** Signals a process group, named by its leader; on Windows the process with its descendants. */
export async function signalGroup(
  leader: number,
  signal: "SIGINT" | "SIGTERM" | "SIGKILL",
): Promise<void> {
  if (WINDOWS) {
    const force = signal === "SIGKILL" ? ["/F"] : [];
    await run("taskkill", ["/PID", String(leader), "/T", ...force]);
  } else {
    await run("kill", [`-${signal.slice(3)}`, "--", `-${leader}`]);
  }
}

/** Kills those of these processes that are still there. */
export async function killAll(processes: readonly Process[]): Promise<void> {
  if (WINDOWS || processes.length === 0) return;
  const now = new Map((await all()).map(({ pid, started }) => [pid, started]));
  const left = processes.filter(({ pid, started }) => now.get(pid) === started);
  if (left.length > 0) await run("kill", ["-KILL", "--", ...left.map(({ pid }) => String(pid))]);
}

/**
 * The processes that descend from this one, itself left out, at whatever session or group they are.
 * Empty on Windows, where `taskkill` finds them.
 */
export async function descendants(pid: number): Promise<Process[]> {
  if (WINDOWS) return [];
  const children = new Map<number, Row[]>();
  for (const row of await all()) {
    const siblings = children.get(row.parent);
    if (siblings === undefined) children.set(row.parent, [row]);
    else siblings.push(row);
  }
  const found: Process[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { pid, started } of children.get(next) ?? []) {
      found.push({ pid, started });
      open.push(pid);
    }
  }
  return found;
}

interface Row extends Process {
  parent: number;
}

async function all(): Promise<Row[]> {
  const text = await run("ps", ["-A", "-o", "pid=,ppid=,lstart="]);
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*\S)/.exec(line);
    return match === null
      ? []
      : [{ pid: Number(match[1]), parent: Number(match[2]), started: match[3]! }];
  });
}

/** What the program wrote; its exit code says only that somebody had gone already. */
async function run(program: string, args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stderr: "null",
    env: { LC_ALL: "C" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).output();
  return new TextDecoder().decode(stdout);
}
