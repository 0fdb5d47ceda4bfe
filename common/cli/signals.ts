/**
 * How a program is told to stop, on every system.
 *
 * @module
 */

/** A second signal counts only so long after the first: a terminal and a parent may both send it. */
const DISTINCT_MS = 500;

/** The two wishes a user may have. */
export interface Shutdown extends Disposable {
  /** Aborted by the first signal: finish what runs, then end. */
  readonly drain: AbortSignal;
  /** Aborted by the second: end at once. */
  readonly now: AbortSignal;
}

/** Listens for SIGINT and SIGTERM, on Windows for Ctrl-C and Ctrl-Break. */
export function shutdownSignals(): Shutdown {
  const drain = new AbortController();
  const now = new AbortController();
  let first = 0;
  const received = () => {
    if (!drain.signal.aborted) {
      first = performance.now();
      drain.abort();
    } else if (performance.now() - first > DISTINCT_MS) now.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, received);
  return {
    drain: drain.signal,
    now: now.signal,
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, received);
    },
  };
}

/**
 * Outlives SIGHUP, which service managers send for "read your files again", until disposed. Whoever
 * has a file to read listens for it as well. On a terminal that goes away it ends the program as ever.
 */
export function outliveHangUp(): Disposable {
  const ignore = () => {};
  const hangsUp = Deno.build.os !== "windows" && !Deno.stdin.isTerminal();
  if (hangsUp) Deno.addSignalListener("SIGHUP", ignore);
  return {
    [Symbol.dispose]: () => {
      if (hangsUp) Deno.removeSignalListener("SIGHUP", ignore);
    },
  };
}
