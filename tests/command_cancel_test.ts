import { deepEqual, equal, match, ok } from "node:assert/strict";
import { processesWith } from "./command_driver.ts";
import { CommandRig } from "./command.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { ASKING, IN_PIECES, together, WITH_CLIS } from "./together.ts";

/** How models fail, and which CLIs say so soon enough for us. */
const FAILURES = [
  { code: 401, clis: ASKING },
  // The others try again for more than a minute, and cannot be told not to.
  { code: 500, clis: ASKING.filter((name) => ["claude", "codex", "copilot"].includes(name)) },
];

peerTest({
  name: "a turn that is cancelled leaves no process behind, and the session goes on",
  ...WITH_CLIS,
}, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start();
  const { api, home, model } = rig;
  const sessions: Record<string, string> = {};

  await step("in the middle of text", async () => {
    await together(ASKING, async (executor) => {
      const prompt = `For ${executor}: [[slow:300]]`;
      const request = { executor, prompt, project_path: home.project, ...IN_PIECES[executor] };
      await using viewer = api.run(request);
      await viewer.next(({ text }) => text.includes("slow chunk 1. "));
      const { status, ended_at, queued } = await api.cancel(viewer.session);
      deepEqual([status, ended_at === null, queued], ["cancelled", false, 0]);
      const { success, status: end } = await viewer.completion();
      deepEqual([success, end], [false, "cancelled"]);
      await viewer.ended();
      await model.aborted(({ prompt: asked }) => asked.includes(prompt));
      sessions[executor] = viewer.session;
    });
    deepEqual(await rig.processes(), []);
  });

  await step("in the middle of a tool", async () => {
    await together(ASKING, async (executor) => {
      const id = sessions[executor]!;
      const { total_lines, epoch } = await api.session(id);
      // Some refuse to run `sleep` by itself. No two names alike: each is found among all processes.
      const command = `sh wait-${executor}-${rig.client.pid}.sh`;
      await home.write(`project/${command.slice(3)}`, "sleep 300\necho over\n");
      equal(await api.send(id, `[[tool:${command}]]`), 2);
      await using viewer = api.watch(id, { after: `${epoch}:${total_lines}` });
      await api.decide((await viewer.question()).id, { action: "approve" });
      await eventually(command, async () => (await processesWith(command)).length > 0);
      equal((await api.cancel(id)).status, "cancelled");
      deepEqual(await processesWith(command), []);
      equal((await viewer.completion(2)).status, "cancelled");
      await viewer.ended();
    });
    deepEqual(await rig.processes(), []);
  });

  await step("and go on", async () => {
    await together(ASKING, async (executor) => {
      const id = sessions[executor]!;
      const { total_lines, epoch, cli_session_id } = await api.session(id);
      await api.send(id, "[[say:Still here.]]");
      await using viewer = api.watch(id, { after: `${epoch}:${total_lines}`, format: "both" });
      const { status, reason } = await viewer.completion(3);
      equal(status, "completed", reason);
      ok(viewer.seen.some(({ text }) => text.includes("Still here.")));
      // Some keep nothing of a session without an answer, and say so.
      const anew = viewer.seen.some(({ data }) =>
        data?.type === "notice" &&
        data.text.endsWith("kept nothing of the session, and begins anew")
      );
      equal((await api.session(id)).cli_session_id !== cli_session_id, anew);
      // Nothing runs any more: it changes nothing.
      equal((await api.cancel(id)).status, "completed");
    });
  });

  for (const { code, clis } of FAILURES) {
    await step(`a model that answers ${code} fails the session, with the reason`, async () => {
      await together(clis, async (executor) => {
        const prompt = `[[error:${code}]]`;
        await using viewer = api.run({ executor, prompt, project_path: home.project });
        const { success, status, reason } = await viewer.completion();
        deepEqual([success, status], [false, "failed"]);
        // Codex has words of its own for a server that fails.
        match(reason, new RegExp(`${code}|the prompt asked for this|temporary errors`));
        await viewer.ended();
        equal((await api.session(viewer.session)).reason, reason);
      });
    });
  }
});
