/**
 * What a request for a session comes to, once everything in it has been checked.
 *
 * @module
 */

import type { CommandConfig } from "../config.ts";
import { CLI_SESSION, type Executor, type Mode, type Style } from "../executors/mod.ts";
import type { Probe } from "../executors/probe.ts";
import { Problem } from "../problem.ts";
import type { CreateSession, SendMessage } from "../schemas.ts";
import { projectFolder } from "./project.ts";
import type { SessionRecord } from "./records.ts";

/** How a session will run. */
export interface Plan {
  executor: Executor;
  style: Style;
  /** Whether the style is the interactive one. */
  interactive: boolean;
  mode: string;
  project: string;
}

const encoder = new TextEncoder();

/**
 * Checks a request for a session.
 *
 * @param request with the project of the session that it goes on with, if it names none itself.
 * @throws {Problem} 403, 413, 422: see `Sessions.create`.
 */
export function makePlan(request: CreateSession, config: CommandConfig, probe: Probe): Plan {
  const executor = knownExecutor(request.executor, probe);
  const { style, interactive } = chosenStyle(executor, request.interactive);
  const mode = allowedMode(executor, request.permission_mode, config);
  checkWords(request);
  checkExtra(executor, request.extra_args ?? []);
  if ((request.resume !== undefined || request.resume_last) && !style.capabilities.resume) {
    throw new Problem(422, `resume: ${executor.title} cannot go on with a session`);
  }
  checkMessage(request, style, config);
  const project = projectFolder(request.project_path, config.projectRoots, config.home);
  return { executor, style, interactive, mode: mode.name, project };
}

/**
 * Checks whether the CLI of a session may be started again: `arpc` may have been too, with other
 * options, and its folder may be gone.
 *
 * @throws {Problem} 403, 422.
 */
export function planAgain(record: SessionRecord, config: CommandConfig, probe: Probe): Plan {
  const executor = knownExecutor(record.executor, probe);
  const { style } = chosenStyle(executor, record.interactive);
  const mode = allowedMode(executor, record.permission_mode, config);
  const project = projectFolder(record.project_path, config.projectRoots, config.home);
  return { executor, style, interactive: record.interactive, mode: mode.name, project };
}

/**
 * Checks what is said to a CLI.
 *
 * @throws {Problem} 413 on a prompt that is too long, 422 on what the CLI cannot take.
 */
export function checkMessage(message: SendMessage, style: Style, config: CommandConfig): void {
  const { prompt, attachments = [] } = message;
  const max = config.limits.prompt;
  if (prompt.length > max || encoder.encode(prompt).length > max) {
    throw new Problem(413, `prompt: expected at most ${max} bytes (--max-prompt-kb)`);
  }
  if (prompt.includes("\0")) throw new Problem(422, "prompt: expected no NUL character, found one");
  const image = attachments.find(({ media_type }) => media_type.startsWith("image/"));
  if (image !== undefined && !style.capabilities.images) {
    throw new Problem(422, `attachments: this CLI takes no images, found ${image.media_type}`);
  }
}

/** @throws {Problem} 422 when there is none of that name. */
export function knownExecutor(name: string, probe: Probe): Executor {
  const executor = probe.named(name);
  if (executor !== undefined) return executor;
  const names = probe.executors.map((one) => one.name).join(", ");
  throw new Problem(422, `executor: expected one of ${names}, found ${JSON.stringify(name)}`);
}

function chosenStyle(executor: Executor, wanted: boolean | undefined) {
  const interactive = wanted ?? executor.interactive !== undefined;
  if (!interactive) return { style: executor.stream, interactive };
  if (executor.interactive !== undefined) return { style: executor.interactive, interactive };
  throw new Problem(422, `interactive: ${executor.title} has no such way; leave it out`);
}

function allowedMode(executor: Executor, wanted: string | undefined, config: CommandConfig): Mode {
  const { modes } = executor;
  const mode = wanted === undefined
    ? modes[0]
    : modes.find(({ name, aliases = [] }) => name === wanted || aliases.includes(wanted));
  if (mode === undefined) {
    const names = modes.map(({ name }) => name).join(", ");
    throw new Problem(
      422,
      `permission_mode: ${executor.title} has ${names}, found ${JSON.stringify(wanted)}`,
    );
  }
  if (mode.bypass && !config.allowBypass) {
    throw new Problem(
      403,
      `permission_mode: with ${mode.name} the CLI asks nobody; that works only where arpc was ` +
        "started with --allow-bypass",
    );
  }
  return mode;
}

/** Words that become arguments must not be taken for flags. */
function checkWords(request: CreateSession): void {
  const words = { model: request.model, resume: request.resume };
  for (const [name, word] of Object.entries(words)) {
    if (word !== undefined && !isValue(word)) throw notAValue(name, word);
  }
  if (request.resume !== undefined && !CLI_SESSION.test(request.resume)) {
    const found = JSON.stringify(request.resume.slice(0, 100));
    throw new Problem(422, `resume: expected the id of a session, found ${found}`);
  }
  const tool = request.allowed_tools?.find((one) => !isValue(one));
  if (tool !== undefined) throw notAValue("allowed_tools", tool);
  if (request.resume !== undefined && request.resume_last) {
    throw new Problem(422, "resume, resume_last: expected one of them, found both");
  }
}

function checkExtra(executor: Executor, args: readonly string[]): void {
  const allowed = Object.keys(executor.extra);
  for (let at = 0; at < args.length; at++) {
    const [flag = "", value] = args[at]!.split(/=(.*)/s);
    const takesValue = Object.hasOwn(executor.extra, flag) ? executor.extra[flag] : undefined;
    if (takesValue === undefined) {
      throw new Problem(
        422,
        `extra_args: ${executor.title} may be given ` +
          `${allowed.join(", ") || "none"}, found ${JSON.stringify(flag)}`,
      );
    }
    if (!takesValue && value !== undefined) {
      throw new Problem(422, `extra_args: ${flag} takes no value`);
    }
    if (!takesValue || value !== undefined) continue;
    const next = args[++at];
    if (next === undefined) throw new Problem(422, `extra_args: ${flag} needs a value`);
    if (!isValue(next)) throw notAValue(`extra_args: ${flag}`, next);
  }
}

function isValue(word: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/^-|[\x00-\x1f]/.test(word);
}

function notAValue(name: string, word: string): Problem {
  const found = JSON.stringify(word.slice(0, 100));
  return new Problem(
    422,
    `${name}: expected no leading "-" and no control characters, found ${found}`,
  );
}
