import { deepStrictEqual, ok } from "node:assert/strict";
import { FakeConn } from "../common/testdata/conn.ts";
import { Farewells } from "./farewell.ts";

const WORDS = new TextEncoder().encode("too many");

Deno.test("say() tells a few at a time, and closes the others", async () => {
  const farewells = new Farewells(2);
  const conns = Array.from({ length: 4 }, () => new FakeConn());
  const all = conns.map((conn) => farewells.say(conn, WORDS));
  deepStrictEqual(conns.map(({ closed }) => closed), [false, false, true, true]);
  for (const conn of conns) conn.end();
  await Promise.all(all);
  deepStrictEqual(conns.map(({ written }) => written.length > 0), [true, true, false, false]);
  const next = new FakeConn().end();
  await farewells.say(next, WORDS);
  deepStrictEqual(next.written, WORDS);
  ok(next.closed && next.ended);
});
