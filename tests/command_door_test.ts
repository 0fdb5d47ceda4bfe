import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { gunzipSync, gzipSync } from "node:zlib";
import { PortSet } from "@agentx/common/cli";
import { configure, reset } from "@std/log";
import fc from "fast-check";
import { Problem } from "../client/command/problem.ts";
import { TestDoor } from "./door.ts";
import { PATIENCE_MS, within } from "./helpers.ts";
import { answer, field, fields, get, post, status } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { digest, echo, httpService, RawService, Recorder, sha256, stream } from "./services.ts";

const permissions: Deno.PermissionDescriptor[] = [{ name: "net" }];

/** Answers with method, path and body. */
const mirror: Deno.ServeHandler<Deno.NetAddr> = async (request) => {
  const { pathname, search } = new URL(request.url);
  const text = await request.text().catch(() => "broken off");
  return new Response(`${request.method} ${pathname}${search} ${text}`);
};

const problem = (body: string): { status: number; detail: string } => JSON.parse(body);

peerTest({ name: "door: what is not for /proxy goes to the API", permissions }, async () => {
  await using door = TestDoor.open(mirror);
  using visitor = await door.visit();
  for (const target of ["/", "/api/sessions?a=b", "/proxyfoo", "/%70roxy/1", "/api/api/proxy/1"]) {
    await visitor.send(get(target));
    equal((await visitor.response()).body, `GET ${target} `);
  }
  await visitor.send(post("/api", "hello"));
  equal((await visitor.response()).body, "POST /api hello");
  const chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  await visitor.send(chunked + "3\r\nabc\r\n");
  await visitor.send("2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n");
  equal((await visitor.response()).body, "POST /c abcde");
});

peerTest({ name: "door: requests for both, in turn on one connection", permissions }, async () => {
  await using service = new Recorder("service");
  await using door = TestDoor.open(mirror);
  using visitor = await door.visit();
  for (let nth = 0; nth < 20; nth++) {
    await visitor.send(get(`/api/${nth}`));
    equal((await visitor.response()).body, `GET /api/${nth} `);
    await visitor.send(get(`/proxy/${service.port}/${nth}`));
    const answered = await visitor.response();
    equal(answered.body, `service GET /${nth}`);
    equal(field(answered, "connection"), undefined);
  }
  equal(service.connections, 20);
  equal(field(service.last, "host"), `localhost:${service.port}`);
  equal(door.door.visits, 1);
});

peerTest({ name: "door: pipelined requests get their answers in order", permissions }, async () => {
  const gate = Promise.withResolvers<void>();
  await using service = new Recorder("service");
  await using door = TestDoor.open(async (request) => {
    if (request.url.endsWith("/slow")) await gate.promise;
    return await mirror(request, undefined!);
  });
  using visitor = await door.visit();
  await visitor.send(
    get("/slow") + get(`/proxy/${service.port}/1`) + post("/2", "two") +
      post(`/proxy/${service.port}/3`, "three") + get("/4"),
  );
  using other = await door.visit();
  await other.send(get(`/proxy/${service.port}/other`));
  equal((await other.response()).body, "service GET /other");
  // The request behind the slow one has not overtaken it.
  equal(service.requests.length, 1);
  gate.resolve();
  const bodies: string[] = [];
  for (let nth = 0; nth < 5; nth++) bodies.push((await visitor.response()).body);
  deepEqual(bodies, [
    "GET /slow ",
    "service GET /1",
    "POST /2 two",
    "service POST /3",
    "GET /4 ",
  ]);
  equal(service.last.body, "three");
});

peerTest({ name: "door: WebSocket, of a service and of the API", permissions }, async () => {
  const live: Deno.ServeHandler<Deno.NetAddr> = (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  };
  await using service = httpService(live);
  await using door = TestDoor.open(live);
  for (const path of [`/proxy/${service.addr.port}/live`, "/live"]) {
    const socket = new WebSocket(`ws://127.0.0.1:${door.port}${path}`);
    socket.binaryType = "arraybuffer";
    await within(PATIENCE_MS, "open", once(socket, "open"));
    for (const data of ["hello", "", new Uint8Array(300_000).fill(7)]) {
      socket.send(data);
      const [{ data: back }] = await within(PATIENCE_MS, "the echo", once(socket, "message"));
      if (typeof data === "string") equal(back, data);
      else deepEqual(new Uint8Array(back), data);
    }
    socket.close(4001, "enough");
    const [{ code }] = await within(PATIENCE_MS, "the end", once(socket, "close"));
    equal(code, 4001);
  }
});

