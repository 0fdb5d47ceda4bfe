import { ok, strictEqual } from "node:assert/strict";
import { DeadlineError, isDisconnect, ProtocolError, reason } from "./errors.ts";

Deno.test("reason() drops the system's error number and nothing else", () => {
  strictEqual(reason(new Error("Connection refused (os error 111)")), "Connection refused");
  strictEqual(
    reason(new Error("Cannot open (os error 2): 'a (b)'")),
    "Cannot open: 'a (b)'",
  );
});

Deno.test("reason() has a word for whatever was thrown", () => {
  strictEqual(reason(new DeadlineError()), "DeadlineError");
  strictEqual(reason("plain text"), "plain text");
  strictEqual(reason(undefined), "undefined");
});

Deno.test("isDisconnect() tells a peer that went away from a fault", () => {
  const { errors } = Deno;
  for (const kind of [errors.ConnectionReset, errors.BrokenPipe, errors.BadResource]) {
    ok(isDisconnect(new kind("gone")), kind.name);
  }
  for (const error of [new Error("x"), new RangeError("x"), new ProtocolError("x"), "gone", null]) {
    ok(!isDisconnect(error), String(error));
  }
});
