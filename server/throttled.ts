/**
 * A peer whose bytes, both ways, go no faster than they may. What waits stays where it was read to,
 * and the connection is read no further: that is the back-pressure.
 *
 * @module
 */

import type { Duplex, Sink, Source } from "@agentx/common";
import type { Flow } from "./throttle.ts";

/** The same peer within the limit of a flow. */
export class ThrottledDuplex implements Duplex {
  readonly source: Source;
  readonly sink: Sink;

  constructor(private readonly peer: Duplex, private readonly flow: Flow) {
    this.source = new ThrottledSource(peer.source, flow);
    this.sink = new ThrottledSink(peer.sink, flow);
  }

  /** {@link Duplex.close} */
  close(): void {
    this.flow.close();
    this.peer.close();
  }
}

/** Shows of what was read only what may go. */
class ThrottledSource implements Source {
  #shown = 0;
  #filling: Promise<boolean> | undefined;

  constructor(private readonly source: Source, private readonly flow: Flow) {}

  get size(): number {
    return this.#shown;
  }

  get bytes(): Uint8Array {
    const { bytes } = this.source;
    return this.#shown < bytes.length ? bytes.subarray(0, this.#shown) : bytes;
  }

  consume(count: number): void {
    this.source.consume(count);
    this.#shown -= count;
  }

  /** A further call joins the one that is pending, as with the source itself. */
  fill(): Promise<boolean> {
    return this.#filling ??= this.#fill();
  }

  async #fill(): Promise<boolean> {
    try {
      await null; // so that `#filling` is set before it is cleared
      const { source, flow } = this;
      while (source.size === this.#shown) if (!await source.fill()) return false;
      const count = Math.min(source.size - this.#shown, flow.piece);
      await flow.take(count);
      this.#shown += count;
      return true;
    } finally {
      this.#filling = undefined;
    }
  }
}

class ThrottledSink implements Sink {
  readonly most: number;

  constructor(private readonly sink: Sink, private readonly flow: Flow) {
    this.most = flow.piece;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.flow.take(bytes.length);
    await this.sink.write(bytes);
  }

  async pass(from: Source, count: number): Promise<void> {
    await this.flow.take(count);
    await this.sink.pass(from, count);
  }

  end(): Promise<void> {
    return this.sink.end();
  }
}
