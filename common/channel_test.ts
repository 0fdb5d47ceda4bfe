import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Channel, MAX_OUTBOX, MISSED_HEARTBEATS } from "./channel.ts";
import type { Command } from "./commands.ts";
import { DeadlineError, ProtocolError } from "./errors.ts";
import { decodeFrame, encodeFrame, encodeFrames, MAX_FRAME_BYTES } from "./frame.ts";
import { Peek } from "./peek.ts";
import { FakeConn, pair } from "./testdata/conn.ts";
import { netTest, within } from "./testdata/gate.ts";

/** The commands in some bytes. */
function commands(bytes: Uint8Array): Command[] {
  const found: Command[] = [];
  for (let at = 0; at < bytes.length;) {
    const { command, size } = decodeFrame(bytes.subarray(at))!;
    found.push(command);
    at += size;
  }
  return found;
}

const ask = (id: string): Command => ({ type: "RequestNewProxyConn", proxy_conn_id: id });

Deno.test("send() puts what is sent in one turn into one write, in order", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  channel.send(ask("1"), ask("2"));
  channel.send(ask("3"));
  strictEqual(conn.writes.length, 0);
  await channel.flushed();
  strictEqual(conn.writes.length, 1);
  deepStrictEqual(conn.writes[0], encodeFrames([ask("1"), ask("2"), ask("3")]));
});

Deno.test("flushed() waits for what was sent while a write was under way", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  conn.onWrite = () => {
    conn.onWrite = () => {};
    channel.send(ask("2"));
  };
  channel.send(ask("1"));
  await channel.flushed();
  deepStrictEqual(commands(conn.written), [ask("1"), ask("2")]);
  channel.send(ask("3"));
  await channel.flushed();
  strictEqual(conn.writes.length, 3);
});

Deno.test("flushed() resolves when the link is gone, which receive() then reports", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  conn.onWrite = () => {
    throw new Deno.errors.BrokenPipe("gone");
  };
  const received = channel.receive();
  channel.send(ask("1"));
  await channel.flushed();
  ok(conn.closed);
  strictEqual(await received, null);
});

Deno.test("send() of a frame too large ends the link instead of sending half of it", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  channel.send(ask("x".repeat(MAX_FRAME_BYTES)));
  await channel.flushed();
  ok(conn.closed);
  strictEqual(conn.writes.length, 0);
});

Deno.test("receive() answers pings on the way, repeating their number, and drops pongs", async () => {
  const conn = new FakeConn(
    encodeFrames([
      { type: "Ping", t: 42 },
      { type: "Pong", t: 1 },
      { type: "Ping" },
      ask("1"),
    ]),
  );
  using channel = new Channel(new Peek(conn));
  deepStrictEqual(await channel.receive(), ask("1"));
  await channel.flushed();
  deepStrictEqual(commands(conn.written), [{ type: "Pong", t: 42 }, { type: "Pong" }]);
});

/** A connection whose peer reads nothing: writes wait until it is closed. */
class Unread extends FakeConn {
  #closed = Promise.withResolvers<number>();

  override write(): Promise<number> {
    return this.#closed.promise;
  }

  override close(): void {
    super.close();
    this.#closed.reject(new Deno.errors.BadResource("the connection is closed"));
  }
}

Deno.test("a peer that pings without end and reads nothing is cut off", async () => {
  const ping = encodeFrame({ type: "Ping" });
  const flood = new Uint8Array(ping.length * (MAX_OUTBOX + 100));
  for (let at = 0; at < flood.length; at += ping.length) flood.set(ping, at);
  const conn = new Unread(flood);
  using channel = new Channel(new Peek(conn));
  await rejects(within(5000, "the end of the link", channel.receive()), ProtocolError);
  ok(conn.closed);
});

Deno.test("end() closes once the last words have left", async () => {
  const conn = new FakeConn();
  const channel = new Channel(new Peek(conn));
  channel.send(ask("1"));
  await channel.end();
  deepStrictEqual(commands(conn.written), [ask("1")]);
  ok(conn.closed);
});

Deno.test("end() does not wait for a peer that reads nothing", async () => {
  const conn = new Unread();
  const channel = new Channel(new Peek(conn));
  channel.send(ask("1"));
  await within(5000, "the end of the link", channel.end());
  ok(conn.closed);
});

Deno.test("receive() is null at the end of the link, however it came", async () => {
  const { ConnectionReset, BadResource } = Deno.errors;
  using ended = new Channel(new Peek(new FakeConn().end()));
  strictEqual(await ended.receive(), null);
  for (const kind of [ConnectionReset, BadResource]) {
    using broken = new Channel(new Peek(new FakeConn().fail(new kind("gone"))));
    strictEqual(await broken.receive(), null);
  }
});

Deno.test("close() while receive() is pending makes it return", async () => {
  const conn = new FakeConn();
  const channel = new Channel(new Peek(conn));
  const received = channel.receive();
  channel.close();
  channel.close();
  strictEqual(await within(5000, "the end of receive()", received), null);
});

