/**
 * The stub model by hand: to try the CLIs, and command mode, without an account.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 tests/model/main.ts 8765
 * ```
 *
 * @module
 */

import { Model } from "./mod.ts";

// deno-lint-ignore no-console -- it is run by hand
const say = console.log;

const model = new Model(Number(Deno.args[0] ?? 8765), ({ protocol, prompt, results }) => {
  const said = [...results, prompt].join(" ").replaceAll(/\s+/g, " ");
  say(`${protocol}: …${said.slice(-100)}`);
});
say(`No model, but its API, on ${model.url}. Prompts may say [[tool:ls -l]], [[slow:10]],
[[error:500]], [[say:TEXT]]; all others are greeted. To send CLIs here, set:

  Claude Code   ANTHROPIC_BASE_URL=${model.url} ANTHROPIC_API_KEY=fake
  Gemini CLI    GOOGLE_GEMINI_BASE_URL=${model.url} GEMINI_API_KEY=fake
  Qwen Code     OPENAI_BASE_URL=${model.url}/v1 OPENAI_API_KEY=fake OPENAI_MODEL=stub
  Copilot CLI   COPILOT_PROVIDER_BASE_URL=${model.url}/v1 COPILOT_PROVIDER_TYPE=openai
                COPILOT_PROVIDER_API_KEY=fake COPILOT_MODEL=stub COPILOT_OFFLINE=true

Codex and opencode want files: tests/cli_config.ts has them.
`);
