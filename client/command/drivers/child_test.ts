import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { testWith, within } from "../../../common/testdata/gate.ts";
import { Child, type Listener } from "./child.ts";
import { endFamily } from "./ending.ts";
import { type Program, StartError } from "./mod.ts";
import { MARK } from "./processes.ts";

const UNIX = Deno.build.os !== "windows";

/** Registers a test that starts programs of the system. */
function childTest(name: string, fn: () => Promise<void>): void {
  if (UNIX) testWith([{ name: "run" }, { name: "read" }, { name: "env" }], name, fn);
  else Deno.test({ name: `${name} [skipped: needs a Unix shell]`, ignore: true, fn });
}

/** What a child wrote, with a way to wait for a line. */
class Ear implements Listener {
  lines: string[] = [];
  errors: string[] = [];
  notices: string[] = [];
  #waiting: { pattern: RegExp; resolve: (line: string) => void }[] = [];

  line = (text: string) => {
    this.lines.push(text);
    for (const { pattern, resolve } of this.#waiting) if (pattern.test(text)) resolve(text);
  };
  stderr = (text: string) => void this.errors.push(text);
  notice = (text: string) => void this.notices.push(text);

  heard(pattern: RegExp): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.push({ pattern, resolve });
    return within(10_000, `a line ${pattern}`, promise);
  }
}

function shell(script: string): Program {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
  return { path: "/bin/sh", args: ["-c", script], env, cwd: Deno.cwd() };
}

async function isAlive(pid: number | string): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
    .output();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}

childTest("Child passes lines on, and tells how it ended", async () => {
  const ear = new Ear();
  await using child = new Child(shell(`echo out; echo err >&2; printf rest; exit 3`), ear, "null");
  deepStrictEqual(await child.exit, { code: 3, signal: null, stderr: "err" });
  deepStrictEqual([ear.lines, ear.errors, ear.notices], [["out", "rest"], ["err"], []]);
  ok(child.ended);
});

childTest("Child has only the environment it is given", async () => {
  const ear = new Ear();
  const program = { ...shell("env"), env: { PATH: "/usr/bin:/bin", ONLY: "this" } };
  await using child = new Child(program, ear, "null");
  await child.exit;
  const names = ear.lines.map((line) => line.split("=")[0]!).toSorted();
  // What is left is set by the shell itself.
  deepStrictEqual(names.filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name)), [
    MARK,
    "ONLY",
    "PATH",
  ]);
});

childTest("Child reads standard input line by line, and ends with it", async () => {
  const ear = new Ear();
  await using child = new Child(shell("cat"), ear, "piped");
  const heard = ear.heard(/two/);
  await child.write("one");
  await child.write("two");
  await heard;
  await child.closeStdin();
  strictEqual((await child.exit).code, 0);
  // Nobody reads this; nothing throws.
  await child.write("three");
  deepStrictEqual(ear.lines, ["one", "two"]);
});

childTest("Child says why it cannot be started", () => {
  const ear = new Ear();
  const wrong: [Partial<Program>, RegExp][] = [
    [{ path: "/no/such/program" }, /^Cannot start \/no\/such\/program: No such file or directory$/],
    [{ cwd: "/no/such/folder" }, /^Cannot start \/bin\/sh: No such cwd '\/no\/such\/folder'$/],
    [{ path: "/etc/passwd" }, /^Cannot start \/etc\/passwd: Permission denied$/],
    [{ args: ["a\0b"] }, /^Cannot start \/bin\/sh: nul byte found/],
  ];
  for (const [part, message] of wrong) {
    throws(() => new Child({ ...shell(""), ...part }, ear, "null"), (error: unknown) => {
      ok(error instanceof StartError);
      match(error.message, message);
      return true;
    });
  }
  return Promise.resolve();
});

childTest("Child survives floods, garbage and a line without end", async () => {
  const ear = new Ear();
  const flood = `
    i=0; while [ $i -lt 20 ]; do head -c 100000 /dev/urandom; i=$((i+1)); done
    echo; yes line | head -n 200000
    head -c 30000000 /dev/zero | tr '\\0' x; echo
    yes "to stderr" | head -n 100000 >&2
    echo last`;
  await using child = new Child(shell(flood), ear, "null");
  const exit = await within(60_000, "the end", child.exit);
  strictEqual(exit.code, 0);
  strictEqual(ear.lines.filter((line) => line === "line").length, 200_000);
  strictEqual(ear.lines.at(-1), "last");
  strictEqual(ear.errors.length, 100_000);
  ok(exit.stderr.length <= 4096 && exit.stderr.endsWith("to stderr"));
  deepStrictEqual(ear.notices, [
    `A line of 30000000 bytes was left out; it began with: ${"x".repeat(200)}`,
  ]);
});

childTest(
  "Child ends although an orphan holds its output open, and stop() ends the orphan",
  async () => {
    const ear = new Ear();
    await using child = new Child(shell("sleep 60 & echo $!; exit 0"), ear, "null");
    const exit = await within(5000, "the end", child.exit);
    strictEqual(exit.code, 0);
    const orphan = ear.lines[0]!;
    ok(await isAlive(orphan));
    await child.stop();
    ok(!await isAlive(orphan));
  },
);

