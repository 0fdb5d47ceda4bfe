/**
 * Lines of a session as a viewer gets them.
 *
 * Server-sent events: a message has the line's own text as its data and `<epoch>:<n>` as its id. In
 * the formats `events` and `both`, what a line means follows as messages of the event
 * `session_update`, each with an event of the Agent Client Protocol; the last message of a line has
 * its id. NDJSON: the same without ids, and a line of the CLI that is no JSON object goes into one,
 * as `{"type":"raw","text":…}`.
 *
 * Our own lines are in every format. Standard error is not in `events`.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

import { type Event, type Grammar, parseLine } from "../events/mod.ts";
import type { Line } from "./log.ts";

/** What a viewer wants. */
export interface Format {
  as: "sse" | "ndjson";
  format: "raw" | "events" | "both";
}

/** What is needed to write a session's lines. */
export interface Source {
  /** Of its log. */
  epoch: string;
  grammar: Grammar;
}

const encoder = new TextEncoder();

/** What a stream of events begins with: when to come back after it broke. */
export const SSE_START: Uint8Array<ArrayBuffer> = encoder.encode("retry: 3000\n\n");

/** What shows that a stream still lives: a comment, or an empty line, as NDJSON has no comments. */
export const HEARTBEAT: Readonly<Record<Format["as"], Uint8Array<ArrayBuffer>>> = {
  sse: encoder.encode(": still here\n\n"),
  ndjson: encoder.encode("\n"),
};

/** What was written of lines already, for the next viewer who follows the same session. */
const written = new WeakMap<readonly Line[], Map<string, Uint8Array<ArrayBuffer>>>();

/** Writes lines; the bytes may be shared, and are not to be changed. */
export function encodeLines(
  lines: readonly Line[],
  { as, format }: Format,
  source: Source,
): Uint8Array<ArrayBuffer> {
  let formats = written.get(lines);
  if (formats === undefined) written.set(lines, formats = new Map());
  const key = `${as} ${format}`;
  let bytes = formats.get(key);
  if (bytes === undefined) {
    const write = as === "sse" ? sse : ndjson;
    let text = "";
    for (const line of lines) text += write(line, format, source);
    formats.set(key, bytes = encoder.encode(text));
  }
  return bytes;
}

/**
 * Says that the viewer's place in the log is not there any more, and where it goes on.
 *
 * @param first the line that comes next.
 */
export function encodeReset(
  as: Format["as"],
  epoch: string,
  first: number,
): Uint8Array<ArrayBuffer> {
  const reset = JSON.stringify({ type: "reset", first_line: first, epoch });
  return encoder.encode(
    as === "sse" ? `event: reset\ndata: ${reset}\nid: ${epoch}:${first - 1}\n\n` : `${reset}\n`,
  );
}

function sse(line: Line, format: Format["format"], source: Source): string {
  const messages = shown(line, format) ? [data(line.text)] : [];
  for (const event of eventsOf(line, format, source.grammar)) {
    messages.push(`event: session_update\n${data(JSON.stringify(event))}`);
  }
  if (messages.length === 0) return "";
  // Who comes back with this id has had all messages of the line.
  return `${messages.join("\n")}id: ${source.epoch}:${line.n}\n\n`;
}

/** A field of data; a CR ends a line there like a LF, so it must begin another one. */
function data(text: string): string {
  return text.includes("\r") ? `data: ${text.replaceAll("\r", "\ndata: ")}\n` : `data: ${text}\n`;
}

function ndjson(line: Line, format: Format["format"], source: Source): string {
  let text = shown(line, format) ? `${object(line)}\n` : "";
  for (const event of eventsOf(line, format, source.grammar)) text += `${JSON.stringify(event)}\n`;
  return text;
}

/** The line as an object of JSON. Outside of strings a CR is a space, for whom it ends a line. */
function object({ kind, text }: Line): string {
  if (kind !== "raw") return text;
  return parseLine(text) === undefined
    ? JSON.stringify({ type: "raw", text })
    : text.replaceAll("\r", " ");
}

function shown({ kind }: Line, format: Format["format"]): boolean {
  return kind === "own" || format !== "events";
}

function eventsOf(line: Line, format: Format["format"], grammar: Grammar): Event[] {
  if (line.kind !== "raw" || format === "raw") return [];
  const parsed = parseLine(line.text);
  if (parsed === undefined) return [];
  try {
    return grammar.events(parsed);
  } catch {
    // A line of a shape that nobody has thought of must not end the stream of all others.
    return [];
  }
}
