import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Command, formatCommand } from "./commands.ts";
import { DeadlineError, ProtocolError } from "./errors.ts";
import {
  decodeFrame,
  encodeFrame,
  encodeFrames,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  readFrame,
  readFrameWithin,
} from "./frame.ts";
import { Peek } from "./peek.ts";
import { concat, cut, FakeConn } from "./testdata/conn.ts";
import { within } from "./testdata/gate.ts";
import vectors from "./testdata/vectors.json" with { type: "json" };

const encoder = new TextEncoder();

/** A frame around any bytes. */
function frame(body: Uint8Array | string): Uint8Array {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const whole = new Uint8Array(FRAME_HEADER_BYTES + bytes.length);
  new DataView(whole.buffer).setUint32(0, bytes.length);
  whole.set(bytes, FRAME_HEADER_BYTES);
  return whole;
}

const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }));
const integer = fc.integer();

/** Any command, with any of its optional fields. */
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    type: fc.constant("Register" as const),
    client_id: text,
    version: integer,
    auth: text,
    aliases: fc.array(text),
    remote_port: integer,
    service: text,
    client_version: text,
    reuse: fc.boolean(),
  }, { requiredKeys: ["type", "client_id"] }),
  fc.record({
    type: fc.constant("RegisterResult" as const),
    success: fc.boolean(),
    error: fc.option(text),
    version: integer,
    public_urls: fc.array(text),
    remote_port: integer,
    heartbeat_s: integer,
    reuse: fc.boolean(),
  }, { requiredKeys: ["type", "success", "error"] }),
  fc.record({
    type: fc.constant("RequestNewProxyConn" as const),
    proxy_conn_id: text,
    server_addr: text,
  }, { requiredKeys: ["type", "proxy_conn_id"] }),
  fc.record({
    type: fc.constant("NewProxyConn" as const),
    proxy_conn_id: text,
    client_id: text,
  }),
  fc.record({ type: fc.constant("Ping" as const), t: integer }, { requiredKeys: ["type"] }),
  fc.record({ type: fc.constant("Pong" as const), t: integer }, { requiredKeys: ["type"] }),
  fc.record({
    type: fc.constant("StartProxy" as const),
    visitor: text,
    protocol: text,
    tls: fc.boolean(),
  }, { requiredKeys: ["type"] }),
  fc.record({
    type: fc.constant("ProxyStarted" as const),
    success: fc.boolean(),
    error: text,
  }, { requiredKeys: ["type", "success"] }),
  fc.record({ type: fc.constant("Draining" as const), grace_s: integer }, {
    requiredKeys: ["type"],
  }),
);

/** Everything that a stream holds, read to its end. */
async function readCommands(...pieces: Uint8Array[]): Promise<Command[]> {
  const peek = new Peek(new FakeConn(...pieces).end());
  const commands: Command[] = [];
  for (;;) {
    const command = await readFrame(peek);
    if (command === null) return commands;
    commands.push(command);
  }
}

for (const { command, frame } of vectors.written) {
  Deno.test(`encodeFrame() writes ${JSON.stringify(command)} byte for byte`, () => {
    strictEqual(encodeFrame(command as Command).toHex(), frame);
  });

  Deno.test(`decodeFrame() reads ${JSON.stringify(command)} and its size`, () => {
    const bytes = Uint8Array.fromHex(frame);
    const { command: found, size } = decodeFrame(bytes)!;
    deepStrictEqual({ ...found }, command);
    strictEqual(size, bytes.length);
  });
}

for (const { command, frame, why } of vectors.read) {
  Deno.test(`decodeFrame() reads what a newer or freer peer writes: ${why}`, () => {
    deepStrictEqual({ ...decodeFrame(Uint8Array.fromHex(frame))!.command }, command);
  });
}

for (const { frame, why } of vectors.refused) {
  Deno.test(`decodeFrame() refuses ${frame.slice(0, 16)}…: ${why}`, () => {
    throws(() => decodeFrame(Uint8Array.fromHex(frame)), ProtocolError);
  });
}

Deno.test("decodeFrame() needs 4 bytes for a length, and all of the text", () => {
  const whole = encodeFrame({ type: "Ping", t: 1 });
  for (let size = 0; size < whole.length; size++) {
    strictEqual(decodeFrame(whole.subarray(0, size)), undefined);
  }
  strictEqual(decodeFrame(whole)!.size, whole.length);
});

Deno.test("decodeFrame() refuses a length beyond the limit before the text is there", () => {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAX_FRAME_BYTES);
  strictEqual(decodeFrame(header), undefined);
  view.setUint32(0, MAX_FRAME_BYTES + 1);
  throws(() => decodeFrame(header), /of 65537 bytes: the limit is 65536/);
});

