/**
 * So many bytes a second, shared fairly.
 *
 * A token bucket says how much may go, and fair queuing says whose turn it is. A clock shows how far
 * a flow has come that always got its part. Each piece is stamped with where its flow's last one
 * ended, or with the clock if the flow was silent, and the lowest stamp goes first. So all that have
 * much to send get the same; what is small or rare overtakes them, but however much of that comes,
 * the clock goes on, and theirs is the lowest stamp in the end.
 *
 * @see {@link https://doi.org/10.1145/75247.75248 | Demers, Keshav, Shenker: Fair Queueing, 1989}
 * @module
 */

/** Seconds worth of bytes that may go at once after a silence. */
const BURST_SECONDS = 1;
/** A piece takes a hundredth of a second, within bounds that keep the work per byte small. */
const PIECES_PER_SECOND = 100;
const MIN_PIECE_BYTES = 1024;
/** The largest read of a connection; see `common/peek.ts`. */
const MAX_PIECE_BYTES = 256 * 1024;

interface Turn {
  readonly flow: Flow;
  readonly bytes: number;
  readonly start: number;
  resolve(): void;
  reject(error: Error): void;
}

/** One budget of bytes. */
export class Throttle {
  /** Most bytes that a flow should take at once, so that others need not wait for long. */
  readonly piece: number;
  /** May be negative: a piece goes whole as soon as there is anything left, and is paid later. */
  #balance: number;
  #at: number;
  /** Bytes of a flow that always got its part. */
  #clock = 0;
  /** By stamp, the lowest first. */
  #turns: Turn[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param rate bytes a second. */
  constructor(readonly rate: number, private readonly now: () => number = () => performance.now()) {
    const piece = Math.round(rate / PIECES_PER_SECOND);
    this.piece = Math.min(Math.max(piece, MIN_PIECE_BYTES), MAX_PIECE_BYTES);
    this.#balance = rate * BURST_SECONDS;
    this.#at = now();
  }

  /** Pieces that wait for their turn. */
  get waiting(): number {
    return this.#turns.length;
  }

  /** Whether it is as good as a new one: nobody waits, and a whole burst is there. */
  get rested(): boolean {
    this.#earn();
    return this.#turns.length === 0 && this.#balance >= this.rate * BURST_SECONDS;
  }

  /** The next turn of a flow, whose last piece ended at the stamp `finish`. */
  take(flow: Flow, bytes: number, finish: number): { start: number; turn?: Promise<void> } {
    const start = Math.max(this.#clock, finish);
    this.#earn();
    if (this.#turns.length === 0 && this.#balance > 0) {
      this.#spend(bytes);
      return { start };
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#insert({ flow, bytes, start, resolve, reject });
    this.#wait();
    return { start, turn: promise };
  }

  /** A flow has ended: its turns are nobody's. */
  leave(flow: Flow, why: Error): void {
    if (!this.#turns.some((turn) => turn.flow === flow)) return;
    const gone = this.#turns.filter((turn) => turn.flow === flow);
    this.#turns = this.#turns.filter((turn) => turn.flow !== flow);
    if (this.#turns.length === 0) this.#rest();
    for (const turn of gone) turn.reject(why);
  }

  /** Behind all with the same stamp. */
  #insert(turn: Turn): void {
    let low = 0;
    let high = this.#turns.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#turns[middle]!.start <= turn.start) low = middle + 1;
      else high = middle;
    }
    this.#turns.splice(low, 0, turn);
  }

  #earn(): void {
    const now = this.now();
    const earned = (now - this.#at) / 1000 * this.rate;
    this.#balance = Math.min(this.#balance + earned, this.rate * BURST_SECONDS);
    this.#at = now;
  }

  #spend(bytes: number): void {
    this.#balance -= bytes;
    this.#clock += bytes / (1 + this.#turns.length);
  }

  #serve(): void {
    this.#timer = undefined;
    this.#earn();
    while (this.#balance > 0) {
      const turn = this.#turns.shift();
      if (turn === undefined) return;
      this.#spend(turn.bytes);
      turn.resolve();
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#timer !== undefined || this.#turns.length === 0) return;
    const ms = Math.max(1, Math.ceil(-this.#balance / this.rate * 1000));
    // Timers count in 32 bits; one that wakes too early waits again.
    this.#timer = setTimeout(() => this.#serve(), Math.min(ms, 0x7fffffff));
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Both directions of one visitor, which share its part of a {@link Throttle}. */
export class Flow {
  #finish = 0;
  #ended: Error | undefined;

  constructor(private readonly throttle: Throttle) {}

  /** {@link Throttle.piece} */
  get piece(): number {
    return this.throttle.piece;
  }

  /**
   * Waits until so many bytes may go; undefined when they may go at once.
   *
   * @throws {Deno.errors.BadResource} when the flow has ended.
   */
  take(bytes: number): Promise<void> | undefined {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { start, turn } = this.throttle.take(this, bytes, this.#finish);
    this.#finish = start + bytes;
    return turn;
  }

  /** Ends it; whoever waits for a turn hears of it at once. */
  close(): void {
    if (this.#ended !== undefined) return;
    this.#ended = new Deno.errors.BadResource("the tunnel was closed");
    this.throttle.leave(this, this.#ended);
  }
}
