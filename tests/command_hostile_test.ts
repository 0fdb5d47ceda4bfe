/**
 * CLIs that behave as none should: the session says so, and another one beside it is unharmed.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { codex, withClis } from "./clis.ts";
import { CommandRig, onlyPrograms } from "./command.ts";
import { PATIENCE_MS } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import type { Json, Viewer } from "./viewer.ts";

/** Scripts run there. */
const os = ["linux", "darwin"] as const;

/** The start of a shell script that passes for a CLI when it is asked what it is. */
const PASSES = `#!/bin/sh
case "$*" in
  *--version*) echo 9.9.9; exit 0;;
  *--help*) echo "--input-format --output-format --session-id --acp --approval-mode"; exit 0;;
esac
`;

/** What one may do instead of its work, by the first word of the prompt or the model's name. */
const FAKE = `${PASSES}
for last; do case "$last" in --model=*) model=\${last#--model=};; esac; done
case "$model" in
  garbage) printf 'not json\\n\\000\\377\\376 bytes\\n{"type":\\n[1,2\\n{}\\nnull\\n"text"\\n'; exit 0;;
  long) head -c 52428800 /dev/zero | tr '\\000' x; echo; exit 1;;
  silent) exit 3;;
  killed) kill -9 $$;;
  stderr) head -c 52428800 /dev/zero | tr '\\000' e | fold -w 99 >&2; echo "the last word" >&2; exit 1;;
  stubborn) trap '' INT TERM HUP; sh -c 'trap "" INT TERM HUP; while :; do sleep 1; done' &
    echo '{"type":"system"}'; while :; do sleep 1; done;;
esac
exit 7
`;

peerTest({ name: "CLIs that misbehave", ...withClis(codex), os }, async (t) => {
  const step = stepsOf(t);
  await using rig = await CommandRig.start({
    prepare: (home) => onlyPrograms(home, ["codex"], { claude: FAKE, gemini: FAKE }),
  });
  const { api, home, client } = rig;
  /** What a line of these says, as `arpc` writes it beside the CLI's own. */
  const own = (viewer: Viewer, type: string): string =>
    viewer.seen.filter(({ data }) => data?.type === type).map(({ data }) => data.text).join("\n");
  const run = (executor: string, model: string): Viewer =>
    api.run({ executor, model, prompt: "Hi", project_path: home.project, interactive: false });

  // It goes on all the time, and must not notice.
  await using beside = api.run({
    executor: "codex",
    prompt: "[[slow:600]]",
    project_path: home.project,
  });
  await beside.next(({ text }) => text.includes("slow chunk 0. "));

  for (const executor of ["claude", "gemini"]) {
    await step(`${executor}: garbage`, async () => {
      await using viewer = run(executor, "garbage");
      const { success, status, reason } = await viewer.completion();
      deepEqual([success, status], [false, "failed"]);
      ok(reason !== "");
      await viewer.ended();
      viewer.gapless();
      const lines = viewer.seen.map(({ text }) => text);
      for (const line of ["not json", '{"type":', "[1,2", "{}", "null", '"text"']) {
        ok(lines.includes(line), line);
      }
      // As events it is nothing, and breaks nothing.
      await using events = api.watch(viewer.session, { format: "both" });
      equal((await events.completion()).status, "failed");
    });

    await step(`${executor}: a line of 50 MB`, async () => {
      await using viewer = run(executor, "long");
      equal((await viewer.completion()).status, "failed");
      match(own(viewer, "notice"), /line of 52428800 bytes was left out/);
      ok(viewer.seen.every(({ text }) => text.length < 2 ** 24));
    });

    await step(`${executor}: nothing, and an end`, async () => {
      await using viewer = run(executor, "silent");
      const { status, reason, exit_code } = await viewer.completion();
      deepEqual([status, exit_code], ["failed", 3]);
      match(reason, /3/);
      await using second = run(executor, "killed");
      const killed = await second.completion();
      deepEqual([killed.status, killed.exit_code], ["failed", null]);
      match(killed.reason, /SIGKILL/);
    });

    await step(`${executor}: a flood of errors`, async () => {
      await using viewer = run(executor, "stderr");
      const { status, reason } = await viewer.completion();
      equal(status, "failed");
      match(reason, /the last word/);
      const kept = own(viewer, "stderr");
      ok(kept.length > 2 ** 19 && kept.length < 2 ** 21, `${kept.length}`);
      match(own(viewer, "notice"), /rest of it is left out/);
    });

    await step(`${executor}: one that obeys no signal`, async () => {
      await using viewer = run(executor, "stubborn");
      await viewer.next(({ data }) => data?.type === "system");
      const began = performance.now();
      equal((await api.cancel(viewer.session)).status, "cancelled");
      ok(performance.now() - began < PATIENCE_MS);
      equal((await viewer.completion()).status, "cancelled");
      const left = (await rig.processes()).filter((line) => !line.includes("codex"));
      deepEqual(left, []);
    });

    await step(`${executor}: all of it in the way that has approvals`, async () => {
      for (const model of ["garbage", "silent", "long"]) {
        const request = { executor, model, prompt: "Hi", project_path: home.project };
        await using viewer = api.run(request);
        const { status, reason } = await viewer.completion();
        equal(status, "failed");
        ok(reason.length > 0 && reason.length < 1000, reason);
      }
    });
  }

  await step("the session beside is unharmed, and so is arpc", async () => {
    const text = (viewer: Viewer) => viewer.seen.map(({ text }) => text).join("\n");
    const count = beside.seen.length;
    await beside.next(({ text }) => text.includes("slow chunk"), count);
    beside.gapless();
    const seen = [...text(beside).matchAll(/slow chunk (\d+)/g)].map(([, nth]) => Number(nth));
    deepEqual(seen, seen.map((_, nth) => nth));
    equal((await api.session(beside.session)).status, "running");
    const { body }: { body: Json } = await api.ask("GET", "/api/sessions");
    equal(body.sessions.filter((one: Json) => one.status === "running").length, 1);
    deepEqual(client.logs.filter(({ level }) => level === "ERROR"), []);
  });
});

peerTest({ name: "a CLI that does not even say its version", ...withClis(codex), os }, async () => {
  const scripts = {
    claude: "#!/bin/sh\nexit 9\n",
    gemini: "#!/nowhere/interpreter\n",
    qwen: "\u0000\u0001 no program at all",
  };
  await using rig = await CommandRig.start({
    prepare: (home) => onlyPrograms(home, ["codex"], scripts),
  });
  const { api } = rig;
  const { body } = await api.ask("GET", "/api/executors");
  for (const name of Object.keys(scripts)) {
    const [one] = body.executors.filter((executor: Json) => executor.name === name);
    deepEqual([one.installed, one.version], [false, null]);
    ok(one.path.endsWith(`/${name}`) && one.problem.length > 0);
    const request = { executor: name, prompt: "Hi" };
    const refused = await api.ask("POST", "/api/sessions", { body: request });
    equal(refused.status, 422);
    match(refused.body.detail, /cannot be used: .*To install it: npm install/);
  }
  await using viewer = api.run({ executor: "codex", prompt: "[[say:Hi]]" });
  equal((await viewer.completion()).status, "completed");
});
