import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Peek } from "./peek.ts";
import { concat, FakeConn } from "./testdata/conn.ts";

const KIB = 1024;

/** The buffers behind the reads, in KiB: a few bytes of each may be kept free. */
function buffers(conn: FakeConn): number[] {
  return conn.reads.map((size) => Math.ceil(size / KIB));
}

/** Bytes that tell where they stand. */
function numbered(size: number, from = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (from + i) * 31 % 251);
}

Deno.test("fill() reads into 2 KiB, and climbs to 256 KiB while reads fill the buffer", async () => {
  const conn = new FakeConn(numbered(2000 * KIB));
  const peek = new Peek(conn);
  for (let i = 0; i < 6; i++) {
    ok(await peek.fill());
    peek.consume(peek.size);
  }
  deepStrictEqual(buffers(conn), [2, 16, 64, 256, 256, 256]);
});

Deno.test("fill() goes back to 2 KiB after a read that did not fill its buffer", async () => {
  const conn = new FakeConn(numbered(30 * KIB));
  const peek = new Peek(conn);
  while (conn.reads.length < 3) {
    ok(await peek.fill()); // the third takes what is left, less than its buffer
    peek.consume(peek.size);
  }
  conn.push(numbered(1));
  ok(await peek.fill());
  deepStrictEqual(buffers(conn), [2, 16, 64, 2]);
});

Deno.test("fill() reads behind what is held, and moves it only when there is no room", async () => {
  const conn = new FakeConn(numbered(100), numbered(50, 100), numbered(8 * KIB, 150));
  const peek = new Peek(conn);
  await peek.fill();
  await peek.fill();
  deepStrictEqual(peek.bytes, numbered(150));
  await peek.fill();
  const full = peek.size;
  ok(full > 2 * KIB - 16 && full <= 2 * KIB);
  peek.consume(1000);
  await peek.fill(); // no room behind: what is held moves to the front of the same buffer
  strictEqual(conn.reads.at(-1), 1000);
  deepStrictEqual(peek.bytes, numbered(full, 1000));
  await peek.fill(); // no room at all: into a larger one
  strictEqual(conn.reads.at(-1), 14 * KIB);
  deepStrictEqual(peek.bytes, numbered(8 * KIB + 150 - 1000, 1000));
});

Deno.test("fill() joins a call that is pending: one read, one answer", async () => {
  const conn = new FakeConn();
  const peek = new Peek(conn);
  const first = peek.fill();
  const second = peek.fill();
  strictEqual(first, second);
  conn.push(numbered(10));
  deepStrictEqual(await Promise.all([first, second]), [true, true]);
  strictEqual(conn.reads.length, 1);
  deepStrictEqual(peek.bytes, numbered(10));
});

Deno.test("a view of the bytes stays good while a fill is pending, until the next", async () => {
  const conn = new FakeConn(numbered(100));
  const peek = new Peek(conn);
  await peek.fill();
  const view = peek.bytes;
  const filling = peek.fill();
  conn.push(numbered(1000, 100));
  await filling;
  deepStrictEqual(view, numbered(100));
  peek.consume(100);
  deepStrictEqual(view, numbered(100));
  deepStrictEqual(peek.bytes, numbered(1000, 100));
});

Deno.test("consume() during a pending fill loses nothing", async () => {
  const conn = new FakeConn(numbered(100));
  const peek = new Peek(conn);
  await peek.fill();
  const filling = peek.fill();
  peek.consume(100);
  strictEqual(peek.size, 0);
  conn.push(numbered(30, 100));
  ok(await filling);
  deepStrictEqual(peek.bytes, numbered(30, 100));
});

Deno.test("fill() is false at the end, again and again, and keeps what is held", async () => {
  const peek = new Peek(new FakeConn(numbered(3)).end());
  strictEqual(await peek.fill(), true);
  strictEqual(await peek.fill(), false);
  strictEqual(await peek.fill(), false);
  deepStrictEqual(peek.bytes, numbered(3));
});

Deno.test("fill() passes an error on, and the next call reads again", async () => {
  const conn = new FakeConn(numbered(3)).fail(new Deno.errors.ConnectionReset("gone"));
  const peek = new Peek(conn);
  strictEqual(await peek.fill(), true);
  await rejects(peek.fill(), Deno.errors.ConnectionReset);
  await rejects(peek.fill(), Deno.errors.ConnectionReset);
  strictEqual(conn.reads.length, 3);
  deepStrictEqual(peek.bytes, numbered(3));
});

Deno.test("fill() refuses to hold more than it may, whatever the pieces", async () => {
  for (const max of [5000, 64 * KIB + 4, 300 * KIB]) {
    const conn = new FakeConn(numbered(2000 * KIB));
    const peek = new Peek(conn, max);
    const fillUp = async () => {
      for (;;) ok(await peek.fill());
    };
    await rejects(
      fillUp(),
      (error) => error instanceof RangeError && error.message.includes(`${max} bytes`),
    );
    strictEqual(peek.size, max);
    deepStrictEqual(peek.bytes, numbered(max));
    peek.consume(max);
    ok(await peek.fill());
    strictEqual(peek.bytes[0], numbered(1, max)[0]);
  }
});

Deno.test("any order of sending, filling and consuming gives the bytes in their order", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push"), size: fc.integer({ min: 1, max: 20_000 }) }),
    fc.record({ kind: fc.constant("fill"), size: fc.constant(0) }),
    fc.record({ kind: fc.constant("consume"), size: fc.nat(20_000) }),
    fc.record({ kind: fc.constant("consume all"), size: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const conn = new FakeConn();
      const peek = new Peek(conn, 2 ** 20);
      const got: Uint8Array[] = [];
      let sent = 0;
      let read = 0;
      for (const { kind, size } of steps) {
        if (kind === "push") {
          conn.push(numbered(size, sent));
          sent += size;
        } else if (kind === "fill") {
          if (read + peek.size === sent) continue; // it would wait
          ok(await peek.fill());
        } else {
          const count = Math.min(kind === "consume" ? size : Infinity, peek.size);
          got.push(peek.bytes.slice(0, count));
          peek.consume(count);
          read += count;
        }
      }
      conn.end();
      while (await peek.fill());
      got.push(peek.bytes.slice());
      deepStrictEqual(concat(got), numbered(sent));
    }),
    { numRuns: 60 },
  );
});
