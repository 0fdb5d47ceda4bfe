/**
 * Finds out what the local service is, once after each start: it may take its time, and may not be
 * up yet.
 *
 * @module
 */

import { type Address, type Dial, dialTcp, formatAddress, getLogger, reason } from "@agentx/common";
import { type FirstWords, look } from "./service.ts";
import { sleep } from "./sleep.ts";

const log = getLogger(["arpc", "service"]);

/** What a registration may wait for a service to speak, in milliseconds; most never do. */
const HEAD_START_MS = 250;
/** Until a service that is down is tried again, in milliseconds. */
const RETRY_MS = 5000;

/** Looks at a service until it was seen once; disposing ends that. */
export class ServiceWatch implements Disposable {
  /** What it was found to be, if it speaks first. */
  words: FirstWords | undefined;
  readonly #found = new AbortController();
  readonly #over = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  readonly #timer = setTimeout(this.#ready.resolve, HEAD_START_MS);
  #looking = false;

  /**
   * @param told what it speaks first, or `"none"`; it is left alone then.
   * @param retry milliseconds until a service that is down is tried again.
   */
  constructor(
    private readonly local: Address,
    told: string | undefined = undefined,
    private readonly dial: Dial = dialTcp,
    private readonly retry: number = RETRY_MS,
  ) {
    if (told === undefined) void this.#run();
    else {
      if (told !== "none") this.words = { service: told };
      this.#settle();
    }
  }

  /** Aborts once the service is found to speak first. */
  get found(): AbortSignal {
    return this.#found.signal;
  }

  /** What to declare now: waits, but only for the first moment of the look. */
  async declaration(): Promise<FirstWords | undefined> {
    await this.#ready.promise;
    return this.words;
  }

  /**
   * A visitor comes. If it is of the web, then so is the service, which may be one that serves a
   * single connection at a time: it must not go on waiting for this one.
   */
  visited(protocol: string | undefined): void {
    const web = protocol === undefined || protocol === "http";
    if (web && this.#looking) this[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    const service = formatAddress(this.local);
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        this.#looking = true;
        this.words = await look(this.local, { dial: this.dial, signal });
        break;
      } catch (error) {
        this.#looking = false;
        this.#settle();
        if (signal.aborted) break;
        if (tries === 1) log.info("The service is not up yet", { service, why: reason(error) });
        await sleep(this.retry, signal);
      }
    }
    this.#settle();
    if (this.words === undefined) return;
    log.info("The service speaks first", { service, speaks: this.words.service });
    this.#found.abort();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#ready.resolve();
  }

  [Symbol.dispose](): void {
    this.#settle();
    this.#over.abort();
  }
}
