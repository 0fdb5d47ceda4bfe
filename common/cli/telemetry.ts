/**
 * Whether the runtime exports telemetry of this program, and with its log. To ask takes no permission
 * but, for the log, one variable.
 *
 * @see {@link https://docs.deno.com/runtime/fundamentals/open_telemetry/ | Deno: OpenTelemetry}
 * @module
 */

import { readVariable } from "./environment.ts";

/** Switches it on. */
const SWITCH = "OTEL_DENO";
/** In its place for a program that a launcher starts, so that the launcher exports nothing. */
const SWITCH_OF_PROGRAM = "OTEL_DENO_OF_PROGRAM";
/** What becomes of `console.*`: `capture` (printed and exported), `ignore` (printed), `replace`. */
const CONSOLE = "OTEL_DENO_CONSOLE";
/** Exported and not printed: the only way that does not write a line twice, or wait for a reader. */
const REPLACE = "replace";

/** Whether the runtime exports telemetry (`OTEL_DENO=true`): then it has entered itself here. */
export function isExporting(): boolean {
  return Symbol.for("opentelemetry.js.api.1") in globalThis;
}

/** What becomes of the log: exported, or not for want of a variable, or because nobody wants it. */
export function logExport(): "on" | "lacking" | "off" {
  if (!isExporting()) return "off";
  const mode = readVariable(CONSOLE);
  return mode === REPLACE ? "on" : mode === "ignore" ? "off" : "lacking";
}

/** Variables of telemetry for a program that is started from here, if it is to export any. */
export function telemetryVariables(): Record<string, string> {
  const on = [SWITCH_OF_PROGRAM, SWITCH].map(readVariable)
    .find((value) => value === "true" || value === "1");
  if (on === undefined) return {};
  return { [SWITCH]: on, [CONSOLE]: readVariable(CONSOLE) ?? REPLACE };
}

/** Those of them that it has to read itself. */
export function telemetryNames(): string[] {
  return Object.keys(telemetryVariables()).filter((name) => name === CONSOLE);
}
