/**
 * The last moments of a server, and the first of the one that takes its place: what those notice who
 * are in the middle of something.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { CrowdService } from "./crowd.ts";
import {
  PATIENCE_MS,
  type Program,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { answer, field, get, status, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import {
  Download,
  eventually,
  frame,
  HeldService,
  isRefused,
  RawClient,
  readFrame,
  visit,
} from "./raw_peers.ts";
import { sharedPorts } from "./restart.ts";
import { echo, RawService } from "./services.ts";
import { Home } from "./tokens.ts";
import { freePort, freePorts } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere a signal is no message, but the end. */
const os = ["linux", "darwin"] as const;
/** Only there do two programs share a port. */
const linux = ["linux"] as const;

/** Tells a server to stop, and waits until it takes no new visitor. */
async function drain(server: TestServer): Promise<void> {
  server.kill("SIGTERM");
  await server.message("Closed to visitors");
}

/** The end of a program, which must be in order. */
async function ended(program: Program): Promise<void> {
  equal((await within(PATIENCE_MS, "the end of a program", program.status())).code, 0);
}

peerTest({
  name: "drain: the next answer on a kept connection says that it is the last",
  permissions,
  os,
}, async () => {
  await using service = new RawService(async (wire) => {
    for (;;) {
      await wire.request();
      await wire.send(
        answer("hello", "X-A: \xe4", "Connection: Keep-Alive, X-A", "Keep-Alive: timeout=5"),
      );
    }
  });
  await using server = await startServer();
  await using _client = await startClient({ server, id: "app", port: service.port });
  using kept = await Wire.dial(server.publicPort);
  await kept.send(get("/?token=app"));
  const { head } = await kept.response();
  match(head, /^Connection: Keep-Alive, X-A\r$/m);
  // A browser opens connections ahead; its first request may be on its way.
  using ahead = await Wire.dial(server.publicPort);
  // Who is served after it was accepted after it.
  equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  await drain(server);
  for (const wire of [kept, ahead]) {
    await wire.send(get("/?token=app"));
    const last = await wire.response();
    equal(last.body, "hello");
    equal(
      last.head,
      head.replace("Connection: Keep-Alive, X-A\r\n", "").replace(
        /\r\n\r\n$/,
        "\r\nConnection: X-A, close\r\n\r\n",
      ),
    );
    equal(await wire.rest(), "");
  }
  await ended(server);
});

peerTest({
  name: "drain: of requests that came together each gets its answer, and only the last says so",
  permissions,
  os,
}, async () => {
  const gate = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    for (;;) {
      const { start } = await wire.request();
      await gate.promise;
      await wire.send(answer(start));
    }
  });
  await using server = await startServer();
  await using _client = await startClient({
    server,
    id: "app",
    port: service.port,
    flags: ["--service", "none"],
  });
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(["/1", "/2", "/3"].map((path) => get(`${path}?token=app`)).join(""));
  await eventually("a request at the service", () => service.connections === 1);
  await drain(server);
  gate.resolve();
  const answers = [];
  for (let nth = 0; nth < 3; nth++) answers.push(await visitor.response());
  deepEqual(answers.map(({ body }) => body.split("?")[0]), ["GET /1", "GET /2", "GET /3"]);
  deepEqual(answers.map((one) => field(one, "connection")), [undefined, undefined, "close"]);
  equal(await visitor.rest(), "");
  await ended(server);
});

peerTest({
  name:
    "drain: a download finishes, its connection serves one request more, and a stream is cut at --grace",
  permissions,
  os,
}, async () => {
  await using service = new CrowdService();
  await using server = await startServer(["--grace", "3"]);
  await using _client = await startClient({ server, id: "app", port: service.port });
  using endless = await Wire.dial(server.publicPort);
  using download = await Wire.dial(server.publicPort);
  await endless.send(get("/download?token=app"));
  await endless.until("\r\n\r\n");
  service.piece("both ");
  await endless.until("both ");
  await download.send(get("/page/1?token=app"));
  await download.response();
  const since = performance.now();
  await drain(server);
  await download.send(get("/page/2?token=app"));
  equal(field(await download.response(), "connection"), "close");
  service.piece("one more");
  await endless.until("one more");
  await ended(server);
  const took = performance.now() - since;
  ok(took > 2900 && took < 8000, `${took} ms`);
  await endless.last();
});

