import { deepEqual, equal, match } from "node:assert/strict";
import { once } from "node:events";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, field, get, status, type Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { httpService, RawService, Site, stepsOf } from "./services.ts";

const permissions = WHOLE_PROGRAM;

peerTest({ name: "streams: each event arrives before the next is sent", permissions }, async () => {
  const encoder = new TextEncoder();
  let next = Promise.withResolvers<void>();
  await using service = httpService((request) => {
    if (request.method === "POST") {
      next.resolve();
      return new Response();
    }
    let nth = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (nth > 0) await next.promise;
        next = Promise.withResolvers();
        if (++nth > 20) return controller.close();
        controller.enqueue(encoder.encode(`data: ${nth}\n\n`));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  });
  await using site = await Site.start({ sse: service.addr.port });
  const response = await fetch(`${site.url}/?token=sse`);
  equal(response.headers.get("content-type"), "text/event-stream");
  let nth = 0;
  for await (const event of response.body!.pipeThrough(new TextDecoderStream())) {
    equal(event, `data: ${++nth}\n\n`);
    // The service waits for this before it sends another.
    const more = fetch(`${site.url}/?token=sse`, { method: "POST" });
    await (await within(PATIENCE_MS, "the wish for more", more)).text();
  }
  equal(nth, 20);
});

peerTest({ name: "streams: a long poll outlives every limit on heads", permissions }, async () => {
  const polled = Promise.withResolvers<Wire>();
  await using service = new RawService(async (wire) => {
    await wire.request();
    polled.resolve(wire);
    await wire.rest();
  });
  await using site = await Site.start({ poll: service.port }, ["--head-timeout", "0.1"]);
  using visitor = await site.visit();
  await visitor.send(get("/?token=poll"));
  const wire = await within(PATIENCE_MS, "the poll", polled.promise);
  for (let nth = 0; nth < 5; nth++) {
    using dawdler = await site.visit();
    await dawdler.send("GET / HTTP/1.1\r\n");
    equal(status(await dawdler.response()), 408);
  }
  await wire.send(answer("at last"));
  equal((await visitor.response()).body, "at last");
});

