/**
 * A program that relays TCP as a long link would: `delay.ts MS LISTEN=TARGET..`, with `host:port` for each. Bytes
 * arrive MS after they were sent, in order and at full rate, and so do ends of streams. A connection costs its
 * handshake: the first bytes of the one who dials arrive 3 x MS after the dialling, as on a real link.
 * @module
 */

/** In flight at most, each way: what lets 25 ms carry 10 Gbit/s. */
const WINDOW = 32 * 1024 ** 2;
/** Timers fire late by about this much; waking early keeps the delay true. */
const TIMER_LATE_MS = 1.2;
const EMPTY = new Uint8Array();

interface Parcel {
  due: number;
  /** Empty at the end of the stream. */
  bytes: Uint8Array;
}

/** What was sent and is not there yet. */
class Flight {
  #parcels: Parcel[] = [];
  #size = 0;
  #changed = Promise.withResolvers<void>();

  /** Takes bytes on board; waits while there are too many. */
  async send(parcel: Parcel): Promise<void> {
    this.#parcels.push(parcel);
    this.#size += parcel.bytes.length;
    this.#signal();
    while (this.#size > WINDOW) await this.#changed.promise;
  }

  /** The next bytes, when they are due. */
  async arrive(): Promise<Uint8Array> {
    while (this.#parcels.length === 0) await this.#changed.promise;
    const parcel = this.#parcels.shift()!;
    const wait = parcel.due - performance.now() - TIMER_LATE_MS;
    if (wait > 0) await sleep(wait);
    this.#size -= parcel.bytes.length;
    this.#signal();
    return parcel.bytes;
  }

  #signal(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Relays what is dialled at `listener` to `target` until the listener is closed. */
export async function serve(
  listener: Deno.TcpListener,
  target: { hostname: string; port: number },
  delayMs: number,
): Promise<void> {
  for await (const conn of listener) {
    carry(conn, target, delayMs).catch(
      () => {/* One broken connection is the two programs' affair. */},
    );
  }
}

async function carry(
  near: Deno.TcpConn,
  target: { hostname: string; port: number },
  delayMs: number,
): Promise<void> {
  using dialler = near;
  const open = performance.now() + 3 * delayMs;
  const up = new Flight();
  const filled = fill(dialler, up, delayMs, open);
  filled.catch(() => {/* Judged below; until then it must not end the program. */});
  await sleep(open - performance.now() - TIMER_LATE_MS);
  using far = await Deno.connect(target);
  const down = new Flight();
  dialler.setNoDelay(true);
  far.setNoDelay(true);
  // A reset of one side ends both at once; the halves of a normal end wait for each other.
  await Promise.all([filled, empty(up, far), fill(far, down, delayMs, 0), empty(down, dialler)]);
}

async function fill(from: Deno.TcpConn, flight: Flight, delayMs: number, notBefore: number) {
  const buffer = new Uint8Array(256 * 1024);
  for (;;) {
    const count = await from.read(buffer);
    const due = Math.max(performance.now() + delayMs, notBefore);
    if (count === null) return await flight.send({ due, bytes: EMPTY });
    await flight.send({ due, bytes: buffer.slice(0, count) });
  }
}

async function empty(flight: Flight, to: Deno.TcpConn): Promise<void> {
  for (;;) {
    let bytes = await flight.arrive();
    if (bytes.length === 0) return await to.closeWrite();
    while (bytes.length > 0) bytes = bytes.subarray(await to.write(bytes));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function address(text: string): { hostname: string; port: number } {
  const at = text.lastIndexOf(":");
  return { hostname: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

if (import.meta.main) {
  const [delayMs, ...routes] = Deno.args;
  await Promise.all(routes.map((route) => {
    const [listen, target] = route.split("=").map(address);
    return serve(Deno.listen(listen!), target!, Number(delayMs));
  }));
}
