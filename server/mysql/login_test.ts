import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Peek, PlainDuplex } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import fc from "fast-check";
import { cut, FakeConn } from "../../common/testdata/conn.ts";
import type { ServiceFacts } from "../sniff/mod.ts";
import { CAN, can } from "./capabilities.ts";
import { formatGreeting, parseGreeting } from "./greeting.ts";
import { Login } from "./login.ts";
import { authSwitchRequest, CODE, errPacket, readErr } from "./outcome.ts";
import { packet, readPacket } from "./packet.ts";
import { parseResponse, type Response } from "./response.ts";
import { MARIADB, MARIADB_CLIENT, MYSQL, MYSQL2 } from "./testdata/packets.ts";

const OK = Uint8Array.of(0, 0, 0, 2, 0, 0, 0);
const SECRET = new Uint8Array(20).fill(7);
const QUERY = packet(0, Uint8Array.of(3, 115, 101, 108));
const maria = parseResponse(MARIADB_CLIENT.subarray(4))!;
const mysql2 = parseResponse(MYSQL2.subarray(4))!;

/** Packets one after the other. */
function split(bytes: Uint8Array): { nth: number; payload: Uint8Array }[] {
  const found = [];
  while (bytes.length > 0) {
    const next = readPacket(bytes);
    if (next === undefined || next === "too long") throw new Error("half a packet");
    found.push({ nth: next.nth, payload: next.payload });
    bytes = bytes.subarray(next.size);
  }
  return found;
}

/** A login between two ends that are the test's. */
function scene(response: Response = maria, dbUser?: string) {
  const login = new Login(response, 30);
  const visitor = new FakeConn();
  const service = new FakeConn();
  const facts: ServiceFacts = { id: "db", service: "mysql", greeting: undefined, dbUser };
  const ends = [visitor, service].map((conn) => new PlainDuplex(new Peek(conn)));
  const done = login.run(ends[0]!, ends[1]!, facts);
  const refused = () =>
    done.then(() => undefined, (error) => {
      if (!(error instanceof Refusal)) throw error;
      const [told] = split(login.refuse(error));
      return { status: error.status, nth: told!.nth, ...readErr(told!.payload) };
    });
  return { login, visitor, service, facts, done, refused, ends };
}

/** What the visitor was told and the service was told. */
function told({ visitor, service }: ReturnType<typeof scene>) {
  return [split(visitor.written), split(service.written)] as const;
}

Deno.test("a login moves to the service's own scramble and is passed on", async () => {
  const one = scene({ ...maria, user: "app", database: "shop" });
  one.service.push(MARIADB, packet(2, OK));
  one.visitor.push(packet(3, SECRET));
  const { scramble, plugin, thread } = parseGreeting(MARIADB.subarray(4))!;
  strictEqual(await one.done, thread);
  const [down, up] = told(one);
  deepStrictEqual(down, [
    { nth: 2, payload: authSwitchRequest(plugin, scramble) },
    { nth: 4, payload: OK },
  ]);
  strictEqual(up.length, 1);
  strictEqual(up[0]!.nth, 1);
  deepStrictEqual(parseResponse(up[0]!.payload), { ...maria, auth: SECRET });
  deepStrictEqual(one.facts.greeting, MARIADB);
});

Deno.test("the service sees only what both ends can do, and no TLS", async () => {
  const one = scene(mysql2);
  one.service.push(MARIADB, packet(2, OK));
  one.visitor.push(packet(3, SECRET));
  const refused = await one.refused();
  // It speaks of query attributes, which MariaDB does not know.
  deepStrictEqual([refused?.status, refused?.number, refused?.nth], [503, 1053, 2]);
  deepStrictEqual(one.facts.greeting, MARIADB, "the next visitor is greeted by it");
  const flags = (mysql2.flags & ~CAN.queryAttributes | CAN.ssl | CAN.compress) >>> 0;
  const other = scene({ ...mysql2, flags });
  other.service.push(MARIADB, packet(2, OK));
  other.visitor.push(packet(3, SECRET));
  await other.done;
  const sent = parseResponse(told(other)[1][0]!.payload)!;
  strictEqual(sent.flags & (CAN.ssl | CAN.compress | CAN.queryAttributes), 0);
  ok(can(sent, CAN.mysql | CAN.pluginAuth | CAN.connectAttrs));
  strictEqual(sent.extended, 0);
});

