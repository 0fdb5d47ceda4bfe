import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Parameter } from "./startup.ts";
import { takeTokens } from "./token.ts";

const options = (value: string) => takeTokens([["options", value]]);
const kept = (value: string): Parameter[] => [["options", value]];

Deno.test("takeTokens() finds a token behind the user and the database", () => {
  const cases: [value: string, token: string | undefined, rest: string][] = [
    ["alice?token=my-app", "my-app", "alice"],
    ["?token=my-app", "my-app", ""],
    ["?token=client-id=my-app", "my-app", ""],
    ["what?token=a?token=b", "b", "what?token=a"],
    ["alice?token=", "", "alice"],
    ["alice", undefined, "alice"],
    ["alice?tokens=a", undefined, "alice?tokens=a"],
    ["token=a", undefined, "token=a"],
  ];
  for (const [value, token, rest] of cases) {
    for (const name of ["user", "database"]) {
      const parameters = rest === "" && name === "database" ? [] : [[name, rest]];
      const tokens = token === undefined ? [] : [token];
      deepStrictEqual(takeTokens([[name, value]]), { tokens, parameters }, `${name} ${value}`);
    }
  }
});

Deno.test("takeTokens() finds a token among the options, and leaves the others", () => {
  deepStrictEqual(options("token=a"), { tokens: ["a"], parameters: [] });
  deepStrictEqual(options(" endpoint=a\t"), { tokens: ["a"], parameters: [] });
  deepStrictEqual(options("token=client-id=a"), { tokens: ["a"], parameters: [] });
  deepStrictEqual(options("-c geqo=off token=a -c  work_mem=1MB"), {
    tokens: ["a"],
    parameters: kept("-c geqo=off -c work_mem=1MB"),
  });
  deepStrictEqual(options("token=a endpoint=b"), { tokens: ["a", "b"], parameters: [] });
});

Deno.test("takeTokens() reads words of the options as PostgreSQL does", () => {
  deepStrictEqual(options(String.raw`-c search_path=a\ token=b token=c`), {
    tokens: ["c"],
    parameters: kept(String.raw`-c search_path=a\ token=b`),
  });
  deepStrictEqual(options(String.raw`tok\en=a\-b`), { tokens: ["a-b"], parameters: [] });
  // A no-break space, as a byte, is part of a word.
  deepStrictEqual(options("x\xa0token=a"), { tokens: [], parameters: kept("x\xa0token=a") });
  deepStrictEqual(options("token=a\\"), { tokens: ["a"], parameters: [] });
});

Deno.test("takeTokens() leaves alone what is no token", () => {
  for (
    const value of [
      "",
      "  ",
      "-c token=a",
      "--token=a",
      "mytoken=a",
      "token",
      " -c  geqo=off ",
      "\\",
    ]
  ) {
    deepStrictEqual(options(value), { tokens: [], parameters: kept(value) }, value);
  }
  const others: Parameter[] = [["application_name", "a?token=b"], ["replication", "token=c"]];
  deepStrictEqual(takeTokens(others), { tokens: [], parameters: others });
});

Deno.test("takeTokens() leaves out a database without a name", () => {
  deepStrictEqual(takeTokens([["database", ""], ["user", ""]]), {
    tokens: [],
    parameters: [["user", ""]],
  });
});

Deno.test("takeTokens() gets the token in any place and order, and loses nothing else", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9._~:@-]{1,128}$/);
  const word = fc.stringMatching(/^[a-zA-Z0-9_=.\xe9-]{1,12}$/)
    .filter((one) => !/^(token|endpoint)=|^-c$/.test(one));
  const words = fc.array(word, { maxLength: 5 });
  const plain = fc.string({ unit: fc.constantFrom(..."ab?=\xff"), minLength: 1, maxLength: 9 })
    .filter((one) => !one.includes("?token="));
  const place = fc.constantFrom("user", "database", "options");
  const others = fc.array(fc.tuple(fc.constantFrom("application_name", "x"), plain));
  fc.assert(fc.property(
    fc.record({ token, words, user: plain, database: plain, place, others, at: fc.nat(5) }),
    fc.infiniteStream(fc.nat()),
    ({ token, words, user, database, place, others, at }, order) => {
      const shuffled = (list: Parameter[], keys: number[]) =>
        list.map((one, nth) => [keys[nth]!, one] as const).sort((a, b) => a[0] - b[0])
          .map(([, one]) => one);
      const keys = [...order.take(others.length + 3)];
      const build = (user: string, database: string, options: string[]) =>
        shuffled([
          ["user", user],
          ["database", database],
          ["options", options.join(" ")],
          ...others,
        ], keys);
      const suffix = `?token=${token}`;
      const given = build(
        place === "user" ? user + suffix : user,
        place === "database" ? database + suffix : database,
        place === "options" ? words.toSpliced(at, 0, `token=${token}`) : words,
      );
      const plain = build(user, database, words)
        .filter(([name, value]) => place !== "options" || name !== "options" || value !== "");
      deepStrictEqual(takeTokens(given), {
        tokens: [token.replace(/^client-id=/i, "")],
        parameters: plain,
      });
    },
  ));
});