Deno.test("receive() throws on a bad frame", async () => {
  using channel = new Channel(new Peek(new FakeConn(Uint8Array.of(0, 0, 0, 0))));
  await rejects(channel.receive(), ProtocolError);
});

Deno.test("heartbeat() ends a link that stays silent for three intervals, and not before", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  const interval = 20;
  const since = performance.now();
  channel.heartbeat(interval / 1000);
  await rejects(
    within(5000, "the end of a dead link", channel.receive()),
    (error) => error instanceof DeadlineError && /nothing heard/.test(error.message),
  );
  ok(performance.now() - since > interval * MISSED_HEARTBEATS * 0.98);
  ok(conn.closed);
  ok(commands(conn.written).every(({ type }) => type === "Ping"));
});

/** A clock of the test's own under the heartbeat: a busy machine must not look like a dead link. */
class Clock implements Disposable {
  #now = 0;
  #beat: (() => void) | undefined;
  #interval = 0;
  readonly #real = { setInterval, clearInterval, now: performance.now };

  constructor() {
    globalThis.setInterval = ((run: () => void, ms: number) => {
      this.#beat = run;
      this.#interval = ms;
    }) as unknown as typeof setInterval;
    globalThis.clearInterval = () => this.#beat = undefined;
    performance.now = () => this.#now;
  }

  /** So many intervals pass at once, and what their end started is done. */
  async tick(count = 1): Promise<void> {
    this.#now += this.#interval * count;
    this.#beat?.();
    await new Promise((resolve) => setTimeout(resolve));
  }

  [Symbol.dispose](): void {
    globalThis.setInterval = this.#real.setInterval;
    globalThis.clearInterval = this.#real.clearInterval;
    performance.now = this.#real.now;
  }
}

Deno.test("heartbeat() goes on while the peer answers", async () => {
  using clock = new Clock();
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  conn.onWrite = (bytes) => {
    for (const command of commands(bytes)) {
      ok(command.type === "Ping" && typeof command.t === "number");
      conn.push(encodeFrame({ type: "Pong", t: command.t }));
    }
  };
  channel.heartbeat(15);
  const received = channel.receive();
  const beats = 4 * MISSED_HEARTBEATS;
  for (let i = 0; i < beats; i++) await clock.tick();
  ok(!conn.closed);
  strictEqual(conn.writes.length, beats);
  conn.end();
  strictEqual(await received, null);
});

Deno.test("heartbeat() takes any command for a sign of life", async () => {
  using clock = new Clock();
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  channel.heartbeat(15);
  for (let i = 0; i < 4 * MISSED_HEARTBEATS; i++) {
    conn.push(encodeFrame(ask(String(i))));
    deepStrictEqual(await channel.receive(), ask(String(i)));
    await clock.tick();
  }
  ok(!conn.closed);
});

Deno.test("heartbeat() ends a link at three intervals of silence, not at the next beat", async () => {
  using clock = new Clock();
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  channel.heartbeat(15);
  const ended = rejects(channel.receive(), DeadlineError);
  for (let i = 1; i < MISSED_HEARTBEATS; i++) await clock.tick();
  ok(!conn.closed);
  await clock.tick();
  ok(conn.closed);
  await ended;
});

Deno.test("heartbeat() reads what came while its own program was stopped", async () => {
  using clock = new Clock();
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  channel.heartbeat(15);
  const received = channel.receive();
  conn.push(encodeFrame({ type: "Ping" }));
  await clock.tick(10);
  ok(!conn.closed);
  conn.end();
  strictEqual(await received, null);
});

netTest("two channels keep each other alive over a real connection", async () => {
  using ends = await pair();
  using near = new Channel(new Peek(ends.near));
  using far = new Channel(new Peek(ends.far));
  let heard = 0;
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const write = ends.near.write.bind(ends.near);
  ends.near.write = (bytes: Uint8Array) => {
    if (++heard > 3 * MISSED_HEARTBEATS) resolve(); // a ping and a pong each time
    return write(bytes);
  };
  near.heartbeat(0.2);
  far.heartbeat(0.2);
  const received = Promise.all([near.receive(), far.receive()]);
  await within(20_000, "ten heartbeats", enough);
  near.send(ask("still here"));
  near.close();
  deepStrictEqual(await received, [null, null]);
});

Deno.test("answers() tells a peer that is there from one that is silent", async () => {
  const conn = new FakeConn();
  using channel = new Channel(new Peek(conn));
  const received = channel.receive();
  const silent = channel.answers(1);
  strictEqual(await silent, false);
  conn.onWrite = () => conn.push(encodeFrame({ type: "Pong" }));
  strictEqual(await channel.answers(10_000), true, "and does not wait for long");
  conn.onWrite = () => {};
  const ended = channel.answers(10_000);
  conn.end();
  strictEqual(await ended, undefined, "a link that ends says nothing of the peer");
  strictEqual(await received, null);
  strictEqual(await channel.answers(10_000), undefined);
});