peerTest({ name: "door: events arrive one by one", permissions }, async () => {
  let next = Promise.withResolvers<void>();
  const encoder = new TextEncoder();
  const events: Deno.ServeHandler<Deno.NetAddr> = () => {
    let nth = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (nth > 0) await next.promise;
        next = Promise.withResolvers();
        if (++nth > 5) return controller.close();
        controller.enqueue(encoder.encode(`data: ${nth}\n\n`));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
  await using service = httpService(events);
  await using door = TestDoor.open(events);
  for (const path of [`/proxy/${service.addr.port}/events`, "/events"]) {
    const response = await fetch(door.url + path);
    let nth = 0;
    for await (const event of response.body!.pipeThrough(new TextDecoderStream())) {
      equal(event, `data: ${++nth}\n\n`);
      next.resolve();
    }
    equal(nth, 5);
  }
});

peerTest({ name: "door: the bytes of an answer pass untouched", permissions }, async () => {
  const zipped = gzipSync("compressed once, and once only");
  await using service = new RawService(async (wire) => {
    const { start } = await wire.request();
    if (start.includes("/gzip")) {
      await wire.send(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-Odd:  \xe4 \r\n" +
          `Content-Length: ${zipped.length}\r\n\r\n`,
      );
      await wire.send(new Uint8Array(zipped));
    } else if (start.includes("/chunks")) {
      await wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n");
      await wire.send("0\r\nExpires: never\r\n\r\n");
    } else if (start.includes("/endless")) {
      await wire.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
      await wire.finish();
    } else await wire.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    await wire.rest();
  });
  await using door = TestDoor.open();
  using visitor = await door.visit();
  const ask = async (path: string, method = "GET") => {
    await visitor.send(`${method} /proxy/${service.port}${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    return await visitor.response(method);
  };
  const gzip = await ask("/gzip");
  equal(field(gzip, "content-encoding"), "gzip");
  ok(gzip.head.includes("\r\nX-Odd:  \xe4 \r\n"));
  equal(gunzipSync(Uint8Array.from(gzip.body, (c) => c.charCodeAt(0))).toString().length, 30);
  equal((await ask("/gzip", "HEAD")).body, "");
  equal((await ask("/chunks")).start, "HTTP/1.1 103 Early Hints");
  const chunks = await visitor.response();
  deepEqual([chunks.body, chunks.trailers], ["hello", "Expires: never\r\n"]);
  equal((await ask("/cached")).start, "HTTP/1.1 304 Not Modified");
  const endless = await ask("/endless");
  equal(endless.body, "until the end");
  equal(field(endless, "connection"), "close");
});

peerTest({ name: "door: 100 MB down and up, bit for bit, bounded", permissions }, async () => {
  let sent = sha256();
  const bulk: Deno.ServeHandler<Deno.NetAddr> = async (request) =>
    request.method === "GET"
      ? new Response(stream(100, sent))
      : new Response(await digest(request.body!));
  await using service = httpService(bulk);
  await using door = TestDoor.open(bulk);
  for (const path of [`/proxy/${service.addr.port}/`, "/"]) {
    sent = sha256();
    const down = sha256();
    const response = await fetch(door.url + path);
    for await (const piece of response.body!) down.update(piece);
    equal(down.digest("hex"), sent.digest("hex"));
    const up = sha256();
    const upload = await fetch(door.url + path, { method: "POST", body: stream(100, up) });
    equal(await upload.text(), `${up.digest("hex")} of ${100 * 1024 * 1024} bytes`);
  }
});

peerTest({ name: "door: who does not read is not read ahead for", permissions }, async () => {
  let produced = 0;
  await using service = httpService(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          produced += 65536;
          controller.enqueue(new Uint8Array(65536));
        },
      }, { highWaterMark: 0 }),
    )
  );
  await using door = TestDoor.open();
  using visitor = await door.visit();
  await visitor.send(get(`/proxy/${service.addr.port}/`));
  await visitor.until("\r\n\r\n");
  let before = -1;
  while (before !== produced) {
    before = produced;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  ok(produced < 32 * 1024 * 1024, `${produced} bytes were read ahead`);
});

peerTest({ name: "door: what could be read in two ways is refused", permissions }, async () => {
  await using service = new Recorder("service");
  await using door = TestDoor.open(mirror);
  const at = (path: string, ...lines: string[]) =>
    [`POST ${path} HTTP/1.1`, "Host: a", ...lines, "", ""].join("\r\n");
  for (const path of ["/", `/proxy/${service.port}/`]) {
    const bad: string[] = [
      at(path, "Content-Length: 5", "Content-Length: 6") + "hello",
      at(path, "Content-Length: 5", "Content-Length: 5") + "hello",
      at(path, "Content-Length: 5, 5") + "hello",
      at(path, "Content-Length: +5") + "hello",
      at(path, "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
      at(path, "Transfer-Encoding: chunked, identity") + "0\r\n\r\n",
      at(path, "Transfer-Encoding: xchunked") + "0\r\n\r\n",
      at(path, "Transfer-Encoding : chunked") + "0\r\n\r\n",
      at(path, "X: a", " folded") + "",
      at(path, "X: a\n\nGET /smuggled HTTP/1.1"),
      `POST ${path} HTTP/1.1\nHost: a\n\n`,
      at(path, "Host: b"),
      at(path, "Transfer-Encoding: chunked") + "5 \r\nhello\r\n0\r\n\r\n",
      at(path, "Transfer-Encoding: chunked") + "5\nhello\r\n0\r\n\r\n",
      `GET ${path} HTTP/1.1\r\n\r\n`,
      "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for (const text of bad) {
      using visitor = await door.visit();
      await visitor.send(text + get("/smuggled"));
      const refused = await visitor.response();
      equal(status(refused), 400, text);
      equal(field(refused, "content-type"), "application/problem+json");
      equal(field(refused, "connection"), "close");
      ok(problem(refused.body).detail.length > 10);
      equal(await visitor.last(), "", text);
    }
  }
  equal(service.requests.filter(({ start }) => start.includes("smuggled")).length, 0);
});

peerTest({ name: "door: a bad chunk ends a request that is under way", permissions }, async () => {
  const came = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    await wire.until("hello");
    came.resolve();
    equal((await wire.last()).includes("bad"), false);
  });
  await using door = TestDoor.open();
  using visitor = await door.visit();
  const path = `/proxy/${service.port}/`;
  await visitor.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await visitor.send("5\r\nhello\r\n");
  await within(PATIENCE_MS, "the first chunk", came.promise);
  await visitor.send("bad chunk\r\n" + get("/smuggled"));
  const refused = await visitor.response();
  equal(status(refused), 400);
  match(problem(refused.body).detail, /Malformed chunk/);
  equal(await visitor.last(), "");
});

peerTest({ name: "door: slow and huge heads, and silence", permissions }, async () => {
  await using door = TestDoor.open(mirror, { times: { head: 200, idle: 400 } });
  using slow = await door.visit();
  await slow.send("GET / HTTP/1.1\r\nHost: ");
  equal(status(await slow.response()), 408);
  equal(await slow.last(), "");
  using huge = await door.visit();
  await huge.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(70_000)}\r\n\r\n`);
  const refused = await huge.response();
  deepEqual([status(refused), problem(refused.body).status], [431, 431]);
  using half = await door.visit();
  await half.send("GET / HTTP/1.1\r\nHo");
  await half.finish();
  equal(status(await half.response()), 400);
  using silent = await door.visit();
  equal(await silent.rest(), "");
  using kept = await door.visit();
  await kept.send(get("/"));
  equal(status(await kept.response()), 200);
  equal(await kept.rest(), "");
});

peerTest({ name: "door: a body that stops coming is given up", permissions }, async () => {
  await using service = new RawService(async (wire) => void await wire.last());
  await using door = TestDoor.open(mirror, { times: { stall: 200 } });
  for (const path of ["/", `/proxy/${service.port}/`]) {
    using visitor = await door.visit();
    await visitor.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello`);
    equal(status(await visitor.response()), 408, path);
    equal(await visitor.last(), "");
  }
});

peerTest({ name: "door: services that are not there, or no good", permissions }, async () => {
  await using mute = new RawService(async (wire) => void await wire.last());
  await using rude = new RawService(async (wire) => void await wire.request());
  await using other = new RawService(async (wire) => {
    await wire.send("SSH-2.0-x\r\n");
    await wire.last();
  });
  await using odd = new RawService(async (wire) => {
    await wire.request();
    await wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    await wire.last();
  });
  await using door = TestDoor.open(mirror, { times: { answer: 300 } });
  const gone = httpService(() => new Response());
  const closed = gone.addr.port;
  await gone.shutdown();
  using visitor = await door.visit();
  const ask = async (port: number) => {
    await visitor.send(get(`/proxy/${port}/`));
    const { body, ...answered } = await visitor.response();
    return [status(answered), problem(body).detail] as const;
  };
  const [refused, why] = await ask(closed);
  equal(refused, 502);
  ok(why.includes(`port ${closed}`), why);
  // Nothing was sent to anyone, so the connection can go on.
  await visitor.send(get("/still"));
  equal((await visitor.response()).body, "GET /still ");
  for (
    const [port, expected, words] of [
      [mute.port, 504, /takes too long/],
      [rude.port, 502, /without an answer/],
      [other.port, 502, /something else than HTTP.*Upgrade: tcp/],
      [odd.port, 502, /something else than HTTP/],
    ] as const
  ) {
    using visitor = await door.visit();
    await visitor.send(get(`/proxy/${port}/`));
    const answered = await visitor.response();
    equal(status(answered), expected);
    match(problem(answered.body).detail, words);
    equal(await visitor.last(), "");
  }
});

peerTest({ name: "door: an API that is gone is said to be", permissions }, async () => {
  await using door = TestDoor.open(mirror);
  using visitor = await door.visit();
  await visitor.send(get("/"));
  equal(status(await visitor.response()), 200);
  await door.stopInner();
  await visitor.send(get("/"));
  equal(status(await visitor.response()), 502);
});

peerTest({ name: "door: an answer that breaks off is not made whole", permissions }, async () => {
  await using service = new RawService(async (wire) => {
    const { start } = await wire.request();
    const length = start.includes("chunked") ? "Transfer-Encoding: chunked" : "Content-Length: 10";
    await wire.send(`HTTP/1.1 200 OK\r\n${length}\r\n\r\n5\r\nhello`);
  });
  await using door = TestDoor.open();
  for (const path of ["chunked", "length"]) {
    using visitor = await door.visit();
    await visitor.send(get(`/proxy/${service.port}/${path}`));
    ok((await visitor.last()).endsWith("\r\n\r\n5\r\nhello"));
  }
});

peerTest(
  { name: "door: whatever a service says, its visitor hears an end", permissions },
  async () => {
    const faults: unknown[] = [];
    await configure({
      sinks: { here: (record) => faults.push(record.properties) },
      loggers: [
        { category: ["arpc"], sinks: ["here"], lowestLevel: "error" },
        { category: ["logtape", "meta"], sinks: [] },
      ],
      reset: true,
    });
    let reply = "";
    await using service = new RawService(async (wire) => {
      await wire.request();
      await wire.send(reply);
    });
    await using door = TestDoor.open();
    const line = fc.oneof(
      fc.constantFrom(
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 101 x",
        "HTTP/1.1 204 x",
        "Content-Length: 5",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "Connection: close",
        " folded",
        "",
        "5",
        "hello",
        "0",
      ),
      fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\0-\xff]/g, "?")),
    );
    const end = fc.constantFrom("\r\n", "\n", "");
    const replies = fc.array(fc.tuple(line, end).map((parts) => parts.join("")), { maxLength: 12 })
      .map((lines) => lines.join(""));
    try {
      await fc.assert(
        fc.asyncProperty(replies, async (text) => {
          reply = text;
          using visitor = await door.visit();
          await visitor.send(get(`/proxy/${service.port}/`));
          await visitor.finish();
          await visitor.last();
        }),
        { numRuns: 300 },
      );
      deepEqual(faults, []);
    } finally {
      await reset();
    }
  },
);

peerTest({ name: "door: an answer in the middle of an upload arrives", permissions }, async () => {
  await using service = new RawService(async (wire) => {
    await wire.until("\r\n\r\n");
    await wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  });
  await using door = TestDoor.open();
  using visitor = await door.visit();
  const path = `/proxy/${service.port}/`;
  await visitor.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nhello`);
  const refused = await visitor.response();
  deepEqual([status(refused), refused.body], [413, "no"]);
  equal(await visitor.last(), "");
});

peerTest(
  { name: "door: who ends only its own side still gets an answer", permissions },
  async () => {
    const slow: Deno.ServeHandler<Deno.NetAddr> = async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return new Response("late");
    };
    await using service = httpService(slow);
    await using door = TestDoor.open(slow);
    for (const path of ["/", `/proxy/${service.addr.port}/`]) {
      using visitor = await door.visit();
      await visitor.send(get(path));
      await visitor.finish();
      equal((await visitor.response()).body, "late");
      equal(await visitor.rest(), "");
    }
  },
);

peerTest({ name: "door: a stream ends soon after its viewer left", permissions }, async () => {
  let left = Promise.withResolvers<void>();
  const stream: Deno.ServeHandler<Deno.NetAddr> = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
        cancel: () => left.resolve(),
      }),
    );
  await using service = httpService(stream);
  await using door = TestDoor.open(stream, { times: { ended: 100 } });
  for (const path of ["/", `/proxy/${service.addr.port}/`]) {
    left = Promise.withResolvers();
    {
      using visitor = await door.visit();
      await visitor.send(get(path));
      await visitor.until("data: 1\n\n");
    }
    await within(PATIENCE_MS, "the end of the stream", left.promise);
  }
});

