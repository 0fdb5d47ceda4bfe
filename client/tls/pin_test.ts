import { match, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { CERT } from "../../common/tls/testdata/pem.ts";
import { checkPin, isVersion3, pairs } from "./pin.ts";

const DER = Uint8Array.fromBase64(CERT.replace(/-.*-/g, "").replaceAll("\n", ""));

function print(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

Deno.test("checkPin() takes the pinned certificate and no other", () => {
  checkPin(DER, print(DER));
  const other = DER.slice();
  other[other.length - 1]! ^= 1;
  throws(() => checkPin(other, print(DER)), (error: Error) => {
    strictEqual(error.name, "PinError");
    match(error.message, new RegExp(`expected --tls-fingerprint ${pairs(print(DER))}`));
    match(error.message, new RegExp(`found ${pairs(print(other))}$`));
    return true;
  });
  throws(() => checkPin(undefined, print(DER)), /showed no certificate/);
});

Deno.test("checkPin() takes no certificate of which nobody checks the key", () => {
  // Version 1 is written by leaving the version out.
  const at = DER.findIndex((byte, i) => byte === 0xa0 && DER[i + 1] === 3);
  const old = DER.slice();
  old[at] = 0x02;
  strictEqual(isVersion3(DER), true);
  strictEqual(isVersion3(old), false);
  strictEqual(isVersion3(new Uint8Array(0)), false);
  throws(() => checkPin(old, print(old)), /cannot be pinned/);
});
