import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { acceptLoop } from "./accept.ts";
import type { Logger } from "./log.ts";
import { FakeConn } from "./testdata/conn.ts";
import type { Conn, Listener } from "./transport.ts";

/** A listener to which this happens, one after another; then it is closed. */
function listener(...events: (Conn | Error)[]): Listener {
  return {
    accept: () => {
      const event = events.shift() ?? new Deno.errors.BadResource("Listener has been closed");
      return event instanceof Error ? Promise.reject(event) : Promise.resolve(event);
    },
    close: () => {},
    address: { hostname: "127.0.0.1", port: 9 },
  };
}

/** The waits that were logged, and the connections that were taken. */
async function run(...events: (Conn | Error)[]) {
  const waits: unknown[] = [];
  const taken: Conn[] = [];
  const log = {
    warning: (_: string, { retry_ms }: Record<string, unknown>) => waits.push(retry_ms),
  } as unknown as Logger;
  const since = performance.now();
  await acceptLoop(listener(...events), log, (conn) => taken.push(conn));
  return { waits, taken, ms: performance.now() - since };
}

Deno.test("acceptLoop() waits after a failure, longer each time until one succeeds", async () => {
  const [one, two] = [new FakeConn(), new FakeConn()];
  const full = () => new Error("Too many open files (os error 24)");
  const { waits, taken, ms } = await run(full(), full(), one, full(), two);
  deepStrictEqual(waits, [10, 20, 10]);
  deepStrictEqual(taken, [one, two]);
  ok(ms >= 35, `${ms} ms`);
});

Deno.test("acceptLoop() does not wait because a peer has hung up before it was accepted", async () => {
  const conn = new FakeConn();
  const gone = Array.from({ length: 30 }, (_, i) =>
    [
      new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)"),
      new Deno.errors.ConnectionAborted("Software caused connection abort (os error 103)"),
      new TypeError("Invalid argument (os error 22)"), // macOS
    ][i % 3]!);
  const { waits, taken } = await run(...gone, conn);
  deepStrictEqual(waits, []);
  strictEqual(taken[0], conn);
});
