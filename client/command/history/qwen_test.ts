import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileTest } from "../../../common/testdata/gate.ts";
import { fixture, Home, jsonl } from "./testdata/home.ts";

const ID = "21e60dc6-563e-4c07-aabf-17f4b2011e99";
const PATH = "/home/alice/my pro_j.ect-a";
const CHATS = ".qwen/projects/-home-alice-my-pro-j-ect-a/chats";
const ALL = { limit: 100, offset: 0 };

fileTest("qwen: a session that Qwen Code wrote", async () => {
  using home = new Home();
  home.write(`${CHATS}/${ID}.jsonl`, fixture("qwen.jsonl"), 1_769_900_000);
  home.write(`${CHATS}/${ID}.runtime.json`, "{}");
  home.write(`${CHATS}/${ID}.ledger.jsonl`, "{}");
  home.write(`${CHATS}/archive/${ID.replace("2", "3")}.jsonl`, fixture("qwen.jsonl"));
  const before = home.everything();
  const history = home.history("qwen");
  const { items, total } = await history.sessions({ ...ALL, projectPath: PATH });
  strictEqual(total, 1);
  deepStrictEqual(items[0], {
    id: ID,
    project_id: "-home-alice-my-pro-j-ect-a",
    project_path: PATH,
    title: "Qwen hello",
    created_at: "2026-01-31T20:05:36.496Z",
    updated_at: "2026-01-31T22:53:20.000Z",
    bytes: new TextEncoder().encode(fixture("qwen.jsonl")).length,
  });
  strictEqual((await history.session(ID, 100, 0))!.messages.length, 5);
  strictEqual((await history.projects())[0]!.path, PATH);
  deepStrictEqual(home.everything(), before);
});

fileTest("qwen: titles", async () => {
  using home = new Home();
  const user = { type: "user", cwd: PATH, message: { role: "user", parts: [{ text: "typed" }] } };
  const shown = { ...user, systemPayload: { displayText: "as shown" } };
  const named = {
    type: "system",
    subtype: "custom_title",
    systemPayload: { customTitle: "Named" },
  };
  const cases: [string, ...object[]][] = [
    ["typed", { ...user, subtype: "notification" }, user],
    ["as shown", shown],
    ["Named", user, { ...named, systemPayload: { customTitle: "Old" } }, named],
    ["", { type: "system", cwd: PATH }],
  ];
  for (const [at, [, ...records]] of cases.entries()) {
    home.write(`${CHATS}/${ID.replace(/^2/, `${at}`)}.jsonl`, jsonl(...records), 1000 - at);
  }
  const { items } = await home.history("qwen").sessions(ALL);
  deepStrictEqual(items.map(({ title }) => title), cases.map(([title]) => title));
});

fileTest("qwen: delete removes the session and what is about it", async () => {
  using home = new Home();
  const kept = home.write(`${CHATS}/${ID.replace("2", "3")}.jsonl`, fixture("qwen.jsonl"));
  for (const end of ["jsonl", "ledger.jsonl", "pr.json", "worktree.json", "runtime.json"]) {
    home.write(`${CHATS}/${ID}.${end}`, fixture("qwen.jsonl"));
  }
  const history = home.history("qwen");
  ok(await history.delete(ID));
  ok(!(await history.delete(ID)));
  deepStrictEqual(home.everything().map((line) => line.split(" ")[0]), [kept]);
});

fileTest("qwen: QWEN_RUNTIME_DIR, else QWEN_HOME say where", async () => {
  using home = new Home();
  const place = CHATS.slice(".qwen/".length);
  home.write(`runtime/${place}/${ID}.jsonl`, fixture("qwen.jsonl"));
  home.write(`settings/${place}/${ID}.jsonl`, fixture("qwen.jsonl"));
  const folders = { QWEN_RUNTIME_DIR: "~/runtime", QWEN_HOME: home.at("settings") };
  const bytes = async (env: Record<string, string>) =>
    (await home.history("qwen", (name) => env[name]).sessions(ALL)).total;
  strictEqual(await bytes(folders), 1);
  strictEqual(await bytes({ QWEN_HOME: folders.QWEN_HOME }), 1);
  strictEqual(await bytes({ QWEN_HOME: home.at("none") }), 0);
});
