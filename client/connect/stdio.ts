/**
 * Standard input and output as one end of a relay. Nothing but the service's bytes is ever written
 * to standard output.
 *
 * @module
 */

import {
  type Duplex,
  isDisconnect,
  type PlainDuplex,
  relay,
  type Sink,
  type Source,
} from "@agentx/common";

/** `Deno.stdin` is such. */
export interface Input {
  /** Bytes read into `buffer`, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** `Deno.stdout` is such. */
export interface Output {
  /** Bytes taken from `bytes`, at least one. */
  write(bytes: Uint8Array): Promise<number>;
}

const BUFFER_BYTES = 64 * 1024;

/**
 * Joins standard input and output to a service. The end of the input is passed on while the answer
 * still flows; the end of the service's stream is the end of all.
 *
 * @throws {Error} when the connection broke off, or the output failed.
 */
export async function joinStdio(
  remote: PlainDuplex,
  input: Input = Deno.stdin,
  output: Output = Deno.stdout,
): Promise<{ up: number; down: number }> {
  const traffic = { up: 0, down: 0 };
  const local = new Stdio(input, output);
  try {
    // A read of a terminal cannot be taken back, so an end of the service does not wait for it.
    const end = await Promise.race([local.ended, relay(local, remote, { traffic })]);
    // A service that left in the middle of the input has said all it wanted to.
    if (end === "reset" && !remote.source.ended) {
      throw new Error("The connection to the service broke off");
    }
    return traffic;
  } finally {
    local.close();
    remote.close();
  }
}

class Stdio implements Duplex, Source, Sink {
  readonly source: Source = this;
  readonly sink: Sink = this;
  readonly most: number = Infinity;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #held: Uint8Array = this.#buffer.subarray(0, 0);
  #closed = false;
  #stop: ((error: Error) => void) | undefined;
  readonly #ended = Promise.withResolvers<"done">();

  constructor(private readonly input: Input, private readonly output: Output) {}

  /** Resolves when the service has said all, or nobody reads it any more. */
  get ended(): Promise<"done"> {
    return this.#ended.promise;
  }

  get bytes(): Uint8Array {
    return this.#held;
  }

  get size(): number {
    return this.#held.length;
  }

  consume(count: number): void {
    this.#held = this.#held.subarray(count);
  }

  /** Called only when nothing is held. */
  async fill(): Promise<boolean> {
    const got = await new Promise<number | null>((resolve, reject) => {
      this.#stop = reject;
      if (this.#closed) this.close();
      else this.input.read(this.#buffer).then(resolve, reject);
    });
    this.#held = this.#buffer.subarray(0, got ?? 0);
    return got !== null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.output.write(bytes.subarray(at));
    } catch (error) {
      // Whoever read it left, as `head` does; they have what they wanted. A full disk is a failure.
      if (isDisconnect(error)) this.#ended.resolve("done");
      else this.#ended.reject(error);
      throw error;
    }
  }

  pass(from: Source, count: number): Promise<void> {
    return this.write(from.bytes.subarray(0, count));
  }

  end(): Promise<void> {
    this.#ended.resolve("done");
    return Promise.resolve();
  }

  /** Nothing is closed that other programs share; what waits for input is told to give up. */
  close(): void {
    this.#closed = true;
    this.#stop?.(new Deno.errors.Interrupted("the connection is over"));
  }
}
