import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { join } from "@std/path";
import { within } from "../../../common/testdata/gate.ts";
import { parseLine } from "../events/mod.ts";
import type { Problem } from "../problem.ts";
import { gone, linesOf, lineWith, pick, typed } from "./testdata/executor.ts";
import { sessionTest } from "./testdata/gate.ts";
import { problem } from "./testdata/problem.ts";

sessionTest(
  "a session runs a turn: its log has what was said, what came, and how it ended",
  async (bed) => {
    const session = await bed.start("say hello\nraw no json", { model: "m-1" });
    ok(session.running);
    strictEqual(session.info.status, "running");
    await within(20_000, "the end", session.idle());
    ok(!session.running);
    const lines = linesOf(session);
    deepStrictEqual(lines.map(({ n, kind }) => [n, kind]), [
      [1, "own"],
      [2, "raw"],
      [3, "raw"],
      [4, "raw"],
      [5, "raw"],
      [6, "own"],
    ]);
    const parsed = (index: number) => {
      const { time, ...line } = parseLine(lines[index]!.text)!;
      ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000, String(time));
      return line;
    };
    deepStrictEqual(parsed(0), {
      type: "user_message",
      turn: 1,
      text: "say hello\nraw no json",
    });
    strictEqual(lines[3]!.text, "no json");
    deepStrictEqual(parsed(5), {
      type: "completion",
      turn: 1,
      success: true,
      status: "completed",
      exit_code: null,
      reason: null,
      total_lines: 6,
    });
    const { created_at, updated_at, ended_at, cli_session_id, epoch, ...info } = session.info;
    deepStrictEqual(info, {
      id: session.id,
      executor: "test",
      driver: "test",
      status: "completed",
      title: "say hello",
      prompt: "say hello\nraw no json",
      project_path: bed.project,
      model: "m-1",
      permission_mode: "ask",
      turns: 1,
      queued: 0,
      pending_permissions: 0,
      first_line: 1,
      total_lines: 6,
      exit_code: null,
      reason: null,
    });
    strictEqual(cli_session_id, parseLine(lines[1]!.text)!.session);
    strictEqual(epoch, session.log.epoch);
    ok(
      created_at <= updated_at && updated_at <= ended_at!,
      `${created_at} ${updated_at} ${ended_at}`,
    );
  },
);

sessionTest("a session runs in its project, without our environment", async (bed) => {
  await Deno.mkdir(join(bed.project, "app"));
  const session = await bed.run("cwd\nenv", { project_path: "app" });
  strictEqual(typed(session, "cwd")[0].cwd, join(bed.project, "app"));
  const names = Object.keys(typed(session, "env")[0].env);
  deepStrictEqual(names.filter((name) => /^(ARP|CLAUDECODE)/.test(name)), []);
});

sessionTest("follow-ups go to the same process, one after another, in order", async (bed) => {
  const session = await bed.start("wait 200");
  strictEqual(session.send({ prompt: "say two" }), 2);
  strictEqual(session.send({ prompt: "say three" }), 3);
  deepStrictEqual(pick(session, "status", "turns", "queued"), {
    status: "running",
    turns: 1,
    queued: 2,
  });
  await session.idle();
  deepStrictEqual(
    typed(session, "user_message", "text", "completion").map(({ turn, text }) => text ?? turn),
    ["wait 200", 1, "say two", "two", 2, "say three", "three", 3],
  );
  strictEqual(typed(session, "init").length, 1);
  strictEqual(session.send({ prompt: "say four" }), 4);
  await session.idle();
  strictEqual(typed(session, "init").length, 1);
  deepStrictEqual(pick(session, "status", "turns", "queued"), {
    status: "completed",
    turns: 4,
    queued: 0,
  });
});

sessionTest("a message waits in a bounded queue", async (bed) => {
  const session = await bed.start("sleep");
  session.send({ prompt: "say a" });
  session.send({ prompt: "say b" });
  throws(() => session.send({ prompt: "say c" }), (error: Problem) => {
    ok(error.retryAfter! > 0);
    return problem(429, /2 messages wait already/)(error);
  });
  await session.cancel();
  strictEqual(session.send({ prompt: "say d" }), 2);
  await session.idle();
}, { queue: 2 });

sessionTest("a CLI that takes one turn a process goes on with its own session", async (bed) => {
  const session = await bed.run("say one", { interactive: false });
  deepStrictEqual(pick(session, "driver", "status", "exit_code"), {
    driver: "stream",
    status: "completed",
    exit_code: 0,
  });
  session.send({ prompt: "say two" });
  await session.idle();
  const [first, second] = typed(session, "init");
  deepStrictEqual([first.resumed, second.resumed, second.session], [false, true, first.session]);
  deepStrictEqual(
    typed(session, "completion").map(({ success, exit_code }) => [success, exit_code]),
    [
      [true, 0],
      [true, 0],
    ],
  );
});

sessionTest("a CLI that waits too long ends, and its session goes on with another", async (bed) => {
  const session = await bed.run("child");
  const [{ pid }] = typed(session, "child");
  await gone(pid);
  session.send({ prompt: "say two" });
  await session.idle();
  const [first, second] = typed(session, "init");
  deepStrictEqual([second.resumed, second.session], [true, first.session]);
}, { idle: 50 });

