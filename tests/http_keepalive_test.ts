import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { isDisconnect } from "@agentx/common";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, field, fields, get, latin1, post, status } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { RawService, Recorder, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;

peerTest({ name: "keep-alive: each request goes by its own token", permissions }, async (t) => {
  const step = stepsOf(t);
  await using a = new Recorder("A");
  await using b = new Recorder("B");
  await using site = await Site.start({ a: a.port, b: b.port, down: freePort() });

  await step("one after the other, on one connection", async () => {
    using visitor = await site.visit();
    for (const token of ["a", "b", "b", "a", "a", "b"]) {
      await visitor.send(get(`/?token=${token}`));
      equal((await visitor.response()).body, `${token.toUpperCase()} GET /?token=${token}`);
    }
    const before = a.connections;
    await visitor.send(get("/?token=a"));
    await visitor.response();
    await visitor.send(get("/again?token=a"));
    await visitor.response();
    equal(a.connections, before + 1, "two requests in a row share a tunnel");
  });
  await step("ten requests in one write", async () => {
    using visitor = await site.visit();
    const targets = Array.from({ length: 10 }, (_, nth) => `/${nth}?token=a`);
    await visitor.send(targets.map((target) => get(target)).join(""));
    for (const target of targets) equal((await visitor.response()).body, `A GET ${target}`);
  });
  await step("ten requests for two clients in one write, bodies among them", async () => {
    using visitor = await site.visit();
    const targets = Array.from("abaabbabba", (token, nth) => `/${nth}?token=${token}`);
    await visitor.send(
      targets.map((target, nth) => nth % 3 === 0 ? post(target, `body ${nth}`) : get(target))
        .join(""),
    );
    for (const [nth, target] of targets.entries()) {
      const name = target.endsWith("a") ? "A" : "B";
      const method = nth % 3 === 0 ? "POST" : "GET";
      equal((await visitor.response()).body, `${name} ${method} ${target}`);
    }
    equal(a.requests.find(({ start }) => start.startsWith("POST /0?"))?.body, "body 0");
    equal(a.requests.find(({ start }) => start.startsWith("POST /9?"))?.body, "body 9");
  });
  await step("answers of the server itself stand in their place", async () => {
    using visitor = await site.visit();
    await visitor.send(
      get("/1?token=a") + get("/2?token=nobody") + get("/3?token=b") + get("/4") +
        get("/5?token=a"),
    );
    const codes: string[] = [];
    for (let nth = 0; nth < 5; nth++) {
      const response = await visitor.response();
      codes.push(`${status(response)} ${response.body.split("\n")[0]}`);
    }
    deepEqual(codes, [
      "200 A GET /1?token=a",
      "404 Client 'nobody' not found",
      "200 B GET /3?token=b",
      "404 Client Token not found",
      "200 A GET /5?token=a",
    ]);
  });
  await step("a request that fails is never answered by the next client", async () => {
    for (let nth = 0; nth < 20; nth++) {
      using visitor = await site.visit();
      await visitor.send(get("/1?token=down") + get("/2?token=a"));
      equal(status(await visitor.response()), 502);
      // Nothing may follow, or it must be the answer to the second request.
      const rest = await visitor.last();
      equal(rest.includes("/2") || rest === "", true, rest);
    }
  });
  await step("a head in pieces, one byte at a time", async () => {
    using visitor = await site.visit();
    visitor.conn.setNoDelay(true);
    for (const letter of get("/slow?token=a")) await visitor.send(letter);
    equal((await visitor.response()).body, "A GET /slow?token=a");
  });
  await step("line ends in front of a request are tolerated", async () => {
    using visitor = await site.visit();
    await visitor.send("\r\n" + get("/1?token=a") + "\r\n\r\n" + get("/2?token=b"));
    equal((await visitor.response()).body, "A GET /1?token=a");
    equal((await visitor.response()).body, "B GET /2?token=b");
  });
  await step("Connection: close closes after the answer", async () => {
    using visitor = await site.visit();
    await visitor.send(get("/?token=a", "Connection: close"));
    equal((await visitor.response()).body, "A GET /?token=a");
    equal(await visitor.rest(), "");
  });
});

peerTest({
  name: "keep-alive: an answer that broke off is not continued by the next client",
  permissions,
}, async () => {
  await using broken = new RawService(async (wire) => {
    await wire.request();
    await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  });
  await using whole = new Recorder("B");
  await using site = await Site.start({ a: broken.port, b: whole.port });
  for (let nth = 0; nth < 20; nth++) {
    using visitor = await site.visit();
    await visitor.send(get("/1?token=a") + get("/2?token=b"));
    const all = await visitor.last();
    match(all, /^HTTP\/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this$/);
  }
});

peerTest({ name: "keep-alive: answers without a body", permissions }, async (t) => {
  const step = stepsOf(t);
  const ANSWERS: Record<string, string> = {
    "HEAD": "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "HEAD chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "204": "HTTP/1.1 204 No Content\r\n\r\n",
    "304": 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n',
    "205": "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "empty": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "empty chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  await using service = new RawService(async (wire) => {
    for (;;) {
      const request = await wire.request();
      await wire.send(ANSWERS[field(request, "x-wish") ?? ""] ?? answer("next"));
    }
  });
  await using site = await Site.start({ a: service.port });
  using visitor = await site.visit();
  for (const [wish, expected] of Object.entries(ANSWERS)) {
    await step(`${wish}, and the next request is answered`, async () => {
      const head = wish.startsWith("HEAD");
      const request = get("/?token=a", `X-Wish: ${wish}`);
      await visitor.send((head ? request.replace("GET", "HEAD") : request) + get("/2?token=a"));
      const response = await visitor.response(head ? "HEAD" : "GET");
      equal(response.head, expected.slice(0, expected.indexOf("\r\n\r\n") + 4));
      equal((await visitor.response()).body, "next");
    });
  }
  equal(service.connections, 1);
});

peerTest({ name: "keep-alive: HTTP/1.0", permissions }, async (t) => {
  const step = stepsOf(t);
  await using a = new Recorder("A");
  await using endless = new RawService(async (wire) => {
    await wire.request();
    await wire.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  });
  await using site = await Site.start({ a: a.port, endless: endless.port });
  await step("closes after the answer", async () => {
    using visitor = await site.visit();
    await visitor.send("GET /1?token=a HTTP/1.0\r\n\r\n");
    equal((await visitor.response()).body, "A GET /1?token=a");
    equal(await visitor.rest(), "");
    equal(a.last.start, "GET /1?token=a HTTP/1.0");
  });
  await step("stays open when it asks for it", async () => {
    using visitor = await site.visit();
    for (const path of ["/1", "/2"]) {
      await visitor.send(`GET ${path}?token=a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`);
      equal((await visitor.response()).body, `A GET ${path}?token=a`);
    }
  });
  for (const version of ["1.0", "1.1"]) {
    await step(`an answer that ends with the connection, for HTTP/${version}`, async () => {
      using visitor = await site.visit();
      await visitor.send(`GET /?token=endless HTTP/${version}\r\nHost: test\r\n\r\n`);
      const response = await visitor.response();
      deepEqual([response.start, response.body], ["HTTP/1.0 200 OK", "until the end"]);
    });
  }
});

peerTest(
  { name: "keep-alive: the service closes, the visitor's connection goes on", permissions },
  async (t) => {
    const step = stepsOf(t);
    await using silent = new RawService(async (wire, nth) => {
      const { start } = await wire.request();
      await wire.send(answer(`${nth} ${start.split(" ")[0]}`));
    });
    let dropped = 0;
    await using racing = new RawService(async (wire, nth) => {
      await wire.request();
      await wire.send(answer(`${nth}`));
      // Takes a second request and closes in the same moment, as a service whose time is up does.
      await wire.request();
      dropped++;
    });
    await using site = await Site.start({ silent: silent.port, racing: racing.port });
    await step("after each answer, without saying so", async () => {
      using visitor = await site.visit();
      for (const nth of [1, 2, 3, 4, 5]) {
        await visitor.send(get("/?token=silent"));
        equal((await visitor.response()).body, `${nth} GET`);
      }
    });
    await step("with a GET under way, which is sent again", async () => {
      using visitor = await site.visit();
      await visitor.send(get("/1?token=racing"));
      equal((await visitor.response()).body, "1");
      await visitor.send(get("/2?token=racing"));
      equal((await visitor.response()).body, "2");
      equal(dropped, 1);
    });
    await step("with a POST under way, which may not be sent twice", async () => {
      using visitor = await site.visit();
      const before = racing.connections;
      await visitor.send(get("/1?token=racing"));
      equal((await visitor.response()).body, `${before + 1}`);
      await visitor.send(post("/2?token=racing", "once"));
      const response = await visitor.response();
      equal(status(response), 502);
      match(response.body, /ended the connection without an answer/);
      equal(racing.connections, before + 1);
    });
  },
);

peerTest({ name: "keep-alive: headers are added to navigations alone", permissions }, async () => {
  await using a = new Recorder("A");
  await using site = await Site.start({ a: a.port });
  using visitor = await site.visit();
  await visitor.send(
    get("/1?token=a", "Accept: text/html") + get("/2?token=a") +
      get("/3?token=a", "Accept: text/html"),
  );
  const cookies: number[] = [];
  for (let nth = 0; nth < 3; nth++) {
    cookies.push(fields(await visitor.response(), "set-cookie").length);
  }
  deepEqual(cookies, [1, 0, 1]);
});

/** Memory of a process in MB. */
async function residentMegabytes(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}

/** Resolves when no more of what is written gets away: the other end has stopped to read. */
async function stalls(written: () => number): Promise<void> {
  let last = -1;
  await eventually("a visitor that is held back", async () => {
    const before = last;
    last = written();
    await new Promise((resolve) => setTimeout(resolve, 250));
    return last > 0 && before === last && written() === last;
  });
}

peerTest({
  name: "keep-alive: a flood of pipelined requests costs bounded memory, and is answered in order",
  permissions,
  os: ["linux"],
}, async () => {
  const FLOOD_BYTES = 24_000_000;
  const go = Promise.withResolvers<void>();
  let came = 0;
  await using silent = new RawService(async (wire) => {
    for (;;) {
      const request = await wire.request();
      came++;
      await go.promise;
      await wire.send(answer(request.start.split(" ")[1]!));
    }
  });
  // However the test ends, the service does.
  using _end = { [Symbol.dispose]: () => go.resolve() };
  await using quick = new Recorder("B");
  await using site = await Site.start({ a: silent.port, b: quick.port });
  const ask = async () => {
    using other = await site.visit();
    await other.send(get("/?token=b"));
    equal((await other.response()).body, "B GET /?token=b");
  };
  await ask();
  const before = await residentMegabytes(site.server.pid);
  using visitor = await site.visit();
  let nth = 0;
  let written = 0;
  const flood = (async () => {
    while (written < FLOOD_BYTES) {
      const some: string[] = [];
      for (let count = 0; count < 1000; count++) some.push(get(`/${nth++}?token=a`));
      const bytes = latin1(some.join(""));
      for (let at = 0; at < bytes.length;) {
        const sent = await visitor.conn.write(bytes.subarray(at));
        at += sent;
        written += sent;
      }
    }
  })().catch((error) => {
    // The visitor leaves in the midst of it.
    if (!isDisconnect(error)) throw error;
  });
  await stalls(() => written);
  await ask();
  const after = await residentMegabytes(site.server.pid);
  // It takes more than 600 MB to keep them all.
  ok(after - before < 64, `from ${before} MB to ${after} MB`);
  equal(came, 1);
  go.resolve();
  for (let nth = 0; nth < 5000; nth++) {
    equal((await visitor.response()).body, `/${nth}?token=a`);
  }
  visitor[Symbol.dispose]();
  await flood;
  await site.server.message("Visitor left");
  await ask();
});

peerTest({
  name:
    "keep-alive: a visitor that is held back is let go when it leaves, and when the server stops",
  permissions,
  os: ["linux"],
}, async (t) => {
  const step = stepsOf(t);
  const done = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    await wire.request();
    await wire.send(answer("first"));
    await done.promise;
  });
  await using site = await Site.start({ a: service.port }, ["--grace", "1"]);
  const requests = Array.from({ length: 200 }, (_, nth) => get(`/${nth}?token=a`)).join("");
  try {
    await step("it resets the connection", async () => {
      const visitor = connect(site.port, "127.0.0.1");
      visitor.write(requests);
      await within(PATIENCE_MS, "an answer", once(visitor, "data"));
      const from = site.server.logs.length;
      visitor.resetAndDestroy();
      const { properties } = await site.server.message("Visitor left", { from });
      equal(properties.end, "visitor reset");
    });
    await step("the server stops", async () => {
      using visitor = await site.visit();
      await visitor.send(requests);
      equal((await visitor.response()).body, "first");
      site.server.kill("SIGTERM");
      equal((await within(PATIENCE_MS, "the end", site.server.status())).code, 0);
    });
  } finally {
    done.resolve();
  }
});
