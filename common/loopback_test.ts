import { strictEqual } from "node:assert/strict";
import { isLoopback } from "./loopback.ts";

Deno.test("isLoopback() knows this machine by its names and addresses", () => {
  const own = ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"];
  const odd = ["LOCALHOST", "a.localhost", "localhost.", "127.0.0.1.", "[::ffff:7f00:1]"];
  for (const host of [...own, ...odd]) {
    strictEqual(isLoopback(host), true, host);
  }
  const others = ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.example", "xlocalhost"];
  const near = [
    "",
    ".",
    "::2",
    "1127.0.0.1",
    "[::1",
    "[::1]:80",
    "127.0.0.1.example",
    "::ffff:8000:1",
  ];
  for (const host of [...others, ...near]) {
    strictEqual(isLoopback(host), false, host);
  }
});
