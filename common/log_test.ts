import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { tag } from "./log.ts";

Deno.test("tag() is the start of the id's SHA-256, in hexadecimal", async () => {
  strictEqual(await tag("abc"), "#ba7816bf");
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), async (id) => {
    const digest = createHash("sha256").update(id).digest("hex");
    strictEqual(await tag(id), "#" + digest.slice(0, 8));
  }));
});

Deno.test("tag() tells clients apart and does not give the id away", async () => {
  const name = await tag("my-app");
  match(name, /^#[0-9a-f]{8}$/);
  notStrictEqual(name, await tag("my-app2"));
});
