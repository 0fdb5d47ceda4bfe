import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { UsageError } from "@agentx/common/cli";
import { describeCertificate, readCertificates } from "@agentx/common/tls/certificate";
import { createPrivateKey } from "node:crypto";
import { fileTest } from "../../common/testdata/gate.ts";
import { writeNew } from "./files.ts";
import { selfSigned } from "./self_signed.ts";

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
      match(error.message, /--out-cert .*cert: expected no such file, found one; --force/);
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
