import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileTest } from "../../../common/testdata/gate.ts";
import { fixture, Home } from "./testdata/home.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const OTHER = "22222222-2222-4333-8444-555555555555";
const PATH = "/home/alice/my pro_j.ect-a";
const STATE = ".copilot/session-state";
const ALL = { limit: 100, offset: 0 };

fileTest("copilot: a session that Copilot CLI wrote", async () => {
  using home = new Home();
  home.write(`${STATE}/${ID}/events.jsonl`, fixture("copilot.jsonl"), 1_769_900_000);
  home.write(`${STATE}/${ID}/workspace.yaml`, fixture("copilot.yaml"));
  home.write(`${STATE}/.session-operation-locks/${ID}.lock`, "");
  home.write(`${STATE}/${OTHER}/workspace.yaml`, fixture("copilot.yaml"));
  const before = home.everything();
  const history = home.history("copilot");
  const { items, total } = await history.sessions({ ...ALL, projectPath: PATH });
  const { project_id, bytes, ...rest } = items[0]!;
  deepStrictEqual([total, rest], [1, {
    id: ID,
    project_path: PATH,
    title: 'Fix: the "thing" # and a second line',
    created_at: "2026-01-31T20:05:43.533Z",
    updated_at: "2026-01-31T22:53:20.000Z",
  }]);
  ok(bytes! > 0);
  strictEqual((await history.sessions({ ...ALL, projectId: project_id })).total, 1);
  strictEqual((await history.sessions({ ...ALL, projectPath: "/home/alice" })).total, 0);
  deepStrictEqual((await history.projects()).map((one) => [one.id, one.path]), [[
    project_id,
    PATH,
  ]]);
  strictEqual((await history.session(ID, 100, 0))!.messages.length, 7);
  strictEqual(await history.session(OTHER, 100, 0), undefined);
  deepStrictEqual(home.everything(), before);
});

fileTest("copilot: what workspace.yaml lacks is in the events", async () => {
  using home = new Home();
  home.write(`${STATE}/${ID}/events.jsonl`, fixture("copilot.jsonl"));
  home.write(`${STATE}/${ID}/workspace.yaml`, "name: |-\n  a block\n  of text\n");
  const { items: [item] } = await home.history("copilot").sessions(ALL);
  deepStrictEqual([item!.title, item!.project_path, item!.created_at], [
    "Copilot hello",
    PATH,
    "2026-01-31T20:05:43.533Z",
  ]);
});

fileTest("copilot: delete removes the session's folder, and no others", async () => {
  using home = new Home();
  const kept = home.write(`${STATE}/${OTHER}/events.jsonl`, fixture("copilot.jsonl"));
  home.write(`${STATE}/${ID}/events.jsonl`, fixture("copilot.jsonl"));
  home.write(`${STATE}/${ID}/checkpoints/index.md`, "");
  const history = home.history("copilot");
  ok(await history.delete(ID));
  ok(!(await history.delete(ID)));
  deepStrictEqual(home.everything().map((line) => line.split(" ")[0]), [kept]);
});

fileTest("copilot: COPILOT_HOME says where", async () => {
  using home = new Home();
  home.write(`elsewhere/session-state/${ID}/events.jsonl`, fixture("copilot.jsonl"));
  const env = (name: string) => name === "COPILOT_HOME" ? home.at("elsewhere") : undefined;
  strictEqual((await home.history("copilot", env).sessions(ALL)).total, 1);
});
