import { match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hashMatches, hashToken, parseHash } from "./scrypt.ts";

/** From the documentation of Python's passlib: scrypt of "password". */
const PASSLIB =
  "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";

Deno.test("a hash is that of its token, and of no other", async () => {
  const text = await hashToken("correct-horse");
  match(text, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const hash = parseHash(text);
  ok(hash !== undefined);
  strictEqual(await hashMatches(hash, "correct-horse"), true);
  strictEqual(await hashMatches(hash, "correct-horsf"), false);
  strictEqual(await hashMatches(hash, ""), false);
  notStrictEqual(await hashToken("correct-horse"), text);
});

Deno.test("hashes of other programs are understood", async () => {
  const hash = parseHash(PASSLIB);
  ok(hash !== undefined);
  strictEqual(await hashMatches(hash, "password"), true);
});

Deno.test("what is no hash, or too quick or too slow to check, is refused", () => {
  const [, , , salt, hash] = PASSLIB.split("$");
  const of = (cost: string, tail = `${salt}$${hash}`) => parseHash(`$scrypt$${cost}$${tail}`);
  ok(of("ln=14,r=8,p=1") !== undefined);
  const bad = [
    "ln=13,r=8,p=1",
    "ln=0,r=1,p=1",
    "ln=30,r=8,p=1",
    "ln=18,r=8,p=1",
    "ln=14,r=99,p=1",
    "ln=16,r=8,p=16",
    "ln=15,r=0,p=1",
    "ln=15,r=8,p=0",
    "ln=15,r=8",
    "ln=-15,r=8,p=1",
  ];
  for (const cost of bad) strictEqual(of(cost), undefined, cost);
  for (const text of ["", "token", "$2b$12$abc", PASSLIB + "=", `${PASSLIB} `, "$scrypt$$$"]) {
    strictEqual(parseHash(text), undefined, text);
  }
  strictEqual(of("ln=15,r=8,p=1", `c2FsdA$${hash}`), undefined, "a short salt");
  strictEqual(of("ln=15,r=8,p=1", `${salt}$c2hvcnQ`), undefined, "a short hash");
});

Deno.test("hashing leaves the event loop alone", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await Promise.all(Array.from({ length: 4 }, () => hashToken("correct-horse")));
  clearInterval(timer);
  // On the loop's own thread it would be one turn for each at the most.
  ok(turns > 8, `${turns} turns of the loop meanwhile`);
});
