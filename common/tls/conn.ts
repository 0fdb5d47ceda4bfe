/**
 * A connection with TLS on it, which shakes hands when it is first used.
 *
 * So a listener hands over at once what it accepted, and whoever serves it has the handshake within
 * its own deadlines and limits. What does the work is loaded by those who turn TLS on.
 *
 * @module
 */

import { Peek } from "../peek.ts";
import { type Address, closeQuietly, type Conn } from "../transport.ts";

/** What a handshake leads to. */
export interface SecureStream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  /** Makes a pending read fail; the connection underneath is closed by its owner. */
  close(): void;
}

/** The TCP connection `raw`, which it owns, with TLS on it. */
export class TlsConn implements Conn {
  readonly #peek: Peek;
  #stream: SecureStream | undefined;
  #handshake: Promise<SecureStream> | undefined;
  #closed = false;

  /** @param shakeHands is given what the peer sends. */
  constructor(
    private readonly raw: Conn,
    private readonly shakeHands: (peek: Peek) => Promise<SecureStream>,
  ) {
    this.#peek = new Peek(raw);
  }

  /**
   * Shakes hands, once; to close the connection meanwhile makes it fail.
   *
   * @throws {Error} that says what failed; the connection is of no use then.
   */
  async handshake(): Promise<void> {
    await this.#ready();
  }

  /** Whether the handshake has come to its end. */
  get established(): boolean {
    return this.#stream !== undefined;
  }

  #ready(): Promise<SecureStream> {
    return this.#handshake ??= this.shakeHands(this.#peek).then((stream) => {
      if (this.#closed) stream.close();
      return this.#stream = stream;
    });
  }

  /** {@link Conn.read} */
  async read(buffer: Uint8Array): Promise<number | null> {
    return await (this.#stream ?? await this.#ready()).read(buffer);
  }

  /** {@link Conn.write} */
  async write(bytes: Uint8Array): Promise<number> {
    return await (this.#stream ?? await this.#ready()).write(bytes);
  }

  /** {@link Conn.closeWrite} */
  async closeWrite(): Promise<void> {
    await (this.#stream ?? await this.#ready()).closeWrite();
  }

  /** {@link Conn.close}; says nothing more: an end in order is announced by {@link TlsConn.closeWrite}. */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("the connection is closed");
    this.#closed = true;
    this.#stream?.close();
    closeQuietly(this.raw);
  }

  /** {@link Conn.localAddr} */
  get localAddr(): Address {
    return this.raw.localAddr;
  }

  /** {@link Conn.remoteAddr} */
  get remoteAddr(): Address {
    return this.raw.remoteAddr;
  }
}

/** The bytes as they come, for a peer that may do without TLS. */
export class PlainStream implements SecureStream {
  constructor(private readonly peek: Peek) {}

  /** {@link SecureStream.read} */
  async read(buffer: Uint8Array): Promise<number | null> {
    const { bytes, conn } = this.peek;
    if (bytes.length === 0) return await conn.read(buffer);
    const count = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, count));
    this.peek.consume(count);
    return count;
  }

  /** {@link SecureStream.write} */
  write(bytes: Uint8Array): Promise<number> {
    return this.peek.conn.write(bytes);
  }

  /** {@link SecureStream.closeWrite} */
  closeWrite(): Promise<void> {
    return this.peek.conn.closeWrite();
  }

  /** {@link SecureStream.close} */
  close(): void {}
}
