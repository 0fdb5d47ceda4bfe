/**
 * One connection of a visitor, on the public port or on a client's own.
 *
 * @module
 */

import {
  type Address,
  closeQuietly,
  type Conn,
  formatAddress,
  Peek,
  type Traffic,
} from "@agentx/common";
import type { Client } from "./registry.ts";

/** Bytes of a visitor, which count as those of the client that it is with as well. */
class SharedTraffic implements Traffic {
  #up = 0;
  #down = 0;
  /** Of the client. */
  also: Traffic | undefined;

  get up(): number {
    return this.#up;
  }

  set up(bytes: number) {
    if (this.also !== undefined) this.also.up += bytes - this.#up;
    this.#up = bytes;
  }

  get down(): number {
    return this.#down;
  }

  set down(bytes: number) {
    if (this.also !== undefined) this.also.down += bytes - this.#down;
    this.#down = bytes;
  }
}

/** A visitor, and what is known of it. */
export class Visitor {
  /** Its bytes. */
  readonly peek: Peek;
  /** Bytes of it that went to a service, and of the service that came to it; live. */
  readonly traffic: Traffic;
  /** Whom it is with, or was with last. */
  client: Client | undefined;
  /** Is told of each answer of the server itself in place of a service's. */
  refused: (status: number) => void = () => {};
  /** When it came, by `performance.now()`. */
  readonly since: number = performance.now();
  /** Whether nothing of it is under way now, as between two requests. */
  resting: () => boolean = () => false;
  /** Ends it now; `why` is for the log. */
  abort: (why: string) => void = () => closeQuietly(this.conn);
  readonly #traffic: SharedTraffic;

  constructor(
    readonly conn: Conn,
    /** Its IP address and port. */
    readonly address: Address,
    /** Whether it may say for whom it forwards. */
    readonly trusted: boolean,
    /** Whether it came by TLS. */
    readonly tls: boolean = false,
  ) {
    this.peek = new Peek(conn);
    this.traffic = this.#traffic = new SharedTraffic();
  }

  /** It is with this client from now on: what it sends and gets counts as the client's. */
  joins(client: Client): void {
    this.client = client;
    this.#traffic.also = client.traffic;
  }

  /** `ip:port`, for logs and for the client. */
  get name(): string {
    return formatAddress(this.address);
  }
}
