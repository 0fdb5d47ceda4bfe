import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { chunk, ChunkedDuplex, join, PLAIN_AFTER } from "./chunk.ts";
import { Peek } from "./peek.ts";
import { copy, PlainDuplex } from "./relay.ts";
import { concat, cut, FakeConn } from "./testdata/conn.ts";
import { within } from "./testdata/gate.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);
const END = new Uint8Array(4);
const PLAIN = new Uint8Array(4).fill(0xff);

/** The receiving side of a tunnel on which these pieces come. */
function receive(...pieces: Uint8Array[]): { duplex: ChunkedDuplex; peek: Peek; conn: FakeConn } {
  const conn = new FakeConn(...pieces);
  const peek = new Peek(conn);
  return { duplex: new ChunkedDuplex(peek), peek, conn };
}

/** Everything up to the end of one visitor's stream. */
async function stream({ source }: ChunkedDuplex): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  while (await within(5000, "the next bytes", source.fill())) {
    pieces.push(source.bytes.slice());
    source.consume(source.size);
  }
  return concat(pieces);
}

/** What a sending side makes of these pieces, passed from a connection as a relay does it. */
async function sent(pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  const tunnel = new FakeConn();
  const service = new PlainDuplex(new Peek(new FakeConn(...pieces).end()));
  await copy(service.source, new ChunkedDuplex(new Peek(tunnel)).sink, () => {});
  return tunnel.written;
}

Deno.test("chunk() is a big-endian length and the bytes", () => {
  deepStrictEqual(chunk(bytes("hello")), concat([Uint8Array.of(0, 0, 0, 5), bytes("hello")]));
  const long = chunk(new Uint8Array(0x010203));
  deepStrictEqual(long.subarray(0, 4), Uint8Array.of(0, 1, 2, 3));
});

Deno.test("join() puts two pieces in a row", () => {
  deepStrictEqual(join(bytes("ab"), bytes("c")), bytes("abc"));
});

Deno.test("fill() gives the bytes within the chunks, and false at the end of the stream", async () => {
  const { duplex, peek } = receive(
    concat([chunk(bytes("one ")), chunk(bytes("two")), END, bytes("the next visitor's")]),
  );
  deepStrictEqual(await stream(duplex), bytes("one two"));
  ok(duplex.source.ended);
  strictEqual(await duplex.source.fill(), false);
  deepStrictEqual(peek.bytes, bytes("the next visitor's"));
});

Deno.test("fill() goes on behind bytes that nobody consumed, over the length between", async () => {
  const pieces = ["HTTP/1.1 200", " OK\r\n", "Server: x\r\n\r\n"].map((text) => chunk(bytes(text)));
  const { source } = receive(...pieces, END).duplex;
  const seen: string[] = [];
  while (await within(5000, "the rest of the head", source.fill())) {
    seen.push(decoder.decode(source.bytes));
  }
  deepStrictEqual(seen, [
    "HTTP/1.1 200",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
  ]);
  strictEqual(decoder.decode(source.bytes), seen.at(-1)); // the end takes nothing away
});

Deno.test("fill() throws when the tunnel ends before the stream does", async () => {
  for (const hex of ["", "0000", "00000005", "0000000568656c6c", "000000026869"]) {
    const { duplex, conn } = receive(Uint8Array.fromHex(hex));
    conn.end();
    await rejects(stream(duplex), Deno.errors.UnexpectedEof, hex);
    ok(!duplex.source.ended);
  }
});

Deno.test("fill() refuses a chunk that is too long", async () => {
  const { duplex } = receive(Uint8Array.fromHex("7fffffff"));
  await rejects(duplex.source.fill(), Deno.errors.InvalidData);
});

Deno.test("fill() joins a call that is pending", async () => {
  const { duplex: { source }, conn } = receive();
  const calls = Promise.all([source.fill(), source.fill()]);
  conn.push(chunk(bytes("x")));
  deepStrictEqual(await within(5000, "both calls", calls), [true, true]);
  deepStrictEqual(source.bytes, bytes("x"));
});

Deno.test("end() ends the stream and leaves the tunnel open", async () => {
  const { duplex, conn } = receive(END);
  await duplex.sink.write(bytes("hi"));
  await duplex.sink.end();
  await duplex.sink.end();
  deepStrictEqual(conn.written, concat([chunk(bytes("hi")), END]));
  ok(!conn.ended && !conn.closed);
});

