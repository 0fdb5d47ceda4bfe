/**
 * What the stub model says: the prompt itself tells it, so that a test sees in one place what it
 * asks and what it gets.
 *
 * | in the prompt        | answer                                                                |
 * | -------------------- | --------------------------------------------------------------------- |
 * | nothing of these     | {@linkcode HELLO}                                                     |
 * | `[[say:TEXT]]`       | TEXT                                                                   |
 * | `[[tool:CMD]]`       | a call of the shell tool that runs CMD; after its result {@linkcode DONE} |
 * | `[[mcp:NAME {json}]]` | a call of the tool whose name is, or ends with, NAME; then the same  |
 * | `[[slow:SECS]]`      | a chunk of text every half second, for so long                        |
 * | `[[error:CODE]]`     | that HTTP status, with an error as the vendor words it                |
 *
 * The last one counts, of all that was said since the model's last turn: a prompt after a turn that
 * was broken off should have one of its own. None may contain `]]`. A request that offers no tools is
 * no turn of the conversation, and gets {@linkcode HELLO}, or its error.
 *
 * @module
 */

import { sample, type Schema } from "./schema.ts";

/** What it says when it was told nothing else. */
export const HELLO = "Hello from the stub.";
/** What it says when a tool has run, or was refused. */
export const DONE = "Tool finished. Final answer from the stub.";
/** Between two chunks of `[[slow:…]]`, in milliseconds. */
export const SLOW_MS = 500;

/** A tool that the model is offered. */
export interface Tool {
  name: string;
  /** The group that it stands in, where the protocol has groups. */
  namespace?: string;
  /** What it takes. */
  schema: Schema;
}

/** One thing that was said since the model's last turn. */
export type Part =
  | { kind: "text"; text: string }
  | { kind: "result"; text: string }
  | { kind: "image"; mediaType: string };

/** A request as all protocols mean it. */
export interface Turn {
  model: string;
  stream: boolean;
  tools: readonly Tool[];
  /**
   * What was said since the model's last turn, in order. CLIs put reminders of their own behind the
   * prompt, so the last message alone would not do.
   */
  parts: readonly Part[];
  /** The answer must be JSON that fits this. */
  schema?: Schema | undefined;
}

/** What the model does. */
export type Plan =
  /** Says these, with a pause in milliseconds after each. */
  | { kind: "say"; chunks: readonly string[]; pause: number }
  | { kind: "call"; tool: Tool; input: Record<string, unknown> }
  | { kind: "fail"; status: number };

/** The names that CLIs give their shell. */
const SHELLS = ["Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command"];

/**
 * Decides what to answer.
 *
 * @throws {SyntaxError | RangeError} on a directive that makes no sense.
 */
export function plan({ parts, tools, schema }: Turn): Plan {
  const result = parts.findLastIndex(({ kind }) => kind === "result");
  const [word, argument = ""] = directive(parts.slice(result + 1));
  if (word === "error") return { kind: "fail", status: number(argument, 400, 599) };
  if (schema !== undefined) return say(JSON.stringify(sample(schema)));
  // Titles, summaries and classifiers quote the prompt, but are no turns of the conversation.
  if (tools.length === 0) return say(HELLO);
  switch (word) {
    case "say":
      return say(argument);
    case "slow": {
      const length = number(argument, 1, 600) * 1000 / SLOW_MS;
      return { kind: "say", chunks: Array.from({ length }, (_, i) => chunk(i)), pause: SLOW_MS };
    }
    case "tool": {
      const shell = SHELLS.map((name) => tools.find((tool) => tool.name === name)).find(Boolean);
      // A CLI that does not trust its shell to the model does not offer it.
      return shell === undefined ? say(HELLO) : call(shell, commandOf(shell.schema, argument));
    }
    case "mcp": {
      const [name = "", ...json] = argument.split(" ");
      const tool = tools.find((one) => one.name === name) ??
        tools.find((one) => one.name.endsWith(name));
      return tool === undefined ? say(HELLO) : call(tool, JSON.parse(json.join(" ") || "{}"));
    }
    default:
      return say(result >= 0 ? DONE : HELLO);
  }
}

/** The text of a chunk of `[[slow:…]]`. */
export function chunk(i: number): string {
  return `slow chunk ${i}. `;
}

function directive(parts: readonly Part[]): [word?: string, argument?: string] {
  const text = parts.map((part) => part.kind === "text" ? part.text : "").join("\n");
  const found = [...text.matchAll(/\[\[(say|tool|mcp|slow|error):(.*?)\]\]/gs)].at(-1);
  return found === undefined ? [] : [found[1]!, found[2]!];
}

function number(argument: string, min: number, max: number): number {
  const value = Number(argument);
  if (value >= min && value <= max) return value;
  throw new RangeError(`a directive needs a number from ${min} to ${max}, not "${argument}"`);
}

/** In two chunks, so that whoever puts them together has something to do. */
function say(text: string): Plan {
  const middle = text.indexOf(" ") + 1;
  const chunks = [text.slice(0, middle), text.slice(middle)].filter((chunk) => chunk !== "");
  return { kind: "say", chunks, pause: 0 };
}

function call(tool: Tool, input: Record<string, unknown>): Plan {
  return { kind: "call", tool, input };
}

/** What a shell takes, by its own schema: they differ in names and in what they insist on. */
function commandOf(schema: Schema, command: string): Record<string, unknown> {
  const name = schema.properties?.cmd === undefined ? "command" : "cmd";
  const list = schema.properties?.[name]?.type === "array";
  const rest = sample(schema) as Record<string, unknown>;
  return { ...rest, [name]: list ? ["bash", "-lc", command] : command };
}
