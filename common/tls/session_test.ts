import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { closeQuietly, type Conn, isDisconnect, Peek, writeAll } from "@agentx/common";
import { isTls, PlainStream, shakeHandsWithin, TlsConn } from "@agentx/common/tls";
import { type Pair, pair, readAll, readExactly } from "../testdata/conn.ts";
import { netTest, within } from "../testdata/gate.ts";
import { Session } from "./session.ts";
import { CERT, KEY } from "./testdata/pem.ts";

const server = createSecureContext({ cert: CERT, key: KEY });

function serve(conn: Conn): TlsConn {
  return new TlsConn(conn, (peek) =>
    Session.open({
      peek,
      event: "secure",
      start: (wire) => new TLSSocket(wire, { isServer: true, secureContext: server }),
    }));
}

function visit(conn: Conn): TlsConn {
  return new TlsConn(conn, (peek) =>
    Session.open({
      peek,
      event: "secureConnect",
      start: (socket) => connect({ socket, host: "localhost", servername: "localhost", ca: CERT }),
    }));
}

/** Both ends of a connection with TLS on it. */
class TlsPair implements Disposable {
  readonly near: TlsConn;
  readonly far: TlsConn;

  constructor(readonly raw: Pair) {
    this.near = serve(raw.near);
    this.far = visit(raw.far);
  }

  static async open(): Promise<TlsPair> {
    const both = new TlsPair(await pair());
    await Promise.all([both.near.handshake(), both.far.handshake()]);
    return both;
  }

