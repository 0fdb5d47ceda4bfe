import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ALWAYS, CAN, can, choice, misreads, NEVER } from "./capabilities.ts";
import { formatGreeting, type Greeting, parseGreeting } from "./greeting.ts";
import { offer } from "./offer.ts";
import { packet } from "./packet.ts";
import { greetings, MARIADB, MYSQL } from "./testdata/packets.ts";

const maria = parseGreeting(MARIADB.subarray(4))!;
const oracle = parseGreeting(MYSQL.subarray(4))!;
const made = (changes: Partial<Greeting>) => packet(0, formatGreeting({ ...maria, ...changes }));

Deno.test("offer() of one service is that service, but for what must stay readable", () => {
  const { version, flags, extended, charset, plugin } = offer([MARIADB], 7);
  deepStrictEqual([version, extended, charset], [maria.version, 0x1d, maria.charset]);
  strictEqual(flags, (maria.flags & ~NEVER) >>> 0);
  strictEqual(plugin, "mysql_native_password");
  const { version: other, flags: theirs, extended: none } = offer([MYSQL], 7);
  deepStrictEqual([other, theirs, none], ["9.7.4-2", (oracle.flags & ~NEVER) >>> 0, 0]);
});

Deno.test("offer() of MariaDB and MySQL is a MySQL that does what both do", () => {
  const { version, flags, extended } = offer([MARIADB, MYSQL], 7);
  deepStrictEqual([version, extended], ["9.7.4-2", 0]);
  ok(can({ flags }, CAN.mysql | CAN.deprecateEof | CAN.sessionTrack));
  strictEqual(flags & (CAN.queryAttributes | CAN.optionalMetadata), 0);
  deepStrictEqual(offer([MYSQL, MARIADB], 7).flags, flags);
});

Deno.test("offer() takes the oldest version of several, the prefix of MariaDB left out of account", () => {
  const versions = ["5.5.5-10.11.6-MariaDB", "11.4.2-MariaDB", "5.5.5-10.6.1-MariaDB"];
  strictEqual(offer(versions.map((version) => made({ version })), 7).version, versions[2]);
});

Deno.test("offer() without a usable greeting is modest", () => {
  const useless = [
    MARIADB.subarray(0, 30),
    made({ flags: 0 }),
    new Uint8Array(0),
    made({ version: "\x1b" }),
  ];
  for (const known of [[], useless.slice(0, 3)]) {
    const { version, flags } = offer(known, 7);
    strictEqual(version, "5.7.0");
    ok(can({ flags }, ALWAYS | CAN.mysql));
    const bold = CAN.deprecateEof | CAN.sessionTrack | CAN.queryAttributes | CAN.lenencAuth;
    strictEqual(flags & bold, 0);
  }
  strictEqual(offer(useless, 7).version, "5.7.0");
  const { version, flags, extended } = offer([MARIADB, undefined], 7);
  deepStrictEqual([version, extended], [maria.version, 0]);
  ok(can({ flags }, ALWAYS | CAN.mysql) && !can({ flags }, CAN.deprecateEof));
});

Deno.test("one service cannot keep the visitors of others from logging in", () => {
  const { flags } = offer([MYSQL, made({ flags: CAN.protocol41 })], 7);
  ok(can({ flags }, ALWAYS));
});

Deno.test("a scramble has 20 bytes, none of them zero, and is new each time", () => {
  const scrambles = Array.from({ length: 100 }, () => offer([], 7).scramble);
  ok(scrambles.every((one) => one.length === 20 && !one.includes(0)));
  notDeepStrictEqual(scrambles[0], scrambles[1]);
});

Deno.test("whoever chooses from an offer is understood by all that it was made of", () => {
  const clients = fc.record({ flags: fc.nat(0xffffffff), extended: fc.nat(0xffffffff) });
  const services = fc.array(greetings, { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(services, clients, (services, client) => {
    const all = services.map((one) => ({ ...one, flags: (one.flags | CAN.protocol41) >>> 0 }));
    const offered = offer(all.map((one) => packet(0, formatGreeting(one))), 7);
    strictEqual(offered.flags & NEVER, 0);
    strictEqual(can(offered, CAN.mysql), all.some((one) => can(one, CAN.mysql)));
    // A client that was shown bit 0 sets it; the bytes of MariaDB are read by that.
    const bit0 = offered.flags & CAN.mysql;
    const chosen = choice({ ...client, flags: (client.flags & ~CAN.mysql | bit0) >>> 0 }, offered);
    for (const service of all) ok(!misreads(chosen, service));
  }));
});

Deno.test("who chose more than a service can do would misread it", () => {
  ok(misreads(choice(oracle, oracle), maria));
  ok(misreads(choice(maria, maria), oracle));
  ok(!misreads(choice(maria, maria), maria));
  const modest = { flags: CAN.protocol41, extended: 1 };
  ok(!misreads(modest, oracle), "progress is a message that a service may leave out");
});
