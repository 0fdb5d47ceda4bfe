import { deepEqual, equal, match } from "node:assert/strict";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, field, get, post, status } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { frame, RawClient, readFrame, serveOnce } from "./raw_peers.ts";
import { RawService, Recorder, Site, stepsOf } from "./services.ts";

const permissions = WHOLE_PROGRAM;

peerTest(
  { name: "services: what a broken one says, and who is harmed", permissions },
  async (t) => {
    const step = stepsOf(t);
    let say = "";
    let stay = false;
    let served = 0;
    await using broken = new RawService(async (wire) => {
      await wire.request();
      served++;
      await wire.send(say);
      if (stay) await wire.rest();
    });
    await using whole = new Recorder("B");
    await using site = await Site.start({ a: broken.port, b: whole.port });
    const visit = async (words: string, request = get("/?token=a")) => {
      say = words;
      served = 0;
      using bystander = await site.visit();
      await bystander.send(get("/1?token=b"));
      equal((await bystander.response()).body, "B GET /1?token=b");
      using visitor = await site.visit();
      await visitor.send(request);
      const all = await visitor.last();
      await bystander.send(get("/2?token=b"));
      equal((await bystander.response()).body, "B GET /2?token=b");
      equal(served, 1, "the request was sent once");
      return all;
    };
    const BAD_GATEWAY =
      /^HTTP\/1\.1 502 [^]*\r\n\r\nThe service ended the connection without an answer\n$/;

    await step("nothing: 502", async () => match(await visit(""), BAD_GATEWAY));
    await step("nothing, to a POST: 502", async () => {
      match(await visit("", post("/?token=a", "x")), BAD_GATEWAY);
    });
    await step("half a head: 502", async () => {
      match(await visit("HTTP/1.1 200 OK\r\nContent-Le"), BAD_GATEWAY);
    });
    await step("an interim answer alone: 502 behind it", async () => {
      const hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
      const all = await visit(hints);
      equal(all.slice(0, hints.length), hints);
      match(all.slice(hints.length), BAD_GATEWAY);
    });
    await step("another protocol: 502, though the service waits for more", async () => {
      stay = true;
      const all = await visit("SSH-2.0-Test\r\n");
      match(
        all,
        /^HTTP\/1\.1 502 [^]*\r\n\r\nThe service answered with something else than HTTP\n/,
      );
      stay = false;
    });
    await step("an old web server's bare line feeds: as they are, then the end", async () => {
      const words = "HTTP/1.0 200 OK\nContent-Type: text/plain\n\nhello\n";
      equal(await visit(words), words);
    });
    await step("a body that breaks off: broken for the visitor, too", async () => {
      const words = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
      equal(await visit(words), words);
      say = words;
      const response = await fetch(`${site.url}/?token=a`);
      equal(response.status, 200);
      await response.text().then((text) => {
        throw new Error(`the visitor took it for whole: ${text}`);
      }, () => {});
    });
    await step("chunks that break off: broken for the visitor, too", async () => {
      const words = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
      equal(await visit(words), words);
    });
    await step("more than was asked for: the rest reaches nobody", async () => {
      const poison = answer("poison");
      for (let nth = 0; nth < 10; nth++) {
        const all = await visit(answer("fine", "Connection: close") + poison);
        equal(all, answer("fine", "Connection: close"));
      }
    });
    await step("more than was asked for, on a connection that is kept", async () => {
      say = answer("fine") + answer("poison");
      using visitor = await site.visit();
      await visitor.send(get("/?token=a"));
      equal((await visitor.response()).body, "fine");
      await visitor.send(get("/?token=b"));
      equal((await visitor.response()).body, "B GET /?token=b");
    });
  },
);

peerTest(
  { name: "services: a tunnel that was used is clean for the next visitor", permissions },
  async () => {
    await using service = new RawService(async (wire, nth) => {
      for (;;) {
        const { start } = await wire.request();
        await wire.send(answer(`${nth} ${start.split(" ")[1]}`));
      }
    });
    await using site = await Site.start({ a: service.port });
    for (let nth = 1; nth <= 50; nth++) {
      using visitor = await site.visit();
      // Some leave in order, some in the middle of a request, some with an answer unread.
      await visitor.send(get(`/${nth}?token=a`));
      if (nth % 5 === 0) continue;
      const { body } = await visitor.response();
      match(body, new RegExp(`^\\d+ /${nth}\\?token=a$`));
      if (nth % 3 === 0) {
        await visitor.send(
          "POST /?token=a HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc",
        );
      }
      if (nth % 7 === 0) await visitor.finish();
    }
  },
);

