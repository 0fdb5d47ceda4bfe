/**
 * A relay between two programs that does to their connections what networks do: loses them without a
 * word, cuts them, resets them, delays them.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Two joined connections: one accepted, one opened to the target. */
interface Pair {
  near: Socket;
  far: Socket;
  /** Swallows what comes from either side, the end included. */
  lost: boolean;
}

/** Joins every connection that it accepts to one to the target, until told to misbehave. */
export class FaultyRelay implements AsyncDisposable {
  /** What becomes of new connections: joined, or ended at once. */
  accepting = true;
  /** Added to the way of every piece, in milliseconds. */
  delay = 0;
  #server: Server;
  #pairs = new Set<Pair>();
  #timers = new Set<ReturnType<typeof setTimeout>>();

  private constructor(private readonly target: number) {
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
  }

  /** Starts one on a port of the system's choice. */
  static async listen(target: number): Promise<FaultyRelay> {
    const relay = new FaultyRelay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  /** Where to connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections joined at the moment. */
  get pairs(): number {
    return this.#pairs.size;
  }

  /** The connections there are stay open, and nothing passes any more: a network that went away. */
  loseAll(): void {
    for (const pair of this.#pairs) pair.lost = true;
  }

  /**
   * Ends the accepted side of each connection and keeps the other open and mute: the far program
   * does not learn that the near one has gone.
   */
  orphanAll(): void {
    this.loseAll();
    for (const { near } of this.#pairs) near.destroy();
  }

  /** Ends what {@link FaultyRelay.orphanAll} left open. */
  endOrphans(): void {
    for (const { near, far } of this.#pairs) if (near.destroyed) far.destroy();
  }

  /** Ends all connections in order. */
  cutAll(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Ends all connections with a reset. */
  resetAll(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.accepting = false;
    this.loseAll();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cutAll();
    await closed;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #join(near: Socket): void {
    near.on("error", () => {});
    if (!this.accepting) {
      near.destroy();
      return;
    }
    const far = connect({ host: "127.0.0.1", port: this.target, allowHalfOpen: true });
    const pair: Pair = { near, far, lost: false };
    this.#pairs.add(pair);
    this.#pass(pair, near, far);
    this.#pass(pair, far, near);
  }

  #pass(pair: Pair, from: Socket, to: Socket): void {
    from.setNoDelay(true);
    from.on("error", () => {});
    from.on("data", (piece) => {
      if (!pair.lost) this.#later(() => to.write(piece));
    });
    from.on("end", () => {
      if (!pair.lost) this.#later(() => to.end());
    });
    from.on("close", () => {
      if (!pair.lost) this.#later(() => to.destroy());
      if (pair.near.destroyed && pair.far.destroyed) this.#pairs.delete(pair);
    });
  }

  #later(act: () => void): void {
    if (this.delay === 0) return act();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, this.delay);
    this.#timers.add(timer);
  }
}
