import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { latin1, latin1Bytes, Peek } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { type App, Exchanges } from "./exchanges.ts";

const echo = async (request: Request) =>
  new Response(
    `${request.method} ${new URL(request.url).pathname} ${
      request.headers.get("cookie")
    } ${await request.text()}`,
  );

/** All that a peer is told who sends this, and leaves. */
async function told(
  text: string,
  app: (request: Request) => ReturnType<App> = echo,
  pieces = text.length,
): Promise<string> {
  const conn = new FakeConn();
  for (let at = 0; at < text.length; at += pieces) {
    conn.push(latin1Bytes(text.slice(at, at + pieces)));
  }
  conn.end();
  await new Exchanges(new Peek(conn), app).run();
  return latin1(conn.written);
}

/** The bodies of answers, each of known length. */
function bodies(said: string): string[] {
  const found: string[] = [];
  for (let rest = said; rest !== "";) {
    const length = Number(/^HTTP\/1\.1 [^]*?\r\ncontent-length: (\d+)\r\n/i.exec(rest)?.[1]);
    const start = rest.indexOf("\r\n\r\n") + 4;
    found.push(rest.slice(start, start + length));
    rest = rest.slice(start + length);
  }
  return found;
}

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");

Deno.test("Exchanges answer one request after another, however they come", async () => {
  const requests = head("GET /a?x=1", "Cookie: one=1") +
    head("POST /b", "Content-Length: 5") + "hello" +
    head("POST /c", "Transfer-Encoding: chunked") + "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nt: u\r\n\r\n" +
    "\r\n" + head("GET http://a/d");
  for (const pieces of [1, 2, 7, 1000]) {
    deepStrictEqual(bodies(await told(requests, echo, pieces)), [
      "GET /a one=1 ",
      "POST /b null hello",
      "POST /c null hello",
      "GET /d null ",
    ]);
  }
});

Deno.test("Exchanges end when the peer wants no more, or speaks an older HTTP", async () => {
  for (const request of [head("GET /", "Connection: close"), "GET / HTTP/1.0\r\n\r\n"]) {
    const said = await told(request + head("GET /again"));
    strictEqual(bodies(said).length, 1);
    match(said, /\r\nconnection: close\r\n/);
  }
  match(await told("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), /connection: keep-alive/);
});

Deno.test("Exchanges refuse what is ambiguous or too long, and nothing behind it is answered", async () => {
  const wrong: [string, number][] = [
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    [head("POST /", "Content-Length: 1", "Transfer-Encoding: chunked"), 400],
    [head("POST /", "Transfer-Encoding: chunked") + "x\r\n", 400],
    [head("TRACE /"), 400],
    [head("GET /", `X: ${"x".repeat(20_000)}`), 431],
    [head("POST /", "Content-Length: 40000") + "x".repeat(40_000), 413],
  ];
  for (const [request, status] of wrong) {
    const said = await told(request + head("GET /behind"));
    match(said, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n`));
    strictEqual(said.match(/HTTP\/1\.1 \d/g)?.length, 1);
  }
});

Deno.test("Exchanges tell who waits to go on", async () => {
  const conn = new FakeConn(
    latin1Bytes(head("POST /", "Content-Length: 2", "Expect: 100-continue")),
  );
  const running = new Exchanges(new Peek(conn), echo).run();
  const asked = Promise.withResolvers<void>();
  conn.onWrite = (bytes) => {
    if (latin1(bytes).startsWith("HTTP/1.1 100 ")) asked.resolve();
  };
  await asked.promise;
  conn.push(latin1Bytes("ok")).end();
  await running;
  match(latin1(conn.written), /POST \/ null ok$/);
});

Deno.test("Exchanges compress what is long, for who takes it", async () => {
  const text = "long ".repeat(1000);
  const app = () => Promise.resolve(new Response(text));
  const said = await told(head("GET /", "Accept-Encoding: br, gzip"), app);
  match(said, /\r\ncontent-encoding: gzip\r\n/);
  const [body] = bodies(said);
  const stream = new Blob([latin1Bytes(body!).slice()]).stream();
  strictEqual(await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text(), text);
  deepStrictEqual(bodies(await told(head("GET /"), app)), [text]);
});

Deno.test("Exchanges stream events, and cancel when the peer has left", async () => {
  const events = (cancelled: () => void) => () =>
    Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(latin1Bytes("data: 1\n\n")),
          cancel: cancelled,
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
    );
  for (const version of ["1.1", "1.0"]) {
    const gone = Promise.withResolvers<void>();
    const conn = new FakeConn(latin1Bytes(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`));
    conn.onWrite = (bytes) => {
      if (latin1(bytes).includes("data: 1")) conn.end();
    };
    await new Exchanges(new Peek(conn), events(gone.resolve)).run();
    await gone.promise;
    strictEqual(conn.closed, true);
    match(
      latin1(conn.written),
      version === "1.1" ? /chunked[^]*\r\n\r\n9\r\ndata: 1\n\n\r\n/ : /\r\n\r\ndata: 1\n\n$/,
    );
  }
});

Deno.test("Exchanges cut off who takes nothing of a stream that has failed", async () => {
  const conn = new FakeConn(latin1Bytes(head("GET /")));
  let fail = () => {};
  const app = () =>
    Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => fail = () => controller.error(new Error("too slow")),
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
    );
  conn.onWrite = () => fail();
  await rejects(new Exchanges(new Peek(conn), app).run(), /too slow/);
  strictEqual(conn.closed, true);
});

Deno.test("Exchanges that leave end between two requests, and say so in the last answer", async () => {
  const conn = new FakeConn(latin1Bytes(head("GET /")));
  const exchanges: Exchanges = new Exchanges(new Peek(conn), (request) => {
    exchanges.leave();
    return echo(request);
  });
  await exchanges.run();
  match(latin1(conn.written), /\r\nconnection: close\r\n/);
  const quiet = new FakeConn();
  const idle = new Exchanges(new Peek(quiet), echo);
  const running = idle.run();
  idle.leave();
  quiet.end();
  await running;
  deepStrictEqual([quiet.ended, quiet.writes.length], [true, 0]);
});
