/**
 * The certificate of the server and its key: read, checked, and read again when they change.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import { FileWatch, UsageError, type WatchTimes } from "@agentx/common/cli";
import {
  type CertificateFacts,
  describeCertificate,
  readCertificates,
} from "@agentx/common/tls/certificate";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { TlsConfig } from "../config.ts";
import type { Identity } from "./accept.ts";

const log = getLogger(["arps", "tls"]);

const DAY_MS = 24 * 60 * 60 * 1000;
/** An owner has so long to renew, or the last third of a certificate that lives shorter. */
const WARN_MS = 14 * DAY_MS;
const LOOK_EVERY_MS = 60 * 60 * 1000;

/** What handshakes are made with. */
export interface Loaded {
  context: SecureContext;
  facts: CertificateFacts;
}

/** The identity in two files, which are watched until it is disposed. */
export class FileIdentity implements Identity, AsyncDisposable {
  #loaded: Loaded;
  #watch: FileWatch | undefined;
  #timer: ReturnType<typeof setInterval>;
  #warned = -Infinity;

  private constructor(private readonly files: Pick<TlsConfig, "cert" | "key">, loaded: Loaded) {
    this.#loaded = loaded;
    this.#timer = setInterval(() => this.#warn(), LOOK_EVERY_MS);
  }

  /**
   * Reads the files and watches them; SIGHUP, where there is one, reads them at once.
   *
   * @throws {UsageError} that names the flag and the file when they are of no use.
   */
  static async open(
    files: Pick<TlsConfig, "cert" | "key">,
    times?: WatchTimes,
  ): Promise<FileIdentity> {
    let identity: FileIdentity | undefined;
    const watch = await FileWatch.open(
      [files.cert, files.key],
      () => identity?.reload(),
      times,
    );
    try {
      identity = new FileIdentity(files, await load(files));
    } catch (error) {
      await watch[Symbol.asyncDispose]();
      throw new UsageError(reason(error));
    }
    identity.#watch = watch;
    identity.#tell("Certificate loaded");
    return identity;
  }

  /** For the next handshake; those that are done are not touched. */
  get context(): SecureContext {
    return this.#loaded.context;
  }

  /** Of the certificate in use. */
  get facts(): CertificateFacts {
    return this.#loaded.facts;
  }

  /** What an owner should know of its time; undefined when all is well. */
  get trouble(): string | undefined {
    return trouble(this.facts, Date.now());
  }

  /** Reads the files again; if they are of no use, what there is stays in use. */
  async reload(): Promise<void> {
    try {
      this.#loaded = await load(this.files);
    } catch (error) {
      log.warning("Certificate not reloaded: the old one stays in use", {
        why: reason(error),
        expires: this.facts.notAfter.toISOString(),
      });
      return;
    }
    this.#warned = -Infinity;
    this.#tell("Certificate reloaded");
  }

  #tell(message: string): void {
    const { names, issuer, notAfter, fingerprint, keyPin } = this.facts;
    log.info(message, {
      names: names.join(" "),
      issuer,
      expires: notAfter.toISOString(),
      sha256: fingerprint,
      key: keyPin,
    });
    this.#warn();
  }

  /** Once a day, when it is time. */
  #warn(now: number = Date.now()): void {
    const why = trouble(this.facts, now);
    if (why === undefined || now - this.#warned < DAY_MS) return;
    this.#warned = now;
    log.warning(why, { expires: this.facts.notAfter.toISOString(), file: this.files.cert });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#watch?.[Symbol.asyncDispose]();
  }
}

/** What an owner should know of a certificate's time; undefined when all is well. */
export function trouble(
  { notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">,
  now: number,
): string | undefined {
  const left = +notAfter - now;
  if (left <= 0) return "The certificate has expired: nobody who checks it will connect";
  if (+notBefore > now) return "The certificate is not valid yet, by the clock of this machine";
  if (left > Math.min(WARN_MS, (+notAfter - +notBefore) / 3)) return undefined;
  const days = Math.floor(left / DAY_MS);
  const when = days === 0 ? "within a day" : `in ${days} day${days === 1 ? "" : "s"}`;
  return `The certificate expires ${when}`;
}

/**
 * Reads both files and makes sure that they go together.
 *
 * @throws {Error} that names the flag, the file, and what is wrong with it.
 */
export async function load({ cert, key }: Pick<TlsConfig, "cert" | "key">): Promise<Loaded> {
  const chain = await read("--tls-cert", cert);
  const secret = await read("--tls-key", key);
  const [first, ...others] = within("--tls-cert", cert, () => readCertificates(chain));
  const own = within("--tls-key", key, () => readKey(secret));
  if (!first!.checkPrivateKey(own)) {
    const order = others.some((other) => other.checkPrivateKey(own));
    throw new Error(
      `--tls-key ${key}: expected the key of the certificate in ${cert}, found another one` +
        (order ? "; its own certificate must be the first in that file" : ""),
    );
  }
  const context = createSecureContext({ cert: chain, key: secret, minVersion: "TLSv1.2" });
  within("--tls-key", key, () => tryOut(context));
  return { context, facts: describeCertificate(first!) };
}

function readKey(pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new TypeError("expected a private key, PEM, found none");
  }
  if (/ENCRYPTED/.test(pem)) {
    throw new TypeError(
      "expected a key without a passphrase, found one that has it " +
        "(openssl pkey -in FILE -out PLAIN-FILE takes it away)",
    );
  }
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new TypeError("the private key is damaged, or of an unknown kind", { cause });
  }
}

/** A context takes anything; only who uses it finds out. */
function tryOut(secureContext: SecureContext): void {
  const nowhere = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
  try {
    new TLSSocket(nowhere, { isServer: true, secureContext }).destroy();
  } catch (cause) {
    throw new TypeError("TLS cannot be spoken with this kind of key and certificate", { cause });
  }
}

async function read(flag: string, file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    throw new Error(`${flag} ${file}: cannot be read: ${reason(cause)}`, { cause });
  }
}

function within<T>(flag: string, file: string, task: () => T): T {
  try {
    return task();
  } catch (cause) {
    throw new Error(`${flag} ${file}: ${reason(cause)}`, { cause });
  }
}
