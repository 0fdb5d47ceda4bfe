import { createHash } from "node:crypto";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileTest } from "../../../common/testdata/gate.ts";
import { fixture, Home, jsonl } from "./testdata/home.ts";

const ID = "1ca78bd6-3c50-4d9e-b239-2f56ff7c73b6";
const CHATS = ".gemini/tmp/p/chats";
const PATH = "/home/alice/p";
const ALL = { limit: 100, offset: 0 };

const id = (at: number) => `0000000${at}-0000-4000-8000-000000000000`;
const file = (at: number, end = "jsonl") => `${CHATS}/session-2026-01-31T20-16-0000000${at}.${end}`;
const head = (at: number, more: object = {}) => ({
  sessionId: id(at),
  projectHash: "x",
  startTime: "2026-01-31T12:00:00.000Z",
  kind: "main",
  ...more,
});
const said = (text: unknown) => ({ id: `${text}`, type: "user", content: [{ text }] });

fileTest("gemini: a session that Gemini CLI wrote", async () => {
  using home = new Home();
  home.write(
    `${CHATS}/session-2026-01-31T20-16-1ca78bd6.jsonl`,
    fixture("gemini.jsonl"),
    1_769_900_000,
  );
  home.write(".gemini/tmp/p/.project_root", `${PATH}\n`);
  home.write(".gemini/tmp/bin/rg", "");
  const before = home.everything();
  const history = home.history("gemini");
  const session = {
    id: ID,
    project_id: "p",
    project_path: PATH,
    title: "Gemini [[tool:echo hi]]",
    created_at: "2026-01-31T20:16:29.376Z",
    updated_at: "2026-01-31T22:53:20.000Z",
    bytes: new TextEncoder().encode(fixture("gemini.jsonl")).length,
  };
  deepStrictEqual(await history.sessions({ ...ALL, projectPath: PATH }), {
    items: [session],
    total: 1,
  });
  deepStrictEqual(await history.projects(), [
    { id: "p", path: PATH, sessions: 1, updated_at: session.updated_at },
  ]);
  const { messages, ...rest } = (await history.session(ID, 2, 2))!;
  deepStrictEqual(rest, { ...session, total_messages: 5, broken_lines: 0 });
  deepStrictEqual(messages.map((one) => (one as { type: string }).type), ["gemini", "user"]);
  deepStrictEqual(home.everything(), before);
});

fileTest("gemini: a session in two files is one, and the newer of them", async () => {
  using home = new Home();
  home.write(".gemini/tmp/p/.project_root", `${PATH}\n`);
  const later = file(1).replace("20-16", "20-17");
  home.write(file(1), jsonl(head(1), said("first")), 1_769_900_000);
  home.write(later, jsonl(head(1), said("first"), said("again")), 1_769_900_060);
  home.write(file(2), jsonl(head(2), said("other")), 1_769_900_030);
  const history = home.history("gemini");
  const { items, total } = await history.sessions(ALL);
  deepStrictEqual([items.map(({ id }) => id), total], [[id(1), id(2)], 2]);
  deepStrictEqual((await history.sessions({ limit: 1, offset: 1 })).items, [items[1]]);
  strictEqual((await history.projects())[0]!.sessions, 2);
  strictEqual((await history.session(id(1), 10, 0))!.total_messages, 2);
  ok(await history.delete(id(1)));
  deepStrictEqual((await history.sessions(ALL)).items.map(({ id }) => id), [id(2)]);
});

fileTest("gemini: titles", async () => {
  const cases: [string, ...object[]][] = [
    ["real", said("<session_context>x"), said("/help"), said("?"), said("real")],
    ["real", { $set: { messages: [said("<session_context>x"), said("real")] } }],
    ["A summary", said("real"), { $set: { summary: "Old" } }, { $set: { summary: "A summary" } }],
    ["text", { id: "1", type: "user", content: "text" }],
    ["", { id: "1", type: "gemini", content: "answer" }],
  ];
  using home = new Home();
  for (const [at, [, ...records]] of cases.entries()) {
    home.write(file(at), jsonl(head(at), ...records), 1000 - at);
  }
  const { items } = await home.history("gemini").sessions(ALL);
  deepStrictEqual(items.map(({ title }) => title), cases.map(([title]) => title));
});

fileTest("gemini: sub-agents and what has no head are not listed", async () => {
  using home = new Home();
  home.write(file(1), jsonl(head(1, { kind: "subagent" }), said("sub")));
  home.write(`${CHATS}/${id(9)}/agent-1.jsonl`, jsonl(head(2, { kind: "subagent" }), said("sub")));
  home.write(file(3), jsonl(said("no head")));
  home.write(file(4), "");
  home.write(file(5), jsonl(head(5), said("real")));
  home.write(`${file(5)}.unreadable-1`, jsonl(head(5), said("kept aside")));
  const { items, total } = await home.history("gemini").sessions(ALL);
  deepStrictEqual([items.map(({ title }) => title), total], [["real"], 1]);
});