childTest("stop() lets the child of a wrapper finish that goes at once", async () => {
  const ear = new Ear();
  const script =
    `(trap 'sleep 0.3; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done) &
    trap 'exit 0' TERM; wait`;
  await using child = new Child(shell(script), ear, "null");
  await ear.heard(/ready/);
  await within(10_000, "stop", child.stop());
  strictEqual(ear.lines.at(-1), "saved");
  strictEqual((await child.exit).signal, "SIGINT");
});

childTest("stop() kills who ignores signals, and shells in sessions of their own", async () => {
  const ear = new Ear();
  const script = `trap '' INT TERM
    setsid sh -c 'trap "" INT TERM HUP; echo shell $$; sleep 61; sleep 62' &
    (sleep 63 & echo group $!; wait) &
    while :; do sleep 1; done`;
  await using child = new Child(shell(script), ear, "null");
  await Promise.all([ear.heard(/^shell/), ear.heard(/^group/)]);
  const pids = ear.lines.map((line) => line.split(" ")[1]!);
  await within(15_000, "stop", child.stop());
  strictEqual((await child.exit).signal, "SIGKILL");
  for (const pid of [child.pid, ...pids]) ok(!await isAlive(pid), `${pid} is alive`);
  deepStrictEqual(ear.notices, []);
});

childTest(
  "stop() finds shells in sessions of their own when their CLI has died of the signal",
  async () => {
    const ear = new Ear();
    const script = `setsid sh -c 'trap "" INT; echo shell $$; sleep 64' & wait`;
    await using child = new Child(shell(script), ear, "null");
    const pid = (await ear.heard(/^shell/)).split(" ")[1]!;
    await within(15_000, "stop", child.stop());
    ok(!await isAlive(pid));
  },
);

childTest(
  "stop() finds shells in sessions of their own when their CLI was killed before",
  async () => {
    const ear = new Ear();
    const script = `setsid sh -c 'echo shell $$; sleep 65' >&1 & wait`;
    await using child = new Child(shell(script), ear, "null");
    const pid = (await ear.heard(/^shell/)).split(" ")[1]!;
    child.kill("SIGKILL");
    strictEqual((await child.exit).signal, "SIGKILL");
    ok(await isAlive(pid));
    await within(15_000, "stop", child.stop());
    ok(!await isAlive(pid));
  },
);

childTest("stop() leaves alone what went its own way before a good end", async () => {
  const ear = new Ear();
  const script = `setsid sh -c 'echo shell $$; exec sleep 67' & sleep 0.3; exit 0`;
  await using child = new Child(shell(script), ear, "null");
  const pid = (await ear.heard(/^shell/)).split(" ")[1]!;
  strictEqual((await child.exit).code, 0);
  await within(15_000, "stop", child.stop());
  ok(await isAlive(pid));
  Deno.kill(Number(pid), "SIGKILL");
});

childTest("endFamily() ends what a program left that is no more", async () => {
  const ear = new Ear();
  const program = shell("setsid sh -c 'echo shell $$; sleep 66' & echo leader $$; wait");
  const mark = crypto.randomUUID();
  await using child = new Child({ ...program, env: { ...program.env, [MARK]: mark } }, ear, "null");
  const pid = (await ear.heard(/^shell/)).split(" ")[1]!;
  const notices: string[] = [];
  await endFamily(crypto.randomUUID(), (text) => notices.push(text));
  ok(await isAlive(pid));
  await endFamily(mark, (text) => notices.push(text));
  ok(!await isAlive(pid) && !await isAlive(child.pid));
  deepStrictEqual(notices, []);
});

childTest("stop() may be called twice, at any time", async () => {
  await using child = new Child(shell("sleep 60"), new Ear(), "null");
  await Promise.all([child.stop(), child.stop()]);
  await child.stop();
  strictEqual((await child.exit).code, null);
});

childTest("a listener that throws ends its child, not the program", async () => {
  const ear = new Ear();
  const deaf = {
    ...ear,
    line: () => {
      throw new Error("the disk is full");
    },
  };
  await using child = new Child(shell("echo one; exec sleep 60"), deaf, "null");
  const exit = await within(10_000, "the end", child.exit);
  strictEqual(exit.stderr, "Its output could not be taken: the disk is full");
});

childTest("Child is ended when it does not read what is said to it", async () => {
  const ear = new Ear();
  await using child = new Child(shell("echo ready; exec sleep 1000"), ear, "piped");
  await ear.heard(/ready/);
  // The first fills the pipe, and the rest waits.
  for (let n = 0; n < 9; n++) void child.write("x".repeat(16 * 1024 * 1024));
  const exit = await within(20_000, "the end", child.exit);
  ok(exit.signal !== null, JSON.stringify(exit));
  match(ear.notices.join(), /does not read what is said to it/);
});

childTest("Child can be ended while its input is full", async () => {
  const ear = new Ear();
  await using child = new Child(shell("echo ready; exec sleep 1000"), ear, "piped");
  await ear.heard(/ready/);
  void child.write("x".repeat(1024 * 1024));
  child.closeStdin();
  strictEqual(await child.endsWithin(100), false);
  await within(20_000, "stop()", child.stop());
  ok(child.ended);
});
