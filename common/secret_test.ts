import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { bearerOf, nameOf, randomSecret, Secret } from "./secret.ts";

Deno.test("a secret is itself, and nothing like it", () => {
  const secret = new Secret("correct-horse");
  strictEqual(secret.is("correct-horse"), true);
  for (const other of ["", "correct-hors", "correct-horse ", "Correct-horse", "x".repeat(9999)]) {
    strictEqual(secret.is(other), false, other);
  }
  strictEqual(new Secret("").is(""), true);
  strictEqual(Deno.inspect(secret).includes("correct"), false);
});

Deno.test("nameOf() tells secrets apart and shows none", () => {
  match(nameOf("a"), /^[0-9a-f]{64}$/);
  strictEqual(nameOf("a"), nameOf("a"));
  notStrictEqual(nameOf("a"), nameOf("b"));
});

Deno.test("randomSecret() fits into a cookie, a header and a URL, and is never the same", () => {
  match(randomSecret(), /^[A-Za-z0-9_-]{43}$/);
  notStrictEqual(randomSecret(), randomSecret());
});

Deno.test("bearerOf() takes the token out of its header", () => {
  for (const header of ["Bearer a.b~c", "bearer  a.b~c ", "BEARER a.b~c"]) {
    strictEqual(bearerOf(header), "a.b~c");
  }
  for (const header of [null, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer ä"]) {
    strictEqual(bearerOf(header), undefined);
  }
});
