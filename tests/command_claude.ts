/**
 * Real Claude Code for tests, with a model, a home and a project.
 *
 * @module
 */

import { join } from "@std/path";
import { claude as executor } from "../client/command/executors/claude.ts";
import { claude, type CliHome, cliHome, withClis } from "./clis.ts";
import { converse, type ConverseOptions, RecordingHost, type Talk } from "./command_driver.ts";
import { type Model, startModel } from "./model/mod.ts";
import { peerTest } from "./peers.ts";

/** What a test has. */
export interface Bed {
  model: Model;
  home: CliHome;
  /** The path of a file in the project. */
  file(name: string): string;
  start(options?: ConverseOptions, host?: RecordingHost): Promise<Talk>;
}

/** Registers a test with Claude Code. */
export function claudeTest(name: string, fn: (bed: Bed) => Promise<void>): void {
  peerTest({ name: `Claude Code: ${name}`, ...withClis(claude) }, async () => {
    await using model = startModel();
    await using home = await cliHome(model);
    // Claude keeps what it is told to remember in the root of the repository.
    await Deno.mkdir(join(home.project, ".git"));
    await fn({
      model,
      home,
      file: (name) => join(home.project, name),
      start: (options = {}, host = new RecordingHost()) => converse(executor, home, host, options),
    });
  });
}

/** Whether there is such a file. */
export function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
