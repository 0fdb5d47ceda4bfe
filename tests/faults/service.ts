/**
 * The local service of the fault tests: whatever passes can be checked byte for byte.
 *
 * - `GET /` says hello, and `GET /page/NAME` that name.
 * - `POST /echo/…` answers with the body.
 * - `GET /talk/… ` with an upgrade says all it hears.
 * - `GET /stream/…` never ends: a {@link block} now and then.
 * - `GET /bulk/…` never ends: blocks as fast as they are taken.
 * - `POST /sink/…` takes all it is given.
 *
 * @module
 */

import { answer, type Wire } from "../http_wire.ts";
import { RawService } from "../services.ts";

/** Bytes of a {@link block}. */
export const BLOCK_BYTES = 1024;
/** How often a stream says something, in milliseconds. */
const STREAM_EVERY_MS = 20;

/** The `nth` piece of every stream: no two are alike. */
export function block(nth: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(BLOCK_BYTES / 4);
  let state = (nth + 1) * 0x9e3779b9;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer);
}

const ENDLESS = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
const UPGRADED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n";
const MALFORMED = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/** A service whose answers can be checked. */
export class CheckedService extends RawService {
  /** Pieces that `/bulk/` got rid of, over all visitors. */
  readonly #bulk: { blocks: number };

  /** @param port 0 for one of the system's choice. */
  constructor(port = 0) {
    const bulk = { blocks: 0 };
    super(async (wire) => {
      try {
        while (await serve(wire, bulk)) { /* the next request */ }
      } catch { /* a connection may end, or say anything: it was made to suffer */ }
    }, port);
    this.#bulk = bulk;
  }

  /** Blocks that left for `/bulk/`. */
  get blocks(): number {
    return this.#bulk.blocks;
  }
}

/** @returns whether another request may follow. */
async function serve(wire: Wire, bulk: { blocks: number }): Promise<boolean> {
  const head = await wire.until("\r\n\r\n");
  const [, method = "", path = ""] = /^(GET|POST) \/([a-z]*)/.exec(head) ?? [];
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  switch (`${method} ${path}`) {
    case "GET ":
      await wire.send(answer("hello"));
      return true;
    case "GET page":
      await wire.send(answer(`page ${/^\S+ \/page\/(\w+)/.exec(head)?.[1]}`));
      return true;
    case "POST echo":
      await wire.send(answer(await wire.take(length)));
      return true;
    case "POST sink":
      for await (const _piece of wire.pieces()) { /* it is gone */ }
      return false;
    case "GET talk":
      await wire.send(UPGRADED);
      for await (const piece of wire.pieces()) await wire.send(piece);
      return false;
    case "GET stream":
      await wire.send(ENDLESS);
      for (let nth = 0;; nth++) {
        await wire.send(block(nth));
        await new Promise((resolve) => setTimeout(resolve, STREAM_EVERY_MS));
      }
    case "GET bulk":
      await wire.send(ENDLESS);
      for (let nth = 0;; nth++) {
        await wire.send(block(nth));
        bulk.blocks++;
      }
  }
  await wire.send(MALFORMED);
  return false;
}
