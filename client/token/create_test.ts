import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { parseFlags, resolve, UsageError } from "@agentx/common/cli";
import { parseClaims, readVisitorToken } from "@agentx/common/visitor-token";
import { compactVerify, importJWK } from "jose";
import { issue } from "./create.ts";
import type { SigningKey } from "./key.ts";
import { CREATE_OPTIONS } from "./options.ts";
import { TOKEN } from "./program.ts";
import { newId, sign } from "./sign.ts";

/** What a command line comes to. */
function values(...args: string[]) {
  const line = parseFlags(TOKEN[0]!.about, CREATE_OPTIONS, args);
  if (line.kind !== "run") throw new Error("flags for a run expected");
  return resolve(CREATE_OPTIONS, [line.flags]);
}

Deno.test("issue() has what was asked for, and nothing else", () => {
  const { id, ...plain } = issue(values(), "last", 1000);
  match(id, /^[0-9a-f]{20}$/);
  deepStrictEqual(plain, { client: "last", made: 1000, expires: 87_400 });
  const flags = "--client-id a --label bob --ttl 90m --method get --method Post --uses 3";
  const limits = ["--path", "/docs/", "--path", "/ä b", "--ip", "10.0.0.0/8", "--ip", "::1"];
  const { id: _id, ...full } = issue(values(...flags.split(" "), ...limits), "last", 0);
  deepStrictEqual(full, {
    client: "a",
    label: "bob",
    made: 0,
    expires: 5400,
    path: ["/docs/", "/%C3%A4%20b"],
    method: ["GET", "POST"],
    ip: ["10.0.0.0/8", "::1"],
    uses: 3,
  });
});

Deno.test("issue() refuses what could not be kept", () => {
  throws(() => issue(values(), undefined, 0), UsageError);
  for (const path of ["/a/../b", "//a", "/a%2fb", "/a\\b"]) {
    throws(() => issue(values("--path", path), "a", 0), /--path: expected a path without/);
  }
  for (const ip of ["1.2.3.4/33", "1.2.3", "::/129"]) {
    throws(() => issue(values("--ip", ip), "a", 0), /--ip: expected an address/);
  }
  for (
    const flags of ["--ttl 0s", "--ttl 400d", "--ttl 5", "--uses -1", "--label \n", "--label all"]
  ) {
    throws(() => values(...flags.split(" ")), UsageError, flags);
  }
});

Deno.test("an address without its scheme is told what is missing", () => {
  throws(() => values("--url", "127.0.0.1:17003"), /--url: expected http\(s\):\/\/HOST\[:PORT\]/);
});

Deno.test("sign() makes a standard JWT that another library would check", async () => {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", (pair as CryptoKeyPair).privateKey);
  const key = { kty: "OKP", crv: "Ed25519", x: jwk.x!, d: jwk.d! } satisfies SigningKey;
  const issued = { id: newId(), client: "my-app", made: 1, expires: 2, uses: 1 };
  const token = await sign(issued, key);
  ok(readVisitorToken(token) !== undefined && !token.includes("my-app"));
  const { payload, protectedHeader } = await compactVerify(
    token,
    await importJWK({ kty: "OKP", crv: "Ed25519", x: key.x }, "EdDSA"),
  );
  deepStrictEqual([protectedHeader.alg, protectedHeader.typ], ["EdDSA", "arp+jwt"]);
  const claims = parseClaims(JSON.parse(new TextDecoder().decode(payload)));
  strictEqual(claims?.jti, issued.id);
  const path = Array.from({ length: 32 }, (_, nth) => `/${nth}${"x".repeat(200)}`);
  const failure = await sign({ ...issued, path }, key).catch((error) => String(error));
  match(failure, /Too many limits: expected a token of at most 4096 characters/);
});

Deno.test("each program of the family says what it does, by examples of its own", () => {
  for (const { about, brief } of TOKEN) {
    // Help wraps it to the terminal by itself.
    ok(brief.length < 80 && !about.summary.includes("\n"), brief);
    for (const [command] of about.examples) ok(command.includes("arpc token"), command);
  }
});
