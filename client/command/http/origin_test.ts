import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { OriginCheck } from "./origin.ts";
import { Problem } from "../problem.ts";

const FRIEND = "https://app.example.com";

function passes(method: string, headers: Record<string, string>): boolean {
  try {
    new OriginCheck([FRIEND]).check(method, new Headers(headers));
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return false;
    throw error;
  }
}

Deno.test("OriginCheck lets programs, our own pages and named origins change something", () => {
  const host = "server.example:17003";
  for (
    const headers of [
      { host },
      { host, origin: `http://${host}` },
      // TLS ends in front of the server.
      { host, origin: `https://${host}` },
      { host: "127.0.0.1:4711", "x-forwarded-host": host, origin: `http://${host}` },
      { host: "Server.Example:17003", origin: "http://server.example:17003" },
      { host, origin: FRIEND, "sec-fetch-site": "cross-site" },
      { host, "sec-fetch-site": "same-origin", origin: `http://${host}` },
      { host, "sec-fetch-site": "none" },
    ] as Record<string, string>[]
  ) strictEqual(passes("POST", headers), true, JSON.stringify(headers));
});

Deno.test("OriginCheck refuses foreign pages that change something", () => {
  const host = "server.example:17003";
  for (
    const headers of [
      { host, origin: "http://evil.example" },
      { host, origin: "null" },
      { host, origin: "" },
      // Another program on the same machine is another origin.
      { host, origin: "http://server.example:8080" },
      { host, origin: "http://server.example" },
      { host, origin: `${FRIEND}.evil.example` },
      { host, origin: `http://${host}@evil.example` },
      { host, origin: `http://${host}/` },
      { host, "sec-fetch-site": "cross-site" },
      { origin: "http://undefined" },
    ] as Record<string, string>[]
  ) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "TRACE"]) {
      strictEqual(passes(method, headers), false, `${method} ${JSON.stringify(headers)}`);
    }
    strictEqual(passes("GET", headers), true, JSON.stringify(headers));
  }
});

Deno.test("OriginCheck lets only named origins read", () => {
  const check = new OriginCheck([FRIEND]);
  strictEqual(check.headersFor(FRIEND)["access-control-allow-origin"], FRIEND);
  for (const origin of [undefined, "null", "http://evil.example", `${FRIEND}:443`]) {
    deepStrictEqual(check.headersFor(origin), { vary: "Origin" });
    deepStrictEqual(check.preflightHeaders(origin, "GET"), {});
  }
  strictEqual(
    check.preflightHeaders(FRIEND, "GET, POST")["access-control-allow-methods"],
    "GET, POST",
  );
  deepStrictEqual(new OriginCheck([]).headersFor(FRIEND), {});
});
