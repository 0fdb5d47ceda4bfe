import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { delimiter, dirname, join } from "@std/path";
import { codex as executor } from "../client/command/executors/codex.ts";
import { calls, codexTest, exists, sandboxed, UNIX } from "./command_codex.ts";
import { APPROVE, converse, DENY, RecordingHost } from "./command_driver.ts";
import { DONE } from "./model/mod.ts";

/** A patch as Codex's own models write one. */
const PATCH = `apply_patch <<'EOF'
*** Begin Patch
*** Add File: new.txt
+one
*** Update File: old.txt
@@
-before
+after
*** End Patch
EOF`;

/** An MCP server with two tools: one answers, the other asks who is there first. */
const MCP = `
const say = (message) => console.log(JSON.stringify({ jsonrpc: "2.0", ...message }));
const result = (id, text) => say({ id, result: { content: [{ type: "text", text }] } });
let waiting;
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params, result: answer } = JSON.parse(line);
  const tool = (name) => ({ name, description: name, inputSchema: { type: "object" } });
  const { protocolVersion } = params ?? {};
  const serverInfo = { name: "bell", version: "1" };
  if (method === "initialize") {
    say({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  } else if (method === "tools/list") {
    say({ id, result: { tools: [tool("ring"), tool("greet")] } });
  } else if (method === "tools/call" && params.name === "ring") {
    result(id, "ding " + params.arguments.times);
  } else if (method === "tools/call") {
    waiting = id;
    const requestedSchema = { type: "object", properties: { name: { type: "string" } } };
    say({ id: "who", method: "elicitation/create", params: { message: "Who?", requestedSchema } });
  } else if (id === "who") {
    result(waiting, "hello " + answer.content.name);
  } else if (id !== undefined) {
    say({ id, result: {} });
  }
});
`;

codexTest("a command runs after a yes", async (home) => {
  const host = new RecordingHost(APPROVE);
  await using talk = await converse(executor, home, host);
  deepStrictEqual(await talk.turn("[[tool:echo made > made.txt]]"), { status: "completed" });
  strictEqual(await Deno.readTextFile(join(home.project, "made.txt")), "made\n");
  strictEqual(host.said(talk.style), DONE);
  const [question] = host.questions;
  strictEqual(question?.tool, "commandExecution");
  strictEqual(question.title, "Run echo made > made.txt");
  deepStrictEqual(question.scopes, ["once", "session", "always"]);
  const [call, result] = calls(talk, question.toolCallId);
  strictEqual(call?.sessionUpdate, "tool_call");
  deepStrictEqual([result?.sessionUpdate, result?.status, result?.rawOutput], [
    "tool_call_update",
    "completed",
    { exitCode: 0 },
  ]);
});

codexTest(
  "a command that was denied does not run, and the model learns why",
  async (home, model) => {
    const host = new RecordingHost(() => ({ action: "deny", reason: "not on Fridays" }));
    await using talk = await converse(executor, home, host);
    deepStrictEqual(await talk.turn("[[tool:touch made.txt]]"), { status: "completed" });
    strictEqual(await exists(join(home.project, "made.txt")), false);
    ok(model.requests.at(-1)!.prompt.includes("The user said no: not on Fridays"));
    const events = calls(talk, host.questions[0]!.toolCallId);
    strictEqual(events.at(-1)?.status, "failed");
    deepStrictEqual(host.notices, []);
  },
);

codexTest("what was allowed for the session is not asked again", async (home) => {
  const host = new RecordingHost(() => ({ action: "approve", scope: "session" }));
  await using talk = await converse(executor, home, host);
  await talk.turn("[[tool:date > made.txt]]");
  await Deno.remove(join(home.project, "made.txt"));
  await talk.turn("Again [[tool:date > made.txt]]");
  ok(await exists(join(home.project, "made.txt")));
  strictEqual(host.questions.length, 1);
  await talk.turn("[[tool:date > other.txt]]");
  strictEqual(host.questions.length, 2);
});

codexTest("what was allowed for ever is not asked in the next process", async (home) => {
  for (const questions of [1, 0]) {
    const host = new RecordingHost(() => ({ action: "approve", scope: "always" }));
    await using talk = await converse(executor, home, host);
    await talk.turn("[[tool:touch made.txt]]");
    strictEqual(host.questions.length, questions);
    await Deno.remove(join(home.project, "made.txt"));
  }
});

