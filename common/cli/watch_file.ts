/**
 * Files that are read again when they change.
 *
 * They are looked at now and then rather than watched: what is mounted from a Kubernetes secret
 * changes by the swap of a symbolic link two folders up, and network file systems tell nobody.
 *
 * @module
 */

import { reason } from "../errors.ts";

/** Times of a {@link FileWatch}, in milliseconds. */
export interface WatchTimes {
  /** Between two looks. */
  every?: number;
  /** How long a change must have stayed as it is: it may be half written. */
  settle?: number;
}

/** What is known of a file. */
interface Look {
  /** Time, size and place on the disk: without a change of these it is not read. */
  stamp: string;
  /** Of its content, or why it cannot be read. */
  digest: string;
}

/**
 * Calls back when the content of one of some files has changed and has settled; when a file is gone
 * or cannot be read as well, for whoever reads it knows best what to say. SIGHUP, on systems that
 * have it, makes it look and call back at once, changed or not.
 */
export class FileWatch implements AsyncDisposable {
  #busy: Promise<void> | undefined;
  #told = false;
  #over = false;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #settle: number;

  private constructor(
    private readonly paths: readonly string[],
    private readonly changed: () => void | Promise<void>,
    private seen: readonly Look[],
    { every = 1000, settle = 200 }: WatchTimes,
  ) {
    this.#settle = settle;
    this.#timer = setInterval(() => this.#start(), every);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", this.#hangUp);
  }

  /**
   * Starts to watch. Read the files only after that, and no change is missed.
   *
   * @param paths of the files; links are followed.
   * @param changed is not called again before it is done, and must not throw.
   */
  static async open(
    paths: readonly string[],
    changed: () => void | Promise<void>,
    times: WatchTimes = {},
  ): Promise<FileWatch> {
    return new FileWatch(paths, changed, await lookAt(paths), times);
  }

  /** Ends the watch, and waits for a call that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    clearInterval(this.#timer);
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGHUP", this.#hangUp);
    await this.#busy;
  }

  readonly #hangUp = () => {
    this.#told = true;
    this.#start();
  };

  #start(): void {
    this.#busy ??= this.#look().finally(() => this.#busy = undefined);
  }

  async #look(): Promise<void> {
    const told = this.#told;
    this.#told = false;
    let now = await lookAt(this.paths, told ? [] : this.seen);
    if (!told && same(now, this.seen)) return;
    do {
      this.seen = now;
      await new Promise((resolve) => setTimeout(resolve, this.#settle));
      now = await lookAt(this.paths);
    } while (!same(now, this.seen) && !this.#over);
    if (!this.#over) await this.changed();
  }
}

function same(now: readonly Look[], before: readonly Look[]): boolean {
  return now.every(({ digest }, at) => digest === before[at]?.digest);
}

function lookAt(paths: readonly string[], before: readonly Look[] = []): Promise<Look[]> {
  return Promise.all(paths.map(async (path, at) => {
    try {
      const { mtime, size, ino } = await Deno.stat(path);
      const stamp = `${mtime?.getTime()} ${size} ${ino}`;
      const known = before[at];
      if (known?.stamp === stamp) return known;
      const bytes = await Deno.readFile(path);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      return { stamp, digest: new Uint8Array(digest).toHex() };
    } catch (error) {
      return { stamp: "", digest: reason(error) };
    }
  }));
}
