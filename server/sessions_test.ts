import { strictEqual } from "node:assert/strict";
import type { Client } from "./registry.ts";
import { Sessions } from "./sessions.ts";

const [ONE, OTHER] = [{}, {}] as Client[];

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

Deno.test("a key that is taken stays with whom it is, whoever ends first", () => {
  const sessions = new Sessions();
  const first = sessions.enter("a", ONE!);
  const second = sessions.enter("a", OTHER!);
  strictEqual(sessions.find("a"), ONE);
  second[Symbol.dispose]();
  strictEqual(sessions.find("a"), ONE);
  first[Symbol.dispose]();
  strictEqual(sessions.find("a"), undefined);
});
