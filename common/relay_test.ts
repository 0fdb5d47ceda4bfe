import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Peek } from "./peek.ts";
import { copy, type Duplex, PlainDuplex, relay } from "./relay.ts";
import { FakeConn, type Pair, pair, readAll, readExactly } from "./testdata/conn.ts";
import { netTest, within } from "./testdata/gate.ts";
import { type Conn, writeAll } from "./transport.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

/** A connection as one end of a relay. */
function plain(conn: Conn): PlainDuplex {
  return new PlainDuplex(new Peek(conn));
}

/** A visitor and a service with nothing between them but two ends to be relayed. */
interface Line extends Disposable {
  visitor: Deno.TcpConn;
  service: Deno.TcpConn;
  a: Duplex;
  b: Duplex;
}

async function line(): Promise<Line> {
  const [left, right]: [Pair, Pair] = [await pair(), await pair()];
  return {
    visitor: left.far,
    service: right.far,
    a: plain(left.near),
    b: plain(right.near),
    [Symbol.dispose]: () => {
      left[Symbol.dispose]();
      right[Symbol.dispose]();
    },
  };
}

Deno.test("copy() sends what is held first, then what comes, then the end", async () => {
  const peek = new Peek(new FakeConn(bytes("held "), bytes("later ")).end());
  await peek.fill();
  const sink = new FakeConn();
  await copy(peek, plain(sink), () => {});
  deepStrictEqual(sink.written, bytes("held later "));
  ok(sink.ended);
  ok(!sink.closed);
});

Deno.test("copy() does not read before what is held has left", async () => {
  const source = new FakeConn(bytes("held"));
  const peek = new Peek(source);
  await peek.fill();
  const sink = new FakeConn();
  let readsAtWrite = -1;
  sink.onWrite = () => readsAtWrite = source.reads.length;
  source.end();
  await copy(peek, plain(sink), () => {});
  strictEqual(readsAtWrite, 1);
});

Deno.test("copy() counts each piece after it was written whole", async () => {
  const sink = new FakeConn();
  sink.maxWrite = 3;
  const counts: [number, number][] = [];
  await copy(
    new Peek(new FakeConn(bytes("abcdefgh"), bytes("ij")).end()),
    plain(sink),
    (count) => counts.push([count, sink.written.length]),
  );
  deepStrictEqual(sink.written, bytes("abcdefghij"));
  deepStrictEqual(counts, [[8, 8], [2, 10]]);
});

Deno.test("copy() throws what the write threw and counts nothing of it", async () => {
  const sink = new FakeConn();
  sink.onWrite = () => {
    throw new Deno.errors.BrokenPipe("gone");
  };
  let counted = 0;
  await rejects(
    copy(new Peek(new FakeConn(bytes("abc")).end()), plain(sink), (count) => counted += count),
    Deno.errors.BrokenPipe,
  );
  strictEqual(counted, 0);
  ok(!sink.ended);
});

Deno.test("relay() throws a fault that is no disconnect, after closing both", async () => {
  const a = new FakeConn().fail(new TypeError("a bug"));
  const b = new FakeConn();
  await rejects(relay(plain(a), plain(b)), TypeError);
  ok(a.closed && b.closed);
});

netTest("relay() passes the visitor's end on and still brings the reply back", async () => {
  using ends = await line();
  const { visitor, service, a, b } = ends;
  const traffic = { up: 0, down: 0 };
  const relayed = relay(a, b, { traffic });
  await writeAll(visitor, bytes("question"));
  await visitor.closeWrite();
  deepStrictEqual(await readAll(service), bytes("question"));
  await writeAll(service, bytes("the answer"));
  await service.closeWrite();
  deepStrictEqual(await readAll(visitor), bytes("the answer"));
  strictEqual(await within(5000, "the relay's end", relayed), "done");
  deepStrictEqual(traffic, { up: 8, down: 10 });
});

netTest("relay() passes the service's end on and still takes what the visitor sends", async () => {
  using ends = await line();
  const { visitor, service, a, b } = ends;
  const traffic = { up: 0, down: 0 };
  const relayed = relay(a, b, { traffic });
  await writeAll(service, bytes("greeting"));
  await service.closeWrite();
  deepStrictEqual(await readAll(visitor), bytes("greeting"));
  await writeAll(visitor, bytes("late upload"));
  await visitor.closeWrite();
  deepStrictEqual(await readAll(service), bytes("late upload"));
  strictEqual(await within(5000, "the relay's end", relayed), "done");
  deepStrictEqual(traffic, { up: 11, down: 8 });
});

