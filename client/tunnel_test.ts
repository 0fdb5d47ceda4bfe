import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type Address,
  type Command,
  decodeFrame,
  type Dial,
  encodeFrame,
  encodeFrames,
} from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { within } from "../common/testdata/gate.ts";
import { serveTunnel, type TunnelKind } from "./tunnel.ts";

const PROXY: Address = { hostname: "server.example", port: 17002 };
const LOCAL: Address = { hostname: "127.0.0.1", port: 3000 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One tunnel under test: the server's end, the service's end, and who was dialled. */
class Bench {
  readonly server = new FakeConn();
  readonly service = new FakeConn();
  readonly dialled: Address[] = [];
  readonly idle = new AbortController();
  readonly now = new AbortController();
  /** What dialling the service comes to. */
  reach: () => Promise<FakeConn> = () => Promise.resolve(this.service);
  ended: Promise<void> = Promise.resolve();

  start(kind: TunnelKind): this {
    const dial: Dial = (address) => {
      this.dialled.push(address);
      return address === PROXY ? Promise.resolve(this.server) : this.reach();
    };
    const options = { proxy: PROXY, local: LOCAL, clientId: "my-service", kind, dial };
    const signals = { idle: this.idle.signal, now: this.now.signal };
    this.ended = within(5000, "the end of the tunnel", serveTunnel("cafe", options, signals));
    return this;
  }

  /** Waits until something holds; every step of a fake connection is a turn or two. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 1000) throw new Error(`${what}: not within 1000 turns`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** What the server got behind the greeting: commands in front, and what follows them. */
  answer(commands: number): { commands: Command[]; rest: string } {
    let bytes = this.server.written.subarray(HELLO.length);
    const found: Command[] = [];
    for (let i = 0; i < commands; i++) {
      const { command, size } = decodeFrame(bytes)!;
      found.push(command);
      bytes = bytes.subarray(size);
    }
    return { commands: found, rest: decoder.decode(bytes) };
  }
}

const HELLO = encodeFrame({
  type: "NewProxyConn",
  proxy_conn_id: "cafe",
  client_id: "my-service",
});
const START: Command = { type: "StartProxy", visitor: "192.0.2.7:5", protocol: "http" };

for (const kind of ["raw", "started", "reusable"] as const) {
  Deno.test(`a ${kind} tunnel says whose it is, and reaches for no service before a visitor`, async () => {
    const bench = new Bench().start(kind);
    await bench.until("the greeting", () => bench.server.writes.length > 0);
    deepStrictEqual(bench.server.writes, [HELLO]);
    deepStrictEqual(bench.dialled, [PROXY]);
    bench.server.end();
    await bench.ended;
    ok(bench.server.closed);
    deepStrictEqual(bench.dialled, [PROXY]);
  });

  Deno.test(`a ${kind} tunnel that waits ends with its link`, async () => {
    const bench = new Bench().start(kind);
    await bench.until("the greeting", () => bench.server.writes.length > 0);
    bench.idle.abort();
    await bench.ended;
    ok(bench.server.closed);
  });

  Deno.test(`a ${kind} tunnel whose link is gone already is not kept`, async () => {
    const bench = new Bench();
    bench.idle.abort();
    bench.start(kind);
    await bench.ended;
    ok(bench.server.closed);
  });
}

Deno.test("a tunnel joins the visitor to the service, both ways, to both ends", async () => {
  const bench = new Bench().start("started");
  bench.server.push(encodeFrames([START], encoder.encode("GET / HTTP/1.1\r\n\r\n")));
  await bench.until("the request", () => bench.service.writes.length > 0);
  strictEqual(decoder.decode(bench.service.written), "GET / HTTP/1.1\r\n\r\n");
  bench.service.push(encoder.encode("HTTP/1.1 200 OK\r\n\r\n")).end();
  await bench.until("the end of the answer", () => bench.server.ended);
  bench.server.end();
  await bench.ended;
  deepStrictEqual(bench.answer(1), {
    commands: [{ type: "ProxyStarted", success: true }],
    rest: "HTTP/1.1 200 OK\r\n\r\n",
  });
  deepStrictEqual(bench.dialled, [PROXY, LOCAL]);
  ok(bench.server.closed && bench.service.closed);
});

Deno.test("a tunnel to a first generation server starts with the visitor's first byte", async () => {
  const bench = new Bench().start("raw");
  bench.server.push(encoder.encode("G"));
  await bench.until("the first byte", () => bench.service.writes.length > 0);
  bench.server.push(encoder.encode("ET /")).end();
  await bench.until("the end of the request", () => bench.service.ended);
  ok(!bench.service.closed, "the answer is still to come");
  bench.service.push(encoder.encode("200")).end();
  await bench.ended;
  strictEqual(decoder.decode(bench.service.written), "GET /");
  deepStrictEqual(bench.answer(0), { commands: [], rest: "200" });
  ok(bench.server.closed && bench.service.closed);
});

Deno.test("a tunnel tells the server why the service cannot be reached", async () => {
  for (const kind of ["started", "reusable"] as const) {
    const bench = new Bench();
    bench.reach = () =>
      Promise.reject(new Deno.errors.ConnectionRefused("Connection refused (os error 111)"));
    bench.start(kind);
    bench.server.push(encodeFrame(START));
    await bench.ended;
    const { commands: [answer], rest } = bench.answer(1);
    ok(answer?.type === "ProxyStarted" && !answer.success);
    strictEqual(answer.error, "local service 127.0.0.1:3000: Connection refused");
    strictEqual(rest, "");
    ok(bench.server.closed);
  }
});

Deno.test("a tunnel says nothing to a first generation server when the service is down", async () => {
  const bench = new Bench();
  bench.reach = () => Promise.reject(new Deno.errors.ConnectionRefused("no"));
  bench.start("raw");
  bench.server.push(encoder.encode("GET /"));
  await bench.ended;
  deepStrictEqual(bench.server.writes, [HELLO]);
  ok(bench.server.closed);
});

Deno.test("a tunnel that breaks while the service is dialled leaves no connection to it", async () => {
  for (const kind of ["raw", "started", "reusable"] as const) {
    const bench = new Bench();
    const dialling = Promise.withResolvers<FakeConn>();
    bench.reach = () => dialling.promise;
    bench.start(kind);
    bench.server.push(kind === "raw" ? encoder.encode("x") : encodeFrame(START));
    await bench.until("the dial", () => bench.dialled.length === 2);
    bench.server.onWrite = () => {
      throw new Deno.errors.BrokenPipe("gone");
    };
    bench.server.fail(new Deno.errors.ConnectionReset("gone"));
    dialling.resolve(bench.service);
    await bench.ended;
    ok(bench.service.closed, kind);
    ok(bench.server.closed, kind);
  }
});

Deno.test("a tunnel ends in the middle of a visitor when it must", async () => {
  for (const kind of ["raw", "started", "reusable"] as const) {
    const bench = new Bench().start(kind);
    bench.server.push(kind === "raw" ? encoder.encode("x") : encodeFrame(START));
    await bench.until("the dial", () => bench.dialled.length === 2);
    bench.idle.abort(); // the link went: the visitor stays
    await new Promise((resolve) => setTimeout(resolve));
    ok(!bench.server.closed, kind);
    bench.now.abort();
    await bench.ended;
    ok(bench.server.closed && bench.service.closed, kind);
  }
});

Deno.test("a tunnel on which the server says something else is closed", async () => {
  for (
    const bytes of [
      encodeFrame({ type: "Ping" }),
      encodeFrame({ type: "Register", client_id: "a" }),
      encoder.encode("GET / HTTP/1.1\r\n\r\n"),
      new Uint8Array(8),
    ]
  ) {
    const bench = new Bench().start("started");
    bench.server.push(bytes);
    await bench.ended;
    ok(bench.server.closed);
    deepStrictEqual(bench.dialled, [PROXY]);
  }
});

Deno.test("serveTunnel() returns when the server cannot be dialled", async () => {
  const dial: Dial = () => Promise.reject(new Deno.errors.ConnectionRefused("no"));
  const options = { proxy: PROXY, local: LOCAL, clientId: "a", kind: "started" as const, dial };
  const never = new AbortController().signal;
  strictEqual(await serveTunnel("cafe", options, { idle: never, now: never }), undefined);
});

/** Runs a tunnel to servers of the test's choice, one for each dial; undefined is nobody there. */
async function tries(
  servers: readonly (FakeConn | undefined)[],
  shared: boolean,
  idle: AbortSignal = new AbortController().signal,
): Promise<number> {
  let dials = 0;
  const dial: Dial = (address) => {
    if (address !== PROXY) return Promise.resolve(new FakeConn().end());
    const conn = servers[Math.min(dials++, servers.length - 1)];
    return conn === undefined
      ? Promise.reject(new Deno.errors.ConnectionRefused("nobody there"))
      : Promise.resolve(conn);
  };
  const options = {
    proxy: PROXY,
    local: LOCAL,
    clientId: "my-service",
    kind: "started",
    dial,
  } as const;
  const signals = { idle, now: new AbortController().signal };
  await within(10_000, "the end of a tunnel", serveTunnel("cafe", { ...options, shared }, signals));
  return dials;
}

Deno.test("a tunnel that reached the wrong one of two servers is opened again, by the same words", async () => {
  const wrong = [new FakeConn().end(), undefined, new FakeConn().end()];
  const right = new FakeConn();
  right.push(encodeFrame(START)).end();
  strictEqual(await tries([...wrong, right], true), 4);
  for (const conn of [wrong[0]!, wrong[2]!, right]) deepStrictEqual(conn.writes[0], HELLO);
});

Deno.test("a tunnel that nobody wants is opened so often and no more, or but once", async () => {
  strictEqual(await tries([new FakeConn().end()], true), 20);
  strictEqual(await tries([undefined], true), 20);
  strictEqual(await tries([new FakeConn().end()], false), 1);
  strictEqual(await tries([undefined], false), 1);
  const idle = new AbortController();
  const wrong = new FakeConn().end();
  wrong.onWrite = () => idle.abort();
  strictEqual(await tries([wrong], true, idle.signal), 1);
});
