/**
 * Copilot CLI, GitHub's.
 *
 * @see {@link https://docs.github.com/copilot/how-tos/copilot-cli | Copilot CLI}
 * @module
 */

import { acpDriver } from "../drivers/acp.ts";
import { type Prompt, StartError } from "../drivers/mod.ts";
import { type Carried, streamDriver } from "../drivers/stream.ts";
import { acpGrammar } from "../events/acp.ts";
import { copilotGrammar } from "../events/copilot.ts";
import { oneLine } from "../events/fields.ts";
import { option, tied } from "./arguments.ts";
import type { Executor, Installed, Launch, Mode, Task } from "./mod.ts";

const MODES: readonly Mode[] = [
  {
    name: "default",
    aliases: ["interactive", "agent"],
    about: "Asks before each command and each change of a file.",
  },
  {
    name: "acceptEdits",
    aliases: ["auto_edit", "auto-edit", "autoEdit"],
    about: "Edits files in the project without asking; asks before commands.",
  },
  { name: "plan", about: "Reads and makes a plan." },
  {
    name: "bypassPermissions",
    aliases: ["bypass", "yolo", "allow-all"],
    about: "Asks nothing and may do everything.",
    bypass: true,
  },
];

const TITLE = "Copilot CLI";
const LOGIN = "Run `copilot login`, or set COPILOT_GITHUB_TOKEN.";
/** What its modes are called over ACP. */
const ACP_MODE = "https://agentclientprotocol.com/protocol/session-modes#";

/** See the module. */
export const copilot: Executor = {
  name: "copilot",
  title: TITLE,
  program: "copilot",
  install: "npm install -g @github/copilot",
  login: LOGIN,
  env: [
    ...["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "COPILOT_GH_HOST"],
    ...["COPILOT_HOME", "COPILOT_MODEL", "COPILOT_AUTO_TIER", "COPILOT_AUTO_UPDATE"],
    ...["COPILOT_CUSTOM_INSTRUCTIONS_DIRS", "COPILOT_OFFLINE", "COPILOT_PROVIDER_BASE_URL"],
    ...["COPILOT_PROVIDER_TYPE", "COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BEARER_TOKEN"],
    ...["COPILOT_PROVIDER_API_KEY_COMMAND", "COPILOT_PROVIDER_WIRE_API"],
    ...["COPILOT_PROVIDER_TRANSPORT", "COPILOT_PROVIDER_AZURE_API_VERSION"],
    ...["COPILOT_PROVIDER_MODEL_ID", "COPILOT_PROVIDER_WIRE_MODEL", "COPILOT_PROVIDER_HEADERS"],
    ...["COPILOT_PROVIDER_MAX_PROMPT_TOKENS", "COPILOT_PROVIDER_MAX_OUTPUT_TOKENS"],
    ...["USE_BUILTIN_RIPGREP", "USE_TGREP"],
  ],
  modes: MODES,
  // None of them reaches folders beyond the project, runs programs or answers questions.
  extra: {
    "--agent": true,
    "--available-tools": true,
    "--deny-tool": true,
    "--deny-url": true,
    "--disable-builtin-mcps": false,
    "--disable-mcp-server": true,
    "--excluded-tools": true,
    "--max-ai-credits": true,
    "--no-auto-update": false,
    "--no-custom-instructions": false,
    "--reasoning-effort": true,
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
    launch: (task, installed): Launch => {
      if (!installed.has("--acp")) throw tooOld(installed, "--acp");
      return {
        args: ["--acp", ...common(task, installed)],
        driver: acpDriver({
          title: TITLE,
          login: LOGIN,
          resume: task.resume,
          resumeLast: task.resumeLast,
          // A session that it goes on with may be in another mode.
          mode: ACP_MODE + (task.mode === "plan" ? "plan" : "agent"),
          failure,
        }),
      };
    },
  },
  stream: {
    driver: "stream",
    grammar: copilotGrammar,
    capabilities: {
      approvals: false,
      editable: false,
      followUp: false,
      resume: true,
      images: true,
    },
    launch: (task, installed): Launch => {
      if (!installed.has("--output-format")) throw tooOld(installed, "--output-format");
      return {
        args: [
          "--output-format=json",
          ...session(task, installed),
          ...installed.has("--mode")
            ? option("--mode", task.mode === "plan" ? "plan" : "interactive")
            : [],
          ...common(task, installed),
        ],
        driver: streamDriver(copilotGrammar, { prompt: withImages }),
      };
    },
  },
};

function common(task: Task, installed: Installed): string[] {
  const bypass = MODES.find(({ name }) => name === task.mode)?.bypass === true;
  const edits = task.mode === "acceptEdits" ? ["write"] : [];
  return [
    ...bypass ? [installed.has("--allow-all") ? "--allow-all" : "--allow-all-tools"] : [],
    ...option("--model", task.model),
    ...option("--allow-tool", ...edits, ...task.allowedTools),
    ...tied(task.extra),
  ];
}

function session({ resume, resumeLast, newId }: Task, installed: Installed): string[] {
  if (resume !== undefined) return option("--resume", resume);
  if (resumeLast) return ["--continue"];
  return installed.has("--session-id") ? option("--session-id", newId) : [];
}

/** Over ACP an error of the model is the last thing said, and nothing else tells it from an answer. */
function failure(lastWords: string): string | undefined {
  const [, why] = /^Error: (.+)/s.exec(lastWords) ?? [];
  return why === undefined ? undefined : oneLine(why, 600);
}

/** It takes images beside the words; other files it reads itself, when it may. */
function withImages({ text, attachments }: Prompt): Carried {
  const images = attachments.filter(({ mediaType }) => mediaType.startsWith("image/"));
  const files = attachments.filter((one) => !images.includes(one))
    .map(({ name, mediaType, path }) => `${name} (${mediaType}): ${path}`);
  return {
    args: option("--attachment", ...images.map(({ path }) => path)),
    stdin: files.length === 0 ? text : [text, "", "Attached files:", ...files].join("\n"),
  };
}

function tooOld({ version }: Installed, flag: string): StartError {
  return new StartError(`Copilot CLI ${version} is too old: it has no ${flag}; run copilot update`);
}
