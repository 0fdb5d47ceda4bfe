/**
 * A service that may not know that its visitor has left.
 *
 * @module
 */

import type { Duplex, Sink, Source } from "@agentx/common";

/** How long a service may go on for a visitor that has left, in milliseconds. */
const LEAVE_TIMEOUT_MS = 5000;

/** A service that is given up some time after its visitor has ended its side. */
export class LeftService implements Duplex, Disposable {
  readonly source: Source;
  readonly sink: Sink;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly service: Duplex) {
    const { source, sink } = service;
    this.source = source;
    this.sink = {
      most: sink.most,
      write: (bytes) => sink.write(bytes),
      pass: (from, count) => sink.pass(from, count),
      end: () => {
        this.#timer = setTimeout(() => service.close(), LEAVE_TIMEOUT_MS);
        return sink.end();
      },
    };
  }

  /** {@link Duplex.close} */
  close(): void {
    this.service.close();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
