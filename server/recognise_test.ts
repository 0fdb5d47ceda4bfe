import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { Greetings } from "./greetings.ts";
import { recognise, type RecogniseOptions } from "./recognise.ts";
import { Registry } from "./registry.ts";
import { Router } from "./router.ts";
import type { Greeting, Match, Sniffer, Verdict } from "./sniff/mod.ts";
import { OPENSSL } from "./sniff/testdata/hellos.ts";
import { Visitor } from "./visitor.ts";

/** In milliseconds: what is awaited is soon, and what is not never comes. */
const SOON = 20;
const NEVER = 60_000;

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };

const encoder = new TextEncoder();

interface Scene {
  /** What the client's service speaks, if that speaks first. */
  service?: string;
  /** Whether visitors without a token go to that client. */
  isDefault?: boolean;
  /** How a silent visitor is greeted; not at all if absent. */
  greeting?: Greeting;
  times?: Partial<RecogniseOptions>;
  /** Whether a browser is about. */
  browser?: boolean;
}

class StagedGreetings extends Greetings {
  words: Greeting | undefined;
  browser = false;

  override mayBeBrowser(): boolean {
    return this.browser;
  }

  override greet(): Greeting | undefined {
    return this.words;
  }

  override get fallbackSpeaksFirst(): boolean {
    return this.words === undefined && super.fallbackSpeaksFirst;
  }
}

/** A visitor that is to be recognised. */
function open({ service, isDefault, greeting, times, browser = false }: Scene = {}) {
  const registry = new Registry(POOL, "replace");
  registry.register(
    {
      type: "Register",
      client_id: "app",
      version: 2,
      ...(service === undefined ? {} : { service }),
    },
    "#",
    new Channel(new Peek(new FakeConn())),
  );
  const defaultClient = isDefault ? "app" : undefined;
  const greetings = new StagedGreetings(registry, defaultClient);
  const router = Object.assign(new Router(registry, { maxVisitors: 0, defaultClient }), {
    greetings,
  });
  greetings.words = greeting;
  greetings.browser = browser;
  const conn = new FakeConn();
  const visitor = new Visitor(conn, { hostname: "192.0.2.7", port: 5 }, false);
  const found = recognise(visitor, router, {
    headTimeout: NEVER,
    serverFirstWait: NEVER,
    ...times,
  });
  return { conn, visitor, found };
}

const said = (conn: FakeConn) => new TextDecoder().decode(conn.written);

/** The match for a visitor that nothing is known of. */
const UNKNOWN: Match = { kind: "raw", protocol: "raw", to: undefined, size: 0 };

/** Is spoken after a greeting: `?` asks and is answered, `!` is wrong, `.` is right, the rest unknown. */
const sniffMarks: Sniffer = (bytes): Verdict => {
  if (bytes.length === 0) return { kind: "more" };
  const mark = String.fromCharCode(bytes[0]!);
  if (mark === "?") return { kind: "reply", reply: encoder.encode("yes "), size: 1 };
  if (mark === "!") {
    return { kind: "reject", protocol: "marks", why: "a mark", reply: encoder.encode("no!") };
  }
  return mark === "." ? { ...UNKNOWN, protocol: "marks", size: 1 } : { kind: "no" };
};

const GREETING: Greeting = { bytes: encoder.encode("hello "), sniff: sniffMarks };
const GREETS: Scene = {
  service: "marks",
  greeting: GREETING,
  times: { serverFirstWait: SOON },
};

/** A visitor that waited until it was greeted. */
async function greeted(scene: Scene = GREETS) {
  const opened = open(scene);
  const { promise, resolve } = Promise.withResolvers<void>();
  opened.conn.onWrite = () => resolve();
  await promise;
  opened.conn.onWrite = () => {};
  return opened;
}

