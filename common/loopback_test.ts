import { strictEqual } from "node:assert/strict";
import { isLoopback } from "./loopback.ts";

Deno.test("isLoopback() knows this machine by its names and addresses", () => {
  const own = ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "::ffff:127.0.0.1", "localhost"];
  for (const host of [...own, "LOCALHOST", "a.localhost"]) {
    strictEqual(isLoopback(host), true, host);
  }
  const others = ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.example", "xlocalhost"];
  for (const host of [...others, "", "::2", "1127.0.0.1"]) {
    strictEqual(isLoopback(host), false, host);
  }
});
