/**
 * Bytes into lines, with a bound on what one line may cost.
 *
 * @module
 */

/** Longest line that is passed on, in bytes: an image in a tool's result fits. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LF = 10;
/** How much of a line that is left out is shown, in bytes. */
const START_BYTES = 200;
/** Room for a line that comes in pieces; more is given back after it. */
const ROOM = 64 * 1024;
// Without the option a line that begins with U+FEFF would lose it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What becomes of the lines. */
export interface LineSink {
  /** A line without its end. */
  line(text: string): void;
  /** A line was longer than the bound; it is left out. */
  tooLong(bytes: number, start: string): void;
}

/** Splits at LF and CRLF; the sink is called before `push` returns. */
export class Lines {
  /** A line that has no end yet, with room behind it; of one beyond the bound only its start. */
  #held: Uint8Array = new Uint8Array(0);
  #size = 0;

  /** @param max bytes of a line that is held; what comes whole in one `push` costs nothing more. */
  constructor(private readonly sink: LineSink, private readonly max: number = MAX_LINE_BYTES) {}

  /** Takes the next bytes, which may be reused afterwards. */
  push(bytes: Uint8Array): void {
    let from = 0;
    if (this.#size > 0) {
      const first = bytes.indexOf(LF);
      if (first === -1) return this.#hold(bytes);
      this.#hold(bytes.subarray(0, first));
      this.flush();
      from = first + 1;
    }
    const last = bytes.lastIndexOf(LF);
    if (last >= from) {
      for (const line of decoder.decode(bytes.subarray(from, last)).split("\n")) this.#give(line);
      from = last + 1;
    }
    this.#hold(bytes.subarray(from));
  }

  /** Gives the line that has no end yet, as at the end of a stream. */
  flush(): void {
    if (this.#size === 0) return;
    const size = this.#size;
    const held = this.#held.subarray(0, size);
    this.#size = 0;
    if (this.#held.length > ROOM) this.#held = new Uint8Array(0);
    if (size <= this.max) this.#give(decoder.decode(held));
    else this.sink.tooLong(size, decoder.decode(held.subarray(0, START_BYTES)));
  }

  #hold(bytes: Uint8Array): void {
    const size = this.#size + bytes.length;
    if (this.#size <= this.max && bytes.length > 0) {
      const kept = size <= this.max ? bytes : bytes.subarray(0, START_BYTES);
      this.#reserve(this.#size + kept.length);
      this.#held.set(kept, this.#size);
      if (size > this.max) this.#held = this.#held.slice(0, START_BYTES);
    }
    this.#size = size;
  }

  /** Doubles the room, so that a line in a million pieces is not copied a million times. */
  #reserve(size: number): void {
    if (size <= this.#held.length) return;
    const wider = new Uint8Array(Math.max(ROOM, this.#held.length * 2, size));
    wider.set(this.#held.subarray(0, this.#size));
    this.#held = wider;
  }

  #give(line: string): void {
    this.sink.line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }
}

/** Reads a stream to its end, or until the signal aborts; a broken pipe is an end. Never rejects. */
export async function readInto(
  lines: Lines,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      lines.push(value);
    }
  } catch {
    /* the pipe broke with its process */
  } finally {
    signal.removeEventListener("abort", cancel);
    lines.flush();
  }
}