peerTest({ name: "door: raw bytes, from whoever ends first", permissions }, async () => {
  await using service = echo();
  await using greeter = new RawService(async (wire) => {
    await wire.send("220 hello\r\n");
    equal(await wire.rest(), "bye");
    await wire.send("221 gone");
  });
  await using door = TestDoor.open(mirror);
  const upgrade = ["Connection: Upgrade", "Upgrade: tcp"];
  for (
    const request of [
      post(`/proxy?port=${service.port}`, "", ...upgrade),
      post("/proxy", "", ...upgrade, `X-ARP-Port: ${service.port}`),
      get(`/api/proxy?port=${service.port}`, ...upgrade),
    ]
  ) {
    using visitor = await door.visit();
    await visitor.send(get("/before"));
    equal((await visitor.response()).body, "GET /before ");
    await visitor.send(request + "early");
    const switching = await visitor.until("\r\n\r\n");
    ok(switching.startsWith("HTTP/1.1 101 "), switching);
    deepEqual([fields({ head: switching }, "upgrade"), fields({ head: switching }, "connection")], [
      ["tcp"],
      ["Upgrade"],
    ]);
    equal(await visitor.take(5), "early");
    const text = get("/what only looks like HTTP");
    await visitor.send(text);
    equal(await visitor.take(text.length), text);
    await visitor.finish();
    equal(await visitor.rest(), "");
  }
  using visitor = await door.visit();
  await visitor.send(post(`/proxy?port=${greeter.port}`, "", ...upgrade));
  await visitor.until("220 hello\r\n");
  await visitor.send("bye");
  await visitor.finish();
  equal(await visitor.rest(), "221 gone");
});

