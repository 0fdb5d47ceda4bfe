import { deepEqual, equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, startClient, WHOLE_PROGRAM, within } from "./helpers.ts";
import { field, get, type Message, post, status, type Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { RawClient } from "./raw_peers.ts";
import { RawService, Recorder, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const HTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
const JSON_ONLY = "Accept: application/json";

/** What every answer of the server itself has. */
function ours(response: Message): void {
  match(field(response, "x-request-id") ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  equal(field(response, "cache-control"), "no-store");
  equal(field(response, "x-content-type-options"), "nosniff");
  ok(Date.parse(field(response, "date") ?? "") > 0);
}

peerTest({ name: "answers: what the server cannot read is refused", permissions }, async (t) => {
  const step = stepsOf(t);
  await using service = new Recorder("A");
  await using site = await Site.start({ a: service.port });
  const HEAD = "POST /?token=a HTTP/1.1\r\nHost: test\r\n";
  const SECOND = get("/second?token=a");
  const BAD: Record<string, string> = {
    "both lengths": HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two different lengths": HEAD + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "two equal lengths": HEAD + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": HEAD + "Content-Length: 0, 0\r\n\r\n",
    "a signed length": HEAD + "Content-Length: +0\r\n\r\n",
    "a length in hexadecimal": HEAD + "Content-Length: 0x0\r\n\r\n",
    "a length of a mile": HEAD + `Content-Length: ${"9".repeat(20)}\r\n\r\n`,
    "a coding in front of chunked": HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding behind chunked": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD +
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an odd chunked": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": HEAD.replace("1.1", "1.0") +
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare LF": "GET /?token=a HTTP/1.1\r\nHost: test\nX: y\r\n\r\n",
    "bare LFs only": "GET /?token=a HTTP/1.1\nHost: test\n\n",
    "a bare CR": "GET /?token=a HTTP/1.1\r\nHost: test\rX: y\r\n\r\n",
    "a NUL in a header": "GET /?token=a HTTP/1.1\r\nHost: te\0st\r\n\r\n",
    "a folded header": "GET /?token=a HTTP/1.1\r\nHost: test\r\nX: y\r\n z\r\n\r\n",
    "a space before the colon": "GET /?token=a HTTP/1.1\r\nHost : test\r\n\r\n",
    "a space in front of the first header": "GET /?token=a HTTP/1.1\r\n Host: test\r\n\r\n",
    "a header without a name": "GET /?token=a HTTP/1.1\r\nHost: test\r\n: x\r\n\r\n",
    "a header without a colon": "GET /?token=a HTTP/1.1\r\nHost: test\r\nX\r\n\r\n",
    "no host": "GET /?token=a HTTP/1.1\r\n\r\n",
    "two hosts": "GET /?token=a HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n",
    "a space in the target": "GET /a b?token=a HTTP/1.1\r\nHost: test\r\n\r\n",
    "two spaces": "GET  /?token=a HTTP/1.1\r\nHost: test\r\n\r\n",
    "another version": "GET /?token=a HTTP/1.2\r\nHost: test\r\n\r\n",
    "HTTP/2 by prior knowledge": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no path": "GET ?token=a HTTP/1.1\r\nHost: test\r\n\r\n",
    "CONNECT": "CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n",
  };
  for (const [what, request] of Object.entries(BAD)) {
    await step(what, async () => {
      using visitor = await site.visit();
      await visitor.send(request + SECOND);
      const response = await visitor.response();
      equal(status(response), 400);
      equal(field(response, "connection"), "close");
      ours(response);
      equal(await visitor.rest(), "", "nothing may follow");
    });
  }
  const CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n";
  const CHUNKS: Record<string, string> = {
    "a chunk whose size is no number": "x\r\n",
    "a chunk whose size is negative": "-1\r\n",
    "a chunk of no size": "\r\n",
    "a chunk whose size has no end": "0".repeat(100),
    "a chunk line with a bare LF": "3\nabc\r\n0\r\n\r\n",
    "a chunk longer than it says": "3\r\nabcd\r\n0\r\n\r\n",
    "a chunk that ends with a bare LF": "3\r\nabc\n0\r\n\r\n",
    "a folded trailer": "0\r\nX: y\r\n z\r\n\r\n",
    "an endless extension": "1;" + "x".repeat(20_000),
  };
  for (const [what, chunks] of Object.entries(CHUNKS)) {
    for (const late of [false, true]) {
      await step(`${what}, ${late ? "later in the body" : "at once"}`, async () => {
        using visitor = await site.visit();
        if (late) await visitor.send(CHUNKED + "5\r\nhello\r\n");
        await visitor.send((late ? "" : CHUNKED) + chunks + SECOND);
        const response = await visitor.response();
        equal(status(response), 400);
        match(response.body, /^Malformed chunk: /);
        equal(await visitor.rest(), "", "nothing may follow");
      });
    }
  }
  await step("the service saw none of it, and serves others", async () => {
    deepEqual(service.requests, []);
    using visitor = await site.visit();
    await visitor.send(get("/?token=a"));
    equal((await visitor.response()).body, "A GET /?token=a");
  });
});

peerTest({ name: "answers: nobody there, in text, JSON and HTML", permissions }, async (t) => {
  const step = stepsOf(t);
  await using service = new Recorder("A");
  await using site = await Site.start({});
  const ask = async (target: string, ...lines: string[]) => {
    using visitor = await site.visit();
    await visitor.send(get(target, ...lines) + get(target, ...lines));
    const response = await visitor.response();
    ours(response);
    // The connection goes on, and no two answers share an id.
    const next = await visitor.response();
    equal(next.start, response.start);
    ok(field(next, "x-request-id") !== field(response, "x-request-id"));
    return response;
  };
  await step("503 without any client", async () => {
    const response = await ask("/?token=a");
    equal(status(response), 503);
    equal(response.body, "No active clients available\nStart arpc and try again.\n");
    match(field(response, "retry-after") ?? "", /^[1-9]\d*$/);
  });
  await using a = await startClient({ server: site.server, id: "a", port: service.port });
  await step("404 without a token, as text", async () => {
    const response = await ask("/");
    equal(response.start, "HTTP/1.1 404 Not Found");
    equal(field(response, "content-type"), "text/plain; charset=utf-8");
    equal(response.body.split("\n")[0], "Client Token not found");
    equal(field(response, "connection"), "keep-alive");
  });
  await step("404 with an unknown token, as JSON", async () => {
    const response = await ask("/?token=x", JSON_ONLY);
    equal(status(response), 404);
    equal(field(response, "content-type"), "application/json");
    const { error, status: code, request_id, hint } = JSON.parse(response.body);
    deepEqual([error, code], ["Client 'x' not found", 404]);
    equal(request_id, field(response, "x-request-id"));
    ok(hint.length > 10);
  });
  await step("404 as a page, with whatever the token is", async () => {
    const response = await ask("/?token=o'neil<script>", HTML);
    equal(status(response), 404);
    equal(field(response, "content-type"), "text/html; charset=utf-8");
    match(response.body, /^<!doctype html>/);
    ok(!response.body.includes("<script"));
    match((await ask("/?token=x", HTML)).body, /Client &#39;x&#39; not found/);
  });
  await step("404 to a HEAD has no body", async () => {
    using visitor = await site.visit();
    await visitor.send(get("/").replace("GET", "HEAD") + get("/?token=a"));
    equal(status(await visitor.response("HEAD")), 404);
    equal((await visitor.response()).body, "A GET /?token=a");
  });
  await step("404 to an upload closes, since its body stays unread", async () => {
    using visitor = await site.visit();
    await visitor.send(post("/?token=x", "GET /?token=a HTTP/1.1\r\nHost: test\r\n\r\n"));
    const response = await visitor.response();
    deepEqual([status(response), field(response, "connection")], [404, "close"]);
    equal(await visitor.rest(), "");
    deepEqual(service.requests.map(({ start }) => start), ["GET /?token=a HTTP/1.1"]);
  });
  await step("503 with Retry-After once a client has left", async () => {
    await a[Symbol.asyncDispose]();
    await site.server.log(({ message }) => message === "Client left" || message === "Client lost");
    const response = await ask("/?token=a", HTML);
    equal(status(response), 503);
    match(response.body, /Client &#39;a&#39; is offline/);
    match(field(response, "retry-after") ?? "", /^[1-9]\d*$/);
  });
});

peerTest({ name: "answers: heads that come slowly, or are too large", permissions }, async (t) => {
  const step = stepsOf(t);
  await using service = new Recorder("A");
  await using site = await Site.start({ a: service.port }, ["--head-timeout", "0.3"]);
  await step("408 to a dawdling head", async () => {
    for (const start of ["GE", "GET /?token=a HTTP/1.1\r\nHo"]) {
      using visitor = await site.visit();
      await visitor.send(start);
      const response = await visitor.response();
      equal(response.start, "HTTP/1.1 408 Request Timeout");
      ours(response);
      equal(await visitor.rest(), "");
    }
  });
  await step("408 also to a second head on a connection", async () => {
    using visitor = await site.visit();
    await visitor.send(get("/?token=a") + "GET /?tok");
    equal((await visitor.response()).body, "A GET /?token=a");
    equal(status(await visitor.response()), 408);
  });
  await step("a connection that waits between two requests is left alone", async () => {
    using patient = await site.visit();
    await patient.send(get("/1?token=a"));
    await patient.response();
    using dawdler = await site.visit();
    await dawdler.send("GET");
    equal(status(await dawdler.response()), 408);
    await patient.send(get("/2?token=a"));
    equal((await patient.response()).body, "A GET /2?token=a");
  });
  await step("431 to more than 64 KiB", async () => {
    using visitor = await site.visit();
    await visitor.send(get("/?token=a", `X-Large: ${"x".repeat(65_400)}`));
    equal((await visitor.response()).body, "A GET /?token=a");
    await visitor.send(get("/?token=a", `X-Large: ${"x".repeat(66_000)}`));
    const response = await visitor.response();
    equal(response.start, "HTTP/1.1 431 Request Header Fields Too Large");
    ours(response);
  });
});

peerTest({ name: "answers: limits", permissions }, async (t) => {
  const step = stepsOf(t);
  let held = Promise.withResolvers<Wire>();
  await using service = new RawService(async (wire) => {
    await wire.request();
    held.resolve(wire);
    await wire.rest();
  });
  await step("429 over --max-visitors, and none once one has left", async () => {
    await using site = await Site.start({ a: service.port }, ["--max-visitors", "1"]);
    const first = await site.visit();
    await first.send(get("/?token=a"));
    await within(PATIENCE_MS, "the first", held.promise);
    using second = await site.visit();
    await second.send(get("/?token=a"));
    const response = await second.response();
    equal(response.start, "HTTP/1.1 429 Too Many Requests");
    match(field(response, "retry-after") ?? "", /^[1-9]\d*$/);
    ours(response);
    held = Promise.withResolvers();
    first[Symbol.dispose]();
    await site.server.message("Visitor left");
    await second.send(get("/?token=a"));
    await within(PATIENCE_MS, "the second", held.promise);
  });
  await step("429 over --max-per-ip, to every visitor that asks", async () => {
    await using site = await Site.start({ a: service.port }, ["--max-per-ip", "1"]);
    using first = await site.visit();
    held = Promise.withResolvers();
    await first.send(get("/?token=a"));
    await within(PATIENCE_MS, "the first", held.promise);
    for (let nth = 0; nth < 50; nth++) {
      using visitor = await site.visit();
      await visitor.send(get("/?token=a")).catch(() => {});
      const response = await visitor.response();
      equal(status(response), 429);
      ours(response);
    }
  });
});

peerTest({ name: "answers: the local service is down, and up again", permissions }, async (t) => {
  const step = stepsOf(t);
  const port = freePort();
  await using site = await Site.start({ a: port });
  const ask = async (...lines: string[]) => {
    using visitor = await site.visit();
    await visitor.send(get("/?token=a", ...lines));
    return await visitor.response();
  };
  const REASON = new RegExp(`local service 127.0.0.1:${port}: Connection refused`);
  await step("502 with the client's reason, as text", async () => {
    const response = await ask();
    equal(response.start, "HTTP/1.1 502 Bad Gateway");
    ours(response);
    const [first, second] = response.body.split("\n");
    equal(first, "The local service cannot be reached");
    match(second!, REASON);
  });
  await step("as JSON", async () => {
    const response = await ask(JSON_ONLY);
    const { error, hint } = JSON.parse(response.body);
    equal(error, "The local service cannot be reached");
    match(hint, REASON);
  });
  await step("as a page", async () => {
    const response = await ask(HTML);
    equal(field(response, "content-type"), "text/html; charset=utf-8");
    match(response.body, REASON);
    equal(field(response, "set-cookie"), undefined);
  });
  await step("200 as soon as it is up", async () => {
    await using _service = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      () => new Response("up"),
    );
    equal((await ask("Connection: close")).body, "up");
  });
});

peerTest({ name: "answers: 504 when the client opens no tunnel", permissions }, async () => {
  await using site = await Site.start({});
  using _asleep = await RawClient.register(site.server, "a");
  using visitor = await site.visit();
  await visitor.send(get("/?token=a"));
  const response = await visitor.response();
  equal(response.start, "HTTP/1.1 504 Gateway Timeout");
  match(response.body, /^The client opened no tunnel in time\n/);
  ours(response);
});

peerTest({ name: "answers: 503 when too many wait for a tunnel", permissions }, async () => {
  await using site = await Site.start({}, ["--queue-size", "1"]);
  using _asleep = await RawClient.register(site.server, "a");
  using first = await site.visit();
  using second = await site.visit();
  await first.send(get("/?token=a"));
  await second.send(get("/?token=a"));
  const response = await Promise.race([first.response(), second.response()]);
  equal(status(response), 503);
  match(field(response, "retry-after") ?? "", /^[1-9]\d*$/);
});