peerTest({
  name: "drain: those that idle are let go soon, by an end and not by a reset",
  permissions,
  os,
}, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using _client = await startClient({ server, id: "app", port: service.port });
  using download = await Download.begin(server.publicPort, "app");
  using kept = await Wire.dial(server.publicPort);
  await kept.send(get("/?token=app"));
  equal((await kept.response()).body, "hello");
  using silent = await Wire.dial(server.publicPort);
  const since = performance.now();
  await drain(server);
  equal(await kept.rest(), "");
  equal(await silent.rest(), "");
  const took = performance.now() - since;
  ok(took > 1500 && took < 8000, `${took} ms`);
  service.release();
  ok(await download.finishes());
  await ended(server);
});

peerTest({
  name: "drain: a client moves on, and its old link serves who is left at the old server",
  permissions,
  os: linux,
}, async () => {
  const flags = sharedPorts();
  await using service = new HeldService();
  await using first = await startServer([...flags, "--pool-size", "0"]);
  await using client = await startClient({ server: first, id: "app", port: service.port });
  using download = await Download.begin(first.publicPort, "app");
  // Each needs a tunnel of its own, which the system takes to the wrong server half of the time.
  const kept = await Promise.all(Array.from({ length: 12 }, () => Wire.dial(first.publicPort)));
  for (const wire of kept) {
    await wire.send(get("/?token=app"));
    equal((await wire.response()).body, "hello");
  }
  await using second = await startServer([...flags, "--pool-size", "0"]);
  const from = client.logs.length;
  await drain(first);
  await client.message("Registered", { from });
  const registered = await second.message("Client registered");
  for (const wire of kept) await wire.send(get("/?token=app"));
  for (const wire of kept) {
    const last = await wire.response();
    equal(status(last), 200, last.body);
    equal(field(last, "connection"), "close");
    wire[Symbol.dispose]();
  }
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => visit(first.publicPort, "/?token=app")),
  );
  deepEqual(answers.map(({ body }) => body), answers.map(() => "hello"));
  service.release();
  ok(await download.finishes());
  await ended(first);
  // The end of the old link is no loss, and nothing was said twice.
  equal((await visit(first.publicPort, "/?token=app")).body, "hello");
  const said = client.logs.slice(from);
  deepEqual(said.filter(({ level }) => !["DEBUG", "INFO"].includes(level)), []);
  equal(said.filter(({ message }) => message === "Registered").length, 1);
  equal(client.stdout.match(/token=app/g)?.length, 1);
  ok(!second.logs.some(({ message }) => message === "Client left"), "it stays");
  equal(registered.properties.client, (await first.message("Client registered")).properties.client);
});

peerTest({
  name: "drain: without another server the old link serves on, and the client is back at once",
  permissions,
  os,
}, async () => {
  const flags = ["--control-port", "--proxy-port", "--public-port"]
    .flatMap((flag) => [flag, String(freePort())]);
  await using service = new HeldService();
  await using first = await startServer(flags);
  await using client = await startClient({ server: first, id: "app", port: service.port });
  using download = await Download.begin(first.publicPort, "app");
  using kept = await Wire.dial(first.publicPort);
  await kept.send(get("/?token=app"));
  equal((await kept.response()).body, "hello");
  const from = client.logs.length;
  await drain(first);
  await client.message("No link to the server", { from });
  await kept.send(get("/?token=app"));
  equal(field(await kept.response(), "connection"), "close");
  // Long enough for the waits of a client that has lost its server to have grown.
  await client.messages("No link to the server", 4, { from });
  service.release();
  ok(await download.finishes());
  await ended(first);
  await using second = await startServer(flags);
  const since = performance.now();
  await client.message("Registered", { from });
  ok(performance.now() - since < 15_000);
  equal((await visit(second.publicPort, "/?token=app")).body, "hello");
});

peerTest({
  name: "drain: a client that is told to stop as well leaves both servers",
  permissions,
  os: linux,
}, async () => {
  const flags = sharedPorts();
  await using service = new HeldService();
  await using first = await startServer(flags);
  await using client = await startClient({ server: first, id: "app", port: service.port });
  using download = await Download.begin(first.publicPort, "app");
  await using second = await startServer(flags);
  const from = client.logs.length;
  await drain(first);
  await client.message("Registered", { from });
  client.kill("SIGTERM");
  await Promise.all([first.message("Client left"), second.message("Client left")]);
  service.release();
  ok(await download.finishes());
  await ended(client);
  await ended(first);
});