fileTest("gemini: documents of older versions, until a session was gone on with", async () => {
  using home = new Home();
  const hash = createHash("sha256").update(PATH).digest("hex");
  const old = (at: number) => file(at, "json").replace("/p/", `/${hash}/`);
  const document = {
    ...head(1),
    messages: [said("old"), { id: "2", type: "gemini", content: "a" }],
  };
  home.write(old(1), JSON.stringify(document, null, 2), 1000);
  home.write(old(2), JSON.stringify({ ...head(2), messages: [said("before")] }), 900);
  home.write(`${old(2)}l`, jsonl(head(2), said("after")), 900);
  home.write(old(3), "{broken", 800);
  const history = home.history("gemini");
  deepStrictEqual((await history.sessions(ALL)).items.map(({ title }) => title), ["old", "after"]);
  const { messages, total_messages } = (await history.session(id(1), 1, 1))!;
  deepStrictEqual([messages, total_messages], [[document.messages[1]], 2]);
  strictEqual((await history.projects())[0]!.path, null);
  strictEqual((await history.sessions({ ...ALL, projectPath: PATH })).total, 2);
  home.write(".gemini/projects.json", JSON.stringify({ projects: { [PATH]: "p" } }));
  strictEqual((await history.projects())[0]!.path, PATH);
  strictEqual((await history.sessions(ALL)).items[0]!.project_path, PATH);
  ok(await history.delete(id(2)));
  deepStrictEqual((await history.sessions(ALL)).items.map(({ title }) => title), ["old"]);
});

fileTest("gemini: names of folders that clash are told apart by the CLI's list", async () => {
  using home = new Home();
  const list = { "/home/alice/p": "p", "/home/bob/p": "p-1" };
  home.write(".gemini/projects.json", JSON.stringify({ projects: list }));
  home.write(file(1), jsonl(head(1), said("alice's")), 1000);
  home.write(file(2).replace("/p/", "/p-1/"), jsonl(head(2), said("bob's")), 900);
  const history = home.history("gemini");
  const titles = async (projectPath: string) =>
    (await history.sessions({ ...ALL, projectPath })).items.map(({ title }) => title);
  deepStrictEqual(await titles("/home/alice/p"), ["alice's"]);
  deepStrictEqual(await titles("/home/bob/p/"), ["bob's"]);
  home.write(".gemini/projects.json", "broken");
  strictEqual((await history.projects())[0]!.path, null);
});

fileTest("gemini: ids that begin alike are told apart", async () => {
  using home = new Home();
  const other = "00000001-ffff-4000-8000-000000000000";
  home.write(file(1), jsonl(head(1), said("one")));
  home.write(file(1).replace("T20", "T21"), jsonl(head(1, { sessionId: other }), said("other")));
  const history = home.history("gemini");
  strictEqual((await history.session(id(1), 1, 0))!.title, "one");
  strictEqual((await history.session(other, 1, 0))!.title, "other");
  strictEqual(await history.session("00000001", 1, 0), undefined);
});

fileTest("gemini: delete removes what the CLI removes, and no others", async () => {
  using home = new Home();
  const kept = [
    home.write(file(2), jsonl(head(2), said("other"))),
    home.write(".gemini/tmp/p/logs.json", "[]"),
    home.write(`.gemini/tmp/p/tool-outputs/session-${id(2)}/a.txt`, ""),
  ];
  home.write(file(1), jsonl(head(1), said("x")));
  home.write(`${CHATS}/${id(1)}/agent.jsonl`, "");
  home.write(`.gemini/tmp/p/logs/session-${id(1)}.jsonl`, "");
  home.write(`.gemini/tmp/p/tool-outputs/session-${id(1)}/a.txt`, "");
  home.write(`.gemini/tmp/p/${id(1)}/plans/a.md`, "");
  const history = home.history("gemini");
  ok(await history.delete(id(1)));
  ok(!(await history.delete(id(1))));
  deepStrictEqual(home.everything().map((line) => line.split(" ")[0]), kept.sort());
});

fileTest("gemini: GEMINI_CLI_HOME says where", async () => {
  using home = new Home();
  home.write(`elsewhere/${file(1)}`, jsonl(head(1), said("x")));
  const env = (name: string) => name === "GEMINI_CLI_HOME" ? home.at("elsewhere") : undefined;
  strictEqual((await home.history("gemini", env).sessions(ALL)).total, 1);
});
