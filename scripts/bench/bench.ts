/**
 * What every part of one run shares: the options, the scratch folder, the signal that Ctrl-C aborts, and where
 * words for the user go.
 * @module
 */
import type { Options } from "./options.ts";

const encoder = new TextEncoder();

/** Writes to stdout: the table alone goes there. */
export function print(text: string): void {
  write(Deno.stdout, text);
}

/** Writes one line of progress to stderr, so that stdout stays the table. */
export function progress(line: string): void {
  write(Deno.stderr, `${line}\n`);
}

/** One run of the bench; disposing it removes the scratch folder. */
export class Bench implements AsyncDisposable {
  readonly options: Options;
  readonly signal: AbortSignal;
  /** Scratch folder for configurations, the served files and the programs' logs. */
  readonly folder: string;
  readonly #notes = new Set<string>();

  constructor(options: Options, signal: AbortSignal) {
    this.options = options;
    this.signal = signal;
    this.folder = Deno.makeTempDirSync({ prefix: "arp-bench-" });
  }

  /** Most milliseconds that a program which loads for one sample may take. */
  get sampleLimitMs(): number {
    return this.options.seconds * 1000 + 15_000;
  }

  /** Keeps a remark to print under the table, once however often it comes. */
  note(text: string): void {
    if (this.#notes.has(text)) return;
    this.#notes.add(text);
    progress(`  ${text}`);
  }

  /** The remarks so far, in order. */
  get notes(): string[] {
    return [...this.#notes];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What an error says, its causes included. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`;
}

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}
