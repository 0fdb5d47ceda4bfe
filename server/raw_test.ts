import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Peek } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { FakeConn } from "../common/testdata/conn.ts";
import { serveRaw } from "./raw.ts";
import type { Client } from "./registry.ts";
import { Sessions } from "./sessions.ts";
import type { Match } from "./sniff/mod.ts";
import { Tunnel } from "./tunnel.ts";
import { Visitor } from "./visitor.ts";

const BYTE = new Uint8Array(1);
const MATCH: Match = { kind: "raw", protocol: "test", to: undefined, size: 0 };

/** A visitor, and a client whose tunnels are of the first generation: raw from their first byte. */
function open(match: Match = MATCH) {
  const [near, far] = [new FakeConn(), new FakeConn()];
  const visitor = new Visitor(near, { hostname: "192.0.2.7", port: 5 }, false);
  const tunnel = new Tunnel(new Peek(far), "raw");
  const client = {
    visitors: 0,
    account: { stale: 0, serve() {} },
    pool: { take: () => Promise.resolve(tunnel), giveBack: (one: Tunnel) => one.close() },
  } as unknown as Client;
  const sessions = new Sessions();
  const stop = new AbortController();
  const serve = () => serveRaw(visitor, client, match, sessions, stop.signal);
  return { near, far, client, sessions, stop, serve };
}

/** Lets the timers of so many milliseconds be due at once; others as they are. */
function hasten(ms: number): Disposable {
  const real = globalThis.setTimeout;
  globalThis.setTimeout =
    ((run: () => void, wait?: number) => real(run, wait === ms ? 0 : wait)) as typeof setTimeout;
  return { [Symbol.dispose]: () => void (globalThis.setTimeout = real) };
}

Deno.test("a handshake that takes too long ends, and the visitor can be told so", async () => {
  using _ = hasten(60_000);
  const { near, far, client, serve } = open({
    ...MATCH,
    handshake: async (_visitor, service) => void await service.source.fill(),
  });
  await rejects(serve(), (error) => error instanceof Refusal && error.status === 504);
  ok(far.closed);
  ok(!near.closed);
  strictEqual(client.visitors, 0);
});

Deno.test("a handshake that waits for its visitor all the same is ended with it", async () => {
  using _ = hasten(60_000);
  const { near, serve } = open({
    ...MATCH,
    handshake: async (visitor) => void await visitor.source.fill(),
  });
  await rejects(serve(), (error) => error instanceof Refusal && error.status === 504);
  ok(near.closed);
});

Deno.test("a handshake that is aborted is no refusal", async () => {
  const { near, far, stop, serve } = open({
    ...MATCH,
    handshake: async (_visitor, service) => {
      stop.abort(new Error("stop"));
      await service.source.fill();
    },
  });
  await rejects(serve(), /stop/);
  ok(near.closed && far.closed);
});

Deno.test("a service is given up some time after a visitor that has left for good", async () => {
  using _ = hasten(5000);
  const { near, far, client, serve } = open({ ...MATCH, leaves: true });
  near.push(BYTE).end();
  strictEqual(await serve(), "reset");
  deepStrictEqual(far.written, BYTE);
  ok(far.ended && far.closed);
  strictEqual(client.visitors, 0);
});

Deno.test("a session that a reply tells of lasts as long as its visitor", async () => {
  const { near, far, client, sessions, serve } = open({
    ...MATCH,
    watch: () => ({ session: "key", see: () => false }),
  });
  near.onWrite = () => {
    strictEqual(sessions.find("key"), client);
    near.end();
    far.end();
  };
  far.push(BYTE);
  strictEqual(await serve(), "done");
  strictEqual(sessions.size, 0);
});
