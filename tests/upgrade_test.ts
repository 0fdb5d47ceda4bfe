/**
 * `Upgrade: arp` on the public port, byte by byte: when it is answered 101, what reaches the service,
 * and what a visitor hears instead.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, startClient, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, field, get, type Message, status, Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { RawClient, readFrame } from "./raw_peers.ts";
import { echo, RawService, Recorder, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const curl = peer("curl", "apt-get install curl");
const UPGRADE = ["Connection: Upgrade", "Upgrade: arp"];

/** A request for the raw bytes of a client's service. */
function raw(token: string): string {
  return get("/", ...UPGRADE, `X-ARP-Token: ${token}`);
}

/** Fails unless a connection is raw now, to a service that says all it hears. */
async function echoes(wire: Wire, words = "\0raw\r\n\r\n\xff"): Promise<void> {
  equal((await wire.response()).start, "HTTP/1.1 101 Switching Protocols");
  await wire.send(words);
  equal(await wire.take(words.length), words);
}

peerTest(
  { name: "upgrade: raw bytes both ways, and each end by itself", permissions },
  async (t) => {
    const step = stepsOf(t);
    await using service = echo();
    await using site = await Site.start({ app: service.port }, ["--domain", "arp.test"]);
    const places: Record<string, string> = {
      "X-ARP-Token": raw("app"),
      "the query": get("/?token=app", ...UPGRADE),
      "the cookie": get("/", "Cookie: arp_token=app", ...UPGRADE),
      "the host": get("/", ...UPGRADE).replace("Host: test", "Host: app.arp.test"),
      "letters of any case": get("/", "connection: UPGRADE", "upgrade: ARP", "x-arp-token: app"),
      "arp among others": get(
        "/",
        "Connection: x, upgrade",
        "Upgrade: h2c, arp",
        "X-ARP-Token: app",
      ),
    };
    for (const [place, request] of Object.entries(places)) {
      await step(place, async () => {
        using visitor = await site.visit();
        await visitor.send(request);
        await echoes(visitor);
        await visitor.finish();
        equal(
          await visitor.rest(),
          "",
          "the end of the visitor's bytes is passed on, and answered",
        );
      });
    }
    await step("bytes behind the head reach the service", async () => {
      using visitor = await site.visit();
      await visitor.send(raw("app") + "GET / HTTP/1.1\r\n\r\n");
      equal((await visitor.response()).start, "HTTP/1.1 101 Switching Protocols");
      equal(await visitor.take(18), "GET / HTTP/1.1\r\n\r\n");
    });
    await step("a head that comes byte by byte", async () => {
      using visitor = await site.visit();
      for (const letter of raw("app")) await visitor.send(letter);
      await echoes(visitor);
    });
  },
);

peerTest({ name: "upgrade: a service may speak first", permissions }, async () => {
  await using service = new RawService(async (wire) => {
    await wire.send("220 hello\r\n");
    equal(await wire.rest(), "QUIT\r\n");
    await wire.send("221 bye\r\n");
  });
  await using site = await Site.start({ app: service.port });
  using visitor = await site.visit();
  await visitor.send(raw("app"));
  equal(status(await visitor.response()), 101);
  equal(await visitor.until("\r\n"), "220 hello\r\n");
  await visitor.send("QUIT\r\n");
  await visitor.finish();
  equal(await visitor.rest(), "221 bye\r\n");
});

peerTest(
  { name: "upgrade: also after requests on the same connection", permissions },
  async (t) => {
    const step = stepsOf(t);
    await using web = new Recorder("WEB");
    await using service = echo();
    await using site = await Site.start({ web: web.port, app: service.port });
    await step("one after the other", async () => {
      using visitor = await site.visit();
      for (const path of ["/1", "/2"]) {
        await visitor.send(get(path, "X-ARP-Token: web"));
        equal((await visitor.response()).body, `WEB GET ${path}`);
      }
      await visitor.send(raw("app"));
      await echoes(visitor);
    });
    await step("all sent at once", async () => {
      using visitor = await site.visit();
      await visitor.send(get("/1", "X-ARP-Token: web") + raw("app") + "early");
      equal((await visitor.response()).body, "WEB GET /1");
      equal(status(await visitor.response()), 101);
      equal(await visitor.take(5), "early");
    });
    await step("the request stays between visitor and server", () => {
      ok(web.requests.every(({ head }) => !/upgrade/i.test(head)));
    });
  },
);

peerTest({ name: "upgrade: what is none is the service's", permissions }, async (t) => {
  const step = stepsOf(t);
  await using web = new Recorder("WEB");
  await using site = await Site.start({ app: web.port });
  const body = (version: string, ...lines: string[]) =>
    [`POST / HTTP/${version}`, "Host: test", "X-ARP-Token: app", ...lines, "", ""].join("\r\n");
  const requests: Record<string, string> = {
    "a request with a body": body("1.1", ...UPGRADE, "Content-Length: 3") + "abc",
    "a request with a body in chunks": body("1.1", ...UPGRADE, "Transfer-Encoding: chunked") +
      "3\r\nabc\r\n0\r\n\r\n",
    "no Connection": get("/", "Upgrade: arp", "X-ARP-Token: app"),
    "another protocol": get("/", "Connection: Upgrade", "Upgrade: irc/6", "X-ARP-Token: app"),
    "HTTP/1.0": body("1.0", ...UPGRADE).replace("POST", "GET"),
  };
  for (const [what, request] of Object.entries(requests)) {
    await step(what, async () => {
      using visitor = await site.visit();
      await visitor.send(request);
      match((await visitor.response()).body, /^WEB (GET|POST) \/$/);
      match(web.last.head, /^Upgrade: /m);
    });
  }
  await step("but for HTTP/2, whose further requests nobody would route", async () => {
    using visitor = await site.visit();
    const offer = [
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABk",
    ];
    await visitor.send(get("/", ...offer, "X-ARP-Token: app"));
    match((await visitor.response()).body, /^WEB GET \/$/);
    ok(!/^(upgrade|http2-settings):/im.test(web.last.head), web.last.head);
  });
  await step("a WebSocket", async () => {
    await using service = new RawService(async (wire) => {
      equal(field(await wire.request(), "Upgrade"), "websocket");
      await wire.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
      await wire.send(await wire.take(2));
    });
    await using other = await Site.start({ app: service.port });
    using visitor = await other.visit();
    await visitor.send(
      get("/", "Connection: Upgrade", "Upgrade: websocket", "X-ARP-Token: app") + "\x81\0",
    );
    equal(field(await visitor.response(), "Upgrade"), "websocket");
    equal(await visitor.rest(), "\x81\0");
  });
});

