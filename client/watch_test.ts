import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Dial } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { within } from "../common/testdata/gate.ts";
import { ServiceWatch } from "./watch.ts";

const LOCAL = { hostname: "127.0.0.1", port: 9 };
const BANNER = new TextEncoder().encode("SSH-2.0-test\r\n");
const REFUSED = new Deno.errors.ConnectionRefused("Connection refused");

/** Dials these in turn; counts. */
function dialler(...ways: (FakeConn | Error)[]): { dial: Dial; calls: () => number } {
  let calls = 0;
  const dial: Dial = () => {
    const way = ways[Math.min(calls++, ways.length - 1)]!;
    return way instanceof Error ? Promise.reject(way) : Promise.resolve(way);
  };
  return { dial, calls: () => calls };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return within(
    5000,
    "the service found",
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  );
}

Deno.test("a service that speaks at once is declared at once", async () => {
  using watch = new ServiceWatch(LOCAL, undefined, dialler(new FakeConn(BANNER).end()).dial);
  deepStrictEqual(await watch.declaration(), { service: "ssh", greeting: BANNER });
  await aborted(watch.found);
});

Deno.test("a silent service costs a moment, one that is down nothing", async () => {
  for (const [way, least, most] of [[new FakeConn(), 200, 2000], [REFUSED, 0, 200]] as const) {
    const since = performance.now();
    using watch = new ServiceWatch(LOCAL, undefined, dialler(way).dial);
    strictEqual(await watch.declaration(), undefined);
    const took = performance.now() - since;
    ok(took >= least && took <= most, `${took} ms`);
    strictEqual(watch.found.aborted, false);
  }
});

Deno.test("a service that was told of is left alone", async () => {
  for (const [told, declared] of [["none", undefined], ["mysql", { service: "mysql" }]] as const) {
    const { dial, calls } = dialler(new FakeConn(BANNER).end());
    using watch = new ServiceWatch(LOCAL, told, dial);
    deepStrictEqual(await watch.declaration(), declared);
    strictEqual(calls(), 0);
  }
});

Deno.test("a service that speaks late is found late, and declared from then on", async () => {
  const conn = new FakeConn();
  using watch = new ServiceWatch(LOCAL, undefined, dialler(conn).dial);
  strictEqual(await watch.declaration(), undefined);
  conn.push(BANNER).end();
  await aborted(watch.found);
  strictEqual((await watch.declaration())?.service, "ssh");
});

Deno.test("a service that is down is tried again until it is up, and then no more", async () => {
  const { dial, calls } = dialler(REFUSED, REFUSED, new FakeConn(BANNER).end());
  using watch = new ServiceWatch(LOCAL, undefined, dial, 1);
  await aborted(watch.found);
  strictEqual(watch.words?.service, "ssh");
  strictEqual(calls(), 3);
});

Deno.test("a visitor of the web ends the look, which may be in its way; others do not", async () => {
  for (const [protocol, ends] of [["http", true], [undefined, true], ["mysql", false]] as const) {
    const conn = new FakeConn();
    using watch = new ServiceWatch(LOCAL, undefined, dialler(conn).dial);
    await null; // it has connected
    watch.visited(protocol);
    strictEqual(conn.closed, ends, `${protocol}`);
    if (ends) strictEqual(await watch.declaration(), undefined);
  }
});

Deno.test("a visitor of the web that finds the service down does not end the waiting for it", async () => {
  const { dial } = dialler(REFUSED, new FakeConn(BANNER).end());
  using watch = new ServiceWatch(LOCAL, undefined, dial, 20);
  await watch.declaration();
  watch.visited("http");
  await aborted(watch.found);
});

Deno.test("disposing ends the waiting for a service that is down", async () => {
  const { dial } = dialler(REFUSED);
  const watch = new ServiceWatch(LOCAL, undefined, dial, 1e6);
  await watch.declaration();
  watch[Symbol.dispose]();
  strictEqual(watch.found.aborted, false);
});
