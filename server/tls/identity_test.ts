import { match, rejects, strictEqual } from "node:assert/strict";
import { UsageError } from "@agentx/common/cli";
import { createHash } from "node:crypto";
import { fileTest } from "../../common/testdata/gate.ts";
import { CERT, KEY } from "../../common/tls/testdata/pem.ts";
import { selfSigned } from "../cert/self_signed.ts";
import { FileIdentity, load, trouble } from "./identity.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Two files in a folder of their own. */
class Files implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "arp-test-" });
  readonly cert = `${this.#folder}/cert.pem`;
  readonly key = `${this.#folder}/key.pem`;

  constructor(cert: string, key: string) {
    this.write(cert, key);
  }

  write(cert: string, key: string): void {
    Deno.writeTextFileSync(this.cert, cert);
    Deno.writeTextFileSync(this.key, key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

fileTest("load() tells what is in the certificate", async () => {
  await using files = new Files(CERT, KEY);
  const { facts } = await load(files);
  strictEqual(facts.names.join(), "localhost,127.0.0.1");
  strictEqual(facts.issuer, "localhost");
  strictEqual(facts.notAfter.getUTCFullYear() > 2100, true);
  const der = Uint8Array.fromBase64(CERT.replace(/-.*-/g, "").replaceAll("\n", ""));
  const digest = createHash("sha256").update(der).digest("hex");
  strictEqual(facts.fingerprint.replaceAll(":", "").toLowerCase(), digest);
});

fileTest("load() says which file is of no use, and why", async () => {
  const other = await selfSigned(["localhost"], 1);
  const wrong: [cert: string, key: string, why: RegExp][] = [
    ["", KEY, /--tls-cert .*cert\.pem: expected a certificate, PEM, found none/],
    [KEY, KEY, /--tls-cert .*found none/],
    [CERT.slice(0, 300), KEY, /--tls-cert .*found none/],
    [CERT.replace("MII", "MIA"), KEY, /--tls-cert .*the certificate is damaged/],
    [CERT, "", /--tls-key .*key\.pem: expected a private key, PEM, found none/],
    [CERT, KEY.slice(0, 80), /--tls-key .*(?:damaged|found none)/],
    [CERT, KEY.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"), /--tls-key .*passphrase/],
    [CERT, other.key, /--tls-key .*expected the key of the certificate .*found another one$/],
    [other.cert + CERT, KEY, /must be the first in that file/],
  ];
  for (const [cert, key, why] of wrong) {
    await using files = new Files(cert, key);
    await rejects(load(files), (error: Error) => {
      match(error.message, why);
      // The name of a file may be told, what is in it may not.
      strictEqual(error.message.includes(KEY.split("\n")[1]!), false);
      return true;
    });
  }
  await rejects(load({ cert: "/nowhere/c.pem", key: "/nowhere/k.pem" }), /--tls-cert \/nowhere\/c/);
});

fileTest("FileIdentity.open() fails as a user's mistake", async () => {
  await using files = new Files(CERT, "");
  await rejects(FileIdentity.open(files), UsageError);
});

fileTest("FileIdentity takes a new pair, and keeps the old one while there is none", async () => {
  const next = await selfSigned(["next.test"], 3);
  await using files = new Files(CERT, KEY);
  await using identity = await FileIdentity.open(files, { every: 3_600_000 });
  const { context } = identity;
  files.write(next.cert, KEY);
  await identity.reload();
  strictEqual(identity.context, context);
  strictEqual(identity.facts.names.join(), "localhost,127.0.0.1");
  files.write(next.cert, next.key);
  await identity.reload();
  strictEqual(identity.facts.names.join(), "next.test");
  strictEqual(identity.context === context, false);
  await Deno.remove(files.cert);
  await identity.reload();
  strictEqual(identity.facts.names.join(), "next.test");
});

Deno.test("trouble() warns in time, and sooner of those that live long", () => {
  const at = (now: number, life = 365) =>
    trouble({ notBefore: new Date(0), notAfter: new Date(life * DAY) }, now * DAY);
  strictEqual(at(300), undefined);
  match(at(352)!, /expires in 13 days/);
  match(at(364)!, /expires in 1 day$/);
  match(at(364.5)!, /expires within a day/);
  match(at(365)!, /has expired/);
  match(at(-1)!, /not valid yet/);
  strictEqual(at(3, 6), undefined);
  match(at(4.5, 6)!, /expires in 1 day$/);
});
