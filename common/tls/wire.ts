/**
 * What stands between `node:tls` and a connection.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { type Conn, writeAll } from "../transport.ts";

type Done = (error?: Error | null) => void;

/**
 * What `node:tls` takes for its socket: ciphertext is given to it, and taken from it. It is a stream
 * in name; the buffers and queues of one would cost more than the encryption.
 */
export class Wire extends Duplex {
  /** Why the connection takes no more. */
  broken: unknown;
  #out: { bytes: Uint8Array; done: Done | undefined }[] = [];
  #writing: Promise<void> | undefined;

  constructor(private readonly conn: Conn) {
    super({ allowHalfOpen: true });
  }

  /** Gives ciphertext, which may be overwritten afterwards. */
  give(bytes: Uint8Array): void {
    this.emit("data", bytes);
  }

  /** Takes ciphertext, and tells when it has left. */
  override write(bytes: Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean {
    this.#out.push({ bytes, done: typeof encoding === "function" ? encoding : done });
    this.#writing ??= this.#flush();
    return true;
  }

  /** Resolves when all ciphertext so far has left, or cannot. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #flush(): Promise<void> {
    for (let next = this.#out.shift(); next !== undefined; next = this.#out.shift()) {
      try {
        if (this.broken === undefined) await writeAll(this.conn, next.bytes);
      } catch (error) {
        this.broken = error;
      }
      next.done?.(this.broken as Error | undefined);
    }
    this.#writing = undefined;
  }

  // It is given what came, and never asked for more.
  override _read(): void {}

  // The connection is its owner's to close.
  override _destroy(_error: Error | null, done: () => void): void {
    done();
  }
}