peerTest({ name: "upgrade: a refusal is an answer in HTTP", permissions }, async (t) => {
  const step = stepsOf(t);
  await using service = echo();
  await using server = await startServer(["--max-visitors", "1"]);
  const ask = async (token: string): Promise<Message> => {
    using visitor = await Wire.dial(server.publicPort);
    await visitor.send(raw(token));
    const found = await visitor.response();
    equal(field(found, "Connection"), "close");
    equal(field(found, "Content-Type"), "text/plain; charset=utf-8");
    equal(await visitor.rest(), "");
    return found;
  };
  await step("503: nobody is there", async () => {
    const found = await ask("app");
    equal(status(found), 503);
    match(found.body, /^No active clients available\n/);
  });
  await using _client = await startClient({ server, id: "app", port: service.port });
  await step("404: nobody has that token", async () => {
    const found = await ask("nope");
    equal(status(found), 404);
    match(found.body, /^Client 'nope' not found\n/);
  });
  await step("404: no token", async () => {
    using visitor = await Wire.dial(server.publicPort);
    await visitor.send(get("/", ...UPGRADE));
    const found = await visitor.response();
    equal(status(found), 404);
    match(found.body, /^Client Token not found\n/);
  });
  await step("503: it was here", async () => {
    {
      await using _gone = await startClient({ server, id: "gone", port: 1 });
    }
    await server.messages("Client left", 1);
    const found = await ask("gone");
    equal(status(found), 503);
    match(found.body, /^Client 'gone' is offline\n/);
  });
  await step("502: its service is down", async () => {
    const port = freePort();
    await using _down = await startClient({ server, id: "down", port });
    const found = await ask("down");
    equal(status(found), 502);
    match(
      found.body,
      new RegExp(`^The local service cannot be reached\n.*127.0.0.1:${port}: .+\n`),
    );
  });
  await step("429: it has as many visitors as it may", async () => {
    using first = await Wire.dial(server.publicPort);
    await first.send(raw("app"));
    await echoes(first);
    equal(status(await ask("app")), 429);
  });
});

peerTest({ name: "upgrade: no 101 before the service is reached", permissions }, async () => {
  await using server = await startServer();
  using client = await RawClient.register(server, "app");
  await client.asked(1);
  using tunnel = await client.open();
  await client.settled();
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(raw("app") + "early");
  const { StartProxy } = JSON.parse((await readFrame(tunnel))!);
  equal(StartProxy.protocol, "arp");
  // Until the client says that it has reached its service, the visitor hears nothing.
  let heard = false;
  const response = visitor.response().finally(() => heard = true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  equal(heard, false);
  await tunnel.send(`\0\0\0\x21{"ProxyStarted":{"success":true}}`);
  equal(status(await response), 101);
  equal(await tunnel.take(5), "early");
  await tunnel.send("from the service");
  equal(await visitor.take(16), "from the service");
});

peerTest({ name: "upgrade: 500 at once", permissions }, async () => {
  const CROWD = 500;
  await using service = echo();
  await using site = await Site.start({ app: service.port }, ["--queue-size", `${CROWD}`]);
  const visits = Array.from({ length: CROWD }, async (_, nth) => {
    using visitor = await site.visit();
    await visitor.send(raw("app"));
    await echoes(visitor, `visitor ${nth}`);
    await visitor.finish();
    equal(await visitor.rest(), "");
  });
  await within(3 * PATIENCE_MS, "the crowd", Promise.all(visits));
  const left = await site.server.messages("Visitor left", CROWD);
  ok(left.every(({ properties }) => properties.end === "done" && properties.protocol === "arp"));
  equal(service.connections, CROWD);
});

peerTest({ name: "upgrade: curl agrees", permissions, peers: [curl] }, async () => {
  await using service = new RawService(async (wire) => {
    await wire.send(answer("raw hello", "Connection: close"));
  });
  await using site = await Site.start({ app: service.port });
  const run = async (token: string) => {
    const lines = [...UPGRADE, `X-ARP-Token: ${token}`].flatMap((line) => ["-H", line]);
    const { stdout } = await new Deno.Command(curl.path, {
      args: ["--silent", "--show-error", "--include", "--max-time", "20", ...lines, site.url],
    }).output();
    return new TextDecoder().decode(stdout);
  };
  const found = await run("app");
  match(found, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  match(found, /raw hello/);
  const lines = (await run("nope")).split("\r\n");
  deepEqual([lines[0], lines.at(-1)?.split("\n")[0]], [
    "HTTP/1.1 404 Not Found",
    "Client 'nope' not found",
  ]);
});
