import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import { CommandRig } from "./command.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import { ASKING, IN_PIECES, together, WITH_CLIS } from "./together.ts";
import type { Seen, Viewer } from "./viewer.ts";

/** The numbers of the pieces of `[[slow:…]]` that were seen, in order. */
function pieces(seen: readonly Seen[]): number[] {
  return seen.flatMap(({ text }) =>
    [...text.matchAll(/slow chunk (\d+)\. /g)].map(([, nth]) => Number(nth))
  );
}

/** The words of the model, as events that are the same for all CLIs. */
function said({ seen }: Viewer): string {
  return seen.filter(({ event }) => event === "session_update")
    .filter(({ data }) => data.sessionUpdate === "agent_message_chunk")
    .map(({ data }) => data.content.text).join("");
}

/** Waits for so many pieces more than there are. */
async function more(viewer: Viewer, count: number): Promise<void> {
  const last = (pieces(viewer.seen).at(-1) ?? -1) + count;
  await viewer.next(({ text }) => text.includes(`slow chunk ${last}. `));
}

peerTest({
  name: "a viewer misses nothing and sees nothing twice, whatever is killed",
  ...WITH_CLIS,
}, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start();
  await using stack = new AsyncDisposableStack();
  const { api, home } = rig;
  const viewers: Record<string, Viewer> = {};
  const each = (work: (name: string, viewer: Viewer, id: string) => Promise<void>) =>
    together(ASKING, (name) => work(name, viewers[name]!, viewers[name]!.session));

  await step("all CLIs work at once", async () => {
    await together(ASKING, async (executor) => {
      const prompt = "[[slow:300]]";
      const request = { executor, prompt, project_path: home.project, ...IN_PIECES[executor] };
      const { id } = await api.create(request);
      viewers[executor] = stack.use(api.watch(id, { from: 1, persistent: true }));
      await more(viewers[executor], 2);
    });
  });

  await step("arps is killed, and comes back", async () => {
    await rig.killServer();
    await rig.startServer();
    await each(async (_name, viewer) => {
      await more(viewer, 4);
      equal(viewer.visits > 1, true);
    });
  });

  await step("the viewer's connection breaks", async () => {
    await each(async (_name, viewer) => {
      const { visits } = viewer;
      viewer.cut();
      await more(viewer, 2);
      equal(viewer.visits, visits + 1);
    });
  });

  await step("arpc is killed, and comes back", async () => {
    await rig.killClient();
    await rig.startClient();
    await each(async (_name, viewer, id) => {
      const { success, status } = await viewer.completion();
      deepEqual([success, status], [false, "interrupted"]);
      await viewer.ended();
      viewer.gapless();
      const seen = pieces(viewer.seen);
      deepEqual(seen, seen.map((_, nth) => nth));
      equal((await api.session(id)).status, "interrupted");
    });
    // Else two processes would write the same session of a CLI.
    await rig.quiet();
  });

  await step("the session goes on, and the CLI's own history has it", async () => {
    await each(async (name, viewer, id) => {
      const before = await api.session(id);
      notEqual(before.cli_session_id, null);
      equal(await api.send(id, "[[say:Back again.]]"), 2);
      await using late = api.watch(id, { after: viewer.lastId!, persistent: true });
      const { status, reason } = await late.completion(2);
      equal(status, "completed", reason);
      await using events = api.watch(id, { after: viewer.lastId!, format: "events" });
      await events.ended();
      equal(said(events), "Back again.");
      equal((await api.session(id)).cli_session_id, before.cli_session_id);

      const own = `/api/${name}/sessions`;
      const { sessions } = (await api.ask("GET", own)).body;
      ok(sessions.some(({ id }: { id: string }) => id === before.cli_session_id));
      const { body } = await api.ask("GET", `${own}/${before.cli_session_id}`);
      ok(JSON.stringify(body.messages).includes("Back again."), JSON.stringify(body).slice(-2000));
    });
  });

  await step("CLIs that wait for another turn end with arpc", async () => {
    await rig.killClient();
    await rig.quiet();
  });
});
