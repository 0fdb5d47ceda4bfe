import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { MAX_PACKET_BYTES, packet, readPacket } from "./packet.ts";

Deno.test("a packet is read once it is whole, and not beyond", () => {
  fc.assert(fc.property(
    fc.nat(300),
    fc.uint8Array({ maxLength: 1000 }),
    fc.uint8Array({ maxLength: 9 }),
    (nth, payload, more) => {
      const bytes = packet(nth, payload);
      for (let size = 0; size < bytes.length; size += size < 5 ? 1 : 97) {
        strictEqual(readPacket(bytes.subarray(0, size)), undefined);
      }
      const found = readPacket(new Uint8Array([...bytes, ...more]));
      deepStrictEqual(found, { nth: nth % 256, payload, size: bytes.length });
    },
  ));
});

Deno.test("a packet that says it is too long is not waited for", () => {
  const long = MAX_PACKET_BYTES - 4;
  const lengths: [length: number, verdict: "too long" | undefined][] = [
    [long, undefined],
    [long + 1, "too long"],
    [0xffffff, "too long"],
  ];
  for (const [length, verdict] of lengths) {
    const header = Uint8Array.of(length, length >> 8, length >> 16);
    strictEqual(readPacket(header), verdict, `${length}`);
  }
  strictEqual(readPacket(new TextEncoder().encode("GET / HTTP/1.1")), "too long");
  strictEqual(readPacket(new TextEncoder().encode("SSH-2.0-")), "too long");
});
