import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync } from "node:zlib";
import { fileTest } from "../../../common/testdata/gate.ts";
import type { Problem } from "../problem.ts";
import { fixture, Home, jsonl } from "./testdata/home.ts";

const ID = "01a204dd-1fdf-76d2-864c-029d45673362";
const PATH = "/home/alice/my pro_j.ect-a";
const DAY = ".codex/sessions/2026/01/31";
const FILE = `${DAY}/rollout-2026-01-31T20-05-30-${ID}.jsonl`;
const ALL = { limit: 100, offset: 0 };

const id = (at: number) => `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;
const name = (at: number) => `${DAY}/rollout-2026-01-31T20-00-00-${id(at)}.jsonl`;
const meta = (more: object = {}) => ({
  type: "session_meta",
  payload: { id: id(0), timestamp: "2026-01-31T12:00:00Z", cwd: PATH, source: "cli", ...more },
});
const said = (text: string) => ({
  type: "response_item",
  payload: { type: "message", role: "user", content: [{ type: "input_text", text }] },
});

fileTest("codex: a session that Codex wrote, known from its file alone", async () => {
  using home = new Home();
  home.write(FILE, fixture("codex.jsonl"), 1_769_900_000);
  const before = home.everything();
  const history = home.history("codex");
  const { items, total } = await history.sessions(ALL);
  const { project_id, bytes, ...rest } = items[0]!;
  deepStrictEqual([total, rest], [1, {
    id: ID,
    project_path: PATH,
    title: "Codex [[tool:echo hi]]",
    created_at: "2026-01-31T20:05:30.216Z",
    updated_at: "2026-01-31T22:53:20.000Z",
  }]);
  ok(/^[0-9a-f]{32}$/.test(project_id) && bytes! > 0);
  deepStrictEqual(await history.projects(), [
    { id: project_id, path: PATH, sessions: 1, updated_at: rest.updated_at },
  ]);
  const transcript = (await history.session(ID.toUpperCase(), 2, 5))!;
  deepStrictEqual(
    [transcript.total_messages, transcript.broken_lines, transcript.messages.length],
    [13, 0, 2],
  );
  deepStrictEqual(home.everything(), before);
});

fileTest("codex: first prompts in the forms of all versions", async () => {
  const event = (payload: object) => ({ type: "event_msg", payload });
  const cases: [string, ...object[]][] = [
    ["real", meta(), said("<environment_context>x"), said("<user_instructions>x"), said("real")],
    ["real", meta(), said("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>"), said("real")],
    ["real", meta(), event({ type: "user_message", message: "real" })],
    [
      "real",
      meta(),
      event({
        type: "item_completed",
        item: { type: "UserMessage", content: [{ type: "text", text: "real" }] },
      }),
    ],
    ["mine", meta(), meta({ cwd: "/parent" }), said("mine")],
    ["", meta()],
  ];
  using home = new Home();
  for (const [at, [, ...records]] of cases.entries()) {
    home.write(name(at), jsonl(...records), 1000 - at);
  }
  const { items } = await home.history("codex").sessions({ ...ALL, projectPath: PATH });
  deepStrictEqual(items.map(({ title }) => title), cases.map(([title]) => title));
});

fileTest("codex: sub-agents, broken heads and foreign names are not listed", async () => {
  using home = new Home();
  const spawned = { subagent: { thread_spawn: { parent_thread_id: id(9), depth: 1 } } };
  home.write(name(1), jsonl(meta({ source: spawned }), said("sub")));
  home.write(name(2), jsonl(meta({ source: "exec", thread_source: "subagent" }), said("sub")));
  home.write(name(3), jsonl(said("no head")));
  home.write(name(4), "");
  home.write(`${DAY}/rollout-${id(5)}.jsonl.tmp`, jsonl(meta(), said("draft")));
  home.write(`.codex/sessions/2026/01/notes/rollout-${id(6)}.jsonl`, jsonl(meta(), said("x")));
  home.write(`.codex/archived_sessions/rollout-${id(7)}.jsonl`, jsonl(meta(), said("archived")));
  home.write(name(8), jsonl(meta(), said("real")));
  const { items, total } = await home.history("codex").sessions(ALL);
  deepStrictEqual([items.map(({ title }) => title), total], [["real"], 1]);
});

fileTest("codex: packed sessions, one that is in both forms once", async () => {
  using home = new Home();
  home.write(`${name(1)}.zst`, zstdCompressSync(jsonl(meta(), said("packed"))), 1000);
  home.write(`${name(2)}.zst`, zstdCompressSync(jsonl(meta(), said("old"))), 900);
  home.write(name(2), jsonl(meta(), said("both")), 900);
  const history = home.history("codex");
  deepStrictEqual((await history.sessions(ALL)).items.map(({ title }) => title), [
    "packed",
    "both",
  ]);
  deepStrictEqual((await history.session(id(1), 1, 1))!.messages, [said("packed")]);
});

fileTest("codex: the database's names, and what it knows of sub-agents", async () => {
  using home = new Home();
  for (const at of [1, 2, 3, 4, 5]) {
    home.write(name(at), jsonl(meta(), said("from the file")), 1000 - at);
  }
  home.database(".codex/state_4.sqlite", fixture("codex.sql"));
  const path = home.database(".codex/state_5.sqlite", fixture("codex.sql"));
  using db = new DatabaseSync(path);
  const put = db.prepare(
    `INSERT INTO threads (id, rollout_path, created_at, updated_at, source, cwd, title, thread_source, first_user_message, name)
     VALUES (?, '', 1769860800, 1769860801, ?, ?, ?, ?, ?, ?)`,
  );
  put.run(id(1), "exec", PATH, "A title", "user", "a prompt", null);
  put.run(id(2), "cli", "/home/alice/other", "A title", "user", "a prompt", "A name");
  put.run(id(3), '{"subagent":{"thread_spawn":{}}}', PATH, "sub", null, "", null);
  put.run(id(4), "exec", PATH, "", "user", "a long\nprompt", null);
  put.run(id(8), "exec", PATH, "its file is gone", "user", "", null);
  const before = home.everything();
  const history = home.history("codex");
  const { items, total } = await history.sessions(ALL);
  deepStrictEqual(
    items.map((one) => [one.id, one.title, one.project_path, one.created_at]),
    [
      [id(1), "A title", PATH, "2026-01-31T12:00:00.000Z"],
      [id(2), "A name", "/home/alice/other", "2026-01-31T12:00:00.000Z"],
      [id(4), "a long prompt", PATH, "2026-01-31T12:00:00.000Z"],
      [id(5), "from the file", PATH, "2026-01-31T12:00:00.000Z"],
    ],
  );
  strictEqual(total, 4);
  const projects = await history.projects();
  deepStrictEqual(projects.map((one) => [one.path, one.sessions]), [[PATH, 3], [
    "/home/alice/other",
    1,
  ]]);
  const one = await history.sessions({ projectId: projects[1]!.id, limit: 5, offset: 0 });
  deepStrictEqual(one.items.map((item) => item.id), [id(2)]);
  deepStrictEqual(home.everything(), before);
  db.exec(`UPDATE threads SET name = 'renamed' WHERE id = '${id(1)}'`);
  strictEqual((await history.sessions(ALL)).items[0]!.title, "renamed");
});

fileTest("codex: a database that cannot be read is done without", async () => {
  using home = new Home();
  home.write(name(1), jsonl(meta(), said("from the file")));
  home.write(".codex/state_5.sqlite", "no database");
  const history = home.history("codex");
  strictEqual((await history.sessions(ALL)).items[0]!.title, "from the file");
  Deno.removeSync(home.at(".codex", "state_5.sqlite"));
  home.database(".codex/state_6.sqlite", "CREATE TABLE threads (other TEXT)");
  strictEqual((await history.sessions(ALL)).items[0]!.title, "from the file");
});

fileTest("codex: delete, where no database has a part of the session", async () => {
  using home = new Home();
  const other = home.write(name(2), jsonl(meta(), said("other")));
  home.write(name(1), jsonl(meta(), said("x")));
  home.write(`${name(1)}.zst`, zstdCompressSync("x"));
  const history = home.history("codex");
  ok(await history.delete(id(1)));
  ok(!(await history.delete(id(1))));
  deepStrictEqual(home.everything().map((line) => line.split(" ")[0]), [other]);
});

fileTest(
  "codex: delete says who can do it where a database has a part of the session",
  async () => {
    using home = new Home();
    home.write(name(1), jsonl(meta(), said("x")));
    home.database(".codex/state_5.sqlite", fixture("codex.sql"));
    const before = home.everything();
    const history = home.history("codex");
    await rejects(history.delete(id(1)), (problem: Problem) => {
      deepStrictEqual(problem.more.command, ["codex", "delete", "--force", id(1)]);
      ok(problem.detail.endsWith(`Run: codex delete --force ${id(1)}`));
      return problem.status === 422;
    });
    ok(!(await history.delete(id(3))));
    deepStrictEqual(home.everything(), before);
  },
);

fileTest("codex: CODEX_HOME and CODEX_SQLITE_HOME say where", async () => {
  using home = new Home();
  home.write(name(1).replace(".codex", "elsewhere"), jsonl(meta(), said("x")));
  const path = home.database("databases/state_7.sqlite", fixture("codex.sql"));
  {
    using db = new DatabaseSync(path);
    db.exec(`INSERT INTO threads (id, rollout_path, created_at, updated_at, source, cwd, title)
      VALUES ('${id(1)}', '', 0, 0, 'cli', '/x', 'named')`);
  }
  const folders: Record<string, string> = {
    CODEX_HOME: home.at("elsewhere"),
    CODEX_SQLITE_HOME: home.at("databases"),
  };
  const { items } = await home.history("codex", (key) => folders[key]).sessions(ALL);
  deepStrictEqual(items.map(({ title }) => title), ["named"]);
});
