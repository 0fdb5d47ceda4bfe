/**
 * Logging: where the lines go and how they look. Only a `main.ts` calls {@link setupLogging};
 * modules take a logger with `getLogger(["arps", "pool"])` and log short constant messages with
 * fields.
 *
 * A token, a key or a query string never goes into a field. A client id *is* a token, so logs name
 * a client by its {@link tag}.
 *
 * @module
 */

import {
  configure,
  dispose,
  type FormattedValues,
  getAnsiColorFormatter,
  getTextFormatter,
  jsonLinesFormatter,
  type LogLevel,
  type Sink,
  type TextFormatter,
} from "@std/log";
import { consoleSink } from "./console_sink.ts";
import { reason } from "./errors.ts";
import { outputSink } from "./output_sink.ts";

export { getLogger, type Logger } from "@std/log";

/** Names for `--log-level`; each shows itself and all that follow. */
export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal"] as const;

/** Options of {@link setupLogging}. */
export interface LoggingOptions {
  /** Least level shown. */
  level: LogLevel;
  /** Also append JSON lines to this file, which is rotated at 10 MB, five of them kept. */
  file?: string | undefined;
  /** Also say each record to `console`, which must not print: the runtime exports it then. */
  exported?: boolean;
}

const ROTATE_BYTES = 10 * 1024 * 1024;
const ROTATE_FILES = 5;

/**
 * Sends logs to standard error: coloured text on a terminal, JSON lines elsewhere.
 *
 * @returns flushes and ends logging; `await using` it in `main.ts`.
 * @throws when the log file cannot be opened.
 */
export async function setupLogging(
  { level, file, exported }: LoggingOptions,
): Promise<AsyncDisposable> {
  const sinks: Record<string, Sink> = {
    // Left open when logging ends: the reason of a failure is written after that.
    stderr: outputSink(
      Deno.stderr,
      Deno.stderr.isTerminal() ? terminalFormatter() : jsonLinesFormatter,
    ),
  };
  if (file !== undefined) {
    const { getRotatingFileSink } = await import("@std/log/file");
    try {
      sinks.file = getRotatingFileSink(file, {
        formatter: jsonLinesFormatter,
        maxSize: ROTATE_BYTES,
        maxFiles: ROTATE_FILES,
        flushInterval: 1000,
      });
    } catch (error) {
      throw new Error(`Cannot log to --log-file ${file}: ${reason(error)}`, { cause: error });
    }
  }
  if (exported) sinks.telemetry = consoleSink(console);
  const names = Object.keys(sinks);
  await configure({
    sinks,
    reset: true,
    loggers: [
      { category: ["arps"], sinks: names, lowestLevel: level },
      { category: ["arpc"], sinks: names, lowestLevel: level },
      { category: ["logtape", "meta"], sinks: names, lowestLevel: "warning" },
    ],
  });
  return { [Symbol.asyncDispose]: dispose };
}

/** One line: time, level, category, message, then the fields as `name=value`. */
function terminalFormatter(): TextFormatter {
  const options = {
    timestamp: "time",
    level: "ABBR",
    category: ".",
    format: ({ timestamp, level, category, message, record }: FormattedValues) => {
      const fields = Object.entries(record.properties)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => ` ${name}=${show(value)}`);
      return `${timestamp} ${level} ${category}: ${message}${fields.join("")}`;
    },
  } as const;
  return Deno.noColor
    ? getTextFormatter(options)
    : getAnsiColorFormatter({ ...options, categoryColor: null });
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
}

/**
 * A short name for a client id that may stand in a log: the first 8 hexadecimal digits of its
 * SHA-256. Server and client print the same one.
 */
export async function tag(clientId: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(clientId));
  return "#" + new Uint8Array(digest, 0, 4).toHex();
}