Deno.test("a frame of exactly 64 KiB passes, one byte more is not even sent", async () => {
  const empty = formatCommand({ type: "NewProxyConn", proxy_conn_id: "", client_id: "a" }).length;
  const command = (size: number): Command => ({
    type: "NewProxyConn",
    proxy_conn_id: "x".repeat(size - empty),
    client_id: "a",
  });
  const largest = encodeFrame(command(MAX_FRAME_BYTES));
  strictEqual(largest.length, MAX_FRAME_BYTES + FRAME_HEADER_BYTES);
  deepStrictEqual(await readCommands(largest, largest), [
    command(MAX_FRAME_BYTES),
    command(MAX_FRAME_BYTES),
  ]);
  throws(() => encodeFrame(command(MAX_FRAME_BYTES + 1)), RangeError);
});

Deno.test("decodeFrame() refuses text that is not UTF-8, or starts with a byte order mark", () => {
  const json = encoder.encode('{"Ping":{}}');
  throws(() => decodeFrame(frame(concat([json, Uint8Array.of(0xff)]))), /not UTF-8/);
  throws(() => decodeFrame(frame(Uint8Array.of(0xc0, 0x80))), /not UTF-8/);
  throws(() => decodeFrame(frame(concat([Uint8Array.of(0xef, 0xbb, 0xbf), json]))), /not JSON/);
});

Deno.test("decodeFrame() leaves the bytes behind a frame alone, wherever it lies in its buffer", () => {
  const ping = encodeFrame({ type: "Ping", t: 7 });
  const buffer = concat([encoder.encode("before"), ping, encoder.encode("GET / HTTP/1.1")]);
  deepStrictEqual(decodeFrame(buffer.subarray(6)), {
    command: { type: "Ping", t: 7 },
    size: ping.length,
  });
});

Deno.test("encodeFrames() puts several frames and raw bytes in a row", () => {
  const start: Command = { type: "StartProxy", visitor: "1.2.3.4:5" };
  const ping: Command = { type: "Ping" };
  const raw = encoder.encode("GET /");
  deepStrictEqual(
    encodeFrames([start, ping], raw),
    concat([encodeFrame(start), encodeFrame(ping), raw]),
  );
});

Deno.test("every command of both generations comes back as it went", () => {
  fc.assert(fc.property(anyCommand, (command) => {
    const bytes = encodeFrame(command);
    deepStrictEqual(decodeFrame(bytes), { command: { ...command }, size: bytes.length });
  }));
});

Deno.test("any split of the byte stream gives the same commands", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyCommand, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat()),
      async (commands, places) => {
        const bytes = encodeFrames(commands);
        const found = await readCommands(...cut(bytes, places));
        deepStrictEqual(found, commands.map((command) => ({ ...command })));
      },
    ),
  );
});

Deno.test("one byte at a time gives the same commands", async () => {
  const commands = vectors.written.map(({ command }) => command as Command);
  const bytes = encodeFrames(commands);
  const found = await readCommands(...cut(bytes, bytes.keys().toArray()));
  deepStrictEqual(found, commands);
});

Deno.test("random bytes give commands or a ProtocolError, and always an end", async () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map(frame),
    fc.json().map(frame),
    fc.tuple(anyCommand, fc.nat(), fc.nat(255)).map(([command, place, value]) => {
      const bytes = encodeFrame(command);
      bytes[place % bytes.length] = value;
      return bytes;
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { maxLength: 4 }), async (pieces) => {
      try {
        await within(5000, "the end of the stream", readCommands(...pieces));
      } catch (error) {
        ok(error instanceof ProtocolError, String(error));
      }
    }),
  );
});

Deno.test("readFrame() is null at an end between frames, and throws in the middle of one", async () => {
  deepStrictEqual(await readCommands(encodeFrame({ type: "Ping" })), [{ type: "Ping" }]);
  const half = encodeFrame({ type: "Ping" }).subarray(0, 5);
  await rejects(readCommands(half), /the connection ended in the middle of one/);
});

Deno.test("readFrame() leaves the visitor's bytes behind a frame in the Peek", async () => {
  const bytes = encodeFrames([{ type: "StartProxy" }], encoder.encode("GET / HTTP/1.1"));
  const peek = new Peek(new FakeConn(bytes));
  strictEqual((await readFrame(peek))!.type, "StartProxy");
  deepStrictEqual(peek.bytes, encoder.encode("GET / HTTP/1.1"));
});

Deno.test("readFrameWithin() closes a connection that stays silent, or dawdles", async () => {
  for (const sent of ["", "00000010", "0000001000"]) {
    const conn = new FakeConn(Uint8Array.fromHex(sent));
    await rejects(
      readFrameWithin(new Peek(conn), 10),
      (error) => error instanceof DeadlineError && /within 0\.01 s/.test(error.message),
    );
    ok(conn.closed);
  }
});

Deno.test("readFrameWithin() leaves a connection that is in time as it is", async () => {
  const conn = new FakeConn(encodeFrame({ type: "Ping" }));
  deepStrictEqual(await readFrameWithin(new Peek(conn), 60_000), { type: "Ping" });
  ok(!conn.closed);
});

Deno.test("readFrameWithin() reports a bad frame as such, not as a missed deadline", async () => {
  const conn = new FakeConn(Uint8Array.fromHex("00000000"));
  await rejects(readFrameWithin(new Peek(conn), 60_000), ProtocolError);
});