sessionTest("the CLI's own end decides, not its exit code", async (bed) => {
  const failed = await bed.run("fail no credit");
  deepStrictEqual(pick(failed, "status", "reason", "exit_code"), {
    status: "failed",
    reason: "no credit",
    exit_code: null,
  });
  const dead = await bed.run("say a\nexit 0");
  deepStrictEqual(pick(dead, "status", "reason", "exit_code"), {
    status: "failed",
    reason: "The CLI ended with exit code 0",
    exit_code: 0,
  });
  // It can go on all the same.
  dead.send({ prompt: "say b" });
  await dead.idle();
  strictEqual(dead.info.status, "completed");
});

sessionTest("cancel() is on record before the end arrives, and leaves no process", async (bed) => {
  const session = await bed.start("child\nask Bash\nsleep");
  session.send({ prompt: "say never" });
  await bed.question();
  const [{ pid }] = typed(session, "child");
  const cancelled = session.cancel();
  deepStrictEqual(pick(session, "status", "queued", "pending_permissions"), {
    status: "cancelled",
    queued: 0,
    pending_permissions: 0,
  });
  // Viewers stay until the completion is there.
  ok(session.running);
  await within(20_000, "the cancel", cancelled);
  await gone(pid);
  ok(!session.running);
  const last = linesOf(session).map(({ text }) => parseLine(text)).slice(-3);
  match(JSON.stringify(typed(session, "notice")), /dropped: say never/);
  const { type, status, success } = last.at(-1)!;
  deepStrictEqual([type, status, success], ["completion", "cancelled", false]);
  strictEqual(typed(session, "permission_resolved")[0].permission.status, "cancelled");
  strictEqual(bed.approvals.pending(session.id), 0);
  // A second one has nothing to do, and a message goes on.
  await session.cancel();
  session.send({ prompt: "say on" });
  await session.idle();
  deepStrictEqual(pick(session, "status", "turns"), { status: "completed", turns: 2 });
});

sessionTest("cancel() ends a CLI that is just starting, and one that has ended", async (bed) => {
  const session = await bed.start("sleep");
  await within(20_000, "the cancel", session.cancel());
  deepStrictEqual(pick(session, "status", "turns"), { status: "cancelled", turns: 1 });
  const done = await bed.run("say a");
  await done.cancel();
  strictEqual(done.info.status, "completed");
});

sessionTest("a message that comes while a turn is being cancelled is not lost", async (bed) => {
  const session = await bed.start("sleep");
  await lineWith(session, "init");
  const cancelled = session.cancel();
  strictEqual(session.send({ prompt: "say on" }), 2);
  await cancelled;
  await session.idle();
  deepStrictEqual(typed(session, "completion").map(({ status }) => status), [
    "cancelled",
    "completed",
  ]);
});

sessionTest("a question and its answer stand in the log, and reach the CLI", async (bed) => {
  const session = await bed.start("ask Bash");
  const question = await bed.question();
  strictEqual(question.session_id, session.id);
  strictEqual(session.info.pending_permissions, 1);
  bed.approvals.decide(question.id, {
    action: "approve",
    scope: "session",
    modifiedInput: { command: "ls" },
  });
  await session.idle();
  const [asked, resolved] = typed(session, "permission_request", "permission_resolved");
  deepStrictEqual(asked.permission, JSON.parse(JSON.stringify(question)));
  strictEqual(resolved.permission.status, "approved");
  deepStrictEqual(typed(session, "answer")[0].answer, {
    action: "approve",
    scope: "session",
    modifiedInput: { command: "ls" },
  });
});

sessionTest("a question that nobody answers is denied, and the turn goes on", async (bed) => {
  const session = await bed.run("ask Bash\nsay on");
  strictEqual(typed(session, "answer")[0].answer.action, "deny");
  strictEqual(typed(session, "permission_resolved")[0].permission.status, "expired");
  strictEqual(session.info.status, "completed");
}, { approvalTimeout: 300 });

sessionTest("a CLI that dies while its question waits takes the question with it", async (bed) => {
  const session = await bed.start("child\nask Bash");
  const { id } = await bed.question();
  const { pid, parent } = JSON.parse((await lineWith(session, '"child"')).text);
  Deno.kill(parent, "SIGKILL");
  await session.idle();
  strictEqual(bed.approvals.get(id)?.status, "cancelled");
  strictEqual(session.info.status, "failed");
  await session.cancel();
  await gone(pid);
});

sessionTest("a CLI that never named its session begins anew, and that is said", async (bed) => {
  const session = await bed.run("say a", { extra_args: ["--fast"] });
  strictEqual(session.info.cli_session_id, null);
  session.send({ prompt: "say b" });
  await session.idle();
  strictEqual(typed(session, "notice").length, 0);
  await session.cancel();
  session.send({ prompt: "say c" });
  await session.idle();
  match(typed(session, "notice")[0].text, /never named its session/);
  strictEqual(session.info.status, "completed");
});

sessionTest("a disk that is full fails the turn, and nothing else", async (bed) => {
  await bed.run("say warm");
  const { pages } = bed.store.get("SELECT page_count AS pages FROM pragma_page_count")!;
  const session = await bed.start("sleep");
  await lineWith(session, "init");
  bed.store.get(`PRAGMA max_page_count = ${Number(pages) + 20}`);
  const full = await bed.run("lines 100000 100");
  deepStrictEqual(pick(full, "status"), { status: "failed" });
  match(full.info.reason!, /full/);
  ok(session.running);
  bed.store.get("PRAGMA max_page_count = 1000000000");
  full.send({ prompt: "say b" });
  await full.idle();
  strictEqual(full.info.status, "completed");
  strictEqual(typed(full, "text").at(-1).text, "b");
});
