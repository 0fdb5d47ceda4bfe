import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "@std/path";
import { within } from "../../../common/testdata/gate.ts";
import type { Problem } from "../problem.ts";
import { gone, lineWith, pick, typed } from "./testdata/executor.ts";
import { sessionTest } from "./testdata/gate.ts";
import { problem } from "./testdata/problem.ts";

const PAGE = { limit: 10, offset: 0 };

sessionTest(
  "attachments lie where the CLI can read them, until the session is deleted",
  async (bed) => {
    const file = { name: "a/b c.txt", media_type: "text/plain", data: btoa("inside") };
    const session = await bed.run("say a", { attachments: [file] });
    strictEqual(typed(session, "text").at(-1).text, "inside");
    deepStrictEqual(typed(session, "user_message")[0].attachments, [
      { name: "a/b c.txt", media_type: "text/plain" },
    ]);
    session.send({ prompt: "say b", attachments: [file] });
    await session.idle();
    const folder = join(bed.config.stateFolder, "attachments", session.id);
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "1-1-b_c.txt",
      "2-1-b_c.txt",
    ]);
    await bed.sessions.delete(session.id);
    throws(() => Deno.statSync(folder), Deno.errors.NotFound);
  },
);

sessionTest("find() knows a session by our id and by the CLI's", async (bed) => {
  const session = await bed.run("say a");
  strictEqual(bed.sessions.find(session.id), session);
  strictEqual(bed.sessions.find(session.info.cli_session_id!), session);
  strictEqual(bed.sessions.find("nobody"), undefined);
});

sessionTest("list() filters, pages and shows the newest first", async (bed) => {
  await Deno.mkdir(join(bed.project, "app"));
  const ids = [
    await bed.run("say 0"),
    await bed.run("fail 1"),
    await bed.run("say 2", { executor: "other" }),
    await bed.start("sleep", { project_path: "app", title: "Long\none" }),
  ].map(({ id }) => id);
  const list = (filter: object) => {
    const { items, total } = bed.sessions.list({ ...PAGE, ...filter });
    return [total, ...items.map(({ id }) => ids.indexOf(id))];
  };
  deepStrictEqual(list({}), [4, 3, 2, 1, 0]);
  deepStrictEqual(list({ limit: 2, offset: 1 }), [4, 2, 1]);
  deepStrictEqual(list({ status: "failed" }), [1, 1]);
  deepStrictEqual(list({ status: "running" }), [1, 3]);
  deepStrictEqual(list({ executor: "other" }), [1, 2]);
  deepStrictEqual(list({ projectPath: join(bed.project, "app") }), [1, 3]);
  const [running] = bed.sessions.list(PAGE).items;
  strictEqual(running!.title, "Long one");
  // What is shown of a session does not depend on whether it is in use.
  const { items } = bed.sessions.list(PAGE);
  await bed.close();
  bed.open();
  deepStrictEqual(bed.sessions.list(PAGE).items.slice(1), items.slice(1));
});

sessionTest("rename() changes the title for good", async (bed) => {
  const session = await bed.run("say a");
  session.rename(" New\u0000 name\n");
  strictEqual(session.info.title, "New name");
  strictEqual(bed.sessions.list(PAGE).items[0]!.title, "New name");
});

sessionTest("delete() ends a session and removes all of it", async (bed) => {
  const session = await bed.start("child\nask Bash");
  await bed.question();
  const [{ pid }] = typed(session, "child");
  await within(20_000, "the delete", bed.sessions.delete(session.id));
  await gone(pid);
  strictEqual(bed.sessions.find(session.id), undefined);
  deepStrictEqual(bed.sessions.list(PAGE), { items: [], total: 0 });
  deepStrictEqual(bed.approvals.list(PAGE), { items: [], total: 0 });
  throws(() => session.send({ prompt: "say a" }), problem(409, /deleted/));
  await rejects(bed.sessions.delete(session.id), problem(404, /no session/));
  await bed.close();
  bed.open();
  for (const table of ["sessions", "chunks", "queue", "permissions"]) {
    strictEqual(bed.store.get(`SELECT count(*) AS count FROM ${table}`)!.count, 0, table);
  }
});

