import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { latin1 } from "@agentx/common";
import { Writer } from "./bytes.ts";
import { redirectKill } from "./kill.ts";
import { packet } from "./packet.ts";

const OURS = 1234567890;
const REAL = 57;
const find = (thread: number) => thread === OURS ? REAL : undefined;
const query = (sql: string, start = "\x03") => packet(0, new Writer().text(start + sql).bytes);

/** What becomes of a command. */
function sent(bytes: Uint8Array, attributes = false): Uint8Array {
  const copy = bytes.slice();
  redirectKill(copy, attributes, find);
  return copy;
}

Deno.test("redirectKill() puts the service's number in, by any way to say it", () => {
  const ways = [
    "KILL QUERY #",
    "kill query #",
    "KILL #",
    "KILL CONNECTION #;",
    "KILL HARD QUERY #",
    "Kill Soft Connection\t# ;\n",
    "KILL /*!50000 QUERY */ #",
    "KILL /*!QUERY*/ #",
    "KILL/*M!100100 SOFT*/QUERY/* this one */#",
    " /* from: a driver, 1 */ KILL QUERY #",
    "/*!50000 KILL QUERY # */",
  ];
  for (const way of ways) {
    const [before, after] = [OURS, "0000000057"].map((id) => way.replace("#", String(id)));
    deepStrictEqual(sent(query(before!)), query(after!), way);
  }
});

Deno.test("redirectKill() leaves alone whatever else there is", () => {
  const others = [
    "KILL QUERY 57",
    "KILL QUERY 1234567891",
    "KILL QUERY 12345678900",
    "KILL QUERY 01234567890",
    "KILL QUERY ID #",
    "KILL USER #",
    "KILLQUERY #",
    "KILL#",
    "KILL 'app' #",
    "KILL /*!# QUERY */ 57",
    "KILL QUERY /* # */ 57",
    "KILL QUERY # + 1",
    "KILL QUERY #; select 1",
    "select #",
    "KILL QUERY\xa0#",
  ].map((sql) => query(sql.replace("#", String(OURS))));
  const kill = query(`KILL ${OURS}`);
  const odd = [
    query(`KILL ${OURS}`, "\x16"),
    packet(1, kill.subarray(4)),
    kill.subarray(0, -1),
    kill.subarray(1),
    query(`KILL ${OURS}${" ".repeat(200)}`),
    query("", ""),
    new Uint8Array(0),
  ];
  for (const bytes of [...others, ...odd]) deepStrictEqual(sent(bytes), bytes);
});

Deno.test("redirectKill() knows query attributes where both ends do", () => {
  const kill = query(`KILL QUERY ${OURS}`, "\x03\0\x01");
  deepStrictEqual(sent(kill, true), query("KILL QUERY 0000000057", "\x03\0\x01"));
  deepStrictEqual(sent(kill, false), kill);
  const bare = query(`KILL QUERY ${OURS}`);
  deepStrictEqual(sent(bare, true), bare);
});

Deno.test("redirectKill() knows the command that older clients have for it", () => {
  const kill = (id: number, more = "") =>
    packet(0, new Writer().int(1, 12).int(4, id).text(more).bytes);
  deepStrictEqual(sent(kill(OURS)), kill(REAL));
  for (const other of [kill(REAL), kill(OURS, "x")]) deepStrictEqual(sent(other), other);
});

Deno.test("redirectKill() changes the first command only", () => {
  const kill = query(`KILL ${OURS}`);
  const two = new Uint8Array([...kill, ...kill]);
  deepStrictEqual(sent(two), new Uint8Array([...sent(kill), ...kill]));
});

Deno.test("redirectKill() throws for no bytes, and changes nothing but a number that it knows", () => {
  const word = fc.constantFrom(
    "KILL",
    "QUERY",
    "CONNECTION",
    "ID",
    " ",
    ";",
    "/*",
    "*/",
    "/*!",
    "/*!50000",
    "/*M!",
    "\0\x01",
    "0",
    String(OURS),
  );
  const sql = fc.array(word, { maxLength: 40 }).map((words) => words.join(""));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), sql.map((text) => query(text)));
  fc.assert(fc.property(bytes, fc.boolean(), fc.nat(0xffffffff), (bytes, attributes, real) => {
    const copy = bytes.slice();
    redirectKill(copy, attributes, (thread) => thread === OURS ? real : undefined);
    const [before, after] = [latin1(bytes), latin1(copy)];
    if (before === after) return;
    const digits = String(real).padStart(10, "0");
    const places = [...before.matchAll(new RegExp(String(OURS), "g"))].map(({ index }) => index);
    ok(places.some((at) => after === before.slice(0, at) + digits + before.slice(at + 10)));
  }));
});

Deno.test("redirectKill() is quick about comments that never end", () => {
  for (const piece of ["/**/", "/*!*/", "/*", "*/", "/*!50000", "KILL ", " "]) {
    const bytes = query(piece.repeat(200).slice(0, 199));
    deepStrictEqual(sent(bytes), bytes);
  }
});
