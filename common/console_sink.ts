/**
 * Log lines on their way to a collector of telemetry. The runtime exports what is said to `console`,
 * and nothing else (Deno 2.9): the line as text, with its level, and no attributes.
 *
 * @module
 */

import { jsonLinesFormatter, type LogLevel, type LogRecord, type Sink } from "@std/log";

/** The runtime knows four levels, each by the method of its name. */
const METHODS: Record<LogLevel, "debug" | "info" | "warn" | "error"> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  fatal: "error",
};

/** Says each record to `console`, as one line of JSON. */
export function consoleSink(to: Pick<Console, "debug" | "info" | "warn" | "error">): Sink {
  // The line is no format: there may be a `%` in it.
  return (record: LogRecord) =>
    to[METHODS[record.level]]("%s", jsonLinesFormatter(record).trimEnd());
}
