import { ok, strictEqual } from "node:assert/strict";
import { peerTest, WHOLE_PROGRAM } from "../tests/peers.ts";
import { BUNDLE, bundle } from "./dashboard.ts";

peerTest({
  name: "the dashboard that is checked in is made of its sources",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const text = await Deno.readTextFile(BUNDLE);
  strictEqual(text, await bundle(), "run: deno task dashboard");
  ok(!/https?:\/\/(?!www\.w3\.org\/)/.test(text), "it names another host");
});