Deno.test("recognise() waits until the bytes tell, and consumes none", async () => {
  const { conn, visitor, found } = open();
  conn.push(encoder.encode("GE"), encoder.encode("T / HTTP/1.1\r\n"));
  deepStrictEqual(await found, { kind: "http" });
  strictEqual(visitor.peek.size, "GET / HTTP/1.1\r\n".length);
  strictEqual(conn.written.length, 0);
});

Deno.test("recognise() says how a visitor left that nobody recognised", async () => {
  const mute = open();
  mute.conn.end();
  strictEqual(await mute.found, "left without a word");
  const brief = open();
  brief.conn.push(encoder.encode("GE")).end();
  strictEqual(await brief.found, "left unrecognised");
  const strange = open();
  strange.conn.push(encoder.encode("\x01"));
  strictEqual(await strange.found, "protocol not recognised");
  const late = open({ times: { headTimeout: SOON } });
  strictEqual(await late.found, "stayed silent");
  for (const { conn } of [mute, brief, strange, late]) strictEqual(conn.written.length, 0);
});

Deno.test("with a default client there is one for unknown bytes, and for silence", async () => {
  const strange = open({ isDefault: true });
  strange.conn.push(encoder.encode("\x01\x02"));
  deepStrictEqual(await strange.found, { ...UNKNOWN, size: 2 });
  const silent = open({ isDefault: true, times: { headTimeout: SOON } });
  deepStrictEqual(await silent.found, UNKNOWN);
});

Deno.test("a service that speaks first gets a silent visitor soon, if it is the default one", async () => {
  const times = { serverFirstWait: SOON };
  deepStrictEqual(await open({ service: "smtp", isDefault: true, times }).found, UNKNOWN);
  // Neither without such a service, nor without a default client, nor with 0 is that so.
  const late = { serverFirstWait: SOON, headTimeout: 3 * SOON };
  strictEqual(await open({ service: "smtp", times: late }).found, "stayed silent");
  for (
    const scene of [
      { isDefault: true, times: late },
      { service: "smtp", isDefault: true, times: { ...late, serverFirstWait: 0 } },
    ]
  ) {
    const start = performance.now();
    deepStrictEqual(await open(scene).found, UNKNOWN);
    ok(performance.now() - start >= 3 * SOON - 1);
  }
});

Deno.test("half a request is answered when its time is up, half of anything else is cut off", async () => {
  const times = { headTimeout: SOON };
  const request = open({ isDefault: true, times });
  request.conn.push(encoder.encode("GET")).end();
  // The end of it is not the end of its time.
  strictEqual(await request.found, "left unrecognised");
  const slow = open({ isDefault: true, times });
  slow.conn.push(encoder.encode("GET"));
  slow.conn.onWrite = () => slow.conn.end();
  strictEqual(await slow.found, "refused 408");
  ok(said(slow.conn).startsWith("HTTP/1.1 408 "));
  const hello = open({ times });
  hello.conn.push(OPENSSL.subarray(0, 100));
  strictEqual(await hello.found, "too slow");
  strictEqual(hello.conn.written.length, 0);
});

Deno.test("a default client gets what never became anything known", async () => {
  const { conn, found } = open({ isDefault: true, times: { headTimeout: SOON } });
  conn.push(encoder.encode("\0"));
  deepStrictEqual(await found, { ...UNKNOWN, size: 1 });
  strictEqual(conn.written.length, 0);
});

Deno.test("a visitor in the middle of its first bytes is not greeted", async () => {
  const { conn, found } = open({
    ...GREETS,
    times: { serverFirstWait: SOON, headTimeout: 3 * SOON },
  });
  conn.push(OPENSSL.subarray(0, 100));
  strictEqual(await found, "too slow");
  strictEqual(conn.written.length, 0);
});

