import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { latin1 } from "@agentx/common";
import { encodeStartup, parseStartup } from "./startup.ts";
import { bytesOf, packet, startup } from "./testdata/packets.ts";

const V3 = 3 << 16;

Deno.test("parseStartup() keeps names, values and their order", () => {
  deepStrictEqual(parseStartup(startup([["user", "alice"], ["database", ""]], 2)), {
    version: V3 | 2,
    parameters: [["user", "alice"], ["database", ""]],
  });
  deepStrictEqual(parseStartup(startup([])), { version: V3, parameters: [] });
});

Deno.test("parseStartup() refuses what is laid out in another way", () => {
  const bodies: Record<string, string> = {
    "nothing": "",
    "no end of the list": "user\0a\0",
    "a value without its end": "user\0a",
    "a name without a value": "user\0\0",
    "an odd name at the end": "user\0a\0database\0\0",
    "something behind the list": "user\0a\0\0more",
    "zeros behind the list": "user\0a\0\0\0",
    "a parameter behind the list": "user\0a\0\0b\0\0",
    "a name that is empty": "\0a\0\0",
  };
  for (const [what, body] of Object.entries(bodies)) {
    strictEqual(parseStartup(packet(V3, body)), undefined, what);
  }
});

Deno.test("a startup packet is the same after a round trip, whatever its encoding", () => {
  const text = fc.uint8Array({ min: 1, maxLength: 40 });
  const name = fc.uint8Array({ min: 1, minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(fc.tuple(name, text)), fc.nat(0xffff), (list, minor) => {
    const zero = new Uint8Array(1);
    const body = list.flatMap((pair) => pair.flatMap((one) => [one, zero]));
    const bytes = packet(V3 | minor, ...body, zero);
    const parsed = parseStartup(bytes)!;
    deepStrictEqual(parsed.parameters, list.map(([a, b]) => [latin1(a), latin1(b)]));
    deepStrictEqual(encodeStartup(parsed), bytes);
  }));
});

Deno.test("parseStartup() reads only its view", () => {
  const inner = startup([["user", "a"]]);
  const bytes = bytesOf("xxx", inner, "y\0z\0\0");
  deepStrictEqual(parseStartup(bytes.subarray(3, 3 + inner.length)), parseStartup(inner));
});
