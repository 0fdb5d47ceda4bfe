/**
 * A log file that does not grow for ever.
 *
 * @module
 */

import type { Output } from "./output_sink.ts";

/** How large a {@link RotatingFile} becomes. */
export interface Rotation {
  /** Most bytes of the file, unless a single write has more. */
  bytes: number;
  /** How many earlier ones are kept beside it: `file.1`, which is the latest, to `file.N`. */
  files: number;
}

/** Hears of what goes wrong, and does not fail. */
export interface FileTrouble {
  /** Nothing can be written: what comes is lost until that is over. Told once. */
  failed(error: unknown): void;
  /** It is over; so many bytes were lost. */
  over(lost: number): void;
  /** It is full and cannot be moved: it goes on to grow. Told each time that it is full once more. */
  stuck(error: unknown): void;
}

const NEWLINE = 10;

/** A file of lines, always appended to. Writes do not fail: whoever logs must serve on without a disk. */
export class RotatingFile implements Output, Disposable {
  /** Undefined while it could not be opened again. */
  #file: Deno.FsFile | undefined;
  #size = 0;
  /** Of a device or a pipe no earlier ones can be kept. */
  #rotates = false;
  /** It ends within a line. */
  #torn = false;
  #failing = false;
  #lost = 0;

  private constructor(
    private readonly path: string,
    private readonly rotation: Rotation,
    private readonly trouble: FileTrouble,
  ) {}

  /** @throws {Error} the system's, when it cannot be opened. */
  static async open(path: string, rotation: Rotation, trouble: FileTrouble): Promise<RotatingFile> {
    const opened = new RotatingFile(path, rotation, trouble);
    await opened.#open();
    return opened;
  }

  async #open(): Promise<Deno.FsFile> {
    const { state } = Deno.permissions.querySync({ name: "read", path: this.path });
    const read = state === "granted";
    const file = await Deno.open(this.path, { append: true, create: true, read });
    const { size, isFile } = await file.stat();
    [this.#file, this.#size, this.#rotates] = [file, size, isFile];
    if (read && isFile && size > 0) this.#torn = await lastByte(file) !== NEWLINE;
    return file;
  }

  /** Writes whole lines, one write after the other; returns when they are written, or lost. */
  async write(lines: Uint8Array): Promise<number> {
    try {
      const file = await this.#room(lines.length);
      if (this.#torn) await this.#append(file, Uint8Array.of(NEWLINE));
      await this.#append(file, lines);
      if (this.#failing) this.trouble.over(this.#lost);
      [this.#failing, this.#lost] = [false, 0];
    } catch (error) {
      this.#lost += lines.length;
      if (!this.#failing) this.trouble.failed(error);
      this.#failing = true;
      // It may be another one next time: a disk that is back, or a folder.
      this[Symbol.dispose]();
    }
    return lines.length;
  }

  async #append(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes.subarray(at));
      this.#torn = bytes[at - 1] !== NEWLINE;
    }
    this.#size += bytes.length;
  }

  /** The file, or the next one if it has no room for so many bytes. */
  async #room(bytes: number): Promise<Deno.FsFile> {
    const file = this.#file ?? await this.#open();
    const full = this.#size > 0 && this.#size + bytes > this.rotation.bytes;
    if (!full || !this.#rotates) return file;
    this[Symbol.dispose]();
    try {
      for (let nth = await this.#gap(); nth > 0; nth--) await this.#move(nth);
    } catch (error) {
      this.trouble.stuck(error);
      const grown = await this.#open();
      this.#size = 0; // not tried again before it has as much more
      return grown;
    }
    this.#torn = false;
    return await this.#open();
  }

  /** The first earlier one that is not there; none beyond it has to move. */
  async #gap(): Promise<number> {
    for (let nth = 1; nth < this.rotation.files; nth++) {
      try {
        await Deno.lstat(`${this.path}.${nth}`);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return nth;
        throw error;
      }
    }
    return this.rotation.files;
  }

  /** Makes an earlier one of that before it. */
  async #move(nth: number): Promise<void> {
    const from = nth === 1 ? this.path : `${this.path}.${nth - 1}`;
    try {
      await Deno.rename(from, `${this.path}.${nth}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Closes it; what is written afterwards opens it again. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

async function lastByte(file: Deno.FsFile): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  await file.seek(-1, Deno.SeekMode.End);
  await file.read(byte);
  return byte[0];
}
