/**
 * One end of TLS over any connection. `node:tls` encrypts and decrypts; it opens no socket of its
 * own, so that what was read before the handshake, errors and back-pressure stay those of the
 * connection underneath.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8446#section-6.1 | RFC 8446 §6.1: Closure Alerts}
 * @module
 */

import { nextTick } from "node:process";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Peek } from "../peek.ts";
import type { SecureStream } from "./conn.ts";
import { Wire } from "./wire.ts";

const LEFT = "it hung up in the TLS handshake";
const CUT = "the connection was cut: TLS did not end";

/** A read that waits. */
interface Reader {
  buffer: Uint8Array;
  resolve(count: number | null): void;
  reject(error: unknown): void;
}

/** Options of {@link Session.open}. */
export interface SessionOptions {
  /** Ciphertext comes from there; bytes at hand come first. It is not owned. */
  peek: Peek;
  /** Starts TLS over what stands for a socket. */
  start: (wire: Duplex) => TLSSocket;
  /** What it emits when the handshake is done. */
  event: "secure" | "secureConnect";
}

/** TLS after its handshake. */
export class Session implements SecureStream {
  /** What knows the peer's certificate. */
  readonly socket: TLSSocket;
  readonly #peek: Peek;
  readonly #wire: Wire;
  readonly #established = Promise.withResolvers<void>();
  #handshaking = true;
  #pumping = false;
  /** Decrypted, in the order they came. */
  #clear: Uint8Array[] = [];
  #reader: Reader | undefined;
  /** The peer has said that no more will come. */
  #ended = false;
  #failure: { error: unknown } | undefined;
  /** Ends the wait for an end that was announced. */
  #settle = () => {};

  private constructor({ peek, start, event }: SessionOptions) {
    this.#peek = peek;
    this.#wire = new Wire(peek.conn);
    this.socket = start(this.#wire);
    this.socket.once(event, () => {
      this.#handshaking = false;
      this.#established.resolve();
    });
    this.socket.on("data", (bytes: Uint8Array) => {
      this.#clear.push(bytes);
      this.#serve();
    });
    this.socket.on("end", () => {
      this.#ended = true;
      if (this.#handshaking) this.#fail(new Deno.errors.UnexpectedEof(LEFT));
      this.#serve();
    });
    this.socket.on("error", (error: Error) => this.#fail(error));
    this.socket.on("close", () => {
      if (!this.#ended) this.#fail(new Deno.errors.ConnectionReset("TLS has ended"));
    });
    // Not before `node:tls` has started, one tick from now: then it survives whatever comes.
    nextTick(() => void this.#pump());
  }

  /**
   * Shakes hands. Whoever calls sets a deadline: to close the connection makes it fail.
   *
   * @throws what `node:tls` has against the peer.
   * @throws {Deno.errors.UnexpectedEof} and the like when the peer leaves before it is done.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    try {
      await session.#established.promise;
      return session;
    } catch (error) {
      // The alert that tells the peer why.
      await session.#wire.flushed();
      // Nobody else has it, and what is not destroyed stays in memory.
      session.socket.destroy();
      throw error;
    }
  }

  /** {@link SecureStream.read}; an end that the peer did not announce may be somebody else's doing. */
  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#serve();
      if (this.#reader !== undefined) void this.#pump();
    });
  }

  /** {@link SecureStream.write}; all of it. */
  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure.error);
      this.socket.write(bytes, (error) => {
        if (error) return reject(this.#wire.broken ?? this.#failure?.error ?? error);
        void this.#wire.flushed().then(() => {
          if (this.#wire.broken === undefined) resolve(bytes.length);
          else reject(this.#wire.broken);
        });
      });
    });
  }

  /** {@link SecureStream.closeWrite}: announces the end, and ends the connection's direction as well. */
  async closeWrite(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    await new Promise<void>((resolve) => {
      this.socket.end(resolve);
      this.socket.once("close", resolve);
    });
    await this.#wire.flushed();
    if (this.#wire.broken !== undefined) throw this.#wire.broken;
    await this.#peek.conn.closeWrite();
  }

  /** Forgets everything; a read that waits fails. */
  close(): void {
    this.#fail(new Deno.errors.BadResource("the connection is closed"));
    this.socket.destroy();
    this.#settle();
  }

  /** Reads ciphertext while somebody waits for what is in it, and no more: that is the back-pressure. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#handshaking || this.#reader !== undefined) {
        if (this.#ended || this.#failure !== undefined) break;
        if (this.#peek.size === 0 && !await this.#peek.fill()) {
          await this.#settled();
          this.#fail(new Deno.errors.UnexpectedEof(this.#handshaking ? LEFT : CUT));
          break;
        }
        const { bytes } = this.#peek;
        this.#peek.consume(bytes.length);
        this.#wire.give(bytes);
      }
    } catch (error) {
      await this.#settled();
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  /** An end that was announced is told a little after what came before it. */
  async #settled(): Promise<void> {
    if (this.#ended || this.#failure !== undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 0);
      this.#settle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const [first] = this.#clear;
    if (first !== undefined) {
      const count = Math.min(first.length, reader.buffer.length);
      reader.buffer.set(count === first.length ? first : first.subarray(0, count));
      if (count === first.length) this.#clear.shift();
      else this.#clear[0] = first.subarray(count);
      this.#reader = undefined;
      reader.resolve(count);
    } else if (this.#ended || this.#failure !== undefined) {
      this.#reader = undefined;
      if (this.#ended) reader.resolve(null);
      else reader.reject(this.#failure!.error);
    }
  }

  #fail(error: unknown): void {
    if (this.#ended && !this.#handshaking) return;
    this.#failure ??= { error };
    if (this.#handshaking) this.#established.reject(error);
    this.#handshaking = false;
    this.#serve();
  }
}
