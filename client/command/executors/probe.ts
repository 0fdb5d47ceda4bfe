/**
 * What is installed on this machine.
 *
 * @module
 */

import { type Executor, EXECUTORS, type Installed } from "./mod.ts";

/** Looks for CLIs in `PATH`, and asks each what it can do, once. */
export class Probe {
  constructor(readonly executors: readonly Executor[] = EXECUTORS) {}

  /** The executor of this name, or undefined. */
  named(name: string): Executor | undefined {
    return this.executors.find((one) => one.name === name);
  }

  /** The CLI as it is installed; undefined when it is not, or does not run. */
  installed(_executor: Executor): Promise<Installed | undefined> {
    throw new Error("not yet");
  }
}
