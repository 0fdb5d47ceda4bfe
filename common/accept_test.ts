import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { acceptLoop } from "./accept.ts";
import type { Logger } from "./log.ts";
import { FakeConn } from "./testdata/conn.ts";
import type { Conn, Listener } from "./transport.ts";

/** A listener to which this happens, one after another; then it is closed. */
function listener(events: (Conn | Error)[], asked: () => void): Listener {
  return {
    accept: () => {
      asked();
      const event = events.shift() ?? new Deno.errors.BadResource("Listener has been closed");
      return event instanceof Error ? Promise.reject(event) : Promise.resolve(event);
    },
    close: () => {},
    address: { hostname: "127.0.0.1", port: 9 },
  };
}

/** The times between two tries, the lines that were logged, and the connections that were taken. */
async function run(...events: (Conn | Error)[]) {
  const lines: Record<string, unknown>[] = [];
  const waits: number[] = [];
  const taken: Conn[] = [];
  const log = {
    warning: (_: string, fields: Record<string, unknown>) => lines.push(fields),
  } as unknown as Logger;
  let last: number | undefined;
  const asked = () => {
    const now = performance.now();
    if (last !== undefined) waits.push(now - last);
    last = now;
  };
  await acceptLoop(listener(events, asked), log, (conn) => taken.push(conn));
  return { waits, lines, taken };
}

Deno.test("acceptLoop() waits after a failure, longer each time until one succeeds", async () => {
  const [one, two] = [new FakeConn(), new FakeConn()];
  const full = () => new Error("Too many open files (os error 24)");
  const { waits, taken } = await run(full(), full(), one, full(), two);
  deepStrictEqual(taken, [one, two]);
  const least = [10, 20, 0, 10, 0];
  // Timers round, some of them down.
  ok(waits.every((ms, nth) => ms >= least[nth]! - 1 && (least[nth]! > 0 || ms < 9)), `${waits}`);
});

Deno.test("acceptLoop() says so once in a while, not for each failure", async () => {
  const { lines } = await run(...Array.from({ length: 5 }, () => new Error("full")));
  deepStrictEqual(lines.map(({ times }) => times), [undefined, 4]);
  ok(lines.every(({ error }) => error === "full"));
});

Deno.test("acceptLoop() does not wait because a peer has hung up before it was accepted", async () => {
  const conn = new FakeConn();
  const gone = Array.from({ length: 30 }, (_, i) =>
    [
      new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)"),
      new Deno.errors.ConnectionAborted("Software caused connection abort (os error 103)"),
      new TypeError("Invalid argument (os error 22)"), // macOS
    ][i % 3]!);
  const { waits, lines, taken } = await run(...gone, conn);
  ok(waits.reduce((sum, ms) => sum + ms, 0) < 100, `${waits}`);
  deepStrictEqual(lines, []);
  strictEqual(taken[0], conn);
});
