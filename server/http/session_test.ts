import { ok, strictEqual } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { Registry } from "../registry.ts";
import { Router } from "../router.ts";
import { Visitor } from "../visitor.ts";
import { Signer } from "../visitor_token/testdata/signer.ts";
import { HttpSession } from "./session.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };
const LATER = 9e9;

/** A visitor that asked for raw bytes by a token, and got them. */
async function upgraded() {
  const registry = new Registry(POOL, "replace");
  const router = new Router(registry, { maxVisitors: 0 });
  const signer = await Signer.make();
  const { client } = registry.register(
    { type: "Register", client_id: "a", version: 2, visitor_key: signer.key, require_token: true },
    "#",
    new Channel(new Peek(new FakeConn())),
  );
  router.tokens.registered(client);
  const token = await signer.sign("a", { jti: "this-one", exp: LATER });
  const lines = [`X-ARP-Token: ${token}`, "Connection: Upgrade", "Upgrade: arp"];
  const head = ["GET / HTTP/1.1", "Host: test", ...lines, "", ""].join("\r\n");
  const conn = new FakeConn(new TextEncoder().encode(head));
  const visitor = new Visitor(conn, { hostname: "192.0.2.1", port: 1 }, false);
  const session = new HttpSession(visitor, router, { headTimeout: 10_000, maxHead: 65536 });
  visitor.resting = () => session.resting;
  const match = await session.run();
  ok(typeof match === "object" && match.protocol === "arp", String(match));
  return { router, client, conn };
}

Deno.test("a visitor that goes on as raw bytes ends when its token is taken back", async () => {
  const { router, client, conn } = await upgraded();
  router.tokens.revoke(client, ["another"]);
  strictEqual(conn.closed, false);
  router.tokens.revoke(client, ["this-one"]);
  strictEqual(conn.closed, true);
});

Deno.test("a visitor that goes on as raw bytes ends with its token", async () => {
  const { router, conn } = await upgraded();
  const { now } = Date;
  try {
    Date.now = () => LATER * 1000 - 1;
    router.tokens.sweep();
    strictEqual(conn.closed, false);
    Date.now = () => LATER * 1000;
    router.tokens.sweep();
    strictEqual(conn.closed, true);
  } finally {
    Date.now = now;
  }
});
