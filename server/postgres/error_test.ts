import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@agentx/common/http";
import { errorResponse, refusalResponse } from "./error.ts";
import { readError } from "./testdata/packets.ts";

Deno.test("errorResponse() is an ErrorResponse, byte for byte", () => {
  const expected = "E\0\0\0\x1eSFATAL\0VFATAL\0C28000\0MNo\0\0";
  strictEqual(String.fromCharCode(...errorResponse("28000", "No")), expected);
});

Deno.test("refusalResponse() says message and hint on one line, with a fitting code", () => {
  const refusal = new Refusal(404, "Client 'x' not found", "Check the token.");
  deepStrictEqual(readError(refusalResponse(refusal)), {
    S: "FATAL",
    V: "FATAL",
    C: "28000",
    M: "Client 'x' not found. Check the token.",
  });
  const codes = [[503, "57P03"], [502, "08006"], [429, "53300"], [504, "57P03"], [418, "08006"]];
  for (const [status, code] of codes) {
    const fields = readError(refusalResponse(new Refusal(Number(status), "No")));
    deepStrictEqual([fields.C, fields.M], [code, "No"]);
  }
});

Deno.test("errorResponse() stays one short line, whatever a client gives as its reason", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(50), (words, repeat) => {
    const bytes = errorResponse("08006", words.repeat(repeat));
    const { M = "" } = readError(bytes);
    // deno-lint-ignore no-control-regex
    ok(!/[\x00-\x1f\x7f-\x9f]/.test(M));
    ok(bytes.length < 5000);
  }));
});
