import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import {
  acceptLoop,
  closeQuietly,
  type Conn,
  DeadlineError,
  type Dial,
  dialTcp,
  getLogger,
  type Listener,
  listenTcp,
} from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { netTest, within } from "../common/testdata/gate.ts";
import { ClosingListener } from "./closing.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** Accepts all that comes, says a letter to each, and counts. */
async function serve(listener: ClosingListener, letter = "x"): Promise<number> {
  let served = 0;
  const said: Promise<void>[] = [];
  await acceptLoop(listener, getLogger("test"), (conn: Conn) => {
    served++;
    said.push(conn.write(new TextEncoder().encode(letter)).then(() => closeQuietly(conn)));
  });
  await Promise.all(said);
  return served;
}

/** What a visitor hears to the end. */
async function hears(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(16);
  let heard = "";
  for (let got; (got = await conn.read(buffer)) !== null;) {
    heard += new TextDecoder().decode(buffer.subarray(0, got));
  }
  conn.close();
  return heard;
}

netTest("a listener that finishes accepts everybody who is connected, then closes", async () => {
  const listener = new ClosingListener(listenTcp(LOOPBACK));
  const visitors = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect(listener.address)),
  );
  const serving = serve(listener);
  const finished = within(5000, "the end", listener.finish());
  deepEqual(await Promise.all(visitors.map(hears)), visitors.map(() => "x"));
  await finished;
  // Its own visits are nobody's.
  equal(await serving, 200);
  await rejects(Deno.connect(listener.address), Deno.errors.ConnectionRefused);
  await listener.finish();
  listener.close();
});

netTest("a listener to which nobody comes closes at once", async () => {
  let visits = 0;
  const listener = new ClosingListener(listenTcp(LOOPBACK), (...to) => {
    visits++;
    return dialTcp(...to);
  });
  const serving = serve(listener);
  await Promise.all([listener.finish(), listener.finish()]);
  equal(await serving, 0);
  // One is enough; in all the time that it may take there would be hundreds.
  ok(visits < 50, `${visits} visits to itself`);
});

netTest("a listener that is closed while it finishes is closed once", async () => {
  const listener = new ClosingListener(listenTcp(LOOPBACK));
  const serving = serve(listener);
  const finished = listener.finish();
  listener.close();
  await within(5000, "the end", finished);
  equal(await serving, 0);
});

netTest("a listener whose visits are late resets nobody", async () => {
  let visits = 0;
  const slow: Dial = (...to) =>
    visits++ < 2 ? Promise.reject(new DeadlineError("no answer")) : dialTcp(...to);
  const listener = new ClosingListener(listenTcp(LOOPBACK), slow);
  const visitors = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect(listener.address)),
  );
  const serving = serve(listener);
  const finished = within(5000, "the end", listener.finish());
  deepEqual(await Promise.all(visitors.map(hears)), visitors.map(() => "x"));
  await finished;
  equal(await serving, 200);
});

netTest("a listener that finishes knows its own visit by the whole address", async () => {
  const own: Conn = new FakeConn();
  const { port } = own.localAddr;
  const elsewhere = { transport: "tcp", hostname: "203.0.113.9", port } as const;
  const stranger: Conn = Object.assign(new FakeConn(), { remoteAddr: elsewhere });
  const queue = [stranger, own];
  const closed = Promise.withResolvers<Conn>();
  const inner: Listener = {
    address: { hostname: "127.0.0.1", port: 1 },
    accept: () => queue.length > 0 ? Promise.resolve(queue.shift()!) : closed.promise,
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
  };
  const listener = new ClosingListener(inner, () => Promise.resolve(own));
  const accepted: Conn[] = [];
  const loop = acceptLoop(listener, getLogger("test"), (conn: Conn) => void accepted.push(conn));
  await within(5000, "the end", listener.finish());
  await loop;
  equal(accepted.includes(stranger), true);
});

netTest("a listener that cannot visit itself closes all the same", async () => {
  const refuse = () => Promise.reject(new Deno.errors.ConnectionRefused("no"));
  const listener = new ClosingListener(listenTcp(LOOPBACK), refuse);
  const serving = serve(listener);
  await within(5000, "the end", listener.finish());
  equal(await serving, 0);
});

const LINUX = Deno.build.os === "linux";
if (LINUX) {
  netTest("of two listeners on one port the one that stays loses nobody", async () => {
    const first = new ClosingListener(listenTcp(LOOPBACK, { reusePort: true }));
    const second = new ClosingListener(listenTcp(first.address, { reusePort: true }));
    const visitors = await Promise.all(
      Array.from({ length: 200 }, () => Deno.connect(first.address)),
    );
    const serving = [serve(first, "a"), serve(second, "b")] as const;
    await within(5000, "the end", first.finish());
    const late = await Promise.all(Array.from({ length: 20 }, () => Deno.connect(first.address)));
    const heard = await Promise.all(visitors.map(hears));
    deepEqual(await Promise.all(late.map(hears)), late.map(() => "b"));
    second.close();
    const counts = await Promise.all(serving);
    equal(heard.filter((letter) => letter === "a").length, counts[0]);
    equal(heard.filter((letter) => letter === "b").length, 200 - counts[0]);
    ok(counts[0] > 20 && counts[0] < 180, `${counts[0]} of 200 at the first`);
  });
}