codexTest("a change of files is asked with its diff", async (home) => {
  await Deno.writeTextFile(join(home.project, "old.txt"), "before\n");
  const host = new RecordingHost(APPROVE);
  await using talk = await converse(executor, home, host);
  deepStrictEqual(await talk.turn(`[[tool:${PATCH}]]`), { status: "completed" });
  strictEqual(await Deno.readTextFile(join(home.project, "old.txt")), "after\n");
  strictEqual(await Deno.readTextFile(join(home.project, "new.txt")), "one\n");
  const [question] = host.questions;
  deepStrictEqual([question?.tool, question?.title], ["fileChange", "Edit new.txt, old.txt"]);
  const { changes } = question!.input as { changes: { diff: string }[] };
  deepStrictEqual(changes.map(({ diff }) => diff), ["one\n", "@@ -1 +1 @@\n-before\n+after\n"]);
  const [call] = calls(talk, question!.toolCallId);
  deepStrictEqual(call?.content, [
    { type: "diff", path: join(home.project, "new.txt"), oldText: null, newText: "one\n" },
    {
      type: "diff",
      path: join(home.project, "old.txt"),
      oldText: "before\n",
      newText: "after\n",
    },
  ]);
});

codexTest("a change of files that was denied does not happen", async (home) => {
  const host = new RecordingHost(() => ({ action: "deny" }));
  await using talk = await converse(executor, home, host);
  await Deno.writeTextFile(join(home.project, "old.txt"), "before\n");
  deepStrictEqual(await talk.turn(`[[tool:${PATCH}]]`), { status: "completed" });
  strictEqual(await exists(join(home.project, "new.txt")), false);
});

codexTest("a yes is enough where the sandbox does not work", async (home) => {
  // Codex takes the one in PATH before its own, if it knows these.
  const bwrap = await home.write(
    "bin/bwrap",
    `#!/bin/sh
[ "$1" = --help ] && echo '--argv0 --perms --as-pid-1' && exit
echo 'no rights' >&2
exit 1
`,
  );
  await Deno.chmod(bwrap, 0o755);
  const env = { PATH: [dirname(bwrap), home.env.PATH].join(delimiter) };
  const host = new RecordingHost(APPROVE);
  await using talk = await converse(executor, home, host, { env });
  deepStrictEqual(await talk.turn("[[tool:if true; then touch made.txt; fi]]"), {
    status: "completed",
  });
  strictEqual(host.questions.length, 1);
  ok(await exists(join(home.project, "made.txt")));
  ok(host.notices.some((text) => text.includes("no rights")), host.notices.join());
}, ["linux"]);

codexTest(
  "tools of MCP servers are asked for, and what the servers ask too",
  async (home, model) => {
    const script = await home.write("bell.cjs", MCP);
    const config = join(home.env.CODEX_HOME!, "config.toml");
    const server = `\n[mcp_servers.bell]\ncommand = "node"\nargs = [${JSON.stringify(script)}]\n`;
    await Deno.writeTextFile(config, server, { append: true });
    const host = new RecordingHost(() => ({ action: "approve", scope: "session" }));
    await using talk = await converse(executor, home, host);
    for (const times of [1, 2]) {
      await talk.turn(`[[mcp:ring {"times": ${times}}]]`);
      ok(model.requests.at(-1)!.results.some((text) => text.includes(`ding ${times}`)));
    }
    const [question] = host.questions;
    deepStrictEqual([host.questions.length, question?.tool, question?.input], [1, "bell: ring", {
      times: 1,
    }]);
    strictEqual(calls(talk, question!.toolCallId)[0]?.title, "bell: ring");
    host.answer = ({ editable }) => ({
      action: "approve",
      scope: "once",
      ...editable ? { modifiedInput: { content: { name: "Ann" } } } : {},
    });
    await talk.turn("[[mcp:greet {}]]");
    strictEqual(host.questions.at(-1)!.title, "Who?");
    ok(model.requests.at(-1)!.results.some((text) => text.includes("hello Ann")));
    host.answer = DENY;
    await talk.turn("Again [[mcp:greet {}]]");
    strictEqual(model.requests.at(-1)!.results.some((text) => text.includes("hello")), false);
  },
);

codexTest("modes: what is asked, and what happens", async (home) => {
  const expected = { acceptEdits: await sandboxed(home), plan: false, bypassPermissions: true };
  for (const [mode, made] of Object.entries(expected)) {
    const host = new RecordingHost(DENY);
    await using talk = await converse(executor, home, host, { mode });
    deepStrictEqual(await talk.turn(`[[tool:touch ${mode}.txt]]`), { status: "completed" });
    strictEqual(host.questions.length, 0, mode);
    strictEqual(await exists(join(home.project, `${mode}.txt`)), made, mode);
  }
}, UNIX);