Deno.test("a broken hello is to be answered with an alert", async () => {
  const { conn, found } = open();
  conn.push(Uint8Array.of(22, 3, 1, 64, 0, 1, 255, 255, 255)).end();
  const { kind, why, reply } = await found as Extract<Verdict, { kind: "reject" }>;
  strictEqual(kind, "reject");
  strictEqual(why, "ClientHello: it is longer than 64 KiB");
  deepStrictEqual([...reply], [21, 3, 3, 0, 2, 2, 50]);
});

Deno.test("a silent visitor is greeted, and its answer is understood in those terms", async () => {
  const { conn, visitor, found } = await greeted();
  conn.push(encoder.encode(". and more"));
  deepStrictEqual(await found, { ...UNKNOWN, protocol: "marks", size: 1 });
  strictEqual(visitor.peek.size, ". and more".length);
  strictEqual(said(conn), "hello ");
});

Deno.test("a silent visitor that may be a browser's is not greeted", async () => {
  const times = { serverFirstWait: SOON, headTimeout: 3 * SOON };
  const { conn, found } = open({ ...GREETS, browser: true, times });
  strictEqual(await found, "stayed silent");
  strictEqual(conn.written.length, 0);
});

Deno.test("what a visitor said while the program was held up counts before its time is up", async () => {
  const { conn, found } = open(GREETS);
  // When the program goes on, its timers are due first, and then what came meanwhile is read.
  setTimeout(() => conn.push(encoder.encode("GET / HTTP/1.1\r\n")), SOON + 1);
  for (const start = performance.now(); performance.now() - start < 3 * SOON;) { /* held up */ }
  deepStrictEqual(await found, { kind: "http" });
  strictEqual(conn.written.length, 0);
});

Deno.test("a greeted visitor that goes on with another protocol is not served", async () => {
  const { conn, found } = await greeted({ ...GREETS, isDefault: true });
  conn.push(encoder.encode("GET / HTTP/1.1\r\n"));
  strictEqual(await found, "protocol not recognised");
});

Deno.test("a greeted visitor is cut off when its time is up", async () => {
  const { conn, found } = await greeted({
    ...GREETS,
    times: { serverFirstWait: SOON, headTimeout: 3 * SOON },
  });
  match(String(await found), /too slow$/);
  strictEqual(said(conn), "hello ");
});

Deno.test("a visitor that nobody greets stays until its time is up", async () => {
  const times = { serverFirstWait: SOON, headTimeout: 3 * SOON };
  const { conn, found } = open({ service: "marks", times });
  strictEqual(await found, "stayed silent");
  strictEqual(conn.written.length, 0);
});

Deno.test("questions are answered, in one piece or several, and only so many", async () => {
  const some = await greeted();
  some.conn.push(encoder.encode("??"), encoder.encode("?.end"));
  deepStrictEqual(await some.found, { ...UNKNOWN, protocol: "marks", size: 1 });
  strictEqual(said(some.conn), "hello yes yes yes ");
  strictEqual(some.visitor.peek.size, ".end".length);
  const one = await greeted();
  one.conn.push(encoder.encode("?".repeat(100)));
  strictEqual(await one.found, "asked too often");
  const many = await greeted();
  many.conn.push(...Array.from({ length: 100 }, () => encoder.encode("?")));
  strictEqual(await many.found, "asked too often");
  for (const { conn } of [one, many]) strictEqual(said(conn), "hello yes yes yes yes ");
});

Deno.test("whoever asks and then stays silent is cut off, and one that is wrong is known", async () => {
  const times = { serverFirstWait: SOON, headTimeout: 3 * SOON };
  const silent = await greeted({ ...GREETS, times });
  silent.conn.push(encoder.encode("?"));
  match(String(await silent.found), /too slow$/);
  strictEqual(said(silent.conn), "hello yes ");
  const wrong = await greeted();
  wrong.conn.push(encoder.encode("?!")).end();
  const found = await wrong.found as Extract<Verdict, { kind: "reject" }>;
  strictEqual(new TextDecoder().decode(found.reply), "no!");
  strictEqual(said(wrong.conn), "hello yes ");
});