  [Symbol.dispose](): void {
    closeQuietly(this.near);
    closeQuietly(this.far);
    this.raw[Symbol.dispose]();
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

netTest("TLS shakes hands when a connection is first used", async () => {
  using both = new TlsPair(await pair());
  const reading = readExactly(both.near, 5);
  await writeAll(both.far, bytes("hello"));
  deepStrictEqual(await reading, bytes("hello"));
  await writeAll(both.near, bytes("back"));
  deepStrictEqual(await readExactly(both.far, 4), bytes("back"));
  strictEqual(both.near.remoteAddr.hostname, "127.0.0.1");
  ok(isTls(both.near) && !isTls(both.raw.near));
});

netTest("TLS carries what is larger than any buffer, both ways at once", async () => {
  using both = await TlsPair.open();
  const noise = new Uint8Array(8 * 1024 * 1024);
  for (let at = 0; at < noise.length; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  const send = async (conn: Conn) => {
    for (let at = 0, size = 1; at < noise.length; at += size, size = (size * 7) % 300_007 + 1) {
      await writeAll(conn, noise.subarray(at, at + size));
    }
    await conn.closeWrite();
  };
  const [, , up, down] = await Promise.all([
    send(both.near),
    send(both.far),
    readAll(both.near),
    readAll(both.far),
  ]);
  ok(up.length === noise.length && up.every((byte, i) => byte === noise[i]));
  ok(down.length === noise.length && down.every((byte, i) => byte === noise[i]));
});

netTest("TLS has half-close: the other direction goes on after an end", async () => {
  using both = await TlsPair.open();
  await writeAll(both.far, bytes("ask"));
  await both.far.closeWrite();
  deepStrictEqual(await readAll(both.near), bytes("ask"));
  strictEqual(await both.near.read(new Uint8Array(9)), null);
  await writeAll(both.near, bytes("answer"));
  await both.near.closeWrite();
  deepStrictEqual(await readAll(both.far), bytes("answer"));
});

netTest("TLS tells an end that nobody announced from one in order", async () => {
  using both = await TlsPair.open();
  await writeAll(both.far, bytes("half"));
  deepStrictEqual(await readExactly(both.near, 4), bytes("half"));
  const reading = both.near.read(new Uint8Array(9));
  await both.raw.far.closeWrite();
  await rejects(reading, Deno.errors.UnexpectedEof);
});

netTest("TLS passes on a reset as what it is", async () => {
  using both = await TlsPair.open();
  // Data that nobody reads makes the system reset the connection at its close.
  await writeAll(both.near, bytes("unread"));
  await both.far.handshake();
  const reading = both.near.read(new Uint8Array(9));
  both.raw.far.close();
  await rejects(reading, (error) => isDisconnect(error));
  await rejects(async () => {
    for (;;) await writeAll(both.near, new Uint8Array(65536));
  }, (error) => isDisconnect(error));
});

netTest("TLS reads no more than somebody asks for, and a write waits for that", async () => {
  using both = await TlsPair.open();
  let written = 0;
  const endless = (async () => {
    const block = new Uint8Array(256 * 1024);
    for (;;) written += await both.far.write(block);
  })();
  const stopped = rejects(endless, (error) => isDisconnect(error));
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What both systems keep for a connection is a few megabytes.
  ok(written < 32 * 1024 * 1024, `${written} bytes left without a reader`);
  await readExactly(both.near, before);
  closeQuietly(both.far);
  await stopped;
});

netTest("TLS fails what waits when it is closed", async () => {
  using both = await TlsPair.open();
  const reading = both.near.read(new Uint8Array(9));
  both.near.close();
  await rejects(reading, Deno.errors.BadResource);
  await rejects(both.near.write(bytes("x")), Deno.errors.BadResource);
  await rejects(both.near.read(new Uint8Array(9)), Deno.errors.BadResource);
  try {
    both.near.close();
    ok(false, "closed twice");
  } catch (error) {
    ok(error instanceof Deno.errors.BadResource);
  }
});

netTest("shakeHandsWithin() gives up on a peer that stalls", async () => {
  using both = await pair();
  const near = serve(both.near);
  await writeAll(both.far, Uint8Array.of(22, 3, 1, 2));
  await rejects(within(5000, "giving up", shakeHandsWithin(near, 50)), {
    name: "DeadlineError",
    message: "no TLS handshake came to its end within 0.05 s",
  });
  // Nothing is to be done for one without TLS.
  await shakeHandsWithin(both.far, 1);
});

netTest("TLS says that the peer hung up in the handshake", async () => {
  using both = await pair();
  const near = serve(both.near);
  await writeAll(both.far, Uint8Array.of(22, 3, 1, 2));
  await both.far.closeWrite();
  await rejects(near.handshake(), (error) => {
    ok(error instanceof Deno.errors.UnexpectedEof);
    match(error.message, /hung up in the TLS handshake/);
    return true;
  });
});

netTest("TLS survives whatever a peer may send", async () => {
  let seed = 20260101;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed % below;
  };
  const attempt = async (wrong: number, bit: number) => {
    using both = await pair();
    using relayed = await pair();
    const near = serve(relayed.near);
    const far = visit(both.far);
    const cut = () => {
      for (const conn of [near, far, relayed.far, both.near]) closeQuietly(conn);
    };
    // A length that is another one makes both wait for each other.
    const timer = setTimeout(cut, 500);
    // One bit of what the client sends is another one on its way.
    const pass = async (from: Conn, to: Conn, spoilt: number) => {
      const buffer = new Uint8Array(4096);
      for (let seen = 0;;) {
        const got = await from.read(buffer);
        if (got === null) return await to.closeWrite();
        if (spoilt >= seen && spoilt < seen + got) buffer[spoilt - seen]! ^= 1 << bit;
        seen += got;
        await writeAll(to, buffer.subarray(0, got));
      }
    };
    const relaying = Promise.all([
      pass(both.near, relayed.far, wrong).catch(cut),
      pass(relayed.far, both.near, Infinity).catch(cut),
    ]);
    const [served] = await Promise.allSettled([
      near.read(new Uint8Array(99)).finally(() => closeQuietly(near)),
      writeAll(far, bytes("hello")).then(() => far.closeWrite())
        .then(() => readAll(far)).finally(() => closeQuietly(far)),
    ]);
    clearTimeout(timer);
    cut();
    await relaying;
    if (served.status === "fulfilled") deepStrictEqual(served.value, 5);
    else ok(served.reason instanceof Error);
    return served.status;
  };
  const attempts = Array.from({ length: 100 }, () => attempt(random(600), random(8)));
  const ends = await within(15_000, "an end of all", Promise.all(attempts));
  ok(ends.includes("fulfilled") && ends.includes("rejected"));
});

netTest("PlainStream passes on what was looked at before the rest", async () => {
  using both = await pair();
  await writeAll(both.far, bytes("first"));
  const peek = new Peek(both.near);
  await peek.fill();
  const stream = new PlainStream(peek);
  const two = new Uint8Array(2);
  strictEqual(await stream.read(two), 2);
  deepStrictEqual(two, bytes("fi"));
  strictEqual(await stream.read(new Uint8Array(9)), 3);
  await writeAll(both.far, bytes("then"));
  strictEqual(await stream.read(new Uint8Array(9)), 4);
});
