/**
 * A relay between two programs that does to their connections what networks do: loses them without a
 * word, resets them, delays, slows, cuts to pieces and corrupts what passes.
 *
 * A fault strikes one {@link Link} or all there are; connections that come later are not affected,
 * as after a network's failure.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { PATIENCE_MS, within } from "../patience.ts";

/** Bytes that a direction holds before it stops reading, so that a slow one is felt at its source. */
const HOLD_BYTES = 16 * 1024;
/** How often a slow direction lets something through, in milliseconds. */
const SLOW_EVERY_MS = 50;

/** What a network may do to a connection. `up` is the way from who connected. */
export type Fault =
  | "drop"
  | "delay"
  | "reset"
  | "hole up"
  | "hole down"
  | "slow"
  | "fragment"
  | "corrupt up"
  | "corrupt down"
  | "flip up"
  | "flip down";

/** How long `delay` holds each piece, in milliseconds. */
export const DELAY_MS = 2000;
/** What `slow` lets through, in bytes a second. */
export const SLOW_RATE = 1024;

/** Spoils a piece that starts with a length: no frame and no chunk is so long, and no text so begun. */
function spoil(piece: Uint8Array): void {
  piece[0]! ^= 0x80;
}

/** Spoils one bit, wherever it is: most of what passes is payload. */
function flip(piece: Uint8Array): void {
  const bit = Math.floor(Math.random() * piece.length * 8);
  piece[bit >> 3]! ^= 1 << (bit & 7);
}

/** One direction of a link. */
class Way {
  /** Swallows what comes, the end included. */
  lost = false;
  /** Added to the way of every piece, in milliseconds. */
  delay = 0;
  /** Bytes a second. */
  rate = Infinity;
  /** Every byte leaves in a write of its own. */
  single = false;
  /** What is done to the bytes of the next piece. */
  corrupt: ((piece: Uint8Array) => void) | undefined;
  #queue: { piece: Uint8Array | "end" | "close" | "reset"; due: number }[] = [];
  #held = 0;
  #pumping = false;
  #wake = () => {};
  #reset = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly hear: (piece: Uint8Array) => void,
  ) {
    from.setNoDelay(true);
    from.on("data", (piece) => this.#take(piece));
    from.on("end", () => this.#take("end"));
    from.on("error", ({ code }: NodeJS.ErrnoException) => this.#reset ||= code === "ECONNRESET");
    from.on("close", () => this.#take(this.#reset ? "reset" : "close"));
  }

  /** Lets what is held go on by what holds now. */
  changed(): void {
    this.#wake();
  }

  #take(piece: Uint8Array | "end" | "close" | "reset"): void {
    if (typeof piece !== "string") this.hear(piece);
    if (this.lost) return;
    if (typeof piece !== "string") {
      this.corrupt?.(piece);
      this.corrupt = undefined;
      this.#held += piece.length;
      if (this.#held > HOLD_BYTES) this.from.pause();
    }
    this.#queue.push({ piece, due: performance.now() + this.delay });
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const wait = this.delay === 0 ? 0 : next.due - performance.now();
      if (wait > 0 && !this.to.destroyed) {
        await this.#pause(wait);
        continue;
      }
      this.#queue.shift();
      if (this.lost) continue;
      if (next.piece === "end") this.to.end();
      else if (next.piece === "close") this.to.destroy();
      else if (next.piece === "reset") this.to.resetAndDestroy();
      else {
        await this.#send(next.piece);
        this.#held -= next.piece.length;
        if (this.#held <= HOLD_BYTES && !this.from.destroyed) this.from.resume();
      }
    }
    this.#pumping = false;
  }

  /** Writes a piece, as fast and in such parts as holds at each moment. */
  async #send(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length && !this.lost && !this.to.destroyed;) {
      const slow = this.rate !== Infinity;
      const count = this.single ? 1 : slow ? Math.ceil(this.rate * SLOW_EVERY_MS / 1000) : Infinity;
      const part = piece.subarray(at, at + count);
      at += part.length;
      await new Promise<void>((resolve) => {
        // A socket that is destroyed under a write may leave its callback uncalled.
        this.to.once("close", resolve);
        this.to.write(part, () => {
          this.to.off("close", resolve);
          resolve();
        });
      });
      if (slow) await this.#pause(SLOW_EVERY_MS);
    }
  }

  /** Waits so long, or until something changes. */
  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    this.to.once("close", resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.to.off("close", resolve);
    });
  }
}

