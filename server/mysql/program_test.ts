import { notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Writer } from "./bytes.ts";
import { programOf } from "./program.ts";
import { parseResponse } from "./response.ts";
import { MARIADB_CLIENT, MYSQL2 } from "./testdata/packets.ts";

const ADDRESS = "192.0.2.1";

function says(...all: [name: string, value: string][]): Uint8Array {
  const writer = new Writer();
  for (const text of all.flat()) writer.lenenc(text.length).text(text);
  return writer.bytes;
}

const CLIENT = says(["_pid", "7"], ["program_name", "mysql"]);

Deno.test("programOf() knows the command-line client, and no other program", () => {
  ok(programOf(parseResponse(MARIADB_CLIENT.subarray(4))!, ADDRESS));
  strictEqual(programOf(parseResponse(MYSQL2.subarray(4))!, ADDRESS), undefined);
  ok(programOf({ user: "", attributes: CLIENT }, ADDRESS));
  const others = [
    says(["_pid", "7"], ["program_name", "mysqldump"]),
    says(["program_name", "mysql"]),
    says(["_pid", "7"]),
    says(["_pid", "7"], ["program_name", "mysql"], ["more", "x".repeat(500)]),
    CLIENT.subarray(0, -1),
    new Uint8Array(0),
  ];
  for (const attributes of others) {
    strictEqual(programOf({ user: "app", attributes }, ADDRESS), undefined);
  }
});

Deno.test("a key is the same for the same run at the same address, as the same user", () => {
  const one = programOf({ user: "app", attributes: CLIENT }, ADDRESS);
  strictEqual(programOf({ user: "app", attributes: CLIENT.slice() }, ADDRESS), one);
  notStrictEqual(programOf({ user: "root", attributes: CLIENT }, ADDRESS), one);
  notStrictEqual(programOf({ user: "app", attributes: CLIENT }, "192.0.2.2"), one);
  const next = says(["_pid", "8"], ["program_name", "mysql"]);
  notStrictEqual(programOf({ user: "app", attributes: next }, ADDRESS), one);
});

Deno.test("programOf() throws for no attributes, and comes to an end", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (attributes) => {
    strictEqual(programOf({ user: "app", attributes }, ADDRESS), undefined);
  }));
});
