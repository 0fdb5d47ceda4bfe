import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { DeadlineError, reason } from "./errors.ts";
import { FakeConn, readAll } from "./testdata/conn.ts";
import { netTest } from "./testdata/gate.ts";
import {
  type Address,
  closeQuietly,
  type Conn,
  dialTcp,
  formatAddress,
  listenTcp,
  writeAll,
} from "./transport.ts";

const LOOPBACK: Address = { hostname: "127.0.0.1", port: 0 };

Deno.test("formatAddress() puts brackets around an IPv6 host", () => {
  strictEqual(formatAddress({ hostname: "127.0.0.1", port: 80 }), "127.0.0.1:80");
  strictEqual(formatAddress({ hostname: "example.com", port: 17003 }), "example.com:17003");
  strictEqual(formatAddress({ hostname: "::1", port: 80 }), "[::1]:80");
  strictEqual(formatAddress({ hostname: "fe80::1%eth0", port: 1 }), "[fe80::1%eth0]:1");
});

Deno.test("writeAll() goes on until everything was taken", async () => {
  const conn = new FakeConn();
  conn.maxWrite = 3;
  await writeAll(conn, new TextEncoder().encode("0123456789"));
  deepStrictEqual(conn.writes.map(({ length }) => length), [3, 3, 3, 1]);
  strictEqual(new TextDecoder().decode(conn.written), "0123456789");
});

Deno.test("closeQuietly() closes once and does not mind a second time", () => {
  const conn = new FakeConn();
  closeQuietly(conn);
  ok(conn.closed);
  closeQuietly(conn);
  throws(() => conn.close());
});

netTest("listenTcp() tells the port it got, and dialTcp() reaches it", async () => {
  const listener = listenTcp(LOOPBACK);
  ok(listener.address.port > 0);
  const [near, far] = await Promise.all([listener.accept(), dialTcp(listener.address)]);
  await writeAll(far, new TextEncoder().encode("hello"));
  await far.closeWrite();
  strictEqual(new TextDecoder().decode(await readAll(near)), "hello");
  for (const end of [near, far, listener]) end.close();
});

netTest("listenTcp() throws AddrInUse for a port that is taken", () => {
  const listener = listenTcp(LOOPBACK);
  throws(() => listenTcp(listener.address), Deno.errors.AddrInUse);
  listener.close();
});

netTest("close() of a listener ends its accept()", async () => {
  const listener = listenTcp(LOOPBACK);
  const accepted = listener.accept();
  listener.close();
  await rejects(
    accepted,
    (error) => error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted,
  );
});

netTest("dialTcp() says that a connection was refused, without an error number", async () => {
  const listener = listenTcp(LOOPBACK);
  listener.close();
  await rejects(dialTcp(listener.address), (error) => {
    ok(error instanceof Deno.errors.ConnectionRefused);
    ok(!/os error/.test(reason(error)), reason(error));
    return true;
  });
});

netTest(
  "dialTcp() under a signal that was aborted before throws its reason, and leaves no timer",
  async () => {
    const why = new Error("changed my mind");
    // The timer that it must not leave behind is the sanitizer's to find.
    await rejects(dialTcp(LOOPBACK, { signal: AbortSignal.abort(why) }), why);
  },
);

/** A listener on this system whose queue is full, so that a further connection gets no answer. */
async function silentListener(): Promise<{ address: Address } & Disposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const address = { hostname: "127.0.0.1", port: listener.addr.port };
  const queued: Conn[] = [];
  for (;;) {
    try {
      queued.push(await dialTcp(address, { timeout: 300 }));
    } catch {
      return {
        address,
        [Symbol.dispose]: () => [listener, ...queued].forEach((one) => one.close()),
      };
    }
    if (queued.length > 100) throw new Error("the queue has no end");
  }
}

// Only Linux lets a connection wait when the queue is full; others refuse it or grow the queue.
const silentTest: typeof netTest = Deno.build.os === "linux"
  ? netTest
  : (name, fn) => Deno.test({ name: `${name} [skipped: only on linux]`, ignore: true, fn });

silentTest("dialTcp() gives up after its timeout, and says so", async () => {
  using silent = await silentListener();
  const since = performance.now();
  await rejects(dialTcp(silent.address, { timeout: 50 }), (error) => {
    ok(error instanceof DeadlineError);
    strictEqual(error.message, "no answer within 0.05 s");
    return true;
  });
  ok(performance.now() - since >= 49);
});

silentTest("dialTcp() gives up with the reason of its signal", async () => {
  using silent = await silentListener();
  const stop = new AbortController();
  const dialling = dialTcp(silent.address, { signal: stop.signal });
  const why = new Error("no longer wanted");
  stop.abort(why);
  await rejects(dialling, why);
});

netTest(
  "dialTcp() forgets its signal once it is connected",
  async () => {
    const listener = listenTcp(LOOPBACK);
    const stop = new AbortController();
    const [near, far] = await Promise.all([
      listener.accept(),
      dialTcp(listener.address, { signal: stop.signal }),
    ]);
    stop.abort();
    await writeAll(far, Uint8Array.of(1));
    far.close();
    strictEqual((await readAll(near)).length, 1);
    near.close();
    listener.close();
  },
);
