import { strictEqual } from "node:assert/strict";
import type { Client } from "./registry.ts";
import { Sessions } from "./sessions.ts";

const [ONE, OTHER, AGAIN] = [{ id: "one" }, { id: "other" }, { id: "one" }] as Client[];

Deno.test("a session leads to its client until it ends", () => {
  const sessions = new Sessions();
  {
    using _ = sessions.enter("a", ONE!);
    strictEqual(sessions.find("a"), ONE);
    strictEqual(sessions.find("b"), undefined);
  }
  strictEqual(sessions.find("a"), undefined);
  strictEqual(sessions.size, 0);
});

Deno.test("a key that sessions of two clients have leads to neither, until one ends", () => {
  const sessions = new Sessions();
  using _ = sessions.enter("a", ONE!);
  {
    using _ = sessions.enter("a", OTHER!);
    strictEqual(sessions.find("a"), undefined);
  }
  strictEqual(sessions.find("a"), ONE);
});

Deno.test("two sessions of one client may have a key, whoever ends first", () => {
  const sessions = new Sessions();
  const first = sessions.enter("a", ONE!);
  const second = sessions.enter("a", AGAIN!);
  strictEqual(sessions.find("a"), ONE);
  first[Symbol.dispose]();
  strictEqual(sessions.find("a"), AGAIN);
  second[Symbol.dispose]();
  strictEqual(sessions.size, 0);
});
