import { deepEqual, equal } from "node:assert/strict";
import { join } from "@std/path";
import { EXECUTORS } from "../client/command/executors/mod.ts";
import { CLIS, withClis } from "./clis.ts";
import { CommandRig } from "./command.ts";
import { peerTest } from "./peers.ts";

for (const { name, interactive } of EXECUTORS) {
  if (interactive === undefined) continue;
  peerTest({
    name: `${name}: a tool that was approved runs, and a follow-up is answered, behind the tunnel`,
    ...withClis(CLIS[name]!),
  }, async () => {
    await using rig = await CommandRig.start();
    const { api, home, model } = rig;
    await using first = api.run({
      executor: name,
      prompt: "[[tool:echo made > made.txt]]",
      project_path: home.project,
    });
    const question = await first.question();
    equal(question.session_id, first.session);
    deepEqual((await api.permissions("pending")).map(({ id }) => id), [question.id]);
    equal((await api.decide(question.id, { action: "approve" })).status, "approved");
    const { success, status } = await first.completion();
    deepEqual([success, status], [true, "completed"]);
    await first.ended();
    first.gapless();
    equal((await Deno.readTextFile(join(home.project, "made.txt"))).trim(), "made");

    equal(await api.send(first.session, "[[say:Once more.]]"), 2);
    await using second = api.watch(first.session, { after: first.lastId!, persistent: true });
    equal((await second.completion(2)).status, "completed");
    await second.ended();
    second.gapless(first.seen.length + 1);
    equal((await api.session(first.session)).status, "completed");
    await model.request(({ prompt }) => prompt.includes("[[say:Once more.]]"));
  });
}
