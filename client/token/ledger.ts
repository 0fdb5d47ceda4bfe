/**
 * `~/.arp-client/visitor-tokens.jsonl`: which visitor tokens were made and which were taken back, one
 * fact a line, the public key that they are checked by, and where visitors find each client. The
 * tokens themselves are not in it.
 *
 * Whoever writes holds the file's lock. A running `arpc` reads along, and sees by the size of the file
 * that there is something new.
 *
 * @module
 */

import { join } from "@std/path";

/** A token that was made; times in seconds since 1970. */
export interface Issued {
  id: string;
  /** Client id or alias that it is for. */
  client: string;
  label?: string;
  made: number;
  expires: number;
  path?: readonly string[];
  method?: readonly string[];
  ip?: readonly string[];
  uses?: number;
}

/** One line. */
export type Fact =
  | { key: string }
  | { client: string; url: string }
  | { token: Issued }
  | { revoked: string; at: number };

/** What all lines come to. */
export interface Facts {
  /** Public key, base64url; the last one counts. */
  key: string | undefined;
  /** Where each client was last found, an address without a token; those seen last at the end. */
  urls: ReadonlyMap<string, string>;
  /** In the order they were made. */
  tokens: ReadonlyMap<string, Issued>;
  /** Ids, and since when. */
  revoked: ReadonlyMap<string, number>;
}

/** From this size on it is worth to leave out what has expired, in bytes. */
const TIDY_BYTES = 64 * 1024;
/** Clients whose address is remembered then. */
const MAX_URLS = 200;

/** The file in the folder of the client's state. */
export function ledgerFile(folder: string): string {
  return join(folder, "visitor-tokens.jsonl");
}

/** Reads lines; one that is half written, or by a later release, is passed over. */
export function readFacts(text: string): Facts {
  let key: string | undefined;
  const urls = new Map<string, string>();
  const tokens = new Map<string, Issued>();
  const revoked = new Map<string, number>();
  for (const line of text.split("\n")) {
    const fact = parse(line);
    if (fact === undefined) continue;
    if ("key" in fact) key = fact.key;
    else if ("url" in fact) {
      urls.delete(fact.client);
      urls.set(fact.client, fact.url);
    } else if ("token" in fact) tokens.set(fact.token.id, fact.token);
    else if ("revoked" in fact) revoked.set(fact.revoked, fact.at);
  }
  return { key, urls, tokens, revoked };
}

function parse(line: string): Fact | undefined {
  try {
    const fact = JSON.parse(line);
    return typeof fact === "object" && fact !== null ? fact : undefined;
  } catch {
    return undefined;
  }
}

/** The ledger, locked against others that write, until disposed. */
export class Ledger implements Disposable {
  private constructor(private readonly file: Deno.FsFile, private readonly owned: boolean) {}

  /** Opens the ledger of a state folder, and makes both if need be. */
  static async open(folder: string): Promise<Ledger> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const options = { read: true, write: true, create: true, mode: 0o600 };
    const file = await Deno.open(ledgerFile(folder), options);
    try {
      // Others hold it for milliseconds, and a program that dies lets go of it.
      await file.lock(true);
      return new Ledger(file, true);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Locks one that is open for reading and writing, and stays so. */
  static async lock(file: Deno.FsFile): Promise<Ledger> {
    await file.lock(true);
    return new Ledger(file, false);
  }

  /** What it says now. */
  read(): Facts {
    return readFacts(readAll(this.file));
  }

  /** Adds lines, and leaves out what is over once the file has grown. */
  add(...facts: Fact[]): void {
    const before = readAll(this.file);
    const ended = before === "" || before.endsWith("\n") ? "" : "\n";
    const added = facts.map((fact) => JSON.stringify(fact) + "\n").join("");
    this.#write(ended + added, Deno.SeekMode.End);
    if (before.length < TIDY_BYTES) return;
    const tidied = tidy(before + ended + added, Date.now() / 1000);
    // Whoever reads along goes by the size.
    const whole = tidied.length === before.length ? tidied + "\n" : tidied;
    // No line moves behind another, so one line is lost at most if this breaks off.
    this.#write(whole, Deno.SeekMode.Start);
    this.file.truncateSync(new TextEncoder().encode(whole).length);
  }

  #write(text: string, from: Deno.SeekMode): void {
    this.file.seekSync(0, from);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += this.file.writeSync(bytes.subarray(at));
    this.file.syncSync();
  }

  [Symbol.dispose](): void {
    if (this.owned) this.file.close();
    else this.file.unlockSync();
  }
}

/** The whole of an open file. */
export function readAll(file: Deno.FsFile): string {
  file.seekSync(0, Deno.SeekMode.Start);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const got = file.readSync(buffer);
    if (got === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, got), { stream: true });
  }
}

/**
 * The lines, in their order, without those of tokens that have expired, of clients that were not here
 * for long, and those that a later one replaces.
 */
function tidy(text: string, now: number): string {
  const { urls, tokens } = readFacts(text);
  const clients = new Set([...urls.keys()].slice(-MAX_URLS));
  const isGood = (id: string) => (tokens.get(id)?.expires ?? 0) > now;
  const seen = new Set<string>();
  const isLast = (name: string) => !seen.has(name) && seen.add(name).has(name);
  const counts = (fact: Fact): boolean => {
    if ("key" in fact) return isLast("key");
    if ("url" in fact) return clients.has(fact.client) && isLast(`url ${fact.client}`);
    if ("token" in fact) return isGood(fact.token.id) && isLast(`token ${fact.token.id}`);
    return "revoked" in fact && isGood(fact.revoked) && isLast(`revoked ${fact.revoked}`);
  };
  const kept = text.split("\n").map(parse).toReversed()
    .filter((fact) => fact !== undefined && counts(fact));
  return kept.toReversed().map((fact) => JSON.stringify(fact) + "\n").join("");
}