Deno.test("packets go both ways until the end, whoever has a turn, two numbers apart", async () => {
  const one = scene({ ...mysql2, flags: mysql2.flags & ~CAN.queryAttributes });
  const more = (...bytes: number[]) => Uint8Array.of(1, ...bytes);
  // caching_sha2_password in full: not cached, the key is asked for, the password comes, OK. After a
  // switch to another plugin.
  one.service.push(MYSQL);
  one.visitor.push(packet(3, SECRET));
  const answers: [from: Uint8Array, to: Uint8Array][] = [
    [packet(2, authSwitchRequest("x", SECRET)), packet(5, SECRET)],
    [packet(4, more(4)), packet(7, Uint8Array.of(2))],
    [packet(6, more(80, 69, 77)), packet(9, new Uint8Array(256))],
  ];
  one.service.onWrite = () => {
    const next = answers.shift();
    if (next === undefined) return void one.service.push(packet(8, OK));
    one.service.push(next[0]);
    one.visitor.push(next[1]);
  };
  await one.done;
  const [down, up] = told(one);
  deepStrictEqual(down.map(({ nth, payload }) => [nth, payload[0]]), [
    [2, 254],
    [4, 254],
    [6, 1],
    [8, 1],
    [10, 0],
  ]);
  deepStrictEqual(up.map(({ nth, payload }) => [nth, payload.length > 20]), [
    [1, true],
    [3, false],
    [5, false],
    [7, true],
  ]);
});

Deno.test("what a visitor sends ahead is left where it is", async () => {
  for (const fast of [[], [packet(2, Uint8Array.of(1, 3))]]) {
    const one = scene();
    one.visitor.push(packet(3, SECRET), QUERY, QUERY.subarray(0, 3));
    one.service.push(MARIADB, ...fast, packet(2 + fast.length, OK), Uint8Array.of(9));
    await one.done;
    strictEqual(told(one)[1].length, 1);
    const rest = one.ends.map(async ({ source }, which) => {
      while (source.size < (which === 0 ? QUERY.length + 3 : 1)) await source.fill();
      return source.bytes;
    });
    const [visitor, service] = await Promise.all(rest);
    deepStrictEqual(visitor, new Uint8Array([...QUERY, ...QUERY.subarray(0, 3)]));
    deepStrictEqual(service, Uint8Array.of(9));
  }
});

Deno.test("a visitor that leaves ends its login at once, wherever it is", async () => {
  const silent = scene();
  silent.visitor.end();
  strictEqual(await silent.done, undefined);
  const asked = scene();
  asked.service.push(MARIADB);
  asked.visitor.onWrite = () => asked.visitor.end();
  strictEqual(await asked.done, undefined);
  const answered = scene();
  answered.service.push(MARIADB);
  answered.visitor.push(packet(3, SECRET));
  answered.service.onWrite = () => answered.visitor.end();
  strictEqual(await answered.done, undefined);
});

Deno.test("a service that is tired of waiting for a password ends the login", async () => {
  const one = scene();
  one.service.push(MARIADB);
  one.visitor.onWrite = () => one.service.end();
  const refused = await one.refused();
  deepStrictEqual([refused?.status, refused?.nth], [502, 3]);
});

Deno.test("numbers start again after 255", async () => {
  const one = scene();
  one.visitor.push(packet(3, SECRET));
  one.service.push(MARIADB);
  let nth = 2;
  one.service.onWrite = () => {
    if (nth >= 300) return void one.service.push(packet(nth, OK));
    one.service.push(packet(nth, Uint8Array.of(4)));
    one.visitor.push(packet(nth + 3, Uint8Array.of(5)));
    nth += 2;
  };
  await one.done;
  strictEqual(told(one)[0].at(-1)?.nth, (nth + 2) % 256);
});

Deno.test("however the bytes are cut, all arrive", async () => {
  const places = fc.array(fc.nat(1000), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(places, places, async (left, right) => {
    const one = scene();
    one.visitor.push(...cut(new Uint8Array([...packet(3, SECRET), ...QUERY]), left));
    one.service.push(...cut(new Uint8Array([...MARIADB, ...packet(2, OK)]), right));
    await one.done;
    deepStrictEqual(told(one)[0].map(({ nth }) => nth), [2, 4]);
  }));
});

Deno.test("who names no user is the client's --db-user, if it has one", async () => {
  for (const [user, dbUser, expected] of [["", "ä", "Ã¤"], ["", undefined, ""], ["a", "b", "a"]]) {
    const one = scene({ ...maria, user: user! }, dbUser);
    one.service.push(MARIADB, packet(2, OK));
    one.visitor.push(packet(3, new Uint8Array(0)));
    await one.done;
    const sent = parseResponse(told(one)[1][0]!.payload)!;
    deepStrictEqual([sent.user, sent.auth.length], [expected, 0]);
  }
});

