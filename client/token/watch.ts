/**
 * What a running `arpc` knows of its visitor tokens: the key they are checked by, and which were
 * taken back, as soon as that is so.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { ledgerFile, readAll, readFacts } from "./ledger.ts";

const log = getLogger(["arpc", "token"]);
/** Between two looks at the ledger, in milliseconds. */
const LOOK_EVERY_MS = 500;

/** Reads along in the ledger by a file opened once, so that the permission to read can be given up. */
export class TokenWatch implements Disposable {
  /** Told of each change. */
  readonly changes: EventTarget = new EventTarget();
  #facts = readFacts("");
  #size = -1;
  #timer: ReturnType<typeof setInterval>;

  private constructor(private readonly file: Deno.FsFile, every: number) {
    this.#look();
    this.#timer = setInterval(() => this.#look(), every);
  }

  /** Watches the ledger of a state folder; undefined where that is neither there nor allowed. */
  static open(folder: string | undefined, every: number = LOOK_EVERY_MS): TokenWatch | undefined {
    if (folder === undefined) return undefined;
    const may = (name: "read" | "write") =>
      Deno.permissions.querySync({ name, path: folder }).state === "granted";
    if (!may("read")) return undefined;
    const path = ledgerFile(folder);
    try {
      // It must be there to be read later on; to read is all that is done with it here.
      if (may("write")) {
        Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
        Deno.openSync(path, { append: true, create: true, mode: 0o600 }).close();
      }
      return new TokenWatch(Deno.openSync(path), every);
    } catch (error) {
      log.debug("No visitor tokens", { path, why: reason(error) });
      return undefined;
    }
  }

  /** The public key of the tokens; undefined before the first one was made. */
  get key(): string | undefined {
    return this.#facts.key;
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
