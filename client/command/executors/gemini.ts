/**
 * Gemini CLI, Google's.
 *
 * @see {@link https://geminicli.com/docs/cli/cli-reference | Gemini CLI: reference}
 * @module
 */

import { acpDriver } from "../drivers/acp.ts";
import { StartError } from "../drivers/mod.ts";
import { streamDriver } from "../drivers/stream.ts";
import { acpGrammar } from "../events/acp.ts";
import { geminiGrammar } from "../events/gemini.ts";
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
    aliases: ["auto_edit", "auto-edit", "autoEdit"],
    approval: "auto_edit",
    about: "Edits files in the project without asking; asks before commands.",
  },
  { name: "plan", approval: "plan", about: "Reads, and changes nothing." },
  {
    name: "bypassPermissions",
    aliases: ["bypass", "yolo"],
    approval: "yolo",
    about: "Asks nothing and may do everything.",
    bypass: true,
  },
];

const TITLE = "Gemini CLI";
const LOGIN = "Run `gemini` and log in there, or set GEMINI_API_KEY.";

/** A prompt that was cancelled is taken out of its history, and a session without any is not kept. */
const UNKEPT = new Set<string>();

/** See the module. */
export const gemini: Executor = {
  name: "gemini",
  title: TITLE,
  program: "gemini",
  install: "npm install -g @google/gemini-cli",
  login: LOGIN,
  env: [
    ...["GEMINI_API_KEY", "GEMINI_MODEL", "GEMINI_CLI_HOME", "GOOGLE_API_KEY"],
    ...["GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI"],
    ...["GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_API_VERSION", "GOOGLE_APPLICATION_CREDENTIALS"],
    ...["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID", "GOOGLE_CLOUD_LOCATION"],
    ...["GOOGLE_CLOUD_ACCESS_TOKEN", "CLOUD_SHELL", "GEMINI_SANDBOX", "SEATBELT_PROFILE"],
    ...["GEMINI_CLI_CUSTOM_HEADERS", "GEMINI_API_KEY_AUTH_MECHANISM", "GEMINI_SYSTEM_MD"],
    ...["GEMINI_CLI_TRUST_WORKSPACE", "GEMINI_CLI_SYSTEM_SETTINGS_PATH"],
    ...["GEMINI_CLI_SYSTEM_DEFAULTS_PATH", "GEMINI_TELEMETRY_ENABLED"],
  ],
  modes: MODES,
  // None of them reaches folders beyond the project, runs programs or answers questions.
  extra: {
    "--allowed-mcp-server-names": true,
    "--extensions": true,
    "--sandbox": false,
  },
  interactive: {
    driver: "acp",
    grammar: acpGrammar({ announcesByAsking: true }),
    capabilities: {
      approvals: true,
      editable: false,
      followUp: true,
      resume: true,
      images: true,
    },
    launch: (task, installed): Launch => ({
      args: [installed.has("--acp") ? "--acp" : "--experimental-acp", ...common(task, installed)],
      env: environment(installed),
      driver: acpDriver({
        title: TITLE,
        login: LOGIN,
        resume: task.resume,
        resumeLast: task.resumeLast,
        loadAs,
        unkept: UNKEPT,
      }),
    }),
  },
  stream: {
    driver: "stream",
    grammar: geminiGrammar,
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
      env: environment(installed),
      driver: streamDriver(geminiGrammar, { prompt: withPaths }),
    }),
  },
};

/**
 * The ids by which a session is loaded. In the minute in which a session was made, loading it by its
 * own id overwrites it: what loads it begins a session first, in a file that has the minute and the
 * id's first characters as its name. The id is trimmed when it is looked up, but not in that name, so
 * with a space before it the file is another.
 *
 * @see {@link https://github.com/google-gemini/gemini-cli/issues/28693 | google-gemini/gemini-cli#28693}
 */
function loadAs(id: string): string[] {
  return [` ${id}`, id];
}

/** Where it would start itself anew with more memory, signals would not reach the one that works. */
function environment(installed: Installed): Record<string, string> {
  const trust = installed.has("--skip-trust") ? {} : { GEMINI_CLI_TRUST_WORKSPACE: "true" };
  return { GEMINI_CLI_NO_RELAUNCH: "true", ...trust };
}

/** The folder lies below one of the project roots: that is what its user trusts. */
function common(task: Task, installed: Installed): string[] {
  if (!installed.has("--approval-mode")) {
    throw new StartError(
      `Gemini CLI ${installed.version} is too old: it has no --approval-mode; install it anew`,
    );
  }
  const mode = MODES.find(({ name }) => name === task.mode) ?? MODES[0]!;
  return [
    ...installed.has("--skip-trust") ? ["--skip-trust"] : [],
    ...option("--approval-mode", mode.approval),
    ...option("--model", task.model),
    ...option("--allowed-tools", ...task.allowedTools),
    ...tied(task.extra),
  ];
}

function session({ resume, resumeLast, newId }: Task, installed: Installed): string[] {
  if (resume !== undefined || resumeLast) return option("--resume", resume ?? "latest");
  return installed.has("--session-id") ? option("--session-id", newId) : [];
}
