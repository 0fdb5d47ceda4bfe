import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Command, encodeFrame, encodeFrames, Peek, ProtocolError } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
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
