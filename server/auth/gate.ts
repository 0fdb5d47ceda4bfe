/**
 * Checks registrations against a shared token, a file of clients, or both.
 *
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS, getLogger, reason, type Register } from "@agentx/common";
import { FileWatch } from "@agentx/common/cli";
import { Secret } from "@agentx/common/secret";
import { addressKey } from "../address.ts";
import { LASTING_S, RegistrationError } from "../registration_error.ts";
import type { Authenticator, Grant } from "./mod.ts";
import { type Entries, type Entry, readEntries } from "./entries.ts";
import { Failures } from "./failures.ts";
import { entryGrant, sharedGrant, WRONG } from "./grants.ts";
import { Known } from "./known.ts";
import { Looks } from "./looks.ts";
import { QueueFullError } from "./queue.ts";
import type { SlowHash } from "./scrypt.ts";
import { Verifier } from "./verifier.ts";

const log = getLogger(["arps", "auth"]);

/** When to ask again, in seconds, when so many hashes wait that no more may. */
const BUSY_S = 3;
/** Places where clients came from that are remembered. */
const MAX_PLACES = 10_000;
/** How late it may be noticed that a token has expired, in milliseconds. */
const LOOK_EVERY_MS = 60_000;

const MISSING = "the server wants an --auth-token: ask its owner for one, and set ARP_AUTH_TOKEN";

/** Where the secrets are. */
export interface GateOptions {
  /** For every client that the file does not name. */
  token?: string | undefined;
  /** Path of a file with clients. */
  file?: string | undefined;
}

/** An {@link Authenticator} that wants to see a token. */
export class Gate implements Authenticator, AsyncDisposable {
  readonly #shared: Secret | undefined;
  #entries: Entries | undefined;
  readonly #failures = new Failures();
  /** Who was let in, and from where: they have a turn even while others there guess. */
  readonly #places = new Known(MAX_PLACES);
  #watch: FileWatch | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #withdrawn = () => {};

  /** For tests; else {@link Gate.open}. */
  constructor(
    { token, entries }: { token?: string | undefined; entries?: Entries | undefined },
    private readonly verifier: Verifier = new Verifier(),
    private readonly looks: Looks = new Looks(),
  ) {
    this.#shared = token === undefined ? undefined : new Secret(token);
    this.use(entries);
  }

