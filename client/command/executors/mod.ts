/**
 * An executor is one AI coding CLI: what it is called, how it is started, and how it is spoken with.
 * A new one is one file and one line in {@link EXECUTORS}.
 *
 * @module
 */

import type { Driver } from "../drivers/mod.ts";
import type { Grammar } from "../events/mod.ts";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { copilot } from "./copilot.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";
import { qwen } from "./qwen.ts";

/** What may name a session of a CLI: no flag, no address, and no file, which some CLIs would read. */
export const CLI_SESSION = /^(?!.*\.jsonl?$)[\w.:~][\w.:~-]{0,199}$/i;

/** What a session asks of a CLI, checked. */
export interface Task {
  /** A fresh UUID, for CLIs that let one choose the id of the session. */
  newId: string;
  cwd: string;
  model: string | undefined;
  /** One of {@link Executor.modes}. */
  mode: string | undefined;
  allowedTools: readonly string[];
  /** The CLI's id of the session to go on with. */
  resume: string | undefined;
  /** Go on with the newest session of this folder. */
  resumeLast: boolean;
  /** Further arguments, each of them allowed by {@link Executor.extra}. */
  extra: readonly string[];
}

/** The CLI as it is on this machine. */
export interface Installed {
  /** Full path. */
  path: string;
  version: string;
  /** Whether `--help` names this flag, such as `--session-id`. */
  has(flag: string): boolean;
}

/** How to start a CLI for a task. */
export interface Launch {
  args: string[];
  /** Variables of its own, beside those that are passed on. */
  env?: Record<string, string>;
  driver: Driver;
}

/** One way of speaking with a CLI. */
export interface Style {
  /** The driver's name: `stream`, `claude-stdio`, `codex-app-server`, `acp`. */
  driver: string;
  grammar: Grammar;
  capabilities: Capabilities;
  /**
   * @throws {StartError} when this version cannot do what the task asks.
   */
  launch(task: Task, installed: Installed): Launch;
}

/** What a CLI can do, in one way of speaking with it. */
export interface Capabilities {
  /** It asks before it uses a tool. */
  approvals: boolean;
  /** A yes may change what the tool is given. */
  editable: boolean;
  /** One process takes one turn after another. */
  followUp: boolean;
  /** It can go on with a session of its own by id. */
  resume: boolean;
  images: boolean;
}

/** What a permission mode lets the CLI do. */
export interface Mode {
  /** The word the API takes; CLIs' own words and those of other vendors may be aliases. */
  name: string;
  aliases?: readonly string[];
  about: string;
  /** Nothing is asked and nothing is sandboxed: needs `--allow-bypass`. */
  bypass?: boolean;
}

/** One AI coding CLI. */
export interface Executor {
  /** In requests: `claude`. */
  name: string;
  /** For people: `Claude Code`. */
  title: string;
  /** The program to look for in `PATH`. */
  program: string;
  /** Arguments to which it names its flags, for {@link Installed.has}; only `--help` by default. */
  help?: readonly (readonly string[])[];
  /** How to install it, one command. */
  install: string;
  /** How to log in, one sentence. */
  login: string;
  /** Variables that are passed on to it, beside those that every program gets. */
  env: readonly string[];
  /** The first mode is the default, and asks a person where the CLI can. */
  modes: readonly Mode[];
  /** Further arguments that a request may pass: flag -> whether a value follows. */
  extra: Readonly<Record<string, boolean>>;
  /** The way with approvals, follow-ups and interrupts; the default where there is one. */
  interactive?: Style;
  /** One process a turn, its output read line by line. */
  stream: Style;
}

/** All executors, in the order in which they are shown. */
export const EXECUTORS: readonly Executor[] = [claude, codex, gemini, qwen, opencode, copilot];