Deno.test("write() of no bytes is not the end of the stream", async () => {
  const { duplex, conn } = receive();
  await duplex.sink.write(new Uint8Array(0));
  strictEqual(conn.written.length, 0);
});

Deno.test("a tunnel is reusable when both directions have ended and nothing is left", async () => {
  const { duplex } = receive(chunk(bytes("x")), END);
  const { source, sink } = duplex;
  ok(!duplex.reusable);
  await sink.end();
  ok(!duplex.reusable);
  while (await source.fill());
  ok(source.ended && !duplex.reusable, "a byte of this visitor must not reach the next");
  source.consume(source.size);
  ok(duplex.reusable);
});

Deno.test("what is held goes in front of the next chunk, in one write", async () => {
  const { duplex, conn } = receive();
  duplex.sink.hold(bytes("STARTED"));
  await duplex.sink.write(bytes("hi"));
  deepStrictEqual(conn.writes, [concat([bytes("STARTED"), chunk(bytes("hi"))])]);
});

Deno.test("what is held goes soon when nothing follows, and with the end if that follows", async () => {
  const { duplex, conn } = receive();
  const { promise: wrote, resolve } = Promise.withResolvers<void>();
  conn.onWrite = () => resolve();
  duplex.sink.hold(bytes("STARTED"));
  await within(5000, "what is held", wrote);
  deepStrictEqual(conn.writes, [bytes("STARTED")]);
  duplex.sink.hold(bytes("again"));
  await duplex.sink.end();
  deepStrictEqual(conn.writes.slice(1), [concat([bytes("again"), END])]);
});

Deno.test("endSoon() leaves the end to a write that follows, and is an end at once", async () => {
  const { duplex, conn } = receive(END);
  duplex.sink.endSoon();
  strictEqual(await duplex.source.fill(), false);
  ok(duplex.reusable);
  deepStrictEqual(duplex.sink.release(), END);
  strictEqual(conn.writes.length, 0);
});

Deno.test("close() closes the tunnel and forgets what is held", () => {
  const { duplex, conn } = receive();
  duplex.sink.hold(bytes("STARTED")); // its timer is the sanitizer's to find
  duplex.close();
  duplex.close();
  ok(conn.closed);
  strictEqual(conn.writes.length, 0);
});

Deno.test("a long stream goes on without chunks, and then ends with its connection", async () => {
  const piece = new Uint8Array(PLAIN_AFTER / 4).fill(7);
  const { duplex: { sink }, conn } = receive();
  for (let i = 0; i < 6; i++) await sink.write(piece);
  await sink.end();
  ok(conn.ended);
  deepStrictEqual(
    conn.written,
    concat([...Array.from({ length: 4 }, () => chunk(piece)), PLAIN, piece, piece]),
  );
  const back = receive(conn.written);
  back.conn.end();
  strictEqual((await stream(back.duplex)).length, piece.length * 6);
  ok(!back.duplex.source.ended, "such a tunnel serves no other visitor");
});

Deno.test("any split of a stream, sent and received, is the same bytes", async () => {
  const place = fc.nat();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      fc.array(place, { maxLength: 8 }),
      fc.array(place, { maxLength: 30 }),
      async (data, written, read) => {
        const wire = await sent(cut(data, written));
        const { duplex, peek } = receive(...cut(join(wire, bytes("next")), read));
        deepStrictEqual(await stream(duplex), data);
        while (peek.size < 4) ok(await peek.fill());
        deepStrictEqual(peek.bytes, bytes("next"));
      },
    ),
  );
});

Deno.test("any order of filling and consuming gives the bytes in their order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 500 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      fc.infiniteStream(fc.nat(80)),
      async (data, written, read, consumed) => {
        const wire = await sent(cut(data, written));
        const { source } = receive(...cut(wire, read)).duplex;
        const got: Uint8Array[] = [];
        while (await within(5000, "the next bytes", source.fill())) {
          const count = Math.min(consumed.next().value!, source.size);
          got.push(source.bytes.slice(0, count));
          source.consume(count);
        }
        got.push(source.bytes.slice());
        deepStrictEqual(concat(got), data);
      },
    ),
  );
});

Deno.test("random bytes give bytes, an end or an error, and always one of them", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
      async (pieces) => {
        const { duplex, conn } = receive(...pieces);
        conn.end();
        try {
          await stream(duplex);
        } catch (error) {
          ok(
            error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.InvalidData,
            String(error),
          );
        }
      },
    ),
  );
});
