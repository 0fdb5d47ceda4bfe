import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Refusal } from "@agentx/common/http";
import {
  authSwitchRequest,
  CODE,
  endsLogin,
  errPacket,
  isErr,
  oldErrPacket,
  readErr,
  refusalPacket,
} from "./outcome.ts";
import { readPacket } from "./packet.ts";

function read(bytes: Uint8Array) {
  const found = readPacket(bytes);
  if (found === undefined || found === "too long") throw new Error("no packet");
  strictEqual(found.size, bytes.length);
  return { nth: found.nth, ...readErr(found.payload) };
}

Deno.test("a refusal becomes an ERR with a code that drivers know", () => {
  const codes: [status: number, number: number, sqlstate: string][] = [
    [400, 1043, "08S01"],
    [404, 1045, "28000"],
    [429, 1040, "08004"],
    [502, 1158, "08S01"],
    [503, 1053, "08S01"],
    [504, 1159, "08S01"],
    [599, 1158, "08S01"],
  ];
  for (const [status, number, sqlstate] of codes) {
    const bytes = refusalPacket(4, new Refusal(status, "It is so", "Do that."));
    deepStrictEqual(read(bytes), { nth: 4, number, sqlstate, message: "It is so. Do that." });
  }
});

Deno.test("an ERR is one line, and no longer than clients take", () => {
  const bytes = errPacket(2, CODE.HANDSHAKE_ERROR, `a\r\nb\x1b[31m${"ä".repeat(400)}`);
  const { message } = read(bytes);
  ok(message?.startsWith("a b [31mä"));
  ok(bytes.length <= 512 + 4);
});

Deno.test("an ERR for clients before MySQL 4.1 has no SQLSTATE", () => {
  const bytes = oldErrPacket(2, CODE.NOT_SUPPORTED_AUTH_MODE, "too old");
  deepStrictEqual(read(bytes), { nth: 2, number: 1251, sqlstate: "", message: "too old" });
});

Deno.test("a login ends with OK or ERR, and with nothing else", () => {
  deepStrictEqual([0, 1, 2, 254, 255].map((first) => endsLogin(Uint8Array.of(first))), [
    true,
    false,
    false,
    false,
    true,
  ]);
  ok(!endsLogin(new Uint8Array(0)) && !isErr(new Uint8Array(0)));
  strictEqual(readErr(new Uint8Array(0)), undefined);
});

Deno.test("authSwitchRequest() names the plugin, and ends the scramble with a zero", () => {
  strictEqual(authSwitchRequest("abc", Uint8Array.of(1, 2)).toHex(), "fe61626300010200");
});
