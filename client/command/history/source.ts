/**
 * One file of a store, as it was when it was opened.
 *
 * @module
 */

import { pipeline, Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { isMissing } from "./files.ts";

/** Bytes that are asked for at a time. */
const CHUNK = 256 * 1024;
/** What a packed file may unpack to, in bytes: a bomb ends here. */
const MAX_UNPACKED = 4 * 1024 ** 3;

/** A regular file, open for reading; `.zst` ones are unpacked. */
export class Source implements Disposable {
  private constructor(
    private readonly file: Deno.FsFile,
    /** Its size when it was opened; what is added later is not read. */
    readonly size: number,
    /** When it was last written, in milliseconds. */
    readonly mtime: number,
    /** Tells a file from one that took its name. */
    readonly inode: number | null,
    /** Positions in it are those of what it unpacks to. */
    readonly packed: boolean,
  ) {}

  /**
   * Opens a file.
   *
   * @returns undefined when it is gone, or is a link, a pipe, a folder or the like.
   */
  static async open(path: string): Promise<Source | undefined> {
    try {
      // First by name: to open a pipe would wait for its writer.
      const named = await Deno.lstat(path);
      if (!named.isFile) return undefined;
      const file = await Deno.open(path);
      const { size, mtime, ino, dev, isFile } = await file.stat();
      // A link may have come between the two looks; what it leads to is another file.
      if (isFile && ino === named.ino && dev === named.dev) {
        return new Source(file, size, mtime?.getTime() ?? 0, ino, path.endsWith(".zst"));
      }
      file.close();
      return undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * The bytes from a position to the end, each chunk in a buffer of its own.
   *
   * @throws {Error} when a packed file is damaged.
   */
  async *chunks(from = 0, step: number = CHUNK): AsyncGenerator<Uint8Array> {
    if (this.packed) return yield* this.#unpacked(from, step);
    yield* this.#plain(from, step);
  }

  /** So many bytes from a position, fewer at the end of the file. */
  async read(from: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(Math.min(length, this.size - from), 0));
    await this.file.seek(from, Deno.SeekMode.Start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = await this.file.read(bytes.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  async *#plain(from: number, step: number): AsyncGenerator<Uint8Array> {
    for (let at = from; at < this.size;) {
      const chunk = await this.read(at, step);
      if (chunk.length === 0) return;
      at += chunk.length;
      yield chunk;
    }
  }

  async *#unpacked(from: number, step: number): AsyncGenerator<Uint8Array> {
    const unpacked = createZstdDecompress();
    // Ends both when either ends; what went wrong comes out of the loop.
    pipeline(Readable.from(this.#plain(0, step)), unpacked, () => {});
    let at = 0;
    for await (const chunk of unpacked as AsyncIterable<Uint8Array>) {
      const skipped = Math.max(from - at, 0);
      at += chunk.length;
      if (skipped < chunk.length) yield chunk.subarray(skipped);
      if (at > MAX_UNPACKED) return;
    }
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}
