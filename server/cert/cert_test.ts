import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { resolve, UsageError } from "@agentx/common/cli";
import {
  describeCertificate,
  keyPin,
  readCertificates,
  sha256,
} from "@agentx/common/tls/certificate";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { fileTest } from "../../common/testdata/gate.ts";
import { writeNew } from "./files.ts";
import { CERT_OPTIONS, type CertValues } from "./options.ts";
import { runCert } from "./run.ts";
import { certifyKey, selfSigned } from "./self_signed.ts";

const DAY = 24 * 60 * 60 * 1000;

Deno.test("selfSigned() makes a pair for all the names", async () => {
  const names = ["tunnel.example.com", "*.tunnel.example.com", "192.0.2.7", "2001:db8::1"];
  const now = Date.UTC(2026, 0, 31);
  const { cert, key } = await selfSigned(names, 7, now);
  const [certificate, ...others] = readCertificates(cert);
  strictEqual(others.length, 0);
  ok(certificate!.checkPrivateKey(createPrivateKey(key)));
  strictEqual(certificate!.ca, false);
  const facts = describeCertificate(certificate!);
  deepStrictEqual(facts.names.slice(0, 3), names.slice(0, 3));
  match(facts.names[3]!, /^2001:0?db8:/i);
  strictEqual(+facts.notAfter, now + 7 * DAY);
  ok(+facts.notBefore < now);
  strictEqual(facts.issuer, "tunnel.example.com");
});

Deno.test("selfSigned() never makes the same twice, and takes the longest names", async () => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.example.com`;
  const [one, two] = await Promise.all([selfSigned([long], 1), selfSigned([long], 1)]);
  const serial = ({ cert }: { cert: string }) => readCertificates(cert)[0]!.serialNumber;
  ok(serial(one!) !== serial(two!));
  deepStrictEqual(describeCertificate(readCertificates(one!.cert)[0]!).names, [long]);
});

Deno.test("certifyKey() makes another certificate for any kind of key, with the same pin", async () => {
  const kinds = [
    generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
    generateKeyPairSync("ec", { namedCurve: "secp384r1" }),
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ed25519"),
  ];
  for (const { privateKey, publicKey } of kinds) {
    const made = await certifyKey(privateKey, ["a.test", "*.a.test"], 3);
    const [certificate] = readCertificates(made);
    ok(certificate!.checkPrivateKey(privateKey));
    ok(certificate!.verify(publicKey));
    const facts = describeCertificate(certificate!);
    deepStrictEqual(facts.names, ["a.test", "*.a.test"]);
    const spki = publicKey.export({ type: "spki", format: "der" });
    strictEqual(facts.keyPin, keyPin(sha256(spki)));
    const again = readCertificates(await certifyKey(privateKey, ["b.test"], 3))[0]!;
    strictEqual(describeCertificate(again).keyPin, facts.keyPin);
    ok(describeCertificate(again).fingerprint !== facts.fingerprint);
  }
  const { privateKey } = generateKeyPairSync("x25519");
  await rejects(certifyKey(privateKey, ["a.test"], 3), /expected a key of ECDSA .* another kind/);
});

fileTest("writeNew() writes all or none, and replaces nothing unless told to", async () => {
  const folder = await Deno.makeTempDir({ prefix: "arp-test-" });
  try {
    const file = (name: string, text: string, mode: number) => ({
      flag: `--out-${name}`,
      path: `${folder}/${name}`,
      text,
      mode,
    });
    const both = (text: string) => [file("key", text, 0o600), file("cert", text, 0o644)];
    await writeNew(both("first"), false);
    if (Deno.build.os !== "windows") {
      strictEqual((await Deno.stat(`${folder}/key`)).mode! & 0o777, 0o600);
    }
    await Deno.remove(`${folder}/key`);
    await rejects(writeNew(both("second"), false), (error: Error) => {
      ok(error instanceof UsageError);
      match(
        error.message,
        /--out-cert .*cert: expected no such file, found one; --renew keeps the key, --force/,
      );
      return true;
    });
    deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["cert"]);
    await writeNew(both("third"), true);
    strictEqual(await Deno.readTextFile(`${folder}/cert`), "third");
    await rejects(
      writeNew([file("gone/key", "x", 0o600)], false),
      /--out-gone\/key .*cannot be written/,
    );
    if (Deno.build.os !== "windows") {
      strictEqual((await Deno.stat(`${folder}/key`)).mode! & 0o777, 0o600);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

fileTest("arps cert --renew says what is in its way, and writes nothing then", async () => {
  const folder = await Deno.makeTempDir({ prefix: "arp-test-" });
  try {
    const path = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const own = await selfSigned(["a.test"], 3);
    const files = { "out-cert": path("c.pem", own.cert), "out-key": path("k.pem", own.key) };
    const other = path("other.pem", (await selfSigned(["b.test"], 3)).key);
    const asked = {
      ...resolve(CERT_OPTIONS, []),
      ...files,
      "self-signed": true,
      "renew": true,
    };
    const mistakes: [Partial<CertValues>, RegExp][] = [
      [{ force: true }, /^--renew: expected --self-signed as well, and no --force/],
      [{ "self-signed": false }, /^--renew: expected --self-signed as well/],
      [{ "out-key": files["out-cert"] }, /^--out-key .*expected a private key, PEM/],
      [{ "out-key": other }, /^--out-key .*expected the key of .*c\.pem, found another one/],
      [{ "out-key": `${folder}/none` }, /^--out-key .*none: /],
      [{ "out-cert": files["out-key"] }, /^--out-cert .*expected a certificate, PEM, found none/],
      [{ "out-cert": `${folder}/none` }, /^--out-cert .*none: /],
    ];
    for (const [values, message] of mistakes) {
      await rejects(runCert({ ...asked, ...values }), { name: "UsageError", message });
    }
    strictEqual(Deno.readTextFileSync(files["out-cert"]), own.cert);
    strictEqual([...Deno.readDirSync(folder)].length, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
