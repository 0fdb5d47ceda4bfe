import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Command, encodeFrame, encodeFrames, Peek, ProtocolError } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Throttle } from "./throttle.ts";
import { Tunnel, type TunnelKind } from "./tunnel.ts";

const encoder = new TextEncoder();
const HEAD = encoder.encode("GET / HTTP/1.1\r\n\r\n");
const VISITOR = { visitor: "192.0.2.7:5", protocol: "http", tls: false };

function open(kind: TunnelKind, ...said: Uint8Array[]): { tunnel: Tunnel; client: FakeConn } {
  const client = new FakeConn(...said);
  return { tunnel: new Tunnel(new Peek(client), kind), client };
}

Deno.test("start() tells of the visitor and sends its first bytes in one write", async () => {
  const { tunnel, client } = open("started");
  await tunnel.start(VISITOR, HEAD);
  deepStrictEqual(client.writes, [encodeFrames([{ type: "StartProxy", ...VISITOR }], HEAD)]);
});

Deno.test("start() tells a reusable tunnel of the visitor in one write, too", async () => {
  const { tunnel, client } = open("reusable");
  await tunnel.start(VISITOR, HEAD);
  strictEqual(client.writes.length, 1);
  const start = encodeFrame({ type: "StartProxy", ...VISITOR });
  deepStrictEqual(client.writes[0]!.subarray(0, start.length), start);
});

Deno.test("start() sends a generation 1 client nothing but the visitor's bytes", async () => {
  const { tunnel, client } = open("raw");
  await tunnel.start(VISITOR, HEAD);
  deepStrictEqual(client.writes, [HEAD]);
  deepStrictEqual(await tunnel.started(), { ok: true });
});

Deno.test("started() gives the client's answer, and leaves what follows it", async () => {
  const said = encodeFrames([{ type: "ProxyStarted", success: true }], encoder.encode("HTTP"));
  const { tunnel } = open("started", said);
  await tunnel.start(VISITOR, HEAD);
  deepStrictEqual(await tunnel.started(), { ok: true });
  deepStrictEqual(tunnel.peek.bytes, encoder.encode("HTTP"));
});

Deno.test("started() gives the client's reason, or one of its own", async () => {
  const answer = async (command: Command) =>
    await open("started", encodeFrame(command)).tunnel.started();
  deepStrictEqual(await answer({ type: "ProxyStarted", success: false, error: "it is down" }), {
    ok: false,
    reason: "it is down",
  });
  const silent = await answer({ type: "ProxyStarted", success: false });
  ok(!silent.ok && silent.reason.length > 0);
});

Deno.test("started() throws when the tunnel proves dead, so that another is tried", async () => {
  const { tunnel, client } = open("started");
  client.end();
  await rejects(tunnel.started(), Deno.errors.UnexpectedEof);
  await rejects(open("started", encodeFrame({ type: "Ping" })).tunnel.started(), ProtocolError);
  await rejects(open("started", new Uint8Array(4)).tunnel.started(), ProtocolError);
});

Deno.test("close() ends it, more than once does no harm", () => {
  const { tunnel, client } = open("started");
  tunnel.close();
  tunnel.close();
  ok(client.closed);
});

for (const kind of ["raw", "started", "reusable"] as const) {
  Deno.test(`a limit lets a ${kind} tunnel wait for its turn, head included`, async () => {
    const clock = { ms: 0 };
    const throttle = new Throttle(1000, () => clock.ms);
    const client = new FakeConn(encodeFrame({ type: "ProxyStarted", success: true }));
    const tunnel = new Tunnel(new Peek(client), kind, throttle);
    await new Tunnel(new Peek(new FakeConn()), "raw", throttle).start(
      VISITOR,
      new Uint8Array(1000),
    );
    const started = tunnel.started();
    const start = tunnel.start(VISITOR, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 5));
    strictEqual(client.writes.length, 0);
    strictEqual(throttle.waiting, 1);
    clock.ms = 200;
    await start;
    strictEqual(client.writes.length, 1);
    deepStrictEqual(await started, { ok: true });
  });

  Deno.test(`close() ends the wait of a ${kind} tunnel`, async () => {
    const throttle = new Throttle(1000);
    await new Tunnel(new Peek(new FakeConn()), "raw", throttle).start(
      VISITOR,
      new Uint8Array(9000),
    );
    const { peek } = open(kind).tunnel;
    const tunnel = new Tunnel(peek, kind, throttle);
    const started = kind === "raw" ? undefined : tunnel.started();
    const start = tunnel.start(VISITOR, HEAD);
    tunnel.close();
    await rejects(start, Deno.errors.BadResource);
    if (started !== undefined) await rejects(started, Deno.errors.BadResource);
    strictEqual(throttle.waiting, 0);
  });
}
