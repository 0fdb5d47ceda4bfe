/**
 * Bytes into lines, with a bound on what one line may cost.
 *
 * @module
 */

/** Longest line that is passed on, in bytes: an image in a tool's result fits. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LF = 10;
const decoder = new TextDecoder();

/** What becomes of the lines. */
export interface LineSink {
  /** A line without its end. */
  line(text: string): void;
  /** A line was longer than the bound; it is left out. */
  tooLong(bytes: number, start: string): void;
}

/** Splits at LF and CRLF; the sink is called before `push` returns. */
export class Lines {
  #held: Uint8Array[] = [];
  #size = 0;
  #start: string | undefined;

  constructor(private readonly sink: LineSink, private readonly max: number = MAX_LINE_BYTES) {}

  /** Takes the next bytes, which may be reused afterwards. */
  push(bytes: Uint8Array): void {
    const first = bytes.indexOf(LF);
    if (first === -1) return this.#hold(bytes);
    let from = 0;
    if (this.#size > 0) {
      this.#hold(bytes.subarray(0, first));
      this.flush();
      from = first + 1;
    }
    const last = bytes.lastIndexOf(LF);
    if (last >= from) {
      for (const line of decoder.decode(bytes.subarray(from, last)).split("\n")) this.#give(line);
    }
    if (last + 1 < bytes.length) this.#hold(bytes.subarray(last + 1));
  }

  /** Gives the line that has no end yet, as at the end of a stream. */
  flush(): void {
    if (this.#size === 0) return;
    if (this.#start === undefined) this.#give(decoder.decode(join(this.#held, this.#size)));
    else this.sink.tooLong(this.#size, this.#start);
    this.#held = [];
    this.#size = 0;
    this.#start = undefined;
  }

  #hold(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#start !== undefined) return;
    this.#held.push(bytes.slice());
    if (this.#size <= this.max) return;
    const [start = bytes] = this.#held;
    this.#start = decoder.decode(start.subarray(0, 200));
    this.#held = [];
  }

  #give(line: string): void {
    this.sink.line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
