/**
 * The end of a listener that resets nobody.
 *
 * The system completes connections on its own and keeps them in a queue until the program accepts
 * them; those in the queue when the listener is closed are reset. So it is closed at the one moment
 * when the queue is known to be empty: when an accept that followed another found nothing. (One that
 * has waited knows nothing: the program may have been held up since.) For such a moment to come soon
 * the listener visits itself.
 *
 * A fraction of a millisecond remains, until the system has closed it; for that it can be told to
 * hand the queue over to whoever shares the port (Linux, `net.ipv4.tcp_migrate_req`).
 *
 * @module
 */

import {
  type Address,
  closeQuietly,
  type Conn,
  DeadlineError,
  type Dial,
  dialTcp,
  formatAddress,
  type Listener,
} from "@agentx/common";
import { plainAddress } from "./address.ts";

/** What can be done at once is done within as many microtasks; some six, mostly. */
const TURNS = 32;
/** Accepts in a row before others get their turn. */
const MAX_AT_ONCE = 16;
/**
 * For how long it visits itself, in milliseconds. Once is enough for a program that has time; where
 * another shares the port, each visit goes to either of them by chance.
 */
const VISITS_MS = 3000;
/** How long a visit may take, and the time given to it to be accepted, in milliseconds. */
const VISIT_MS = 1000;
const ACCEPT_MS = 5;

/** A listener that can be closed without a reset. Closing it twice is fine. */
export class ClosingListener implements Listener {
  #open = true;
  #finishing: Promise<void> | undefined;
  /** How many accepts in a row found somebody in the queue. */
  #found = 0;
  /** A connection of its own, perhaps to itself. */
  #visit: Conn | undefined;
  #dialling: Promise<Conn> | undefined;
  #visits = new Set<string>();

  constructor(private readonly inner: Listener, private readonly dial: Dial = dialTcp) {}

  /** The address really bound. */
  get address(): Address {
    return this.inner.address;
  }

  /** The next connection. */
  async accept(): Promise<Conn> {
    for (;;) {
      // What there is to do for others now would come before the system hears of a close.
      if (this.#finishing !== undefined && this.#found % MAX_AT_ONCE === 0) await pause(0);
      const next = this.inner.accept();
      if (this.#finishing !== undefined && this.#open) void this.#closeIfNone(next);
      const conn = await next;
      await this.#dialling?.catch(() => {});
      if (!this.#visits.has(nameOf(conn.remoteAddr))) return conn;
      closeQuietly(conn);
    }
  }

  /**
   * Closes as soon as nobody waits to be accepted; whoever accepts must go on until then.
   *
   * @returns when it is closed.
   */
  finish(): Promise<void> {
    return this.#finishing ??= this.#finish();
  }

  /** Closes at once. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.inner.close();
  }

  async #finish(): Promise<void> {
    const until = performance.now() + VISITS_MS;
    const address = [reachable(this.address), this.address].find(mayVisit);
    while (this.#open && performance.now() < until && address !== undefined) {
      const last = this.#visit;
      this.#dialling = this.dial(address, { timeout: VISIT_MS });
      try {
        this.#visit = await this.#dialling;
      } catch (error) {
        // A program that is slow now finds the more people in its queue.
        if (error instanceof DeadlineError) continue;
        break;
      }
      this.#visits.add(nameOf(this.#visit.localAddr));
      if (last !== undefined) closeQuietly(last);
      await pause(ACCEPT_MS);
    }
    this.close();
    if (this.#visit !== undefined) closeQuietly(this.#visit);
    await pause(0); // by now the system knows
  }

  async #closeIfNone(next: Promise<Conn>): Promise<void> {
    // The runtime makes a program wait that has done much in a row, and such a wait must not be taken
    // for that of an empty queue. It would make this wait as well.
    const sign = this.#visit?.write(new Uint8Array(0));
    let found = false;
    let able = false;
    next.then(() => found = true, () => found = true);
    sign?.then(() => able = true, () => able = true);
    for (let turn = 0; turn < TURNS && !found; turn++) await null;
    this.#found = found ? this.#found + 1 : 0;
    if (!found && able) this.close();
  }
}

/** Where to find it from here: Windows connects to no wildcard. */
function reachable({ hostname, port }: Address): Address {
  const wildcards: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  return { hostname: wildcards[hostname] ?? hostname, port };
}

/** Whether that was granted; nobody is to be asked. */
function mayVisit(address: Address): boolean {
  const host = formatAddress(address);
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

function nameOf({ hostname, port }: Address): string {
  return formatAddress({ hostname: plainAddress(hostname), port });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
