import { rejects, strictEqual } from "node:assert/strict";
import { Peek } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Patience } from "./patience.ts";

const SOON = 5;
const BYTE = new Uint8Array(1);

function open() {
  const conn = new FakeConn();
  return { conn, patience: new Patience<"one" | "two">(new Peek(conn)) };
}

Deno.test("read() tells of bytes and of the end", async () => {
  const { conn, patience } = open();
  using _ = patience;
  patience.until(60_000, "one");
  conn.push(BYTE).end();
  strictEqual(await patience.read(), true);
  strictEqual(await patience.read(), false);
});

Deno.test("read() tells of each time once, and the read under way goes on", async () => {
  const { conn, patience } = open();
  using _ = patience;
  patience.until(SOON, "one");
  strictEqual(await patience.read(), "one");
  const next = patience.read();
  conn.push(BYTE);
  strictEqual(await next, true);
});

Deno.test("a time that passes while nobody reads is told by the next read", async () => {
  const { conn, patience } = open();
  using _ = patience;
  patience.until(SOON, "two");
  patience.until(2 * SOON, "one");
  conn.push(BYTE, BYTE);
  strictEqual(await patience.read(), true);
  await new Promise((resolve) => setTimeout(resolve, 20 * SOON));
  strictEqual(await patience.read(), "two");
  strictEqual(await patience.read(), "one");
  strictEqual(await patience.read(), true);
});

Deno.test("read() fails as the connection does", async () => {
  const { conn, patience } = open();
  using _ = patience;
  patience.until(60_000, "one");
  conn.fail(new Deno.errors.ConnectionReset("gone"));
  await rejects(patience.read(), Deno.errors.ConnectionReset);
});
