import { deepStrictEqual, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { CLIENT_ID } from "@agentx/common";
import { takeToken } from "./token.ts";

Deno.test("takeToken() takes the token off either name, or off both", () => {
  const cases: [user: string, database: string, token: string | undefined, rest: string][] = [
    ["root", "", undefined, "root/"],
    ["root", "?token=my-db", "my-db", "root/"],
    ["root", "shop?token=my-db", "my-db", "root/shop"],
    ["root?token=my-db", "shop", "my-db", "root/shop"],
    ["?token=my-db", "", "my-db", "/"],
    ["a?token=x", "b?token=x", "x", "a/b"],
    ["root", "?token=client-id=my-db", "my-db", "root/"],
    ["root", "?token=a@b:c~d.e_f", "a@b:c~d.e_f", "root/"],
    ["root?x=1", "a?b", undefined, "root?x=1/a?b"],
  ];
  for (const [user, database, token, rest] of cases) {
    const [left, right] = rest.split("/");
    deepStrictEqual(takeToken(user, database), { user: left, database: right, token });
  }
});

Deno.test("takeToken() says what is wrong, without the words that are", () => {
  for (const token of ["", "a/b", "a b", "x?token=y", "\x1b[31m", "ä", "x".repeat(129)]) {
    match(
      takeToken("root", `shop?token=${token}`) as string,
      /^[^]*not a valid client id: [ -~]+$/,
    );
  }
  match(takeToken("a?token=x", "b?token=y") as string, /two different tokens$/);
});

Deno.test("takeToken() finds a valid token or none", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    const taken = takeToken(a, `shop?token=${b}`);
    ok(typeof taken === "string" || taken.token === undefined || CLIENT_ID.test(taken.token));
  }));
});
