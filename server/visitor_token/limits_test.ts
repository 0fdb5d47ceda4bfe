import { ok, strictEqual } from "node:assert/strict";
import { limitsOf, type Wish } from "./limits.ts";

const CLAIMS = { aud: "a", jti: "j", iat: 1, exp: 2 };
const ADDRESS = "192.0.2.1";

/** Whether limits let something through. */
function lets(limits: Record<string, unknown>, wish: Partial<Wish>): boolean {
  const check = limitsOf({ ...CLAIMS, ...limits });
  if (check === undefined) throw new Error("these make no sense");
  const refusal = check({ address: ADDRESS, request: undefined, ...wish });
  ok(refusal === undefined || refusal.status === 401);
  return refusal === undefined;
}

const get = (target: string, method = "GET") => ({ request: { method, target } });

Deno.test("a token without limits opens all", () => {
  ok(lets({}, {}));
  ok(lets({}, { ...get("/../x", "BREW"), address: undefined }));
});

Deno.test("paths end at a slash", () => {
  const path = ["/docs", "/a/b/"];
  for (const target of ["/docs", "/docs/", "/docs/x", "/docs?x", "/a/b", "/a/b/c"]) {
    ok(lets({ path }, get(target)), target);
  }
  for (const target of ["/", "/docsx", "/doc", "/a", "/a/bc", "/x/docs", "docs", "http://h/docs"]) {
    ok(!lets({ path }, get(target)), target);
  }
  ok(lets({ path: ["/"] }, get("/anything")));
  ok(!lets({ path: ["/"] }, get("/any/../thing")));
  for (const trick of ["..%3b", "..%20", "..%09", ".%c0%ae", "%u002e%u002e"]) {
    ok(!lets({ path }, get(`/docs/${trick}/admin`)), trick);
  }
  ok(!lets({ path }, {}), "bytes have no path");
});

Deno.test("who may GET may HEAD", () => {
  ok(lets({ method: ["GET"] }, get("/", "HEAD")));
  ok(!lets({ method: ["HEAD"] }, get("/", "GET")));
  ok(!lets({ method: ["GET"] }, get("/", "POST")));
  ok(!lets({ method: ["GET"] }, {}), "bytes have no method");
});

Deno.test("addresses of both families, and none that is not known", () => {
  const ip = ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"];
  for (const address of ["192.0.2.255", "2001:db8:1::", "198.51.100.7"]) {
    ok(lets({ ip }, { address }), address);
  }
  for (const address of ["192.0.3.0", "2001:db9::", "198.51.100.8", "unknown", "", undefined]) {
    ok(!lets({ ip }, { address }), String(address));
  }
  ok(lets({ ip: ["0.0.0.0/0"] }, {}));
  ok(!lets({ ip: ["0.0.0.0/0"] }, { address: "::1" }));
  for (const one of ["192.0.2.0/33", "::/129", "host", "1.2.3", "1.2.3.4/", "/8", "1.2.3.4/8/8"]) {
    strictEqual(limitsOf({ ...CLAIMS, ip: [one] }), undefined, one);
  }
});
