/**
 * Starts the CLI of a session.
 *
 * @module
 */

import type { CommandConfig } from "../config.ts";
import { type Conversation, type Host, StartError } from "../drivers/mod.ts";
import { MARK } from "../drivers/processes.ts";
import { programEnvironment } from "../executors/environment.ts";
import type { Probe } from "../executors/probe.ts";
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
  const resume = record.cli_session_id ?? record.resume ?? undefined;
  const { args, env, driver } = style.launch({
    newId: crypto.randomUUID(),
    cwd: project,
    model: record.model ?? undefined,
    mode,
    allowedTools: record.allowed_tools,
    resume,
    resumeLast: record.resume_last && resume === undefined,
    extra: record.extra_args,
  }, installed);
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
