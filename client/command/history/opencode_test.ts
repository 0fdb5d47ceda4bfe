import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fileTest } from "../../../common/testdata/gate.ts";
import type { Problem } from "../problem.ts";
import { fixture, Home } from "./testdata/home.ts";
import { PAGE_BYTES } from "./transcript.ts";

const DB = ".local/share/opencode/opencode.db";
const PATH = "/home/alice/my pro_j.ect-a";
const ALL = { limit: 100, offset: 0 };

fileTest("opencode: sessions of people, newest first, with their projects", async () => {
  using home = new Home();
  home.database(DB, fixture("opencode.sql"));
  const before = home.everything();
  const history = home.history("opencode");
  const { items, total } = await history.sessions(ALL);
  deepStrictEqual([items.map((one) => one.id), total], [["ses_two", "ses_one"], 2]);
  const { project_id, ...rest } = items[1]!;
  deepStrictEqual(rest, {
    id: "ses_one",
    project_path: PATH,
    title: "A greeting",
    created_at: "2026-01-31T20:05:39.091Z",
    updated_at: "2026-01-31T20:05:41.350Z",
    bytes: null,
  });
  const projects = await history.projects();
  deepStrictEqual(projects.map((one) => [one.path, one.sessions]), [["/home/alice/other", 1], [
    PATH,
    1,
  ]]);
  deepStrictEqual(projects[1], {
    id: project_id,
    path: PATH,
    sessions: 1,
    updated_at: rest.updated_at,
  });
  for (const where of [{ projectId: project_id }, { projectPath: `${PATH}/` }]) {
    deepStrictEqual((await history.sessions({ ...ALL, ...where })).items, [items[1]]);
  }
  deepStrictEqual((await history.sessions({ limit: 1, offset: 1 })).items, [items[1]]);
  strictEqual((await history.sessions({ ...ALL, projectPath: "/" })).total, 0);
  deepStrictEqual(home.everything(), before);
});

fileTest("opencode: messages with their parts, in order, the broken ones counted", async () => {
  using home = new Home();
  home.database(DB, fixture("opencode.sql"));
  const history = home.history("opencode");
  const { messages, total_messages, broken_lines } = (await history.session("ses_one", 10, 0))!;
  deepStrictEqual([total_messages, broken_lines], [2, 2]);
  const sessionID = "ses_one";
  deepStrictEqual(messages[0], {
    info: {
      role: "user",
      time: { created: 1769889939191 },
      agent: "build",
      id: "msg_1",
      sessionID,
    },
    parts: [{ type: "text", text: "Opencode hello", id: "prt_1", sessionID, messageID: "msg_1" }],
  });
  const { parts } = messages[1] as { parts: { id: string }[] };
  deepStrictEqual(parts.map(({ id }) => id), ["prt_2", "prt_3"]);
  deepStrictEqual((await history.session("ses_one", 1, 1))!.messages, [messages[1]]);
  deepStrictEqual((await history.session("ses_two", 1, 0))!.messages, []);
  for (const none of ["ses_none", "ses_one' OR 1", "one", ""]) {
    strictEqual(await history.session(none, 1, 0), undefined);
  }
});

fileTest("opencode: reads while opencode writes, and sees what is committed", async () => {
  using home = new Home();
  using db = new DatabaseSync(home.database(DB, fixture("opencode.sql")));
  const history = home.history("opencode");
  db.exec("BEGIN; UPDATE session SET title = 'Renamed' WHERE id = 'ses_one'");
  strictEqual((await history.session("ses_one", 0, 0))!.title, "A greeting");
  db.exec("COMMIT");
  strictEqual((await history.session("ses_one", 0, 0))!.title, "Renamed");
});

fileTest("opencode: ends a page that grows too large", async () => {
  using home = new Home();
  using db = new DatabaseSync(home.database(DB, fixture("opencode.sql")));
  const text = "x".repeat(PAGE_BYTES / 2 + 10);
  db.exec("DELETE FROM message; DELETE FROM part");
  for (const at of [1, 2, 3]) {
    db.prepare("INSERT INTO message VALUES (?, 'ses_one', ?, 0, '{}')").run(`m${at}`, at);
    db.prepare("INSERT INTO part VALUES (?, ?, 'ses_one', 0, 0, ?)")
      .run(`p${at}`, `m${at}`, JSON.stringify({ text }));
  }
  const history = home.history("opencode");
  strictEqual((await history.session("ses_one", 10, 0))!.messages.length, 1);
  strictEqual((await history.session("ses_one", 10, 2))!.messages.length, 1);
});

fileTest("opencode: delete says who can do it", async () => {
  using home = new Home();
  home.database(DB, fixture("opencode.sql"));
  const history = home.history("opencode");
  await rejects(history.delete("ses_one"), (problem: Problem) => {
    deepStrictEqual(problem.more.command, ["opencode", "session", "delete", "ses_one"]);
    return problem.status === 422 && problem.detail.endsWith("opencode session delete ses_one");
  });
  ok(!(await history.delete("ses_none")));
});

fileTest(
  "opencode: no database, an empty and a strange one are no sessions; a broken one says so",
  async () => {
    using home = new Home();
    const history = home.history("opencode");
    const none = { items: [], total: 0 };
    deepStrictEqual(await history.sessions(ALL), none);
    deepStrictEqual(await history.projects(), []);
    home.database(DB, "");
    deepStrictEqual(await history.sessions(ALL), none);
    home.database(DB, "CREATE TABLE session (other TEXT)");
    strictEqual(await history.session("ses_one", 1, 0), undefined);
    home.write(DB, "no database at all ".repeat(100));
    await rejects(history.sessions(ALL), (problem: Problem) =>
      problem.status === 500 &&
      /^Cannot read opencode's database .*opencode\.db: /.test(problem.detail));
  },
);

fileTest("opencode: XDG_DATA_HOME and OPENCODE_DB say where", async () => {
  using home = new Home();
  home.database("data/opencode/opencode.db", fixture("opencode.sql"));
  home.database("data/opencode/other.db", fixture("opencode.sql"));
  home.database("any.db", fixture("opencode.sql"));
  const total = async (env: Record<string, string>) =>
    (await home.history("opencode", (name) => env[name]).sessions(ALL)).total;
  const XDG_DATA_HOME = home.at("data");
  strictEqual(await total({ XDG_DATA_HOME }), 2);
  strictEqual(await total({ XDG_DATA_HOME, OPENCODE_DB: "other.db" }), 2);
  strictEqual(await total({ OPENCODE_DB: home.at("any.db") }), 2);
  strictEqual(await total({ OPENCODE_DB: ":memory:" }), 0);
});
