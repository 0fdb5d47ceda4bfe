/**
 * Visitors that a fault elsewhere must not reach. Each checks every byte, all the while.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { latin1, post, status, Wire } from "../http_wire.ts";
import { PATIENCE_MS, within } from "../patience.ts";
import { block, BLOCK_BYTES } from "./service.ts";

/** Between two exchanges, in milliseconds: many run at once on few cores. */
const PACE_MS = 20;

/** Bytes that nobody can guess, as Latin-1. */
export function noise(count: number): string {
  return String.fromCharCode(...crypto.getRandomValues(new Uint8Array(count)));
}

/** SHA-256 of text that stands for bytes. */
export function sha(text: string): string {
  return createHash("sha256").update(latin1(text)).digest("hex");
}

/** One who does the same over and over, until disposed. */
export abstract class Bystander implements AsyncDisposable {
  /** Times that all was right. */
  done = 0;
  /** What went wrong; it is over then. */
  failure: unknown;
  #over = false;
  #running: Promise<void> | undefined;
  /** The next time that all was right, or that something went wrong. */
  #next = Promise.withResolvers<void>();

  /** @param name for errors. */
  constructor(readonly name: string, protected readonly port: number) {}

  /** Begins; resolves when it was served for the first time. */
  async begin(): Promise<this> {
    this.#running = this.#run();
    await this.progress(1);
    return this;
  }

  /** Served `count` times more. */
  async progress(count: number): Promise<void> {
    const wanted = this.done + count;
    while (this.done < wanted) {
      if (this.failure !== undefined) {
        throw new Error(`${this.name}, a bystander, was harmed`, { cause: this.failure });
      }
      const { promise } = this.#next;
      await within(PATIENCE_MS, `the next answer to ${this.name}, a bystander`, promise);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.leave();
    await this.#running;
  }

  /** Does it once. */
  protected abstract once(): Promise<void>;
  /** Ends its connection. */
  protected abstract leave(): void;

  #wake(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#over) {
        await this.once();
        this.done++;
        this.#wake();
      }
    } catch (error) {
      if (!this.#over) this.failure = error;
      this.#wake();
    }
  }
}

/** Sends random bodies on one connection, and wants them back. */
export class Steady extends Bystander {
  /** Answers that the client is away, which is no harm where it is. */
  away = 0;
  #wire: Wire | undefined;

  constructor(name: string, port: number, private readonly token: string) {
    super(name, port);
  }

  protected async once(): Promise<void> {
    for (;;) {
      const wire = this.#wire ??= await Wire.dial(this.port);
      const body = noise(1 + Math.floor(Math.random() * 4000));
      await wire.send(post(`/echo/${this.name}?token=${this.token}`, body));
      const response = await wire.response();
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      if (status(response) !== 503) {
        if (status(response) !== 200) throw new Error(response.head + response.body);
        if (sha(response.body) !== sha(body)) throw new Error("bytes of somebody else");
        return;
      }
      // The body of a request that was turned away is not read, so the connection ends.
      this.away++;
      wire[Symbol.dispose]();
      this.#wire = undefined;
    }
  }

  protected leave(): void {
    this.#wire?.[Symbol.dispose]();
  }
}

/** Reads one answer that never ends. */
export class Listener extends Bystander {
  #wire: Wire | undefined;
  #nth = 0;

  constructor(name: string, port: number, private readonly token: string) {
    super(name, port);
  }

  protected async once(): Promise<void> {
    if (this.#wire === undefined) {
      this.#wire = await Wire.dial(this.port);
      await this.#wire.send(
        `GET /stream/${this.name}?token=${this.token} HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      await this.#wire.until("\r\n\r\n");
    }
    const got = latin1(await this.#wire.take(BLOCK_BYTES));
    const right = block(this.#nth++);
    if (got.some((byte, at) => byte !== right[at])) throw new Error("bytes of somebody else");
  }

  protected leave(): void {
    this.#wire?.[Symbol.dispose]();
  }
}