peerTest(
  { name: "services: a visitor that leaves takes its request along", permissions },
  async (t) => {
    const step = stepsOf(t);
    let requests = 0;
    let ended = Promise.withResolvers<void>();
    let started = Promise.withResolvers<void>();
    await using service = new RawService(async (wire) => {
      const { start } = await wire.request();
      requests++;
      if (start.startsWith("POST")) await wire.send("HTTP/1.1 200 OK\r\n\r\nfirst words");
      started.resolve();
      await wire.last();
      ended.resolve();
    });
    await using site = await Site.start({ a: service.port });
    for (const request of [get("/?token=a"), post("/?token=a", "")]) {
      await step(`before ${request.startsWith("GET") ? "the answer" : "its end"}`, async () => {
        requests = 0;
        ended = Promise.withResolvers();
        started = Promise.withResolvers();
        const visitor = await site.visit();
        const from = site.server.logs.length;
        await visitor.send(request);
        await within(PATIENCE_MS, "the request", started.promise);
        visitor[Symbol.dispose]();
        await within(PATIENCE_MS, "the end at the service", ended.promise);
        await site.server.message("Visitor left", { from });
        equal(requests, 1, "nobody asked again");
      });
    }
  },
);

peerTest({ name: "services: stale and slow tunnels", permissions }, async (t) => {
  const step = stepsOf(t);
  for (
    const [version, how] of [[2, "before it starts"], [
      1,
      "with the visitor's first bytes",
    ]] as const
  ) {
    await step(`one that dies ${how}: the visitor is served by another`, async () => {
      await using site = await Site.start({});
      using client = await RawClient.register(site.server, "a", version === 2 ? { version } : {});
      await client.asked(1);
      const stale = await client.open();
      using visitor = await site.visit();
      await visitor.send(get("/?token=a"));
      // Only once the visitor is on it, or the pool would have noticed.
      await (version === 2 ? readFrame(stale) : stale.until("\r\n\r\n"));
      stale[Symbol.dispose]();
      await client.asked(1);
      using fresh = await client.open();
      if (version === 2) await serveOnce(fresh, "fresh");
      else {
        match(await fresh.until("\r\n\r\n"), /^GET \/\?token=a /);
        await fresh.send(answer("fresh"));
      }
      equal((await visitor.response()).body, "fresh");
    });
  }
  await step("three in a row: 502", async () => {
    await using site = await Site.start({});
    using client = await RawClient.register(site.server, "a");
    using visitor = await site.visit();
    await visitor.send(get("/?token=a"));
    const dying = async () => {
      for (let nth = 0; nth < 3; nth++) {
        await client.asked(1);
        const tunnel = await client.open();
        await readFrame(tunnel);
        tunnel[Symbol.dispose]();
      }
    };
    await dying();
    const response = await visitor.response();
    equal(status(response), 502);
    match(field(response, "content-type") ?? "", /^text\/plain/);
  });
  await step("an upload under way waits until the service is reached", async () => {
    await using site = await Site.start({});
    using client = await RawClient.register(site.server, "a");
    using visitor = await site.visit();
    const body = "x".repeat(100_000);
    const sending = visitor.send(post("/?token=a", body));
    await client.asked(1);
    const stale = await client.open();
    await readFrame(stale);
    await stale.until("xxx");
    stale[Symbol.dispose]();
    await client.asked(1);
    using fresh = await client.open();
    await readFrame(fresh);
    await fresh.send(frame(`{"ProxyStarted":{"success":true}}`));
    await fresh.until("\r\n\r\n");
    equal(await fresh.take(body.length), body);
    await fresh.send(answer("whole"));
    equal((await visitor.response()).body, "whole");
    await sending;
  });
  await step("a client's own reason reaches the visitor", async () => {
    await using site = await Site.start({});
    using client = await RawClient.register(site.server, "a");
    using visitor = await site.visit();
    await visitor.send(get("/?token=a", "Accept: application/json"));
    await client.asked(1);
    using tunnel = await client.open();
    await readFrame(tunnel);
    await tunnel.send(frame(`{"ProxyStarted":{"success":false,"error":"out of <b>tea</b>"}}`));
    const response = await visitor.response();
    equal(status(response), 502);
    deepEqual(JSON.parse(response.body).hint, "The client reports: out of <b>tea</b>");
  });
});
