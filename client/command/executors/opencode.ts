/**
 * opencode, for the models of any vendor.
 *
 * @see {@link https://opencode.ai/docs/cli | opencode: CLI}
 * @module
 */

import { acpDriver } from "../drivers/acp.ts";
import { type Prompt, StartError } from "../drivers/mod.ts";
import { type Carried, streamDriver } from "../drivers/stream.ts";
import { acpGrammar } from "../events/acp.ts";
import { opencodeGrammar } from "../events/opencode.ts";
import { option, tied } from "./arguments.ts";
import type { Executor, Installed, Launch, Mode, Task } from "./mod.ts";

const MODES: readonly Mode[] = [
  {
    name: "default",
    aliases: ["ask", "build"],
    about: "Asks before each command, each change of a file, and before it fetches from the web; " +
      "what MCP servers do is up to its own configuration.",
  },
  {
    name: "acceptEdits",
    aliases: ["auto_edit", "auto-edit", "autoEdit"],
    about: "Edits files in the project without asking; asks before commands.",
  },
  { name: "plan", about: "Reads and makes a plan; asks before commands." },
  {
    name: "bypassPermissions",
    aliases: ["bypass", "auto", "yolo"],
    about: "Asks nothing, and may do all that its own configuration does not deny.",
    bypass: true,
  },
];

const TITLE = "opencode";
const LOGIN = "Run `opencode auth login`.";

/** See the module. */
export const opencode: Executor = {
  name: "opencode",
  title: TITLE,
  program: "opencode",
  help: [["run", "--help"], ["acp", "--help"]],
  install: "npm install -g opencode-ai",
  login: LOGIN,
  env: [
    ...[
      "OPENCODE_DB",
      "OPENCODE_CONFIG",
      "OPENCODE_CONFIG_DIR",
      "OPENCODE_CONFIG_CONTENT",
      "OPENCODE_API_KEY",
    ],
    ...["OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_LSP_DOWNLOAD", "OPENCODE_MODELS_URL"],
    ...["OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_CLAUDE_CODE", "OPENCODE_ENABLE_EXA"],
    ...["OPENCODE_GIT_BASH_PATH", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"],
    ...["GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "OPENROUTER_API_KEY", "GROQ_API_KEY"],
    ...["MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "TOGETHER_API_KEY"],
    ...["CEREBRAS_API_KEY", "FIREWORKS_API_KEY", "MOONSHOT_API_KEY", "ZHIPU_API_KEY"],
    ...["DASHSCOPE_API_KEY", "AZURE_API_KEY", "AZURE_RESOURCE_NAME", "GITHUB_TOKEN"],
    ...["AWS_PROFILE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ...["AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "GOOGLE_APPLICATION_CREDENTIALS"],
    ...["GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_LOCATION", "VERTEX_LOCATION", "OLLAMA_HOST"],
  ],
  modes: MODES,
  // None of them reaches another machine or folder, or answers questions; `acp` takes only --pure.
  extra: {
    "--fork": false,
    "--pure": false,
    "--thinking": false,
    "--title": true,
    "--variant": true,
  },
  interactive: {
    driver: "acp",
    grammar: acpGrammar(),
    capabilities: {
      approvals: true,
      editable: false,
      followUp: true,
      resume: true,
      images: true,
    },
    launch: interactive,
  },
  stream: {
    driver: "stream",
    grammar: opencodeGrammar,
    capabilities: {
      approvals: false,
      editable: false,
      followUp: false,
      resume: true,
      images: true,
    },
    launch: oneTurn,
  },
};

function interactive(task: Task): Launch {
  checkTools(task);
  const { bypass = false } = modeOf(task);
  const unknown = task.extra.find((word) => word !== "--pure");
  if (unknown !== undefined) {
    throw new StartError(
      `opencode acp takes only --pure; leave ${unknown} out, or say interactive: false`,
    );
  }
  return {
    args: ["acp", ...task.extra],
    env: permissions(task),
    driver: acpDriver({
      title: TITLE,
      login: LOGIN,
      resume: task.resume,
      resumeLast: task.resumeLast,
      mode: task.mode === "plan" ? "plan" : undefined,
      model: task.model,
      approves: bypass,
    }),
  };
}

/** Without anybody to ask, what would be asked is refused. */
function oneTurn(task: Task, installed: Installed): Launch {
  checkTools(task);
  const { bypass = false } = modeOf(task);
  if (bypass && !installed.has("--auto")) {
    throw new StartError(`opencode ${installed.version} is too old: run has no --auto`);
  }
  return {
    args: [
      ...["run", "--format=json"],
      ...option("--session", task.resume),
      ...task.resume === undefined && task.resumeLast ? ["--continue"] : [],
      ...option("--model", task.model),
      ...option("--agent", task.mode === "plan" ? "plan" : undefined),
      ...bypass ? ["--auto"] : [],
      ...tied(task.extra),
    ],
    env: permissions(task),
    driver: streamDriver(opencodeGrammar, { prompt: withFiles, endsAtExit: true }),
  };
}

function modeOf(task: Task): Mode {
  return MODES.find(({ name }) => name === task.mode) ?? MODES[0]!;
}

/**
 * By itself it asks for nothing. These are merged over the user's own rules, of which a more specific
 * one still counts: the last that fits does, and `*` stays where it stood. The plan agent denies edits
 * by a rule of its own, which one of ours would lift.
 */
function permissions(task: Task): Record<string, string> {
  const { name, bypass } = modeOf(task);
  if (bypass) return {};
  const asked = ["bash", "webfetch", "websearch", ...name === "default" ? ["edit"] : []];
  return {
    OPENCODE_PERMISSION: JSON.stringify(
      Object.fromEntries(asked.map((what) => [what, { "*": "ask" }])),
    ),
  };
}

function checkTools({ allowedTools }: Task): void {
  if (allowedTools.length === 0) return;
  throw new StartError(
    "allowed_tools: opencode has no such list; leave it out, and set permission in opencode.json",
  );
}

function withFiles({ text, attachments }: Prompt): Carried {
  return { args: option("--file", ...attachments.map(({ path }) => path)), stdin: text };
}
