import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { KeyWatch, sessionOf } from "./session.ts";
import { bytesOf, message } from "./testdata/packets.ts";

const KEY = bytesOf(4711, 0x01020304);
const LOGIN = bytesOf(
  message("R", 0),
  message("S", "server_version\x0015.4\0"),
  message("S", "K\0K\0"),
  message("K", KEY),
);
const READY = message("Z", "I");

/** Shows these to a watch, one after another, while it wants more. */
function see(...pieces: Uint8Array[]) {
  const watch = new KeyWatch();
  let seen = 0;
  for (const piece of pieces) {
    seen++;
    if (!watch.see(piece)) break;
  }
  return { session: watch.session, seen };
}

Deno.test("KeyWatch finds the key of a session, and then has seen enough", () => {
  deepStrictEqual(see(LOGIN, READY), { session: "postgres:0000126701020304", seen: 1 });
});

Deno.test("KeyWatch finds a key under any split", () => {
  const key = fc.uint8Array({ minLength: 8, maxLength: 260 });
  const before = fc.array(fc.tuple(fc.constantFrom(..."RSNv"), fc.uint8Array({ maxLength: 30 })));
  const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
  fc.assert(fc.property(before, key, fc.uint8Array(), cuts, (before, key, rest, cuts) => {
    const messages = before.map(([type, body]) => message(type, body));
    const bytes = bytesOf(...messages, message("K", key), rest);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + cuts[pieces.length % cuts.length]!;
      // Each piece in a buffer that is overwritten, as a connection's is.
      pieces.push(bytes.slice(at, end));
      at = end;
    }
    const watch = new KeyWatch();
    for (const piece of pieces) {
      const more = watch.see(piece);
      piece.fill(0);
      strictEqual(more, watch.session === undefined);
      if (!more) break;
    }
    strictEqual(watch.session, sessionOf(key));
  }));
});

Deno.test("KeyWatch stops where no key can come any more", () => {
  const late = message("K", KEY);
  const ends: Record<string, Uint8Array> = {
    "ready": READY,
    "an error": message("E", "SFATAL\0\0"),
    "a key too short": message("K", KEY.subarray(1)),
    "a key too long": message("K", new Uint8Array(261)),
    "a length that is none": bytesOf("S", 3),
  };
  for (const [what, end] of Object.entries(ends)) {
    deepStrictEqual(see(end, late), { session: undefined, seen: 1 }, what);
  }
});

Deno.test("KeyWatch takes any bytes", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array()), (pieces) => void see(...pieces)));
});
