import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Peek } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { FakeConn } from "../common/testdata/conn.ts";
import { within } from "../common/testdata/gate.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import { Tunnel, type TunnelKind } from "./tunnel.ts";

const OPTIONS: PoolOptions = { size: 1, max: 32, queue: 256, wait: 60_000, maxIdle: 90_000 };

/** A tunnel whose client is the test. */
function tunnel(kind: TunnelKind = "started"): { tunnel: Tunnel; client: FakeConn } {
  const client = new FakeConn();
  return { tunnel: new Tunnel(new Peek(client), kind), client };
}

/** A pool, and how often it asked for how many tunnels. */
function open(options: Partial<PoolOptions> = {}) {
  const asks: number[] = [];
  const pool = new Pool({ ...OPTIONS, ...options }, (count) => asks.push(count));
  return { pool, asks, asked: () => asks.reduce((sum, count) => sum + count, 0) };
}

/** Fills a pool with so many idle tunnels, the oldest first. */
function fill(pool: Pool, count: number) {
  return Array.from({ length: count }, () => {
    const one = tunnel();
    pool.put(one.tunnel, 1);
    return one;
  });
}

const OFFLINE = new Refusal(503, "The client went offline");

function isHttp(status: number): (error: unknown) => boolean {
  return (error) => error instanceof Refusal && error.status === status;
}