peerTest({ name: "door: POST /proxy without Upgrade goes on as it is", permissions }, async () => {
  await using service = new Recorder("service");
  await using door = TestDoor.open();
  using visitor = await door.visit();
  await visitor.send(post(`/proxy?port=${service.port}&path=/a%3Fb=c`, "hello"));
  equal((await visitor.response()).body, "service POST /a?b=c");
  equal(service.last.body, "hello");
  await visitor.send(post("/proxy", "hello"));
  const refused = await visitor.response();
  equal(status(refused), 400);
  match(problem(refused.body).detail, /which port/);
});

peerTest({ name: "door: ports that may not be reached", permissions }, async () => {
  await using mcp = new Recorder("mcp");
  await using service = new Recorder("service");
  const { port } = service;
  await using door = TestDoor.open(mirror, { own: [mcp.port] });
  await using narrow = TestDoor.open(mirror, {
    config: { proxyPorts: new PortSet([[port, port]]), apiKey: undefined },
  });
  const ask = async (from: TestDoor, port: number) => {
    using visitor = await from.visit();
    await visitor.send(get(`/proxy/${port}/`));
    const answered = await visitor.response();
    if (status(answered) === 403) {
      await visitor.send(get("/still"));
      equal(status(await visitor.response()), 200);
    }
    return status(answered);
  };
  deepEqual(
    await Promise.all([
      ask(door, 5432),
      ask(door, 22),
      ask(door, mcp.port),
      ask(door, door.port),
      ask(door, door.innerPort),
      ask(door, port),
      ask(narrow, port),
      ask(narrow, mcp.port),
      ask(narrow, narrow.port),
    ]),
    [403, 403, 403, 403, 403, 200, 200, 403, 403],
  );
  equal(mcp.requests.length, 0);
});

