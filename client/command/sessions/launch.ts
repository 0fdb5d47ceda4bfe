/**
 * Starts the CLI of a session.
 *
 * @module
 */

import type { CommandConfig } from "../config.ts";
import { type Conversation, type Host, StartError } from "../drivers/mod.ts";
import { MARK } from "../drivers/processes.ts";
import { programEnvironment } from "../executors/environment.ts";
import type { Installed, Style, Task } from "../executors/mod.ts";
import type { Probe } from "../executors/probe.ts";
import { Problem } from "../problem.ts";
import { planAgain } from "./plan.ts";
import type { SessionRecord } from "./records.ts";

/**
 * Starts the CLI, which goes on with its own session where it had one.
 *
 * @throws {StartError} when it does not come up, {Problem} when it may not.
 */
export async function launchCli(
  record: SessionRecord,
  config: CommandConfig,
  probe: Probe,
  host: Host,
  signal: AbortSignal,
): Promise<Conversation> {
  const { executor, style, mode, project } = planAgain(record, config, probe);
  const { installed, error } = await probe.look(executor);
  signal.throwIfAborted();
  if (installed === undefined) {
    throw new StartError(error ?? `${executor.program} is not installed: ${executor.install}`);
  }
  const task = taskOf({ ...record, permission_mode: mode, project_path: project });
  const { args, env, driver } = style.launch(task, installed);
  const program = {
    path: installed.path,
    args,
    env: {
      ...programEnvironment(executor, config.passEnv, env),
      ...(record.mark === null ? {} : { [MARK]: record.mark }),
    },
    cwd: project,
  };
  return await driver(program, host, signal);
}

/** What a session asks of its CLI. */
function taskOf(record: Omit<SessionRecord, "key" | "epoch">): Task {
  const resume = record.cli_session_id ?? record.resume ?? undefined;
  return {
    newId: crypto.randomUUID(),
    cwd: record.project_path,
    model: record.model ?? undefined,
    mode: record.permission_mode,
    allowedTools: record.allowed_tools,
    resume,
    resumeLast: record.resume_last && resume === undefined,
    extra: record.extra_args,
  };
}

/**
 * Whether the CLI takes what a session asks of it, as far as that can be told before it starts.
 *
 * @throws {Problem} 422 that says what it does not take.
 */
export function checkLaunch(
  record: Omit<SessionRecord, "key" | "epoch">,
  style: Style,
  installed: Installed,
): void {
  try {
    style.launch(taskOf(record), installed);
  } catch (error) {
    if (error instanceof StartError) throw new Problem(422, error.message);
    throw error;
  }
}
