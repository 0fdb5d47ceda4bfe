import { match, ok, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { describeCertificate, readCertificates } from "@agentx/common/tls/certificate";
import { CERT } from "../../common/tls/testdata/pem.ts";
import type { Pin } from "./options.ts";
import { checkPin, formatPin } from "./pin.ts";

const DER = Uint8Array.fromBase64(CERT.replace(/-.*-/g, "").replaceAll("\n", ""));
const [CERTIFICATE] = readCertificates(CERT);
/** As the platform writes the key, which is not how it is found in a certificate here. */
const SPKI = CERTIFICATE!.publicKey.export({ type: "spki", format: "der" });

function digest(der: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(der).digest());
}

function pin(der: Uint8Array): Pin {
  return { of: "certificate", digest: digest(der) };
}

const KEY: Pin = { of: "key", digest: digest(SPKI) };

Deno.test("checkPin() takes the pinned certificate and no other", () => {
  checkPin(DER, [pin(DER)]);
  const other = DER.slice();
  other[other.length - 1]! ^= 1;
  throws(() => checkPin(other, [pin(DER)]), (error: Error) => {
    strictEqual(error.name, "PinError");
    match(error.message, new RegExp(`expected --tls-fingerprint ${formatPin(pin(DER))}, `));
    match(error.message, new RegExp(`found ${formatPin(pin(other))}, `));
    ok(error.message.includes(`its key ${formatPin(KEY)};`));
    return true;
  });
  throws(() => checkPin(undefined, [pin(DER)]), /showed no certificate/);
});

Deno.test("checkPin() takes any certificate with the pinned key", () => {
  checkPin(DER, [KEY]);
  const renewed = DER.slice();
  renewed[renewed.length - 1]! ^= 1;
  checkPin(renewed, [KEY]);
  // The digests of the two are not to be mistaken for each other.
  throws(() => checkPin(DER, [{ ...KEY, of: "certificate" }]), /is another one/);
  throws(() => checkPin(DER, [{ ...pin(DER), of: "key" }]), /is another one/);
  strictEqual(describeCertificate(CERTIFICATE!).keyPin, formatPin(KEY));
});

Deno.test("checkPin() takes any of several, and names them all where none fits", () => {
  const [one, two] = [pin(Uint8Array.of(1)), pin(Uint8Array.of(2))];
  for (const pins of [[pin(DER), one], [one, pin(DER)], [one, two, KEY]]) checkPin(DER, pins);
  throws(
    () => checkPin(DER, [one, two]),
    (error: Error) =>
      error.message.includes(
        `expected --tls-fingerprint ${formatPin(one)} or ${formatPin(two)}, found`,
      ),
  );
  throws(() => checkPin(DER, []), /is another one/);
});

Deno.test("checkPin() takes no certificate of which nobody checks the key", () => {
  // Version 1 is written by leaving the version out.
  const at = DER.findIndex((byte, i) => byte === 0xa0 && DER[i + 1] === 3);
  const old = DER.slice();
  old[at] = 0x02;
  throws(() => checkPin(old, [pin(old)]), /cannot be pinned/);
  throws(() => checkPin(new Uint8Array(0), [pin(new Uint8Array(0))]), /cannot be pinned/);
  for (let size = 0; size < DER.length; size++) {
    const part = DER.subarray(0, size);
    throws(() => checkPin(part, [pin(part)]), /cannot be pinned/);
  }
});