  /**
   * Reads the file, and reads it again when it changes.
   *
   * @throws {UsageError} that names the file and what is wrong in it.
   */
  static async open({ token, file }: GateOptions): Promise<Gate> {
    const gate = new Gate({ token });
    if (file === undefined) return gate;
    gate.#watch = await FileWatch.open([file], () => gate.reload(file));
    try {
      const entries = await readEntries(file);
      gate.use(entries);
      log.info("Clients read from --auth-file", { file, clients: entries.all.length });
      return gate;
    } catch (error) {
      await gate[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Reads the file anew; when it cannot, all stays as it was. */
  async reload(file: string): Promise<void> {
    try {
      const entries = await readEntries(file);
      this.use(entries);
      log.info("Clients read anew from --auth-file", { file, clients: entries.all.length });
    } catch (error) {
      log.warning("The --auth-file is of no use: its clients stay as they were", {
        file,
        why: reason(error),
      });
    }
  }

  /** Takes other entries in place of those it had. */
  use(entries: Entries | undefined): void {
    this.#entries = entries;
    this.#wake();
    this.#withdrawn();
  }

  /** {@link Authenticator.watch} */
  watch(withdrawn: () => void): void {
    this.#withdrawn = withdrawn;
  }

  /** {@link Authenticator.comment} */
  comment(id: string): string | undefined {
    return this.#entries?.find(id)?.comment;
  }

  /** {@link Authenticator.authenticate} */
  async authenticate(command: Register, address: string): Promise<Grant> {
    const { client_id: id, auth: token } = command;
    if (!CLIENT_ID.test(id)) {
      throw new RegistrationError(
        `client_id is invalid: use ${CLIENT_ID_EXPECTS}`,
        LASTING_S,
      );
    }
    if (token === undefined) throw new RegistrationError(MISSING, LASTING_S, "denied");
    const network = addressKey(address);
    const entry = this.#entries?.find(id);
    const place = this.#places.mark(id, network);
    const known = this.#places.has(place);
    if (!known) this.#admit(network);
    let at = await this.looks.take(
      network,
      known ? id : undefined,
      () =>
        entry === undefined ? this.#fitsShared(token) : this.verifier.recall(entry.hashes, token),
    );
    if (at < 0) at = await this.#check(entry, id, token, network);
    this.#places.add(place);
    const entries = () => this.#entries;
    const grant = entry === undefined
      ? sharedGrant(command, entries)
      : entryGrant(command, entry.hashes[at]!, entries);
    const why = grant.withdrawn();
    if (why !== undefined) throw new RegistrationError(why, LASTING_S, "denied");
    return grant;
  }

  /** Ends the watch of the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#expiry);
    this.looks[Symbol.dispose]();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  /**
   * Which of an entry's hashes the token fits; without an entry it is the shared one.
   *
   * @throws {RegistrationError} when it fits none, which counts as a failure of the network.
   */
  async #check(
    entry: Entry | undefined,
    id: string,
    token: string,
    network: string,
  ): Promise<number> {
    const shared = entry === undefined ? this.#fitsShared(token) : -1;
    const asker = {
      admit: () => this.#admit(network),
      failed: () => shared < 0 && this.#fail(network),
    };
    asker.admit();
    // An id that the file does not know takes as long as others, so that nobody can tell which.
    const [hashes, secret] = entry === undefined
      ? [this.#decoy(id), `${token}\0of another`]
      : [entry.hashes, token];
    try {
      // Without a file there is nothing to wait for: it counts at once.
      if (hashes.length === 0) asker.failed();
      const found = hashes.length === 0 ? -1 : await this.verifier.verify(hashes, secret, asker);
      if (found >= 0 || shared >= 0) return Math.max(found, shared);
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      throw new RegistrationError(
        "the server has too many tokens to check at once",
        BUSY_S,
        "limit",
      );
    }
    throw new RegistrationError(WRONG, LASTING_S, "denied");
  }

  /** 0 if it is the shared token, else -1. */
  #fitsShared(token: string): number {
    return this.#shared?.is(token) ? 0 : -1;
  }

  #fail(network: string): void {
    if (this.#failures.add(network)) {
      log.warning("Too many failed registrations: the address has to wait", { address: network });
    }
  }

  #admit(network: string): void {
    const seconds = Math.ceil(this.#failures.wait(network) / 1000);
    if (seconds === 0) return;
    throw new RegistrationError(
      `too many registrations from this address failed: it has to wait ${seconds} s`,
      seconds,
      "limit",
    );
  }

  /** The hashes of some entry, for an id always the same ones. */
  #decoy(id: string): readonly SlowHash[] {
    const all = this.#entries?.all ?? [];
    const pick = parseInt(this.#places.mark("decoy", id).slice(0, 8), 16);
    return all.length === 0 ? [] : all[pick % all.length]!.hashes;
  }

  /**
   * Withdraws what expires, when it does. Timers do not count the time that a machine slept, and a clock
   * may be set, forth and back: so the clock is looked at again and again.
   */
  #wake(): void {
    clearTimeout(this.#expiry);
    const ends = (this.#entries?.all ?? []).map(({ expires }) => expires).filter(Number.isFinite);
    if (ends.length === 0) return;
    const looked = Date.now();
    const wait = ends.reduce(
      (wait, end) => end > looked ? Math.min(wait, end - looked) : wait,
      LOOK_EVERY_MS,
    );
    this.#expiry = setTimeout(() => {
      const now = Date.now();
      const expired = ends.some((end) => looked < end && end <= now);
      this.#wake();
      if (expired) this.#withdrawn();
    }, wait);
  }
}
