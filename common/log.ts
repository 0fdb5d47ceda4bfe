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
  getLogger,
  getTextFormatter,
  jsonLinesFormatter,
  type LogLevel,
  type Sink,
  type TextFormatter,
} from "@std/log";
import { consoleSink } from "./console_sink.ts";
import { reason } from "./errors.ts";
import { outputSink } from "./output_sink.ts";
import { RotatingFile } from "./rotating_file.ts";

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

const ROTATION = { bytes: 10 * 1024 * 1024, files: 5 };

/** What logging has to say of itself. */
const LOGGING = ["log"];

/**
 * Sends logs to standard error: coloured text on a terminal, JSON lines elsewhere. Neither that nor the
 * file holds up who logs.
 *
 * @returns flushes and ends logging, and never fails; `await using` it in `main.ts`.
 * @throws when the log file cannot be opened.
 */
export async function setupLogging(
  { level, file, exported }: LoggingOptions,
): Promise<AsyncDisposable> {
  // Left open when logging ends: the reason of a failure is written after that.
  const stderr = outputSink(
    Deno.stderr,
    Deno.stderr.isTerminal() ? terminalFormatter() : jsonLinesFormatter,
  );
  const opened = file === undefined ? undefined : await openFile(file);
  const sinks: Record<string, Sink> = {
    stderr,
    ...(opened === undefined ? {} : { file: outputSink(opened, jsonLinesFormatter) }),
    ...(exported ? { telemetry: consoleSink(console) } : {}),
  };
  const names = Object.keys(sinks);
  const others = names.filter((name) => name !== "file");
  await configure({
    sinks,
    reset: true,
    loggers: [
      { category: ["arps"], sinks: names, lowestLevel: level },
      { category: ["arpc"], sinks: names, lowestLevel: level },
      { category: LOGGING, sinks: others, lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: others, lowestLevel: "warning" },
    ],
  });
  return {
    async [Symbol.asyncDispose]() {
      await dispose();
      opened?.[Symbol.dispose]();
      // The file may have failed last of all.
      await stderr[Symbol.asyncDispose]();
    },
  };
}

async function openFile(file: string): Promise<RotatingFile> {
  const log = getLogger(LOGGING);
  try {
    return await RotatingFile.open(file, ROTATION, {
      failed: (error) =>
        log.error("The --log-file fails: what it should have got is here only", {
          file,
          why: reason(error),
        }),
      stuck: (error) =>
        log.error("The --log-file cannot be rotated, and grows: its folder has to be writable", {
          file,
          why: reason(error),
        }),
      over: (bytes) => log.warning("The --log-file is written again", { file, lost_bytes: bytes }),
    });
  } catch (error) {
    throw new Error(`Cannot log to --log-file ${file}: ${reason(error)}`, { cause: error });
  }
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
