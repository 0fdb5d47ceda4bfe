import { doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { Bans } from "./bans.ts";
import { RegistrationError } from "./registry.ts";

Deno.test("a ban says how long it lasts, and ends", () => {
  const bans = new Bans();
  bans.set("one", 60, 0);
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
  bans.set("one", 60, 0);
  bans.set("one", 0, 0);
  doesNotThrow(() => bans.check("one", 1));
});

Deno.test("there are so many bans and no more", () => {
  const bans = new Bans();
  for (let nth = 0; nth < 1500; nth++) bans.set(`client-${nth}`, 100 + nth, 0);
  strictEqual(bans.size, 1000);
  doesNotThrow(() => bans.check("client-0", 1));
  throws(() => bans.check("client-1499", 1), RegistrationError);
});
