/**
 * Log lines on their way to standard error.
 *
 * @module
 */

import type { Sink, TextFormatter } from "@std/log";

/** Characters that may wait for a reader that is slow; what comes beyond is left out. */
const MAX_WAITING = 4 * 1024 * 1024;
/** How long the end of the program waits for such a reader, in milliseconds. */
const FAREWELL_MS = 1000;

const encoder = new TextEncoder();

/** Where the lines are written; `Deno.stderr`. */
export interface Output {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * A sink that never fails and never grows: a program must serve on when nobody reads its log, or
 * whoever did has gone. Disposing writes what waits, and leaves the output open.
 */
export function outputSink(
  output: Output,
  formatter: TextFormatter,
  limit: number = MAX_WAITING,
): Sink & AsyncDisposable {
  let waiting = "";
  let leftOut = 0;
  let broken = false;
  let writing: Promise<void> | undefined;

  const write = async () => {
    while (waiting !== "") {
      const bytes = encoder.encode(
        waiting + (leftOut === 0 ? "" : `… ${leftOut} lines left out\n`),
      );
      waiting = "";
      leftOut = 0;
      for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
    }
    // At once: a line that comes now must begin to write anew.
    writing = undefined;
  };
  const sink: Sink = (record) => {
    if (broken) return;
    const line = formatter(record);
    if (waiting.length + line.length > limit) leftOut++;
    else waiting += line;
    writing ??= write().catch(() => void (broken = true));
  };
  return Object.assign(sink, {
    async [Symbol.asyncDispose]() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, FAREWELL_MS));
      await Promise.race([writing, late]);
      clearTimeout(timer);
    },
  });
}