peerTest({
  name: "drain: a client that is not to reconnect stays to the end",
  permissions,
  os,
}, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using client = await startClient({
    server,
    id: "app",
    port: service.port,
    flags: ["--no-auto-reconnect"],
  });
  using download = await Download.begin(server.publicPort, "app");
  await drain(server);
  await client.message("The server is draining");
  service.release();
  ok(await download.finishes());
  await ended(server);
  equal((await within(PATIENCE_MS, "an end", client.status())).code, 1);
});

for (const wanted of ["0", "fixed"] as const) {
  peerTest({
    name: `drain: a port of a client's own moves without a gap (--remote-port ${wanted})`,
    permissions,
    os: linux,
  }, async () => {
    const port = freePorts(2);
    const flags = [...sharedPorts(), "--allow-ports", `${port}-${port + 1}`];
    await using service = echo();
    await using first = await startServer(flags);
    const remote = wanted === "0" ? "0" : String(port);
    const start = (server: TestServer, id: string) =>
      startClient({
        server,
        id,
        port: service.port,
        flags: ["--service", "none", "--remote-port", remote],
      });
    await using client = await start(first, "app");
    const own = Number((await first.message("Client registered")).properties.remote_port);
    using visitor = await Wire.dial(own);
    await visitor.send("a");
    equal(await visitor.take(1), "a");
    let over = false;
    let served = 0;
    const failures: string[] = [];
    const visiting = (async () => {
      while (!over && failures.length < 9) {
        try {
          using wire = await Wire.dial(own);
          await wire.send("x");
          equal(await wire.take(1), "x");
          served++;
        } catch (error) {
          failures.push(String(error));
        }
      }
    })();
    await using second = await startServer(flags);
    const from = client.logs.length;
    first.kill("SIGTERM");
    await client.message("Registered", { from });
    equal(Number((await second.message("Client registered")).properties.remote_port), own);
    if (wanted === "0") {
      // One that comes now must not be given the port that both servers have open.
      await using _other = await start(second, "other");
      const [, registered] = await second.messages("Client registered", 2);
      equal(registered?.properties.remote_port, own === port ? port + 1 : port);
    }
    await first.message("Closed to visitors");
    const before = served;
    await eventually("visitors at the second", () => served > before + 20);
    over = true;
    await visiting;
    // In the moment of the closing one may be reset; see docs/operations.md.
    ok(failures.length <= 2, failures.join());
    deepEqual(failures.filter((one) => !one.startsWith("ConnectionReset")), []);
    await visitor.send("b");
    equal(await visitor.take(1), "b");
    await visitor.finish();
    equal(await visitor.rest(), "");
    await ended(first);
  });
}

peerTest({
  name: "drain: a client of generation 1 is let go once it has no visitor",
  permissions,
  os,
}, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--pool-size", "2"]);
  await using _client = await startClient({ server, id: "new", port: service.port });
  using download = await Download.begin(server.publicPort, "new");
  using control = await Wire.dial(server.controlPort);
  await control.send(frame(`{"Register":{"client_id":"old"}}`));
  await readFrame(control);
  const tunnel = async () => {
    const ask = JSON.parse((await readFrame(control))!).RequestNewProxyConn.proxy_conn_id;
    const wire = await Wire.dial(server.proxyPort);
    await wire.send(
      frame(JSON.stringify({ NewProxyConn: { proxy_conn_id: ask, client_id: "old" } })),
    );
    return wire;
  };
  using serving = await tunnel();
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(get("/?token=old"));
  await serving.request();
  await drain(server);
  // Its visitor waits for longer than the quiet ones are waited for.
  const asks = (async () => {
    const rest = [];
    for (let next; (next = await readFrame(control)) !== null;) rest.push(next);
    return rest;
  })();
  const early = await Promise.race([
    asks.then(() => "ended"),
    new Promise((resolve) => setTimeout(resolve, 3500, "served")),
  ]);
  equal(early, "served");
  await serving.send(answer("done", "Connection: close"));
  equal((await visitor.response()).body, "done");
  for (const ask of await within(PATIENCE_MS, "the end of the old client's link", asks)) {
    match(ask, /^\{"RequestNewProxyConn":/);
  }
  service.release();
  ok(await download.finishes());
  await ended(server);
});

