import { match, strictEqual } from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { listenTcp } from "@agentx/common";
import { netTest, within } from "../../common/testdata/gate.ts";
import { CERT, KEY } from "../../common/tls/testdata/pem.ts";
import { listenTls } from "../tls/accept.ts";
import type { App } from "./exchanges.ts";
import { SecurePort } from "./secure.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 0 };
const LONG_MS = 60_000;
const EVENTS = { headers: { "content-type": "text/event-stream" } };

function open(app: App): SecurePort {
  const identity = { context: createSecureContext({ cert: CERT, key: KEY }) };
  return new SecurePort(listenTls(identity, "admin")(ADDRESS), app);
}

async function visit({ address: { port } }: SecurePort): Promise<Deno.TlsConn> {
  const conn = await Deno.connectTls({ hostname: "localhost", port, caCerts: [CERT] });
  await conn.handshake();
  return conn;
}

async function ask(conn: Deno.TlsConn, path = "/"): Promise<void> {
  await conn.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
}

/** What comes until it fits, or the end. */
async function hear(conn: Deno.Conn, fits: RegExp): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!fits.test(text)) {
    const got = await conn.read(buffer);
    if (got === null) return `${text}(end)`;
    text += new TextDecoder().decode(buffer.subarray(0, got));
  }
  return text;
}

/** Cut off, with or without a word of TLS. */
async function isEnded(conn: Deno.TlsConn): Promise<void> {
  const said = await within(10_000, "the end", hear(conn, /./).catch(() => "(end)"));
  strictEqual(said, "(end)");
}

const hello = () => Promise.resolve(new Response("hello"));

netTest("SecurePort cuts off who takes nothing of a stream that has grown too long", async () => {
  const over = Promise.withResolvers<void>();
  const port = open(() =>
    Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            // Far more than the system keeps for a peer.
            for (let piece = 0; piece < 64; piece++) controller.enqueue(new Uint8Array(1 << 20));
            setTimeout(() => {
              controller.error(new Error("the reader is too slow"));
              over.resolve();
            }, 50);
          },
        }),
        EVENTS,
      ),
    )
  );
  using conn = await visit(port);
  await ask(conn);
  await over.promise;
  const began = performance.now();
  // Nothing is under way any more, so there is nothing to wait for.
  await port.shutdown(LONG_MS);
  strictEqual(performance.now() - began < LONG_MS / 2, true);
});

netTest("SecurePort makes room by ending who has been quiet the longest", async () => {
  const port = open((request) =>
    request.url.endsWith("/events")
      ? Promise.resolve(
        new Response(
          new ReadableStream({
            start: (one) => one.enqueue(new TextEncoder().encode("data: 1\n\n")),
          }),
          EVENTS,
        ),
      )
      : hello()
  );
  using stack = new DisposableStack();
  const come = async () => stack.use(await visit(port));
  const stream = await come();
  await ask(stream, "/events");
  match(await hear(stream, /data: 1/), /chunked/);
  const [first, second] = [await come(), await come()];
  for (let others = 3; others < 256; others++) await come();
  await ask(first);
  await hear(first, /hello/);
  const late = await come();
  await ask(late);
  match(await hear(late, /hello/), /^HTTP\/1\.1 200 /);
  // It has said nothing for longer than the first, which has asked meanwhile.
  await isEnded(second);
  await ask(first);
  match(await hear(first, /hello/), /^HTTP\/1\.1 200 /);
  await port.shutdown(0);
});

netTest("SecurePort makes room where nobody takes what was answered", async () => {
  const page = "x".repeat(60_000);
  let asked = 0;
  const port = new SecurePort(listenTcp(ADDRESS), ({ url }) => {
    if (url.endsWith("/late")) return hello();
    asked++;
    return Promise.resolve(new Response(page));
  });
  using stack = new DisposableStack();
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  for (let nth = 0; nth < 256; nth++) {
    const conn = stack.use(await Deno.connect(port.address));
    await conn.write(new TextEncoder().encode(get("/").repeat(400)));
  }
  // Each has far more to come than the system keeps, so a moment comes when none goes on.
  for (let before = -1; before !== asked;) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const late = stack.use(await Deno.connect(port.address));
  await late.write(new TextEncoder().encode(get("/late")));
  match(await within(10_000, "an answer", hear(late, /hello|end/)), /^HTTP\/1\.1 200 /);
  await port.shutdown(0);
});

netTest(
  "SecurePort ends in order: quiet connections at once, others with their answers",
  async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const port = open(async () => {
      asked.resolve();
      await go.promise;
      return await hello();
    });
    using quiet = await visit(port);
    using busy = await visit(port);
    await ask(busy);
    await asked.promise;
    const ended = port.shutdown(LONG_MS);
    strictEqual(await hear(quiet, /./), "(end)");
    go.resolve();
    match(await hear(busy, /hello/), /connection: close/);
    strictEqual(await hear(busy, /./), "(end)");
    await ended;
  },
);

netTest("SecurePort waits for no answer longer than it may", async () => {
  const asked = Promise.withResolvers<void>();
  const port = open((_request) => {
    asked.resolve();
    return new Promise(() => {});
  });
  using conn = await visit(port);
  await ask(conn);
  await asked.promise;
  await port.shutdown(10);
  await isEnded(conn);
});
