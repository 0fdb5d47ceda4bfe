/**
 * The last resort of a program that serves many.
 *
 * @module
 */

import { getLogger } from "../log.ts";

/** Calls of the stack that are logged. */
const MAX_FRAMES = 8;

/**
 * Logs a rejection that nobody handled, instead of ending the program: that is a bug, but one in
 * serving a single visitor must not be the end of all others. Its message is left out, since it may
 * name a client.
 *
 * @param name of the program, for the log.
 * @returns until when; disposing ends it.
 */
export function outliveFaults(name: string): Disposable {
  const log = getLogger([name]);
  const outlive = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    const { reason } = event;
    if (!(reason instanceof Error)) return log.error("Unhandled fault", { kind: typeof reason });
    const frames = (reason.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    const where = frames.slice(0, MAX_FRAMES).map((line) => line.trim());
    log.error("Unhandled fault", { kind: reason.name, where });
  };
  globalThis.addEventListener("unhandledrejection", outlive);
  return {
    [Symbol.dispose]: () => globalThis.removeEventListener("unhandledrejection", outlive),
  };
}
