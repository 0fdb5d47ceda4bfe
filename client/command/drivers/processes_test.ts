import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import { familyOf, signalAll, signalGroup } from "./processes.ts";

const UNIX = Deno.build.os !== "windows";
const ROOT = new URL("../../../", import.meta.url);

function processTest(name: string, fn: () => Promise<void>): void {
  if (UNIX) testWith([{ name: "run" }, { name: "read" }, { name: "env" }], name, fn);
  else Deno.test({ name: `${name} [skipped: needs a Unix shell]`, ignore: true, fn });
}

/** A shell in a group of its own that has said `count` lines. */
async function group(
  script: string,
  count: number,
): Promise<{ pid: number; lines: string[] } & AsyncDisposable> {
  const child = new Deno.Command("sh", { args: ["-c", script], stdout: "piped", detached: true })
    .spawn();
  const reader = child.stdout.getReader();
  let said = "";
  while (said.split("\n").length <= count) {
    said += new TextDecoder().decode((await reader.read()).value);
  }
  return {
    pid: child.pid,
    lines: said.trim().split("\n"),
    async [Symbol.asyncDispose]() {
      await signalGroup(child.pid, "SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

processTest(
  "familyOf() finds the group and the descendants, and later those it found",
  async () => {
    const script = `sleep 71 & echo $!; setsid sh -c 'echo $$; sleep 72 & echo $!; wait' & wait`;
    await using leader = await group(script, 3);
    const pids = leader.lines.map(Number);
    const family = await familyOf({ leader: { pid: leader.pid, gone: false } });
    for (const pid of pids) ok(family.some((one) => one.pid === pid), `${pid} is missing`);
    ok(!family.some(({ pid }) => pid === leader.pid || pid === Deno.pid));

    await signalGroup(leader.pid, "SIGKILL");
    const gone = { pid: leader.pid, gone: true };
    const session = family.filter(({ pid }) => pids.slice(1).includes(pid));
    const orphans = await familyOf({ leader: gone, known: session.slice(0, 1) });
    deepStrictEqual(
      orphans.map(({ pid }) => pid).filter((pid) => pid !== pids[0]).toSorted(),
      session.map(({ pid }) => pid).toSorted(),
    );

    // Another process has the number by now.
    const strangers = session.map(({ pid, started }) => ({ pid, started: started - 60_000 }));
    deepStrictEqual(await familyOf({ leader: gone, known: strangers }), []);
    await signalAll(session, "SIGKILL");
    // Gone already: no error.
    await signalAll(session, "SIGKILL");
  },
);

processTest("familyOf() leaves the group alone that a stranger leads by now", async () => {
  await using leader = await group("sleep 73 & echo $!; wait", 1);
  strictEqual((await familyOf({ leader: { pid: leader.pid, gone: false } })).length, 1);
  deepStrictEqual(await familyOf({ leader: { pid: leader.pid, gone: true } }), []);
});

processTest("a child is stopped under permissions for its program, kill and ps alone", async () => {
  const script = `
    import { Child } from ${JSON.stringify(import.meta.resolve("./child.ts"))};
    const path = "/bin/sh";
    const args = ["-c", "trap '' INT TERM; setsid sh -c 'trap \\"\\" INT; echo $$; sleep 74' & sleep 75"];
    const heard = Promise.withResolvers();
    const listener = { line: heard.resolve, stderr() {}, notice: (text) => console.log(text) };
    const child = new Child({ path, args, env: { PATH: "/usr/bin:/bin" }, cwd: "/" }, listener, "null");
    const pid = await heard.promise;
    await child.stop();
    console.log(JSON.stringify({ pid, ...await child.exit }));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-run=/bin/sh,kill,ps", "--allow-env=PATH", "-"],
    cwd: ROOT,
    // Deno starts nothing with this in the environment, unless it may run everything.
    env: { LD_LIBRARY_PATH: "/nowhere" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await ReadableStream.from([new TextEncoder().encode(script)]).pipeTo(child.stdin);
  const { stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout).trim();
  ok(said.startsWith("{"), said + new TextDecoder().decode(stderr));
  const { pid, signal } = JSON.parse(said);
  strictEqual(signal, "SIGKILL");
  const left = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", pid] }).output();
  strictEqual(new TextDecoder().decode(left.stdout).replace(/^Z.*/, "").trim(), "");
});
