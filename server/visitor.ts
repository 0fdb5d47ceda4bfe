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

/** A visitor, and what is known of it. */
export class Visitor {
  /** Its bytes. */
  readonly peek: Peek;
  /** Bytes of it that went to a service, and of the service that came to it; live. */
  readonly traffic: Traffic = { up: 0, down: 0 };
  /** When it came, by `performance.now()`. */
  readonly since: number = performance.now();
  /** Ends it now; `why` is for the log. */
  abort: (why: string) => void = () => closeQuietly(this.conn);

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
  }

  /** `ip:port`, for logs and for the client. */
  get name(): string {
    return formatAddress(this.address);
  }
}