peerTest(
  { name: "door: who may not pass is told so, and reaches nothing", permissions },
  async () => {
    await using service = new Recorder("service");
    const seen: string[] = [];
    await using door = TestDoor.open(mirror, {
      config: { proxyPorts: new PortSet(), apiKey: "sesame-sesame" },
      authorize: (method, headers) => {
        seen.push(method);
        if (headers.get("authorization") === "Bearer sesame-sesame") return;
        throw new Problem(401, "This needs the API key");
      },
    });
    using visitor = await door.visit();
    const path = `/proxy/${service.port}/`;
    await visitor.send(get(path));
    const refused = await visitor.response();
    deepEqual([status(refused), problem(refused.body).detail], [401, "This needs the API key"]);
    equal(field(refused, "www-authenticate"), 'Bearer realm="arpc"');
    await visitor.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    equal((await visitor.response("HEAD")).body, "");
    await visitor.send(get(path, "Connection: Upgrade", "Upgrade: websocket"));
    equal(status(await visitor.response()), 401);
    await visitor.send(post("/proxy/nonsense", "x"));
    equal(status(await visitor.response()), 401);
    // A browser's question before a request needs no key elsewhere; a service would act on it.
    await visitor.send(`OPTIONS ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    equal(status(await visitor.response()), 401);
    await visitor.send(get(path, "Service-Worker: script", "Authorization: Bearer sesame-sesame"));
    equal(status(await visitor.response()), 403);
    await visitor.send(get(path, "Authorization: Bearer sesame-sesame"));
    equal(status(await visitor.response()), 200);
    equal(field(service.last, "authorization"), undefined);
    equal(service.requests.length, 1);
    // A page can open a WebSocket to anywhere: that is judged like a change.
    deepEqual(seen, ["GET", "HEAD", "POST", "POST", "POST", "GET", "GET"]);
  },
);

peerTest({ name: "door: a page without its last slash is sent there", permissions }, async () => {
  await using service = new Recorder("service");
  await using door = TestDoor.open();
  using visitor = await door.visit();
  const path = `/proxy/${service.port}`;
  await visitor.send(get(`${path}?a=b`, "Sec-Fetch-Mode: navigate"));
  const answered = await visitor.response();
  deepEqual([status(answered), field(answered, "location")], [307, `${path}/?a=b`]);
  await visitor.send(get(`${path}?a=b`));
  equal((await visitor.response()).body, "service GET /?a=b");
});

peerTest({ name: "door: a service that listens on ::1 alone is found", permissions }, async (t) => {
  let service: Deno.HttpServer<Deno.NetAddr>;
  try {
    const options = { hostname: "::1", port: 0, onListen: () => {} };
    service = Deno.serve(options, ({ url }) => new Response(new URL(url).host));
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrNotAvailable)) throw error;
    return void await t.step({ name: "no IPv6 here", ignore: true, fn: () => {} });
  }
  const { port } = service.addr;
  try {
    await using door = TestDoor.open();
    const response = await fetch(`${door.url}/proxy/${port}/`);
    equal(await response.text(), `localhost:${port}`);
  } finally {
    await service.shutdown();
  }
});

peerTest(
  { name: "door: a thousand connections at once leave nothing behind", permissions },
  async () => {
    await using service = httpService(mirror);
    await using door = TestDoor.open(mirror);
    const visits = Array.from({ length: 1000 }, async (_, nth) => {
      const visitor = await door.visit();
      const path = nth % 2 === 0 ? `/${nth}` : `/proxy/${service.addr.port}/${nth}`;
      await visitor.send(get(path));
      equal((await visitor.response()).body, `GET /${nth} `);
      return visitor;
    });
    const visitors = await within(PATIENCE_MS * 2, "all of them", Promise.all(visits));
    equal(door.door.visits, 1000);
    for (const visitor of visitors) visitor[Symbol.dispose]();
    const deadline = performance.now() + PATIENCE_MS;
    while (door.door.visits > 0) {
      ok(performance.now() < deadline, `${door.door.visits} are left`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
);

peerTest({ name: "door: closing it ends what is under way", permissions }, async () => {
  await using held = new RawService(async (wire) => {
    await wire.request();
    await wire.send(answer("x").replace("length: 1", "length: 9"));
    await wire.last();
  });
  const door = TestDoor.open(() => new Response(new ReadableStream()));
  using idle = await door.visit();
  using viewer = await door.visit();
  await viewer.send(get("/"));
  await viewer.until("\r\n\r\n");
  using proxied = await door.visit();
  await proxied.send(get(`/proxy/${held.port}/`));
  await proxied.until("\r\n\r\n");
  await within(PATIENCE_MS, "the end", door[Symbol.asyncDispose]());
  for (const visitor of [idle, viewer, proxied]) await visitor.last();
});
