import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import {
  acceptLoop,
  type Conn,
  getLogger,
  listenTcp,
  Peek,
  PlainDuplex,
  relay,
} from "@agentx/common";
import { TestDoor } from "./door.ts";
import { accepts, Daemon, Scratch, setpriv, WITH_DAEMON } from "./daemons.ts";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { field, get, post, status, Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { httpService, Recorder, Site } from "./services.ts";
import { run } from "./tls.ts";
import { freePort } from "./ports.ts";

const redisServer = peer("redis-server", "apt-get install redis-server");
const redisCli = peer("redis-cli", "apt-get install redis-tools");
const curl = peer("curl", "apt-get install curl");

/** A port of this machine that leads to another behind the tunnel, as a program of a user's would. */
function bridge(publicPort: number, token: string, port: number) {
  const listener = listenTcp({ hostname: "127.0.0.1", port: 0 });
  const visits = new Set<Promise<unknown>>();
  const serve = async (conn: Conn) => {
    const wire = await Wire.dial(publicPort);
    await wire.send(
      post(`/proxy?token=${token}&port=${port}`, "", "Connection: Upgrade", "Upgrade: tcp"),
    );
    ok((await wire.until("\r\n\r\n")).startsWith("HTTP/1.1 101 "));
    const [near, far] = [new PlainDuplex(new Peek(conn)), new PlainDuplex(new Peek(wire.conn))];
    await relay(near, far);
    near.close();
    far.close();
  };
  const accepting = acceptLoop(listener, getLogger(["test"]), (conn) => {
    const visit = serve(conn).finally(() => visits.delete(visit));
    visits.add(visit);
  });
  return {
    port: listener.address.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(visits);
    },
  };
}

peerTest({
  name: "/proxy through the tunnel: a real redis, by raw TCP",
  permissions: WITH_DAEMON,
  peers: [redisServer, redisCli, setpriv],
}, async () => {
  await using folder = new Scratch();
  const port = freePort();
  const flags = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  await using _redis = await Daemon.start(redisServer.path, flags, folder, () => accepts(port));
  await using door = TestDoor.open();
  await using site = await Site.start({ dev: door.port });
  await using local = bridge(site.port, "dev", port);
  const ask = async (...words: string[]) =>
    (await run(redisCli.path, ["-p", String(local.port), ...words])).words.trim();
  equal(await ask("PING"), "PONG");
  equal(await ask("SET", "greeting", "你好"), "OK");
  equal(await ask("--raw", "GET", "greeting"), "你好");
  // A value as large as many buffers, and its length.
  equal(await ask("EVAL", "redis.call('SET','x',string.rep('y',5000000)) return 1", "0"), "1");
  equal((await ask("--raw", "GET", "x")).length, 5_000_000);
});

peerTest({
  name: "/proxy through the tunnel: WebSocket, events, and requests in turn",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using live = httpService((request) => {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("data: 1\n\ndata: 2\n\n", {
        headers: { "Content-Type": "text/event-stream" },
      });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  await using service = new Recorder("service");
  await using door = TestDoor.open();
  await using site = await Site.start({ dev: door.port });
  const at = `127.0.0.1:${site.port}/proxy/${live.addr.port}`;
  const socket = new WebSocket(`ws://${at}/live?token=dev`);
  await within(PATIENCE_MS, "open", once(socket, "open"));
  socket.send("hello");
  const [{ data }] = await within(PATIENCE_MS, "the echo", once(socket, "message"));
  equal(data, "hello");
  socket.close();
  await within(PATIENCE_MS, "the end", once(socket, "close"));
  const events = await fetch(`http://${at}/events?token=dev`);
  equal(await events.text(), "data: 1\n\ndata: 2\n\n");
  using visitor = await site.visit();
  for (let nth = 0; nth < 3; nth++) {
    await visitor.send(get("/api?token=dev"));
    equal((await visitor.response()).body, "api");
    // The place in the token, as the first generation's clients write it.
    await visitor.send(post(`/?token=dev/proxy/${service.port}/a`, "hello"));
    equal((await visitor.response()).body, "service POST /a");
  }
  equal(field(service.last, "x-forwarded-host"), "test");
  equal(field(service.last, "x-forwarded-prefix"), `/proxy/${service.port}`);
  await visitor.send(get("/proxy/5432/?token=dev"));
  const refused = await visitor.response();
  equal(status(refused), 403);
  match(JSON.parse(refused.body).detail, /--proxy-allow 5432/);
});

peerTest({
  name: "/proxy: curl uploads as it likes, and repeats itself",
  permissions: WHOLE_PROGRAM,
  peers: [curl],
}, async () => {
  await using folder = new Scratch();
  const file = folder.write("upload", "x".repeat(3_000_000));
  await using service = httpService(async (request) =>
    new Response(`${request.method} ${(await request.bytes()).length}`)
  );
  await using door = TestDoor.open();
  const url = `${door.url}/proxy/${service.addr.port}/`;
  const tell = ["--silent", "--show-error", "--fail"];
  deepEqual(
    [
      (await run(curl.path, [...tell, "-H", "Expect: 100-continue", "-T", file, url])).words,
      (await run(curl.path, [...tell, "--data-binary", `@${file}`, "-H", "Expect:", url])).words,
      (await run(curl.path, [...tell, "-H", "Transfer-Encoding: chunked", "-T", file, url])).words,
      (await run(curl.path, [...tell, "--http1.0", url, url])).words,
    ],
    ["PUT 3000000", "POST 3000000", "PUT 3000000", "GET 0GET 0"],
  );
});