/** Two joined connections: one accepted, one opened to the target. */
export class Link {
  readonly #up: Way;
  readonly #down: Way;

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    hear: (link: Link, piece: Uint8Array) => void,
    gone: (link: Link) => void,
  ) {
    this.#up = new Way(near, far, (piece) => hear(this, piece));
    this.#down = new Way(far, near, (piece) => hear(this, piece));
    const closed = () => this.near.destroyed && this.far.destroyed && gone(this);
    near.on("close", closed);
    far.on("close", closed);
  }

  /** Whether either direction swallows what comes. */
  get lost(): boolean {
    return this.#up.lost || this.#down.lost;
  }

  /** Added to the way of every piece, in milliseconds. */
  set delay(ms: number) {
    for (const way of [this.#up, this.#down]) {
      way.delay = ms;
      way.changed();
    }
  }

  /** Makes it misbehave. */
  suffer(fault: Fault): void {
    const [up, down] = [this.#up, this.#down];
    switch (fault) {
      case "reset":
        this.near.resetAndDestroy();
        this.far.resetAndDestroy();
        return;
      case "delay":
        this.delay = DELAY_MS;
        return;
      case "drop":
        up.lost = down.lost = true;
        break;
      case "hole up":
        up.lost = true;
        break;
      case "hole down":
        down.lost = true;
        break;
      case "slow":
        up.rate = down.rate = SLOW_RATE;
        return;
      case "fragment":
        up.single = down.single = true;
        return;
      case "corrupt up":
        up.corrupt = spoil;
        return;
      case "corrupt down":
        down.corrupt = spoil;
        return;
      case "flip up":
        up.corrupt = flip;
        return;
      case "flip down":
        down.corrupt = flip;
        return;
    }
    up.changed();
    down.changed();
  }

  /** Lets it work again; what was lost stays lost, since the network has forgotten the connection. */
  heal(): void {
    for (const way of [this.#up, this.#down]) {
      way.rate = Infinity;
      way.single = false;
      way.corrupt = undefined;
    }
    this.delay = 0;
  }

  /** Ends the accepted side; with {@link Link.suffer} of a drop the far program does not learn it. */
  endNear(): void {
    this.near.destroy();
  }

  /** Ends it as the system of either program does at last with a connection nobody answers on. */
  end(): void {
    this.near.destroy();
    this.far.destroy();
  }

  /** Whether the accepted side has ended, and the other is still open. */
  get orphaned(): boolean {
    return this.near.destroyed && !this.far.destroyed;
  }
}

/** Joins every connection that it accepts to one to the target, until told to misbehave. */
export class FaultyRelay implements AsyncDisposable {
  /** What becomes of new connections: joined, or ended at once. */
  accepting = true;
  /** Connections that were ended at once. */
  refused = 0;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #awaited = new Set<{ mark: Buffer; found: (link: Link) => void }>();
  #delay = 0;

  /** @param target port of this machine. */
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

  /** The connections at the moment. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** Connections joined at the moment. */
  get pairs(): number {
    return this.#links.size;
  }

  /** Added to the way of every piece, in milliseconds; of later connections as well. */
  set delay(ms: number) {
    this.#delay = ms;
    for (const link of this.#links) link.delay = ms;
  }

  /** The connection on which a text comes next, as soon as it does. */
  carrying(text: string): Promise<Link> {
    const { promise, resolve } = Promise.withResolvers<Link>();
    const wish = { mark: Buffer.from(text), found: resolve };
    this.#awaited.add(wish);
    const found = within(PATIENCE_MS, `${text} on its way`, promise)
      .finally(() => this.#awaited.delete(wish));
    // Whoever sends the text may fail first, and then nobody asks for it any more.
    found.catch(() => {});
    return found;
  }

  /** A fault of all connections there are. */
  suffer(fault: Fault): void {
    for (const link of this.#links) link.suffer(fault);
  }

  /** {@link Link.heal} of all connections. */
  heal(): void {
    for (const link of this.#links) link.heal();
  }

  /** Ends, as systems do at last, what a fault has lost. */
  endLost(): void {
    for (const link of this.#links) if (link.lost) link.end();
  }

  /** The connections there are stay open, and nothing passes any more: a network that went away. */
  loseAll(): void {
    this.suffer("drop");
  }

  /**
   * Ends the accepted side of each connection and keeps the other open and mute: the far program
   * does not learn that the near one has gone.
   */
  orphanAll(): void {
    this.loseAll();
    for (const link of this.#links) link.endNear();
  }

  /** Ends what {@link FaultyRelay.orphanAll} left open. */
  endOrphans(): void {
    for (const link of this.#links) if (link.orphaned) link.end();
  }

  /** Ends all connections in order. */
  cutAll(): void {
    for (const link of this.#links) link.end();
  }

  /** Ends all connections with a reset. */
  resetAll(): void {
    this.suffer("reset");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.accepting = false;
    this.loseAll();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cutAll();
    await closed;
  }

  #join(near: Socket): void {
    near.on("error", () => {});
    if (!this.accepting) {
      this.refused++;
      near.destroy();
      return;
    }
    const far = connect({ host: "127.0.0.1", port: this.target, allowHalfOpen: true });
    far.on("error", () => {});
    const link = new Link(
      near,
      far,
      (link, piece) => this.#hear(link, piece),
      (link) => this.#links.delete(link),
    );
    link.delay = this.#delay;
    this.#links.add(link);
  }

  #hear(link: Link, piece: Uint8Array): void {
    for (const { mark, found } of this.#awaited) {
      if (Buffer.from(piece).includes(mark)) found(link);
    }
  }
}