peerTest({ name: "streams: WebSocket", permissions }, async (t) => {
  const step = stepsOf(t);
  const closed: { code: number; reason: string }[] = [];
  await using service = httpService((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "echo" });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) =>
      data === "bye" ? socket.close(4002, "as told") : socket.send(data);
    socket.onclose = ({ code, reason }) => closed.push({ code, reason });
    return response;
  });
  await using site = await Site.start({ ws: service.addr.port });
  const connect = async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${site.port}/live?token=ws`, "echo");
    socket.binaryType = "arraybuffer";
    await within(PATIENCE_MS, "open", once(socket, "open"));
    return socket;
  };
  const ask = async (socket: WebSocket, data: string | Uint8Array<ArrayBuffer>) => {
    const message = once(socket, "message");
    socket.send(data);
    const [event] = await within(PATIENCE_MS, "an echo", message);
    return event.data;
  };
  await step("text and 1 MiB of bytes come back", async () => {
    const socket = await connect();
    equal(socket.protocol, "echo");
    equal(await ask(socket, "grüß dich"), "grüß dich");
    const bytes = new Uint8Array(1024 * 1024).map((_, at) => at * 7 + (at >> 8));
    deepEqual(new Uint8Array(await ask(socket, bytes)), bytes);
    const end = once(socket, "close");
    socket.close(4001, "enough");
    await within(PATIENCE_MS, "close", end);
    deepEqual(closed, [{ code: 4001, reason: "enough" }]);
  });
  await step("the service's close code and reason come through", async () => {
    const socket = await connect();
    const end = once(socket, "close");
    socket.send("bye");
    const [event] = await within(PATIENCE_MS, "close", end);
    deepEqual([event.code, event.reason, event.wasClean], [4002, "as told", true]);
  });
});

const UPGRADE = ["Connection: Upgrade", "Upgrade: echo"];
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

peerTest({ name: "streams: upgrades by hand", permissions }, async (t) => {
  const step = stepsOf(t);
  let serve: (wire: Wire) => Promise<void> = () => Promise.resolve();
  let requests: string[] = [];
  await using service = new RawService(async (wire) => {
    requests.push((await wire.request()).start);
    await serve(wire);
  });
  await using site = await Site.start({ up: service.port });

  await step("bytes right behind both heads are not lost", async () => {
    serve = async (wire) => {
      await wire.send(SWITCH + "first");
      await wire.send(`[${await wire.take(5)}]`);
    };
    using visitor = await site.visit();
    await visitor.send(get("/?token=up", ...UPGRADE) + "early");
    equal(status(await visitor.response()), 101);
    equal(await visitor.rest(), "first[early]");
  });
  await step("the visitor's end goes on, and the way back stays open", async () => {
    serve = async (wire) => {
      await wire.send(SWITCH);
      await wire.send(`after "${await wire.rest()}"`);
    };
    using visitor = await site.visit();
    await visitor.send(get("/?token=up", ...UPGRADE));
    equal(status(await visitor.response()), 101);
    await visitor.send("my last");
    await visitor.finish();
    equal(await visitor.rest(), 'after "my last"');
  });
  await step("the service's end goes on, and the visitor may still speak", async () => {
    const heard = Promise.withResolvers<string>();
    serve = async (wire) => {
      await wire.send(SWITCH + "my last");
      await wire.finish();
      heard.resolve(await wire.rest());
    };
    using visitor = await site.visit();
    await visitor.send(get("/?token=up", ...UPGRADE));
    equal(status(await visitor.response()), 101);
    equal(await visitor.rest(), "my last");
    await visitor.send("understood");
    await visitor.finish();
    equal(await within(PATIENCE_MS, "the visitor's words", heard.promise), "understood");
  });
  await step("a refused one keeps HTTP going, for requests sent along with it, too", async () => {
    requests = [];
    serve = async (wire) => {
      await wire.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
      requests.push((await wire.request()).start);
      await wire.send(answer("plain"));
    };
    using visitor = await site.visit();
    await visitor.send(get("/?token=up", ...UPGRADE) + get("/next?token=up"));
    const refused = await visitor.response();
    deepEqual([status(refused), refused.body], [426, "no"]);
    equal((await visitor.response()).body, "plain");
    deepEqual(requests, ["GET /?token=up HTTP/1.1", "GET /next?token=up HTTP/1.1"]);
  });
  await step("a service that leaves takes the visitor along", async () => {
    serve = (wire) => wire.send(SWITCH);
    using visitor = await site.visit();
    await visitor.send(get("/?token=up", ...UPGRADE));
    equal(status(await visitor.response()), 101);
    equal(await visitor.rest(), "");
  });
});

peerTest({ name: "streams: half-closed requests and answers", permissions }, async (t) => {
  const step = stepsOf(t);
  let serve: (wire: Wire) => Promise<void> = () => Promise.resolve();
  await using service = new RawService((wire) => serve(wire));
  await using site = await Site.start({ half: service.port });

  await step("a request, the visitor's end, then the answer", async () => {
    serve = async (wire) => {
      const { start } = await wire.request();
      // Only now: the service has heard that the visitor is done.
      equal(await wire.rest(), "");
      await wire.send(answer(start));
    };
    using visitor = await site.visit();
    await visitor.send(get("/?token=half"));
    await visitor.finish();
    equal((await visitor.response()).body, "GET /?token=half HTTP/1.1");
    equal(await visitor.rest(), "");
  });
  await step("an upload, the visitor's end, then the answer", async () => {
    serve = async (wire) => {
      const { body } = await wire.request();
      await wire.rest();
      await wire.send(answer(`${body.length}`));
    };
    using visitor = await site.visit();
    const head = "POST /?token=half HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    await visitor.send(head + "3\r\nabc\r\n");
    await visitor.send("2\r\nde\r\n0\r\n\r\n");
    await visitor.finish();
    equal((await visitor.response()).body, "5");
  });
  await step("an answer that ends with the connection, before the upload is through", async () => {
    serve = async (wire) => {
      await wire.until("first part");
      await wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nenough");
      await wire.finish();
      await wire.rest();
    };
    using visitor = await site.visit();
    const head = "POST /?token=half HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n";
    await visitor.send(head + "first part");
    const response = await visitor.response();
    equal(response.body, "enough");
  });
});

peerTest({ name: "streams: interim answers", permissions }, async (t) => {
  const step = stepsOf(t);
  let go = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    for (;;) {
      const head = await wire.until("\r\n\r\n");
      if (head.startsWith("GET")) {
        await wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
        await wire.send("HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n");
        await go.promise;
        await wire.send(answer("page"));
      } else {
        await wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        await wire.send(answer(await wire.take(Number(field({ head }, "content-length")))));
      }
    }
  });
  await using site = await Site.start({ hints: service.port });
  using visitor = await site.visit();
  await step("103 arrives before the answer is there, as often as it is sent", async () => {
    go = Promise.withResolvers();
    await visitor.send(get("/?token=hints", "Accept: text/html"));
    const first = await visitor.response();
    match(first.head, /^HTTP\/1.1 103 [^]*a\.css/);
    equal(field(first, "set-cookie"), undefined);
    match((await visitor.response()).head, /^HTTP\/1.1 103 [^]*b\.css/);
    go.resolve();
    const last = await visitor.response();
    equal(last.body, "page");
    match(field(last, "set-cookie") ?? "", /^arp_token=hints;/);
  });
  await step("100 arrives before the body is sent", async () => {
    const head = "POST /?token=hints HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n";
    await visitor.send(head + "Content-Length: 4\r\n\r\n");
    equal(status(await visitor.response()), 100);
    await visitor.send("body");
    equal((await visitor.response()).body, "body");
  });
});
