/**
 * Claude Code, Anthropic's.
 *
 * @see {@link https://docs.claude.com/en/docs/claude-code/cli-reference | Claude Code: reference}
 * @module
 */

import { blocksOf } from "../drivers/claude_message.ts";
import { claudeStdio } from "../drivers/claude_stdio.ts";
import { type Prompt, StartError } from "../drivers/mod.ts";
import { type Carried, streamDriver } from "../drivers/stream.ts";
import { claudeGrammar } from "../events/claude.ts";
import type { Executor, Installed, Launch, Task } from "./mod.ts";

/** See the module. */
export const claude: Executor = {
  name: "claude",
  title: "Claude Code",
  program: "claude",
  install: "npm install -g @anthropic-ai/claude-code",
  login: "Run `claude` and log in there, or set ANTHROPIC_API_KEY.",
  env: [
    ...["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"],
    ...["ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_BETAS", "ANTHROPIC_SMALL_FAST_MODEL"],
    ...["ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL"],
    ...["ANTHROPIC_DEFAULT_HAIKU_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL"],
    ...["CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"],
    ...["CLAUDE_CODE_MAX_RETRIES", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "CLAUDE_CODE_EFFORT_LEVEL"],
    ...["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY"],
    ...["DISABLE_ERROR_REPORTING", "CLAUDE_CODE_GIT_BASH_PATH", "CLAUDE_CODE_TMPDIR"],
    ...["BASH_DEFAULT_TIMEOUT_MS", "BASH_MAX_TIMEOUT_MS", "BASH_MAX_OUTPUT_LENGTH"],
    ...["API_TIMEOUT_MS", "MAX_THINKING_TOKENS", "MCP_TIMEOUT", "MCP_TOOL_TIMEOUT"],
    ...["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH", "ANTHROPIC_BEDROCK_BASE_URL"],
    ...["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"],
    ...["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"],
    ...["CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH", "ANTHROPIC_VERTEX_BASE_URL"],
    ...["ANTHROPIC_VERTEX_PROJECT_ID", "CLOUD_ML_REGION", "GOOGLE_APPLICATION_CREDENTIALS"],
    ...["GOOGLE_CLOUD_PROJECT", "CLAUDE_CODE_USE_FOUNDRY", "ANTHROPIC_FOUNDRY_API_KEY"],
    ...["ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"],
    // Says that root may bypass permissions: the machine is only for this.
    "IS_SANDBOX",
  ],
  modes: [
    {
      name: "default",
      aliases: ["manual"],
      about: "Asks before each tool that changes something, and before each command.",
    },
    {
      name: "acceptEdits",
      aliases: ["auto_edit", "auto-edit", "autoEdit"],
      about: "Edits files in the project without asking; asks before commands.",
    },
    { name: "plan", about: "Reads and makes a plan, which it brings before it begins." },
    { name: "auto", about: "A model decides what is asked. Not every account has it." },
    { name: "dontAsk", about: "Asks nothing: what its own settings do not allow is denied." },
    {
      name: "bypassPermissions",
      aliases: ["bypass", "yolo"],
      about: "Asks nothing and may do everything; as root only with IS_SANDBOX=1.",
      bypass: true,
    },
  ],
  // None of them reaches folders beyond the project, runs programs or answers questions.
  extra: {
    "--agent": true,
    "--append-system-prompt": true,
    "--disallowedTools": true,
    "--effort": true,
    "--fallback-model": true,
    "--fork-session": false,
    "--include-partial-messages": false,
    "--json-schema": true,
    "--max-budget-usd": true,
    "--max-turns": true,
    "--name": true,
    "--restricted": false,
    "--safe-mode": false,
    "--strict-mcp-config": false,
    "--tools": true,
  },
  interactive: {
    driver: "claude-stdio",
    grammar: claudeGrammar,
    capabilities: {
      approvals: true,
      editable: true,
      followUp: true,
      resume: true,
      images: true,
    },
    launch: (task, installed): Launch => ({
      // The flag is not in its help, and asks by the same pipe what others ask an MCP server.
      args: [...common(task, installed), "--permission-prompt-tool=stdio"],
      driver: claudeStdio,
    }),
  },
  stream: {
    driver: "stream",
    grammar: claudeGrammar,
    capabilities: {
      approvals: false,
      editable: false,
      followUp: false,
      resume: true,
      images: true,
    },
    launch: (task, installed): Launch => ({
      args: common(task, installed),
      driver: streamDriver(claudeGrammar, { prompt: oneMessage }),
    }),
  },
};

function common(task: Task, installed: Installed): string[] {
  if (!installed.has("--input-format")) {
    throw new StartError(
      `Claude Code ${installed.version} is too old: it has no --input-format; run claude update`,
    );
  }
  return [
    ...["--print", "--verbose", "--input-format=stream-json", "--output-format=stream-json"],
    ...session(task, installed),
    ...task.model === undefined ? [] : [`--model=${task.model}`],
    ...task.mode === undefined ? [] : [`--permission-mode=${task.mode}`],
    ...task.allowedTools.map((tool) => `--allowedTools=${tool}`),
    ...joined(task.extra),
  ];
}

function session({ resume, resumeLast, newId, extra }: Task, installed: Installed): string[] {
  const id = installed.has("--session-id") ? [`--session-id=${newId}`] : [];
  if (resume === undefined && !resumeLast) return id;
  const old = resume === undefined ? "--continue" : `--resume=${resume}`;
  return extra.includes("--fork-session") ? [old, ...id] : [old];
}

/** With each value tied to its flag: some flags take all the words that follow. */
function joined(extra: readonly string[]): string[] {
  const args: string[] = [];
  for (const word of extra) {
    if (word.startsWith("-")) args.push(word);
    else args.push(`${args.pop()}=${word}`);
  }
  return args;
}

/** One message, behind which standard input ends: so images come with it as well. */
async function oneMessage(prompt: Prompt): Promise<Carried> {
  const message = { role: "user", content: await blocksOf(prompt) };
  return { stdin: JSON.stringify({ type: "user", message, parent_tool_use_id: null }) };
}
