/**
 * Codex, OpenAI's.
 *
 * @see {@link https://developers.openai.com/codex/cli/reference | Codex CLI: reference}
 * @module
 */

import { parseArgs } from "node:util";
import { codexAppServerDriver, type ThreadOptions } from "../drivers/codex_app_server.ts";
import { imagesOf, wordsOf } from "../drivers/codex_prompt.ts";
import { type Prompt, StartError } from "../drivers/mod.ts";
import { type Carried, streamDriver } from "../drivers/stream.ts";
import { codexGrammar } from "../events/codex.ts";
import { codexExecGrammar } from "../events/codex_exec.ts";
import type { Executor, Installed, Launch, Task } from "./mod.ts";

/** What a mode means to Codex: when it asks, and what its sandbox allows. */
type Limits = Pick<ThreadOptions, "approvalPolicy" | "sandbox">;

/** The first is the default. */
const MODES = {
  default: { approvalPolicy: "untrusted", sandbox: "workspace-write" },
  acceptEdits: { approvalPolicy: "on-request", sandbox: "workspace-write" },
  plan: { approvalPolicy: "never", sandbox: "read-only" },
  bypassPermissions: { approvalPolicy: "never", sandbox: "danger-full-access" },
} as const satisfies Record<string, Limits>;

/** Settings that a request may choose: none of them runs a program, or names a file or an address. */
const SETTINGS: ReadonlySet<string> = new Set([
  "model_reasoning_effort",
  "model_reasoning_summary",
  "model_verbosity",
  "web_search",
]);

/** See the module. */
export const codex: Executor = {
  name: "codex",
  title: "Codex",
  program: "codex",
  help: [["exec", "--help"]],
  install: "npm install -g @openai/codex",
  login: "Run `codex login`, or set CODEX_API_KEY or OPENAI_API_KEY.",
  // The key of another provider has whatever name the user's file gives it: that takes --pass-env.
  env: [
    ...["CODEX_HOME", "CODEX_SQLITE_HOME", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN"],
    ...["CODEX_CA_CERTIFICATE", "CODEX_OSS_BASE_URL", "CODEX_OSS_PORT"],
    ...["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORGANIZATION", "OPENAI_PROJECT"],
  ],
  modes: [
    {
      name: "default",
      aliases: ["manual", "untrusted"],
      about:
        "Asks before each command and each change of a file; where it cannot ask, it only reads.",
    },
    {
      name: "acceptEdits",
      aliases: ["auto", "auto_edit", "auto-edit", "on-request", "full-auto", "workspace-write"],
      about: "Works inside of its sandbox, which lets it write in the project; asks to leave it.",
    },
    {
      name: "plan",
      aliases: ["read-only"],
      about: "Reads, and changes nothing.",
    },
    {
      name: "bypassPermissions",
      aliases: ["yolo", "danger-full-access"],
      about: "Asks nothing, and runs without a sandbox.",
      bypass: true,
    },
  ],
  extra: { "--search": false, "--profile": true, "-c": true, "--config": true },
  interactive: {
    driver: "codex-app-server",
    grammar: codexGrammar,
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
    grammar: codexExecGrammar,
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
  const { settings, profile } = chosen(task);
  if (profile !== undefined) {
    throw new StartError(
      "--profile: codex app-server takes none; leave it out, or say interactive: false",
    );
  }
  return {
    args: ["app-server"],
    driver: codexAppServerDriver({
      ...limits(task),
      ...task.model === undefined ? {} : { model: task.model },
      config: settings,
      ...task.resume === undefined ? {} : { resume: task.resume },
      resumeLast: task.resumeLast,
    }),
  };
}

/** `codex exec` asks nobody: what would need a yes fails. So the default mode only reads. */
function oneTurn(task: Task, installed: Installed): Launch {
  if (!installed.has("--json")) {
    throw new StartError(`Codex ${installed.version} is too old: it has no exec --json`);
  }
  const { settings, profile } = chosen(task);
  const { approvalPolicy, sandbox } = limits(task);
  const last = task.resume === undefined && task.resumeLast;
  return {
    args: [
      ...["exec", "--json", "--skip-git-repo-check"],
      ...["--sandbox", approvalPolicy === "untrusted" ? "read-only" : sandbox],
      ...task.model === undefined ? [] : [`--model=${task.model}`],
      ...profile === undefined ? [] : [`--profile=${profile}`],
      ...Object.entries(settings).map(([key, value]) => `--config=${key}=${value}`),
      ...task.resume === undefined ? [] : ["resume"],
      ...last ? ["resume", "--last"] : [],
    ],
    driver: streamDriver(codexExecGrammar, {
      prompt: (prompt) => carried(prompt, task.resume),
    }),
  };
}

/** The words come by standard input, for which `-` stands. */
function carried(prompt: Prompt, resume: string | undefined): Carried {
  const images = imagesOf(prompt).map(({ path }) => `--image=${path}`);
  const ids = resume === undefined ? [] : [resume];
  return { args: [...images, "--", ...ids, "-"], stdin: wordsOf(prompt) };
}

function limits({ mode = "default" }: Task): Limits {
  const found = Object.entries(MODES).find(([name]) => name === mode);
  if (found === undefined) throw new StartError(`Codex has no mode ${mode}`);
  return found[1];
}

/** What of its own arguments a request chose, so that none is passed on as it came. */
function chosen({ extra, allowedTools }: Task): {
  settings: Record<string, string>;
  profile: string | undefined;
} {
  if (allowedTools.length > 0) {
    throw new StartError(
      "allowed_tools: Codex has no such list; leave it out, and say yes to it for the session",
    );
  }
  const { values } = parseArgs({
    args: [...extra],
    options: {
      search: { type: "boolean" },
      profile: { type: "string" },
      config: { type: "string", short: "c", multiple: true },
    },
  });
  const settings = Object.fromEntries((values.config ?? []).map(setting));
  if (values.search) settings.web_search = "live";
  if (values.profile !== undefined && !/^\w[\w-]*$/.test(values.profile)) {
    throw new StartError(`--profile: expected a plain name, found ${quoted(values.profile)}`);
  }
  return { settings, profile: values.profile };
}

function setting(text: string): [key: string, value: string] {
  const [, key = "", value = ""] = /^(\w+)="?([\w-]+)"?$/.exec(text) ?? [];
  if (SETTINGS.has(key)) return [key, value];
  throw new StartError(
    `--config: expected KEY=WORD with one of ${[...SETTINGS].join(", ")}, found ${quoted(text)}`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