Deno.test("an ERR instead of a greeting is passed on, with the number that is due", async () => {
  const one = scene();
  one.service.push(errPacket(0, CODE.CON_COUNT_ERROR, "Too many connections"));
  await one.done;
  deepStrictEqual(told(one)[0].map(({ nth, payload }) => [nth, readErr(payload)?.number]), [[
    2,
    1040,
  ]]);
  strictEqual(one.facts.greeting, undefined);
});

Deno.test("a service that is no MySQL, hangs up, or is silent, is told of", async () => {
  const encoder = new TextEncoder();
  const cases: [play: (service: FakeConn) => unknown, status: number, words: RegExp][] = [
    [(one) => one.push(encoder.encode("SSH-2.0-OpenSSH\r\n")), 502, /does not speak MySQL/],
    [(one) => one.push(encoder.encode("220")).end(), 502, /does not speak MySQL/],
    [(one) => one.push(packet(1, MARIADB.subarray(4))), 502, /does not speak MySQL/],
    [(one) => one.push(packet(0, Uint8Array.of(9))), 502, /does not speak MySQL/],
    [(one) => one.push(made(CAN.protocol41)), 502, /does not speak MySQL/],
    [(one) => one.end(), 502, /hung up/],
    [(one) => one.fail(new Deno.errors.ConnectionReset("gone")), 502, /hung up/],
    [() => {}, 504, /did not greet within/],
    [(one) => one.push(MARIADB.subarray(0, 50)), 504, /did not greet within/],
  ];
  for (const [play, status, words] of cases) {
    const one = scene();
    play(one.service);
    const refused = await one.refused();
    deepStrictEqual([refused?.status, refused?.nth], [status, 2]);
    ok(words.test(refused?.message ?? ""), refused?.message);
    one.service.end();
  }
});

function made(flags: number): Uint8Array {
  return packet(0, formatGreeting({ ...parseGreeting(MARIADB.subarray(4))!, flags }));
}

Deno.test("later troubles are told with the number that is due then", async () => {
  const order = scene({ ...maria, flags: maria.flags & ~CAN.pluginAuth });
  order.service.push(MARIADB);
  order.visitor.push(QUERY);
  deepStrictEqual(await order.refused().then((one) => [one?.status, one?.nth]), [426, 3]);
  const left = scene();
  left.service.push(MARIADB).end();
  left.visitor.push(packet(3, SECRET));
  deepStrictEqual(await left.refused().then((one) => [one?.status, one?.nth]), [502, 4]);
  const long = scene();
  long.service.push(MARIADB);
  long.visitor.push(Uint8Array.of(255, 255, 255, 3));
  deepStrictEqual(await long.refused().then((one) => [one?.status, one?.nth]), [400, 3]);
  const big = scene();
  big.service.push(
    made(
      CAN.protocol41 | CAN.secureConnection | CAN.pluginAuth | CAN.deprecateEof | CAN.sessionTrack,
    ),
  );
  big.visitor.push(packet(3, new Uint8Array(300)));
  deepStrictEqual(await big.refused().then((one) => [one?.status, one?.nth]), [400, 4]);
});

Deno.test("a login that the service refuses is none", async () => {
  const one = scene();
  one.service.push(MARIADB, errPacket(2, CODE.ACCESS_DENIED_ERROR, "Access denied"));
  one.visitor.push(packet(3, SECRET));
  strictEqual(await one.done, undefined);
  deepStrictEqual(told(one)[0].map(({ nth }) => nth), [2, 4]);
});

Deno.test("a visitor that leaves is no fault", async () => {
  const early = scene();
  early.service.push(MARIADB);
  early.visitor.end();
  await early.done;
  const late = scene();
  late.service.push(MARIADB, packet(2, authSwitchRequest("x", SECRET)));
  late.visitor.push(packet(3, SECRET)).end();
  await late.done;
  const reset = scene();
  reset.service.push(MARIADB);
  reset.visitor.fail(new Deno.errors.ConnectionReset("gone"));
  await rejects(reset.done, Deno.errors.ConnectionReset);
});

Deno.test("whatever either end says, a login ends and throws nothing but refusals", async () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(
      OK,
      SECRET,
      authSwitchRequest("x", SECRET),
      Uint8Array.of(1, 4),
      MARIADB.subarray(4),
    ),
  );
  const packets = fc.array(fc.tuple(fc.nat(9), payload), { maxLength: 8 })
    .map((all) => all.map(([nth, bytes]) => packet(nth, bytes)));
  const noise = fc.uint8Array({ maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(packets, packets, noise, noise, fc.boolean(), async (a, b, c, d, well) => {
      const one = scene();
      one.service.push(...well ? [MARIADB] : [], ...a, c).end();
      one.visitor.push(...well ? [packet(3, SECRET)] : [], ...b, d).end();
      await one.refused();
    }),
  );
});
