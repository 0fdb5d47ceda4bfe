import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Listener, Peek, PlainDuplex } from "@agentx/common";
import { configure, type LogRecord, reset } from "@std/log";
import { FakeConn } from "../../common/testdata/conn.ts";
import { within } from "../../common/testdata/gate.ts";
import { type Reach, serveLocal } from "./listen.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A local port without a socket, and its log. */
class Bench implements AsyncDisposable {
  readonly stop = new AbortController();
  readonly log: LogRecord[] = [];
  #given: (FakeConn | Error)[] = [];
  #wake: () => void = () => {};
  #ended: Promise<void> = Promise.resolve();

  async start(reach: Reach): Promise<this> {
    await configure({
      sinks: { here: (record) => this.log.push(record) },
      loggers: [
        { category: ["arpc"], sinks: ["here"], lowestLevel: "trace" },
        { category: ["logtape", "meta"], sinks: [] },
      ],
      reset: true,
    });
    const listener: Listener = {
      accept: async () => {
        while (this.#given.length === 0) await new Promise<void>((wake) => this.#wake = wake);
        const given = this.#given.shift()!;
        if (given instanceof Error) throw given;
        return given;
      },
      close: () => this.give(new Deno.errors.BadResource("closed")),
      address: { hostname: "127.0.0.1", port: 1 },
    };
    this.#ended = serveLocal(listener, reach, this.stop.signal);
    return this;
  }

  /** A visitor comes, or the listener fails. */
  give(what: FakeConn | Error): void {
    this.#given.push(what);
    this.#wake();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 1000) throw new Error(`${what}: not within 1000 turns`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  messages(): unknown[] {
    return this.log.map(({ level, rawMessage }) => `${level}: ${rawMessage}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await within(5000, "the end", this.#ended);
    await reset();
  }
}

Deno.test("serveLocal() gives each connection one of its own", async () => {
  const services: FakeConn[] = [];
  await using bench = await new Bench().start(() => {
    const service = new FakeConn(bytes(`hello ${services.length}`)).end();
    services.push(service);
    return Promise.resolve(new PlainDuplex(new Peek(service)));
  });
  const visitors = [0, 1].map((nth) => new FakeConn(bytes(`visitor ${nth}`)).end());
  for (const visitor of visitors) {
    bench.give(visitor);
    await bench.until("the end of a visitor", () => visitor.closed);
  }
  const text = (conn: FakeConn | undefined) => new TextDecoder().decode(conn?.written);
  deepStrictEqual(visitors.map(text), ["hello 0", "hello 1"]);
  deepStrictEqual(services.map(text), ["visitor 0", "visitor 1"]);
  ok(services.every(({ closed }) => closed));
  deepStrictEqual(bench.messages(), ["info: Connection ended", "info: Connection ended"]);
});

Deno.test("serveLocal() survives a visitor who is refused, and one it cannot accept", async () => {
  let tries = 0;
  await using bench = await new Bench().start(() => {
    if (++tries === 1) return Promise.reject(new Error("Refused by the server"));
    return Promise.resolve(new PlainDuplex(new Peek(new FakeConn().end())));
  });
  const [first, second] = [new FakeConn(), new FakeConn().end()];
  bench.give(first);
  await bench.until("the first closed", () => first.closed);
  bench.give(new Error("Too many open files (os error 24)"));
  await bench.until("a warning", () => bench.log.length === 2);
  bench.give(second);
  await bench.until("the second served", () => second.closed);
  deepStrictEqual(bench.messages(), [
    "warning: Connection failed",
    "warning: Cannot accept a connection",
    "info: Connection ended",
  ]);
  strictEqual(bench.log[0]?.properties.why, "Refused by the server");
});

Deno.test("serveLocal() gives up the way to a service when its visitor was reset", async () => {
  const gave = Promise.withResolvers<unknown>();
  await using bench = await new Bench().start((signal) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        gave.resolve(signal.reason);
        reject(signal.reason);
      });
    })
  );
  // An end of its stream is none of its interest.
  const patient = new FakeConn(bytes("request")).end();
  bench.give(patient);
  const gone = new FakeConn().fail(new Deno.errors.ConnectionReset("reset"));
  bench.give(gone);
  ok(await within(5000, "giving up", gave.promise) instanceof Deno.errors.ConnectionReset);
  await bench.until("its end", () => gone.closed);
  ok(!patient.closed);
});

Deno.test("serveLocal() ends everything when told to", async () => {
  const service = new FakeConn();
  let reached = 0;
  const bench = await new Bench().start((signal) => {
    if (++reached === 1) return Promise.resolve(new PlainDuplex(new Peek(service)));
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const [served, waiting] = [new FakeConn(), new FakeConn()];
  bench.give(served);
  bench.give(waiting);
  await bench.until("both", () => reached === 2);
  await bench[Symbol.asyncDispose]();
  ok(served.closed && waiting.closed && service.closed);
});
