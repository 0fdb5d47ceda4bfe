import assert from "node:assert/strict";
import { peerTest } from "../../tests/peers.ts";
import { serve } from "./delay.ts";

const permissions = [{ name: "net" }] as const;
const ONE_WAY_MS = 25;
/** Timers may fire this much early by the relay's own correction. */
const SLACK_MS = 4;

async function throughDelay(talk: (conn: Deno.TcpConn) => Promise<void>): Promise<void> {
  using echo = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serve(listener, { hostname: "127.0.0.1", port: echo.addr.port }, ONE_WAY_MS);
  const echoing = echoOnce(echo);
  {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    await talk(conn);
  }
  await echoing;
  listener.close();
  await serving;
}

async function echoOnce(listener: Deno.TcpListener): Promise<void> {
  using conn = await listener.accept();
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    for (let rest = buffer.subarray(0, count); rest.length > 0;) {
      rest = rest.subarray(await conn.write(rest));
    }
  }
  conn.closeWrite();
}

peerTest(
  { name: "serve() delays each way, and the first bytes by the handshake too", permissions },
  async () => {
    await throughDelay(async (conn) => {
      const start = performance.now();
      const buffer = new Uint8Array(1);
      await conn.write(new Uint8Array([1]));
      await conn.read(buffer);
      const first = performance.now() - start;
      await conn.write(new Uint8Array([2]));
      await conn.read(buffer);
      const second = performance.now() - start - first;
      assert.ok(first >= 4 * ONE_WAY_MS - SLACK_MS, `first answer after ${first} ms`);
      assert.ok(second >= 2 * ONE_WAY_MS - SLACK_MS, `second answer after ${second} ms`);
      conn.closeWrite();
      assert.equal(await conn.read(buffer), null);
    });
  },
);

peerTest({ name: "serve() keeps order and carries a half-close", permissions }, async () => {
  await throughDelay(async (conn) => {
    const sent = new Uint8Array(4 * 1024 * 1024).map((_, at) => at * 7 + (at >> 8));
    const sending = (async () => {
      for (let rest = sent; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
      await conn.closeWrite();
    })();
    const got = new Uint8Array(await new Response(conn.readable).arrayBuffer());
    await sending;
    assert.deepEqual(got, sent);
  });
});
