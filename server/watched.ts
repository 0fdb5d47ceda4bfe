/**
 * A look at what passes to a sink, without holding any of it back.
 *
 * @module
 */

import type { Duplex, Sink, Source } from "@agentx/common";

/**
 * Gets what is about to be sent, piece by piece, and may change bytes in place; false when it has
 * seen enough.
 */
export type See = (bytes: Uint8Array) => boolean | void;

/** The same peer, whose sink shows what passes. */
export function watched(peer: Duplex, see: See | undefined): Duplex {
  if (see === undefined) return peer;
  return { source: peer.source, sink: new WatchedSink(peer.sink, see), close: () => peer.close() };
}

class WatchedSink implements Sink {
  #see: See | undefined;

  constructor(private readonly sink: Sink, see: See) {
    this.#see = see;
  }

  get most(): number {
    return this.sink.most;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#show(bytes);
    return this.sink.write(bytes);
  }

  pass(from: Source, count: number): Promise<void> {
    if (this.#see !== undefined) this.#show(from.bytes.subarray(0, count));
    return this.sink.pass(from, count);
  }

  end(): Promise<void> {
    return this.sink.end();
  }

  #show(bytes: Uint8Array): void {
    if (this.#see?.(bytes) === false) this.#see = undefined;
  }
}
