/**
 * What a running `arpc` knows of its visitor tokens: the key they are checked by, and which were
 * taken back, as soon as that is so. It leaves where visitors find it for those who make tokens.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { Ledger, ledgerFile, readAll, readFacts } from "./ledger.ts";

const log = getLogger(["arpc", "token"]);
/** Between two looks at the ledger, in milliseconds. */
const LOOK_EVERY_MS = 500;
/** Longest wait for others that write into the ledger, in milliseconds. */
const LOCK_TIMEOUT_MS = 2000;

/** How it is watched. */
export interface TokenWatchOptions {
  /** The public key of tokens, where it is not the one that the ledger names. */
  key?: string | undefined;
  /** Between two looks, in milliseconds. */
  every?: number;
}

/** What a client has to know of its visitor tokens. */
export type Tokens =
  & Pick<TokenWatch, "key" | "revoked" | "changes" | "keep">
  & Disposable;

/** Reads along in the ledger by a file opened once, so that the permission to read can be given up. */
export class TokenWatch implements Disposable {
  /** Told of each change. */
  readonly changes: EventTarget = new EventTarget();
  #facts = readFacts("");
  #size = -1;
  #timer: ReturnType<typeof setInterval>;

  private constructor(
    private readonly file: Deno.FsFile,
    private readonly writable: boolean,
    private readonly own: string | undefined,
    every: number,
  ) {
    this.#look();
    this.#timer = setInterval(() => this.#look(), every);
  }

  /**
   * Watches the ledger of a state folder, and makes both if need be.
   *
   * @throws {Error} where they cannot be had.
   */
  static open(
    folder: string | undefined,
    { key, every = LOOK_EVERY_MS }: TokenWatchOptions = {},
  ): TokenWatch {
    if (folder === undefined) throw new Error("the home folder is not known");
    const may = (name: "read" | "write") =>
      Deno.permissions.querySync({ name, path: folder }).state === "granted";
    if (!may("read")) throw new Error("there is no permission to read it");
    const path = ledgerFile(folder);
    let denied: unknown = new Error("there is no permission to write there");
    if (may("write")) {
      try {
        Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
        const options = { read: true, write: true, create: true, mode: 0o600 };
        return new TokenWatch(Deno.openSync(path, options), true, key, every);
      } catch (error) {
        denied = error;
      }
    }
    try {
      // Somebody else may write into it.
      return new TokenWatch(Deno.openSync(path), false, key, every);
    } catch {
      throw denied;
    }
  }

  /** The public key of the tokens; undefined before the first one was made. */
  get key(): string | undefined {
    return this.own ?? this.#facts.key;
  }

  /**
   * Leaves for `arpc token create` where visitors find clients.
   *
   * @param urls addresses by client id or alias.
   * @returns whether it stands there.
   */
  async keep(urls: ReadonlyMap<string, string>): Promise<boolean> {
    const isKept = ([client, url]: [string, string]) => this.#facts.urls.get(client) === url;
    if ([...urls].every(isKept)) return true;
    if (!this.writable) return false;
    const locked = Ledger.lock(this.file).then((ledger) => {
      using _ledger = ledger;
      ledger.add(...[...urls].map(([client, url]) => ({ client, url })));
      return true;
    }).catch((error) => {
      log.debug("Cannot keep the address", { why: reason(error) });
      return false;
    });
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), LOCK_TIMEOUT_MS);
    try {
      return await Promise.race([locked, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tokens of a client that were taken back and have not expired, the latest first. */
  revoked(names: readonly string[], now: number = Date.now() / 1000): string[] {
    const { tokens, revoked } = this.#facts;
    return [...revoked.keys()].reverse().filter((id) => {
      const token = tokens.get(id);
      return token !== undefined && token.expires > now && names.includes(token.client);
    });
  }

  #look(): void {
    try {
      // To ask for its time would need the permission that was given up.
      const size = this.file.seekSync(0, Deno.SeekMode.End);
      if (size === this.#size) return;
      this.#facts = readFacts(readAll(this.file));
      this.#size = size;
    } catch (error) {
      // On Windows nobody can read what somebody writes just now.
      log.debug("Cannot read the visitor tokens", { why: reason(error) });
      return;
    }
    this.changes.dispatchEvent(new Event("change"));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.file.close();
  }
}