peerTest(
  { name: "settle: visitors wait for a client that is on its way", permissions },
  async () => {
    await using service = new CrowdService();
    await using server = await startServer(["--settle", "30", "--default-client", "app"]);
    const waiting = [
      visit(server.publicPort, "/page/1?token=app"),
      visit(server.publicPort, "/page/2"),
      visit(server.publicPort, "/page/3", "X-ARP-Token: alias"),
    ];
    using raw = await Wire.dial(server.publicPort);
    await raw.send(get("/", "X-ARP-Token: app", "Connection: Upgrade", "Upgrade: arp"));
    using other = await RawClient.register(server, "other");
    // It names the one in its URL, and has been with the other: it must not end up there.
    const strayed = visit(server.publicPort, "/page/4?token=app", "Cookie: arp_token=other");
    await using _client = await startClient({
      server,
      id: "app",
      port: service.port,
      flags: ["--alias", "alias"],
    });
    for (const answer of await Promise.all([...waiting, strayed])) equal(status(answer), 200);
    match(await raw.until("\r\n\r\n"), /^HTTP\/1\.1 101 /);
    equal(other.asks.length, 0);
  },
);

peerTest({
  name: "settle: who comes by a visitor token waits for the client that it is for",
  permissions,
}, async () => {
  await using service = new CrowdService();
  await using server = await startServer(["--settle", "30"]);
  using home = new Home();
  const token = await home.token("app");
  const waiting = visit(server.publicPort, `/page/1?token=${token}`);
  using _other = await RawClient.register(server, "other");
  await using _client = await startClient({
    server,
    id: "app",
    port: service.port,
    env: home.env,
  });
  equal(status(await waiting), 200);
});

peerTest(
  { name: "settle: it is over after its time, and not for ever more", permissions },
  async () => {
    await using server = await startServer(["--settle", "0.8"]);
    const since = performance.now();
    const answer = await visit(server.publicPort, "/?token=app");
    const took = performance.now() - since;
    equal(status(answer), 503);
    ok(took < 15_000, `${took} ms`);
    await eventually("an answer sooner than that", async () => {
      const since = performance.now();
      equal(status(await visit(server.publicPort, "/?token=app")), 503);
      return performance.now() - since < 700;
    });
  },
);

peerTest({ name: "settle: only so many wait for one client", permissions }, async () => {
  await using service = new CrowdService();
  await using server = await startServer(["--settle", "30", "--queue-size", "3"]);
  const answers = Array.from({ length: 5 }, () => visit(server.publicPort, "/page/1?token=app"));
  const first = await Promise.race(answers);
  equal(status(first), 503);
  await using _client = await startClient({ server, id: "app", port: service.port });
  const codes = (await Promise.all(answers)).map(status).sort();
  deepEqual(codes, [200, 200, 200, 503, 503]);
});

peerTest({
  name: "settle: a silent visitor is greeted once a client whose service speaks first is back",
  permissions,
}, async () => {
  await using service = new RawService(async (wire) => {
    await wire.send("hello\r\n");
    for await (const _ of wire.pieces()) { /* until it leaves */ }
  });
  await using server = await startServer([
    ...["--settle", "30", "--default-client", "app", "--server-first-wait", "200"],
  ]);
  using visitor = await Wire.dial(server.publicPort);
  const heard = visitor.until("\r\n");
  await using _client = await startClient({ server, id: "app", port: service.port });
  equal(await heard, "hello\r\n");
});

peerTest({
  name: "--reuse-port: two servers share all ports, one without it is told",
  permissions,
  os: linux,
}, async () => {
  const admin = freePort();
  const flags = [...sharedPorts(), "--admin-port", String(admin)];
  await using first = await startServer(flags);
  await using second = await startServer(flags);
  equal(second.publicPort, first.publicPort);
  await using alone = await startServer(["--public-port", String(freePort())]);
  const refused = async (...flags: string[]) => {
    try {
      await using _server = await startServer(flags);
      return "";
    } catch (error) {
      return String(error);
    }
  };
  match(
    await refused(...flags.filter((flag) => flag !== "--reuse-port")),
    /Cannot listen on --control-port \d+ of 127\.0\.0\.1: another program uses it; stop that/,
  );
  match(
    await refused("--reuse-port", "--public-port", String(alone.publicPort)),
    /Cannot listen on --public-port .*: another program uses it, which is no arps .* --reuse-port/,
  );
  await drain(first);
  await ended(first);
  equal(await isRefused(second.publicPort), false);
  equal(await isRefused(admin), false);
});