/** Lets everything that is due happen. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("take() resolves with the newest idle tunnel", async () => {
  const { pool } = open({ size: 3 });
  pool.refill();
  const [first, second, third] = fill(pool, 3);
  strictEqual(await pool.take(), third!.tunnel);
  strictEqual(await pool.take(), second!.tunnel);
  strictEqual(await pool.take(), first!.tunnel);
  pool.close(OFFLINE);
});

Deno.test("refill() asks for what is missing, once", () => {
  const { pool, asks } = open({ size: 5 });
  pool.refill();
  pool.refill();
  deepStrictEqual(asks, [5]);
  fill(pool, 3);
  pool.refill();
  deepStrictEqual(asks, [5]);
});

Deno.test("take() asks for a new tunnel at once, in place of the one it took", async () => {
  const { pool, asks } = open({ size: 2 });
  pool.refill();
  fill(pool, 2);
  const taken = pool.take();
  deepStrictEqual(asks, [2, 1]);
  await taken;
  pool.close(OFFLINE);
});

Deno.test("take() without an idle tunnel waits for the next, and asks for it", async () => {
  const { pool, asked } = open();
  const taken = pool.take();
  strictEqual(pool.waiting, 1);
  strictEqual(asked(), 2); // one for the visitor, one to keep
  const one = tunnel();
  pool.put(one.tunnel, 1);
  strictEqual(await taken, one.tunnel);
  strictEqual(pool.waiting, 0);
  strictEqual(pool.idle, 0);
  pool.close(OFFLINE);
});

Deno.test("visitors that wait are served in the order they came", async () => {
  const { pool } = open();
  const served: number[] = [];
  const waiting = [0, 1, 2, 3].map((visitor) => pool.take().then(() => served.push(visitor)));
  fill(pool, 4);
  await Promise.all(waiting);
  deepStrictEqual(served, [0, 1, 2, 3]);
  pool.close(OFFLINE);
});

Deno.test("take() turns the visitor beyond the queue away with 503 and Retry-After", async () => {
  const { pool } = open({ queue: 2 });
  const waiting = [pool.take(), pool.take()];
  await rejects(
    pool.take(),
    (error) => error instanceof Refusal && error.status === 503 && error.retryAfter !== undefined,
  );
  strictEqual(pool.waiting, 2);
  fill(pool, 2);
  await Promise.all(waiting);
  pool.close(OFFLINE);
});

Deno.test("a full queue does not keep a visitor from an idle tunnel", async () => {
  const { pool } = open({ queue: 0 });
  const [one] = fill(pool, 1);
  strictEqual(await pool.take(), one!.tunnel);
  await rejects(pool.take(), isHttp(503));
  pool.close(OFFLINE);
});

Deno.test("take() gives up with 504 after the wait, and leaves the queue", async () => {
  const { pool } = open({ wait: 10 });
  await rejects(within(5000, "the end of the wait", pool.take()), isHttp(504));
  strictEqual(pool.waiting, 0);
  const [one] = fill(pool, 1);
  strictEqual(pool.idle, 1); // nobody waits for it any more
  strictEqual(await pool.take(), one!.tunnel);
  pool.close(OFFLINE);
});

Deno.test("an idle tunnel that its client ends leaves the pool at once", async () => {
  const { pool } = open({ size: 2 });
  const [first, second] = fill(pool, 2);
  second!.client.end();
  await turn();
  strictEqual(pool.idle, 1);
  ok(second!.client.closed);
  strictEqual(await pool.take(), first!.tunnel);
  pool.close(OFFLINE);
});

Deno.test("an idle tunnel that breaks leaves the pool at once", async () => {
  const { pool } = open();
  const [one] = fill(pool, 1);
  one!.client.fail(new Deno.errors.ConnectionReset("gone"));
  await turn();
  strictEqual(pool.idle, 0);
  ok(one!.client.closed);
});

Deno.test("an idle tunnel that speaks before it is told to leaves the pool", async () => {
  for (const kind of ["started", "reusable"] as const) {
    const { pool } = open();
    const one = tunnel(kind);
    pool.put(one.tunnel, 1);
    one.client.push(Uint8Array.of(1));
    await turn();
    strictEqual(pool.idle, 0);
    ok(one.client.closed);
  }
});

Deno.test("a generation 1 tunnel may bring its service's first words before a visitor", async () => {
  const { pool } = open();
  const one = tunnel("raw");
  pool.put(one.tunnel, 1);
  one.client.push(new TextEncoder().encode("220 ready"));
  await turn();
  strictEqual(pool.idle, 1);
  const taken = await pool.take();
  strictEqual(new TextDecoder().decode(taken.peek.bytes), "220 ready");
  pool.close(OFFLINE);
});

Deno.test("a tunnel that was taken is not the pool's to close any more", async () => {
  const { pool } = open();
  const [one] = fill(pool, 1);
  await pool.take();
  one!.client.push(Uint8Array.of(1));
  await turn();
  ok(!one!.client.closed);
  pool.sweep(performance.now() + 1e9);
  pool.close(OFFLINE);
  ok(!one!.client.closed);
});

Deno.test("missed() asks again for a tunnel that did not come", () => {
  const { pool, asks } = open({ size: 2 });
  pool.refill();
  pool.missed();
  deepStrictEqual(asks, [2, 1]);
});

Deno.test("the target grows with the demand up to the most, and shrinks back to the least", async () => {
  const { pool } = open({ size: 2, max: 8 });
  strictEqual(pool.target, 2);
  const waiting = Array.from({ length: 20 }, () => pool.take());
  strictEqual(pool.target, 8);
  fill(pool, 20);
  await Promise.all(waiting);
  const targets: number[] = [];
  for (let i = 0; i < 15; i++) {
    pool.sweep();
    targets.push(pool.target);
  }
  ok(targets.every((target, i) => i === 0 || target <= targets[i - 1]!), targets.join());
  strictEqual(targets.at(-1), 2);
  pool.close(OFFLINE);
});

Deno.test("sweep() trims what the demand no longer calls for, the oldest first", async () => {
  const { pool } = open({ size: 1 });
  const all = fill(pool, 3);
  pool.sweep();
  strictEqual(pool.idle, 1);
  deepStrictEqual(all.map(({ client }) => client.closed), [true, true, false]);
  strictEqual(await pool.take(), all[2]!.tunnel);
  pool.close(OFFLINE);
});

Deno.test("sweep() retires tunnels that idled too long, and asks for others", () => {
  const { pool, asks } = open({ size: 2, maxIdle: 1000 });
  pool.refill();
  const all = fill(pool, 2);
  const now = performance.now();
  pool.sweep(now + 900);
  strictEqual(pool.idle, 2);
  pool.sweep(now + 2000);
  strictEqual(pool.idle, 0);
  ok(all.every(({ client }) => client.closed));
  deepStrictEqual(asks, [2, 2]);
});

Deno.test("sweep() replaces tunnels that were lost", async () => {
  const { pool, asks } = open({ size: 2 });
  pool.refill();
  const [one] = fill(pool, 2);
  one!.client.end();
  await turn();
  deepStrictEqual(asks, [2]);
  pool.sweep();
  deepStrictEqual(asks, [2, 1]);
});

Deno.test("renew() replaces the idle tunnels, and lets those in use alone", async () => {
  const { pool, asks } = open({ size: 3 });
  pool.refill();
  const all = fill(pool, 3);
  const taken = await pool.take();
  deepStrictEqual(asks, [3, 1]);
  pool.renew();
  deepStrictEqual(asks, [3, 1, 2]);
  deepStrictEqual(all.map(({ client }) => client.closed), [true, true, false]);
  strictEqual(taken, all[2]!.tunnel);
  pool.close(OFFLINE);
});

Deno.test("handOver() moves those that wait to the new pool, in their order and with their time", async () => {
  const old = open({ wait: 30 });
  const renewed = open();
  const served: string[] = [];
  const first = old.pool.take().then(() => served.push("first"));
  const second = old.pool.take().then(() => served.push("second"));
  const third = old.pool.take();
  old.pool.handOver(renewed.pool);
  old.pool.close(OFFLINE); // those that moved must not hear of it
  strictEqual(old.pool.waiting, 0);
  strictEqual(renewed.pool.waiting, 3);
  renewed.pool.refill();
  strictEqual(renewed.asked(), 4);
  fill(renewed.pool, 2);
  await Promise.all([first, second]);
  deepStrictEqual(served, ["first", "second"]);
  await rejects(within(5000, "the end of the wait", third), isHttp(504));
  strictEqual(renewed.pool.waiting, 0);
  renewed.pool.close(OFFLINE);
});

Deno.test("close() ends idle tunnels, turns away who waits, and takes nothing any more", async () => {
  const { pool, asks } = open();
  const waiting = Promise.allSettled([pool.take(), pool.take()]);
  const before = asks.length;
  pool.close(OFFLINE);
  for (const end of await waiting) {
    ok(end.status === "rejected" && end.reason === OFFLINE);
  }
  await rejects(pool.take(), (error) => error === OFFLINE);
  const late = tunnel();
  pool.put(late.tunnel, 1);
  ok(late.client.closed);
  pool.missed();
  pool.sweep();
  strictEqual(asks.length, before);

  const other = open();
  const [idle] = fill(other.pool, 1);
  other.pool.close(OFFLINE);
  ok(idle!.client.closed);
  strictEqual(other.pool.idle, 0);
});

Deno.test("the pool asks for just what is missing, whatever happens", async () => {
  const step = fc.constantFrom("take", "take", "come", "come", "miss", "die", "sweep", "turn");
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 0, max: 4 }),
      async (steps, size) => {
        let coming = 0;
        const pool = new Pool({ ...OPTIONS, size, max: 6, queue: 10 }, (count) => {
          ok(count > 0);
          coming += count;
          strictEqual(coming + pool.idle, pool.target + pool.waiting);
        });
        pool.refill();
        const idle: FakeConn[] = [];
        const waiting: Promise<unknown>[] = [];
        for (const step of steps) {
          if (step === "take") waiting.push(pool.take().catch((error) => error));
          else if (step === "come" && coming > 0) {
            coming--;
            const one = tunnel();
            idle.push(one.client);
            pool.put(one.tunnel, 1);
          } else if (step === "miss" && coming > 0) {
            coming--;
            pool.missed();
          } else if (step === "die") idle.pop()?.end();
          else if (step === "sweep") pool.sweep();
          else if (step === "turn") await turn();
          ok(pool.waiting === 0 || pool.idle === 0, "somebody waits beside an idle tunnel");
          ok(pool.target <= Math.max(size, 6));
        }
        pool.sweep();
        ok(coming + pool.idle >= pool.target + pool.waiting);
        pool.close(OFFLINE);
        await Promise.all(waiting);
        strictEqual(pool.idle + pool.waiting, 0);
      },
    ),
    { numRuns: 60 },
  );
});
