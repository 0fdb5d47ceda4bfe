import { equal, match, ok } from "node:assert/strict";
import { join } from "@std/path";
import { cliHome, CLIS, withClis } from "./clis.ts";
import { DONE, HELLO, startModel } from "./model/mod.ts";
import { peerTest } from "./peers.ts";

/** How each runs one prompt to its end and allows every tool; what speaks to it in `text`. */
const ONE_SHOT: Readonly<Record<string, { args(prompt: string): string[]; text: RegExp }>> = {
  claude: {
    args: (prompt) => ["-p", "--output-format=json", "--allowedTools=Bash", "--", prompt],
    text: /"result":"([^"]*)"/,
  },
  codex: {
    args: (prompt) => {
      const sandbox = ["--sandbox=danger-full-access", "--skip-git-repo-check"];
      return ["exec", "--json", ...sandbox, "--", prompt];
    },
    text: /"type":"agent_message","text":"([^"]*)"}}\n.*turn\.completed/,
  },
  gemini: {
    args: (prompt) => ["-p", prompt, "--output-format=json", "--approval-mode=yolo"],
    text: /"response": "([^"]*)"/,
  },
  qwen: {
    args: (prompt) => ["-p", prompt, "--output-format=json", "--approval-mode=yolo"],
    text: /"result":"([^"]*)"/,
  },
  opencode: {
    args: (prompt) => ["run", "--format=json", prompt],
    text: /"type":"text","text":"([^"]*)".*\n.*"reason":"stop"/,
  },
  copilot: {
    args: (prompt) => ["-p", prompt, "--output-format=json", "--allow-all-tools"],
    text: /"assistant\.message",.*"content":"([^"]*)"[^]*"exitCode":0/,
  },
};

for (const [name, cli] of Object.entries(CLIS)) {
  const { args, text } = ONE_SHOT[name]!;

  peerTest({ name: `${name}: says what the model says`, ...withClis(cli) }, async () => {
    await using model = startModel();
    await using home = await cliHome(model);
    const { code, stdout, stderr } = await home.run(cli, args("hi there"));
    equal(code, 0, stdout + stderr);
    equal(text.exec(stdout)?.[1], HELLO, stdout);
    ok(model.requests.some(({ prompt }) => prompt.includes("hi there")));
  });

  peerTest({ name: `${name}: runs a tool in the project`, ...withClis(cli) }, async () => {
    await using model = startModel();
    await using home = await cliHome(model);
    const prompt = "[[tool:printenv HOME > made.txt; echo loud]]";
    const { code, stdout, stderr } = await home.run(cli, args(prompt));
    equal(code, 0, stdout + stderr);
    match(stdout, new RegExp(DONE));
    // The home that the CLI knows is this one.
    equal((await Deno.readTextFile(join(home.project, "made.txt"))).trim(), home.path);
    const { results } = await model.request(({ results }) => results.length > 0);
    match(results.join(), /loud/);
  });
}
