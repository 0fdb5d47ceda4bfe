/**
 * Qwen Code, Alibaba's.
 *
 * @see {@link https://qwenlm.github.io/qwen-code-docs | Qwen Code}
 * @module
 */

import { acpDriver } from "../drivers/acp.ts";
import { StartError } from "../drivers/mod.ts";
import { streamDriver } from "../drivers/stream.ts";
import { acpGrammar } from "../events/acp.ts";
import { claudeGrammar } from "../events/claude.ts";
import { option, tied } from "./arguments.ts";
import { withPaths } from "./at_paths.ts";
import type { Executor, Installed, Launch, Mode, Task } from "./mod.ts";

/** A mode, and what it is called there. */
type NamedMode = Mode & { approval: string };

const MODES: readonly NamedMode[] = [
  {
    name: "default",
    approval: "default",
    about: "Asks before each command and each change of a file.",
  },
  {
    name: "acceptEdits",
    aliases: ["auto-edit", "auto_edit", "autoEdit"],
    approval: "auto-edit",
    about: "Edits files in the project without asking; asks before commands.",
  },
  { name: "plan", approval: "plan", about: "Reads, and changes nothing." },
  { name: "auto", approval: "auto", about: "A model decides what is asked." },
  {
    name: "bypassPermissions",
    aliases: ["bypass", "yolo"],
    approval: "yolo",
    about: "Asks nothing and may do everything.",
    bypass: true,
  },
];

const TITLE = "Qwen Code";
const LOGIN = "Run `qwen` and log in there, or set OPENAI_API_KEY.";

/** See the module. */
export const qwen: Executor = {
  name: "qwen",
  title: TITLE,
  program: "qwen",
  install: "npm install -g @qwen-code/qwen-code",
  login: LOGIN,
  env: [
    ...[
      "OPENAI_API_KEY",
      "OPENAI_BASE_URL",
      "OPENAI_MODEL",
      "QWEN_MODEL",
      "QWEN_HOME",
      "QWEN_RUNTIME_DIR",
    ],
    ...["DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY", "QWEN_DEFAULT_AUTH_TYPE"],
    ...["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "GEMINI_API_KEY"],
    ...["GEMINI_MODEL", "GOOGLE_API_KEY", "GOOGLE_MODEL", "GOOGLE_APPLICATION_CREDENTIALS"],
    ...["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "QWEN_SANDBOX", "SEATBELT_PROFILE"],
    ...["QWEN_TELEMETRY_ENABLED", "QWEN_CODE_SYSTEM_SETTINGS_PATH", "TAVILY_API_KEY"],
  ],
  modes: MODES,
  // None of them reaches folders beyond the project, runs programs or answers questions.
  extra: {
    "--allowed-mcp-server-names": true,
    "--append-system-prompt": true,
    "--auth-type": true,
    "--exclude-tools": true,
    "--extensions": true,
    "--fallback-model": true,
    "--fork-session": false,
    "--include-partial-messages": false,
    "--max-session-turns": true,
    "--max-tool-calls": true,
    "--max-wall-time": true,
    "--safe-mode": false,
    "--sandbox": false,
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
    launch: (task, installed): Launch => ({
      args: [installed.has("--acp") ? "--acp" : "--experimental-acp", ...common(task, installed)],
      driver: acpDriver({
        title: TITLE,
        login: LOGIN,
        resume: task.resume,
        resumeLast: task.resumeLast,
      }),
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
      args: [
        "--output-format=stream-json",
        ...session(task, installed),
        ...common(task, installed),
      ],
      driver: streamDriver(claudeGrammar, { prompt: withPaths }),
    }),
  },
};

function common(task: Task, installed: Installed): string[] {
  if (!installed.has("--approval-mode")) {
    throw new StartError(
      `Qwen Code ${installed.version} is too old: it has no --approval-mode; run qwen update`,
    );
  }
  const mode = MODES.find(({ name }) => name === task.mode) ?? MODES[0]!;
  return [
    ...option("--approval-mode", mode.approval),
    ...option("--model", task.model),
    ...option("--allowed-tools", ...task.allowedTools),
    ...tied(task.extra),
  ];
}

function session({ resume, resumeLast, newId }: Task, installed: Installed): string[] {
  if (resume !== undefined) return option("--resume", resume);
  if (resumeLast) return ["--continue"];
  return installed.has("--session-id") ? option("--session-id", newId) : [];
}