sessionTest("only so many sessions run at a time", async (bed) => {
  const [one] = [await bed.start("sleep"), await bed.start("sleep")];
  await rejects(bed.start("say c"), (error: Problem) => {
    ok(error.retryAfter! > 0);
    return problem(429, /2 sessions run already/)(error);
  });
  await one!.cancel();
  const three = await bed.run("say c");
  await bed.start("sleep");
  // It does not run, so it would be one more.
  throws(() => three.send({ prompt: "say d" }), problem(429, /2 sessions run/));
  strictEqual(bed.sessions.list(PAGE).total, 4);
}, { sessions: 2 });

sessionTest(
  "resume goes on with the CLI's session of one of ours, or of somebody else's",
  async (bed) => {
    await Deno.mkdir(join(bed.project, "app"));
    const first = await bed.run("say a", { project_path: "app" });
    const cli = first.info.cli_session_id!;
    const second = await bed.run("say b", { resume: first.id });
    deepStrictEqual(pick(second, "cli_session_id", "project_path"), {
      cli_session_id: cli,
      project_path: join(bed.project, "app"),
    });
    deepStrictEqual(typed(second, "init")[0], { type: "init", session: cli, resumed: true });
    // Of two with the same one, the CLI's id leads to the newer.
    strictEqual(bed.sessions.find(cli), second);

    const foreign = await bed.run("say c", { resume: "from-a-terminal" });
    deepStrictEqual(pick(foreign, "cli_session_id", "project_path"), {
      cli_session_id: "from-a-terminal",
      project_path: bed.project,
    });
    await rejects(
      bed.start("say d", { resume: first.id, executor: "other" }),
      problem(422, /a session of test/),
    );
  },
);

sessionTest("two sessions never work on the same session of a CLI at once", async (bed) => {
  const first = await bed.start("child\nwait 200");
  await lineWith(first, '"child"');
  await rejects(bed.start("say b", { resume: first.id }), problem(409, new RegExp(first.id)));
  await first.idle();
  // The process of the first still waits for a turn; it must end before another begins.
  const second = await bed.run("say b", { resume: first.id });
  strictEqual(second.info.status, "completed");
  await gone(typed(first, "child")[0].pid);
  second.send({ prompt: "sleep" });
  throws(() => first.send({ prompt: "say c" }), problem(409, new RegExp(second.id)));
});

sessionTest("disposing interrupts what runs, and it goes on later", async (bed) => {
  const session = await bed.start("child\nask Bash");
  session.send({ prompt: "say waits" });
  await bed.question();
  const [{ pid }] = typed(session, "child");
  const idle = await bed.run("child");
  await within(20_000, "the end", bed.close());
  await gone(pid);
  await gone(typed(idle, "child")[0]?.pid ?? pid);
  bed.open();
  const again = bed.sessions.find(session.id)!;
  deepStrictEqual(pick(again, "status", "turns", "queued", "pending_permissions"), {
    status: "interrupted",
    turns: 1,
    queued: 0,
    pending_permissions: 0,
  });
  const { status, reason } = typed(again, "completion").at(-1);
  deepStrictEqual([status, reason], ["interrupted", "arpc ended while it ran"]);
  match(JSON.stringify(typed(again, "notice")), /dropped: say waits/);
  again.send({ prompt: "say on" });
  await again.idle();
  deepStrictEqual(pick(again, "status", "turns"), { status: "completed", turns: 2 });
  const [first, second] = typed(again, "init");
  deepStrictEqual([second.resumed, second.session], [true, first.session]);
});

sessionTest("while the program ends, nothing new begins", async (bed) => {
  const session = await bed.run("say a");
  const ending = bed.sessions[Symbol.asyncDispose]();
  await rejects(bed.start("say b"), problem(503, /ending/));
  throws(() => session.send({ prompt: "say b" }), problem(503, /ending/));
  await ending;
});
