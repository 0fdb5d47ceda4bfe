import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { CAN, can } from "./capabilities.ts";
import { packet } from "./packet.ts";
import { formatResponse, parseResponse } from "./response.ts";
import { MARIADB_CLIENT, MYSQL2, responses } from "./testdata/packets.ts";

Deno.test("parseResponse() reads real ones, and formatResponse() writes them byte for byte", () => {
  for (const bytes of [MARIADB_CLIENT, MYSQL2]) {
    const response = parseResponse(bytes.subarray(4));
    ok(response);
    deepStrictEqual([response.user, response.database], ["app", "shop"]);
    strictEqual(response.rest.length, 0);
    deepStrictEqual(packet(1, formatResponse(response)), bytes);
  }
  const maria = parseResponse(MARIADB_CLIENT.subarray(4))!;
  deepStrictEqual([maria.extended, maria.plugin], [0x1d, "mysql_native_password"]);
  ok(!can(maria, CAN.mysql));
  ok(new TextDecoder().decode(maria.attributes).includes("libmariadb"));
});

Deno.test("an answer is read as it was written", () => {
  fc.assert(fc.property(responses, (response) => {
    deepStrictEqual(parseResponse(formatResponse(response)), response);
  }));
});

Deno.test("parseResponse() keeps nothing of the buffer it was given", () => {
  const buffer = MYSQL2.slice();
  const response = parseResponse(buffer.subarray(4))!;
  buffer.fill(0);
  deepStrictEqual(response, parseResponse(MYSQL2.subarray(4)));
});

Deno.test("a password that its length cannot hold is an error of the caller", () => {
  const response = parseResponse(MYSQL2.subarray(4))!;
  const auth = new Uint8Array(256);
  const flags = (response.flags & ~CAN.lenencAuth) >>> 0;
  throws(() => formatResponse({ ...response, flags, auth }), RangeError);
  const long = formatResponse({ ...response, flags: (flags | CAN.lenencAuth) >>> 0, auth });
  deepStrictEqual(parseResponse(long)?.auth, auth);
});

Deno.test("parseResponse() throws for no bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseResponse(bytes)));
  const changed = fc.tuple(fc.constantFrom(MARIADB_CLIENT, MYSQL2), fc.nat(), fc.nat(255));
  fc.assert(fc.property(changed, ([bytes, at, to]) => {
    const payload = bytes.slice(4);
    payload[at % payload.length] = to;
    parseResponse(payload);
    parseResponse(payload.subarray(0, at % payload.length));
  }));
});