netTest("relay() sends what either side holds first", async () => {
  using ends = await line();
  const { visitor, service, a, b } = ends;
  await writeAll(visitor, bytes("1"));
  await writeAll(service, bytes("a"));
  ok(await a.source.fill() && await b.source.fill());
  const relayed = relay(a, b);
  await writeAll(visitor, bytes("2"));
  await writeAll(service, bytes("b"));
  await Promise.all([visitor.closeWrite(), service.closeWrite()]);
  deepStrictEqual(await readAll(service), bytes("12"));
  deepStrictEqual(await readAll(visitor), bytes("ab"));
  strictEqual(await relayed, "done");
});

netTest("relay() counts while the bytes flow", async () => {
  using ends = await line();
  const { visitor, service, a, b } = ends;
  const traffic = { up: 0, down: 0 };
  const relayed = relay(a, b, { traffic });
  for (let round = 1; round <= 5; round++) {
    await writeAll(visitor, bytes("ping"));
    await readExactly(service, 4);
    await writeAll(service, bytes("pongpong"));
    await readExactly(visitor, 8);
    // The reply was read, so its question was counted; its own count follows the write.
    strictEqual(traffic.up, 4 * round);
    ok(traffic.down >= 8 * (round - 1));
  }
  visitor.close();
  service.close();
  ok(["done", "reset"].includes(await relayed));
  strictEqual(traffic.down, 40);
});

netTest("relay() ends both when its signal aborts", async () => {
  using ends = await line();
  const { visitor, service, a, b } = ends;
  const stop = new AbortController();
  const relayed = relay(a, b, { signal: stop.signal });
  await writeAll(visitor, bytes("x"));
  await readExactly(service, 1);
  stop.abort();
  strictEqual(await within(5000, "the relay's end", relayed), "aborted");
  strictEqual((await readAll(visitor)).length, 0);
  strictEqual((await readAll(service)).length, 0);
});

netTest("relay() under a signal that was aborted before ends at once", async () => {
  using ends = await line();
  const { visitor, a, b } = ends;
  strictEqual(await relay(a, b, { signal: AbortSignal.abort() }), "aborted");
  strictEqual((await readAll(visitor)).length, 0);
});

for (const who of ["visitor", "service"] as const) {
  netTest(`relay() ends both when the ${who} is gone and bytes for it remain`, async () => {
    using ends = await line();
    const { visitor, service, a, b } = ends;
    const [from, to] = who === "visitor" ? [service, visitor] : [visitor, service];
    const relayed = relay(a, b);
    await writeAll(from, bytes("you will not read all of this"));
    await readExactly(to, 3);
    to.close();
    const writing = async () => {
      for (;;) await from.write(bytes("x")); // until it fails: the relay must close this end too
    };
    await within(5000, "the end of the writing side", rejects(writing()));
    strictEqual(await within(5000, "the relay's end", relayed), "reset");
  });
}

Deno.test("relay() ends both when a read meets a reset", async () => {
  for (const turn of [0, 1]) {
    const reset = new FakeConn(bytes("x")).fail(new Deno.errors.ConnectionReset("gone"));
    const other = new FakeConn();
    const [a, b] = turn === 0 ? [reset, other] : [other, reset];
    strictEqual(await within(5000, "the relay's end", relay(plain(a), plain(b))), "reset");
    deepStrictEqual(other.written, bytes("x"));
    ok(!other.ended, "a reset must not look like an end");
    ok(a.closed && b.closed);
  }
});

netTest("relay() carries 100 payloads of random sizes both ways unchanged", async () => {
  const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
  const size = fc.oneof(
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 0, max: 10_000 }),
    fc.integer({ min: 0, max: 400_000 }),
    fc.constantFrom(4096, 16_384, 65_536, 262_144),
  );
  const random = (length: number) => {
    const data = new Uint8Array(length);
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(data.subarray(at, at + 65_536));
    }
    return data;
  };
  const send = async (conn: Deno.TcpConn, data: Uint8Array) => {
    if (data.length > 0) await writeAll(conn, data);
    await conn.closeWrite();
  };
  await fc.assert(
    fc.asyncProperty(size, size, async (up, down) => {
      using ends = await line();
      const { visitor, service, a, b } = ends;
      const [question, reply] = [random(up), random(down)];
      const traffic = { up: 0, down: 0 };
      const relayed = relay(a, b, { traffic });
      const [heard, answered] = await within(
        20_000,
        `${up} bytes up and ${down} down`,
        Promise.all([
          readAll(service),
          readAll(visitor),
          send(visitor, question),
          send(service, reply),
        ]),
      );
      strictEqual(hash(heard), hash(question));
      strictEqual(hash(answered), hash(reply));
      strictEqual(await relayed, "done");
      deepStrictEqual(traffic, { up, down });
    }),
    { numRuns: 100 },
  );
});
