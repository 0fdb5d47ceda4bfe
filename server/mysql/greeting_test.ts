import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatGreeting, parseGreeting } from "./greeting.ts";
import { packet, readPacket } from "./packet.ts";
import { greetings, MARIADB, MYSQL } from "./testdata/packets.ts";

Deno.test("parseGreeting() reads real ones, and formatGreeting() writes them byte for byte", () => {
  const maria = parseGreeting(MARIADB.subarray(4));
  ok(maria);
  strictEqual(maria.version, "5.5.5-10.11.19-MariaDB-0+deb12u1");
  strictEqual(maria.plugin, "mysql_native_password");
  deepStrictEqual([maria.thread, maria.flags, maria.extended], [18, 0x81fff7fe, 0x1d]);
  strictEqual(maria.scramble.length, 20);
  deepStrictEqual(packet(0, formatGreeting(maria)), MARIADB);
  const oracle = parseGreeting(MYSQL.subarray(4));
  ok(oracle);
  strictEqual(oracle.version, "9.7.4-2");
  strictEqual(oracle.plugin, "caching_sha2_password");
  deepStrictEqual([oracle.flags, oracle.extended, oracle.charset], [0x9ffff7ff, 0, 255]);
  deepStrictEqual(packet(0, formatGreeting(oracle)), MYSQL);
});

Deno.test("a greeting is read as it was written", () => {
  fc.assert(fc.property(greetings, (greeting) => {
    deepStrictEqual(parseGreeting(formatGreeting(greeting)), greeting);
  }));
});

Deno.test("parseGreeting() reads those of old servers, without plugins and without an end", () => {
  const old = Uint8Array.fromHex(
    "0a352e312e373300010000003132333435363738000082" + "21" + "0200" + "0000" + "00" +
      "00".repeat(10) + "6162636465666768696a6b6c",
  );
  const greeting = parseGreeting(old);
  ok(greeting);
  deepStrictEqual([greeting.version, greeting.plugin], ["5.1.73", ""]);
  strictEqual(new TextDecoder().decode(greeting.scramble), "12345678abcdefghijkl");
});

Deno.test("parseGreeting() takes nothing else, and throws for no bytes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.of(10, ...rest)),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    const found = parseGreeting(bytes);
    if (bytes[0] !== 10) strictEqual(found, undefined);
  }));
  for (let size = 0; size < 52; size++) {
    const part = MYSQL.subarray(4, 4 + size);
    if (parseGreeting(part) !== undefined) ok(size >= 38, `${size}`);
  }
});

Deno.test("a greeting with any byte changed does no harm", () => {
  fc.assert(fc.property(fc.constantFrom(MARIADB, MYSQL), fc.nat(), fc.nat(255), (bytes, at, to) => {
    const changed = bytes.slice();
    changed[at % bytes.length] = to;
    const found = readPacket(changed);
    if (found !== undefined && found !== "too long") parseGreeting(found.payload);
  }));
});
