import { deepStrictEqual, doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { Bans } from "./bans.ts";
import { RegistrationError } from "./registration_error.ts";

Deno.test("a ban says how long it lasts, and ends", () => {
  const bans = new Bans();
  bans.set(["one"], 60, 0);
  throws(
    () => bans.check("one", 59_001),
    (error) =>
      error instanceof RegistrationError && error.retryAfter === 1 && error.word === "banned",
  );
  doesNotThrow(() => bans.check("another", 0));
  doesNotThrow(() => bans.check("one", 60_000));
  strictEqual(bans.size, 0);
});

Deno.test("a ban of no seconds lifts one", () => {
  const bans = new Bans();
  bans.set(["one"], 60, 0);
  bans.set(["one"], 0, 0);
  doesNotThrow(() => bans.check("one", 1));
});

Deno.test("a ban reaches all names of a client, and ends for all of them", () => {
  const bans = new Bans();
  bans.set(["one", "alias"], 60, 0);
  for (const name of ["one", "alias"]) throws(() => bans.check(name, 1), RegistrationError);
  doesNotThrow(() => bans.check("alias", 60_000));
  deepStrictEqual([bans.size, bans.names], [0, 0]);
  bans.set(["one", "alias"], 60, 0);
  bans.set(["one"], 0, 0);
  deepStrictEqual([bans.size, bans.names], [0, 0]);
});

Deno.test("who shares an alias with a client that is banned changes nothing for that one", () => {
  const bans = new Bans();
  bans.set(["one", "shared"], 60, 0);
  bans.set(["two", "shared"], 10, 0);
  bans.set(["two", "shared"], 0, 0);
  for (const name of ["one", "shared"]) throws(() => bans.check(name, 1), RegistrationError);
  bans.set(["two", "shared"], 90, 0);
  bans.set(["one"], 0, 0);
  doesNotThrow(() => bans.check("one", 1));
  throws(() => bans.check("shared", 1), RegistrationError);
});

Deno.test("an id that is another's alias has a ban of its own", () => {
  const bans = new Bans();
  bans.set(["one", "two"], 60, 0);
  for (let nth = 0; nth < 3; nth++) bans.set(["two"], 10, 0);
  deepStrictEqual([...bans.inForce(0)], [["one", 60], ["two", 10]]);
  bans.set(["one"], 0, 0);
  throws(() => bans.check("two", 1), RegistrationError);
  bans.set(["two"], 0, 0);
  doesNotThrow(() => bans.check("two", 1));
  deepStrictEqual([bans.size, bans.names], [0, 0]);
});

Deno.test("there are so many bans and no more", () => {
  const bans = new Bans();
  for (let nth = 0; nth < 1500; nth++) bans.set([`client-${nth}`, `alias-${nth}`], 100 + nth, 0);
  deepStrictEqual([bans.size, bans.names], [1000, 2000]);
  doesNotThrow(() => bans.check("client-0", 1));
  throws(() => bans.check("client-1499", 1), RegistrationError);
});
