/**
 * The server's name in a TLS ClientHello.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2 | RFC 8446 §4.1.2} and
 * {@link https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1.2 | RFC 5246 §7.4.1.2}: Client Hello
 * @see {@link https://www.rfc-editor.org/rfc/rfc6066#section-3 | RFC 6066 §3: Server Name Indication}
 * @module
 */

import { latin1 } from "@agentx/common";

/** Version and random. */
const FIXED_BYTES = 2 + 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** A message that does not have the form it must have. */
export class MalformedHello extends Error {
  override name = "MalformedHello";
}

/**
 * The host name that a client asks for, each byte a letter; undefined when it names none.
 *
 * @param hello the message, without its header.
 * @throws {MalformedHello}
 */
export function serverName(hello: Uint8Array): string | undefined {
  const all = new Cursor(hello);
  all.take(FIXED_BYTES);
  all.vector(1); // legacy_session_id
  all.vector(2); // cipher_suites
  all.vector(1); // legacy_compression_methods
  if (all.done) return undefined; // Before TLS 1.3 there need not be any extensions.
  const extensions = all.vector(2);
  all.finish();
  let names: Cursor | undefined;
  while (!extensions.done) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type !== SERVER_NAME) continue;
    // With two, the service could read the other one.
    if (names !== undefined) throw new MalformedHello("it has two lists of names");
    names = data.vector(2);
    data.finish();
    if (names.done) throw new MalformedHello("its list of names is empty");
  }
  return names && hostName(names);
}

function hostName(names: Cursor): string | undefined {
  let found: string | undefined;
  while (!names.done) {
    const type = names.number(1);
    // Names of kinds yet unknown also start with their length, for those who skip them.
    const name = names.vector(2);
    if (type !== HOST_NAME) continue;
    if (found !== undefined) throw new MalformedHello("it has two host names");
    if (name.done) throw new MalformedHello("its host name is empty");
    found = name.text();
  }
  return found;
}

/** Reads bytes from the front to the back, as RFC 8446 §3 lays them out. */
class Cursor {
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Whether all was read. */
  get done(): boolean {
    return this.#at === this.bytes.length;
  }

  /** The next `count` bytes. */
  take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.bytes.length) throw new MalformedHello("a field reaches beyond its end");
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** An unsigned number of `size` bytes. */
  number(size: number): number {
    return this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** Bytes behind their length, which takes `size` bytes itself. */
  vector(size: number): Cursor {
    return new Cursor(this.take(this.number(size)));
  }

  /** All of it, each byte a letter: what is not ASCII must not become ASCII, here or in lower case. */
  text(): string {
    return latin1(this.bytes);
  }

  /** Makes sure that nothing is left. */
  finish(): void {
    if (!this.done) throw new MalformedHello("something follows its last field");
  }
}
