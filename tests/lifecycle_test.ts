/**
 * What programs live through: services, servers, clients and networks that go away and come back,
 * and the ways to be told to stop.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { FaultyRelay } from "./faulty.ts";
import {
  PATIENCE_MS,
  type Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { peerTest } from "./peers.ts";
import {
  Download,
  eventually,
  HeldService,
  isRefused,
  RawClient,
  served,
  serveOnce,
  visit,
} from "./raw_peers.ts";
import { get, status, Wire } from "./http_wire.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere a signal is no message, but the end. */
const os = ["linux", "darwin"] as const;
/** Comes back soon, so that tests need not wait. */
const EAGER = ["--reconnect-interval", "0.2"];
/** Longer than a signal may count as the echo of the last, in milliseconds. */
const DISTINCT_MS = 500;

/** The end of a program, with its exit code. */
async function ended(program: Program, ms: number = PATIENCE_MS): Promise<number> {
  return (await within(ms, "the end of a program", program.status())).code;
}

/** Sends a signal until the program has ended: one that comes at once after another is no second. */
async function insist(program: Program, signal: Deno.Signal): Promise<void> {
  let over = false;
  const end = program.status().then(() => over = true);
  await eventually("an end at the second signal", async () => {
    if (!over) program.kill(signal);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([end, new Promise((resolve) => timer = setTimeout(resolve, 100))]);
    clearTimeout(timer);
    return over;
  });
}

peerTest(
  { name: "a local service that was down is reached once it is back", permissions },
  async () => {
    const port = freePort();
    await using server = await startServer();
    await using _client = await startClient({ server, id: "app", port });
    const down = async () => {
      const answer = await visit(server.publicPort, "/?token=app");
      equal(status(answer), 502);
      match(answer.body, new RegExp(`127\\.0\\.0\\.1:${port}.*refused`, "is"));
    };
    await down();
    for (let round = 0; round < 2; round++) {
      {
        await using _service = new HeldService(port);
        equal((await visit(server.publicPort, "/?token=app")).body, "hello");
      }
      await down();
    }
  },
);

peerTest(
  { name: "a client returns within 10 s of a server killed with -9", permissions },
  async () => {
    await using service = new HeldService();
    const ports = ["--control-port", "--proxy-port", "--public-port"]
      .flatMap((flag) => [flag, String(freePort())]);
    let server = await startServer(ports);
    await using client = await startClient({ server, id: "app", port: service.port });
    const from = client.logs.length;
    await server[Symbol.asyncDispose]();
    await client.message("No link to the server", { from });
    await using again = await startServer(ports);
    server = again;
    await client.message("Registered", { from, ms: 10_000 });
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  },
);

peerTest(
  { name: "visitors of a client killed with -9 hear that it is offline", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using client = await startClient({ server, id: "app", port: service.port });
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
    client.kill("SIGKILL");
    await server.log(({ message }) => message === "Client left" || message === "Client lost");
    const answer = await visit(server.publicPort, "/?token=app");
    equal(status(answer), 503);
    match(answer.body, /offline/);
    match(answer.head, /^Retry-After: \d+\r$/m);
  },
);

peerTest(
  { name: "both sides notice a half-open link, and the client returns", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer(["--heartbeat", "0.2"]);
    await using relay = await FaultyRelay.listen(server.controlPort);
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    await using client = await startClient({
      server: via,
      id: "app",
      port: service.port,
      flags: EAGER,
    });
    const from = client.logs.length;
    relay.accepting = false;
    relay.loseAll();
    const [atServer, atClient] = await Promise.all([
      server.message("Client lost"),
      client.message("No link to the server", { from }),
    ]);
    for (const { properties } of [atServer, atClient]) match(String(properties.why), /half-open/);
    equal(status(await visit(server.publicPort, "/?token=app")), 503);
    relay.accepting = true;
    await client.message("Registered", { from });
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  },
);

peerTest(
  { name: "the late end of an old link leaves the new registration alone", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using relay = await FaultyRelay.listen(server.controlPort);
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    await using client = await startClient({
      server: via,
      id: "app",
      port: service.port,
      flags: EAGER,
    });
    const from = client.logs.length;
    // To the server the old link is alive: its heartbeat would take 45 s to doubt it.
    relay.orphanAll();
    await client.message("Registered", { from });
    await server.message("Client replaced by a new registration");
    await served(server.publicPort, "app");
    relay.endOrphans();
    await eventually("the end of the old link", () => relay.pairs === 1);
    await served(server.publicPort, "app");
    equal(client.logs.slice(from).filter(({ message }) => message === "Registered").length, 1);
  },
);

peerTest(
  { name: "a registered client that registers again in time is fenced", permissions },
  async () => {
    await using server = await startServer();
    using first = await RawClient.register(server, "app");
    using second = await RawClient.register(server, "app");
    // The old link is told why, and ended by the server; its own end comes after that.
    let last: unknown;
    for (let next = await first.command(); next !== null; next = await first.command()) last = next;
    equal(JSON.stringify(last), `{"RegisterResult":{"success":false,"error":"replaced"}}`);
    first[Symbol.dispose]();
    await server.log(({ message, properties }) =>
      message === "Client left" && properties.why === "link closed"
    );
    await second.asked(1);
    const tunnel = await second.open();
    const [answer] = await Promise.all([
      visit(server.publicPort, "/?token=app"),
      serveOnce(tunnel, "second"),
    ]);
    equal(answer.body, "second");
  },
);

for (const [first, second] of [["SIGTERM", "SIGINT"], ["SIGINT", "SIGTERM"]] as const) {
  const name = `a server that gets ${first} finishes a download and takes no new visitor`;
  peerTest({ name, permissions, os }, async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using client = await startClient({ server, id: "app", port: service.port });
    using download = await Download.begin(server.publicPort, "app");
    // As from a terminal and a parent at once: this is one wish.
    server.kill(first);
    server.kill(second);
    await server.message("Draining");
    const told = await client.message("The server is draining");
    equal(told.properties.grace_s, 30);
    await eventually("a closed public port", () => isRefused(server.publicPort));
    service.release();
    ok(await download.finishes());
    equal(await ended(server), 0);
    await server.message("Server stopped");
  });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  const name = `a client that gets ${signal} finishes a download and takes no new visitor`;
  peerTest({ name, permissions, os }, async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using client = await startClient({ server, id: "app", port: service.port });
    using download = await Download.begin(server.publicPort, "app");
    client.kill(signal);
    await client.message("Waiting for running visitors");
    await server.message("Client left");
    const answer = await visit(server.publicPort, "/?token=app");
    equal(status(answer), 503);
    match(answer.body, /offline/);
    service.release();
    ok(await download.finishes());
    equal(await ended(client), 0);
    await client.message("Client stopped");
  });
}

peerTest({ name: "a second signal ends a draining server at once", permissions, os }, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using _client = await startClient({ server, id: "app", port: service.port });
  using _download = await Download.begin(server.publicPort, "app");
  const since = performance.now();
  await insist(server, "SIGTERM");
  const took = performance.now() - since;
  ok(took > DISTINCT_MS && took < 10_000, `${took} ms`);
  equal(await ended(server), 0);
});

peerTest({ name: "a second signal ends a draining client at once", permissions, os }, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using client = await startClient({ server, id: "app", port: service.port });
  using _download = await Download.begin(server.publicPort, "app");
  const since = performance.now();
  await insist(client, "SIGINT");
  const took = performance.now() - since;
  ok(took > DISTINCT_MS && took < 10_000, `${took} ms`);
  equal(await ended(client), 0);
});

peerTest(
  { name: "a second signal does not wait for a client that is mute", permissions, os },
  async () => {
    await using server = await startServer(["--default-client", "app"]);
    using client = await RawClient.register(server, "app");
    await client.asked(1);
    using tunnel = await client.open();
    using raw = await Wire.dial(server.publicPort);
    await raw.send("\0 no request starts like that");
    await tunnel.until("StartProxy"); // and no answer to it
    await client.asked(1);
    using second = await client.open();
    using http = await Wire.dial(server.publicPort);
    await http.send(get("/?token=app"));
    await second.until("StartProxy");
    const since = performance.now();
    await insist(server, "SIGTERM");
    ok(performance.now() - since < 10_000);
  },
);

peerTest(
  { name: "--grace bounds the drain of a server and of a client", permissions, os },
  async () => {
    await using service = new HeldService();
    await using server = await startServer(["--grace", "0.4"]);
    await using client = await startClient({
      server,
      id: "app",
      port: service.port,
      flags: ["--grace", "0.4"],
    });
    using throughClient = await Download.begin(server.publicPort, "app");
    const endOf = async (program: Program) => {
      const since = performance.now();
      program.kill("SIGTERM");
      equal(await ended(program), 0);
      const took = performance.now() - since;
      ok(took > 380 && took < 10_000, `${took} ms`);
    };
    await endOf(client);
    equal(await throughClient.finishes(), false);
    await using _next = await startClient({ server, id: "app", port: service.port });
    using throughServer = await Download.begin(server.publicPort, "app");
    await endOf(server);
    equal(await throughServer.finishes(), false);
  },
);

/** A visitor that was served and keeps its connection. */
async function keepAlive(port: number, token: string): Promise<Wire> {
  const wire = await Wire.dial(port);
  await wire.send(get(`/?token=${token}`));
  equal((await wire.response()).body, "hello");
  return wire;
}

peerTest(
  { name: "visitors that idle do not hold up a server that drains", permissions, os },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using _client = await startClient({ server, id: "app", port: service.port });
    // Browsers open connections in advance. Who is served after it was accepted after it.
    using silent = await Wire.dial(server.publicPort);
    using served = await keepAlive(server.publicPort, "app");
    const since = performance.now();
    server.kill("SIGTERM");
    equal(await ended(server), 0);
    ok(performance.now() - since < 15_000);
    equal(await served.last(), "");
    equal(await silent.last(), "");
  },
);

peerTest(
  { name: "visitors that idle do not hold up a client that drains", permissions, os },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using client = await startClient({ server, id: "app", port: service.port });
    using visitor = await keepAlive(server.publicPort, "app");
    const since = performance.now();
    client.kill("SIGTERM");
    equal(await ended(client), 0);
    ok(performance.now() - since < 15_000);
    // The visitor's connection goes on to whoever takes the client's place.
    await using _next = await startClient({ server, id: "app", port: service.port });
    await visitor.send(get("/?token=app"));
    equal((await visitor.response()).body, "hello");
  },
);

for (const fault of ["cutAll", "resetAll"] as const) {
  const name = `a download outlives its control link (${fault === "cutAll" ? "end" : "reset"})`;
  peerTest({ name, permissions }, async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using relay = await FaultyRelay.listen(server.controlPort);
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    await using client = await startClient({
      server: via,
      id: "app",
      port: service.port,
      flags: EAGER,
    });
    using download = await Download.begin(server.publicPort, "app");
    const from = client.logs.length;
    relay[fault]();
    await client.message("No link to the server", { from });
    await client.message("Registered", { from });
    await served(server.publicPort, "app");
    service.release();
    ok(await download.finishes());
  });
}

peerTest({ name: "a download over a slow network arrives whole", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using relay = await FaultyRelay.listen(server.proxyPort);
  relay.delay = 20;
  const via = { controlPort: server.controlPort, proxyPort: relay.port };
  await using _client = await startClient({ server: via, id: "app", port: service.port });
  using download = await Download.begin(server.publicPort, "app");
  service.release();
  ok(await download.finishes());
});

peerTest(
  { name: "a tunnel reset in the middle of an answer ends the visitor", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using relay = await FaultyRelay.listen(server.proxyPort);
    const via = { controlPort: server.controlPort, proxyPort: relay.port };
    await using _client = await startClient({ server: via, id: "app", port: service.port });
    using download = await Download.begin(server.publicPort, "app");
    relay.resetAll();
    equal(await download.finishes(), false);
    await served(server.publicPort, "app");
  },
);

peerTest(
  { name: "--reconnect-interval caps the wait between two tries", permissions },
  async () => {
    await using client = await startClient({
      server: { controlPort: freePort(), proxyPort: 1 },
      id: "app",
      port: 1,
      flags: ["--reconnect-interval", "0.1"],
      eager: true,
    });
    for (const { level, properties } of await client.messages("No link to the server", 10)) {
      equal(level, "WARN");
      ok(Number(properties.retry_s) <= 0.1, String(properties.retry_s));
      match(String(properties.why), /refused/);
    }
  },
);

peerTest(
  { name: "a name that cannot be resolved is tried again, and said so", permissions },
  async () => {
    await using client = await startClient({
      server: { controlPort: 1, proxyPort: 1 },
      id: "app",
      port: 1,
      flags: ["--server-addr", "no-such-host.invalid", ...EAGER],
      eager: true,
    });
    const [line] = await client.messages("No link to the server", 2);
    ok(line !== undefined);
    equal(line.properties.server, "no-such-host.invalid:1");
    match(String(line.properties.why), /look ?up|resol|name/i);
  },
);

peerTest(
  { name: "--no-auto-reconnect ends with the reason and exit code 1", permissions },
  async (t) => {
    const once = ["--no-auto-reconnect"];
    await t.step("no server", async () => {
      const server = { controlPort: freePort(), proxyPort: 1 };
      await using client = await startClient({
        server,
        id: "app",
        port: 1,
        flags: once,
        eager: true,
      });
      equal(await ended(client), 1);
      match(client.stderr, /^arpc: Server 127\.0\.0\.1:\d+ cannot be reached: .*refused/m);
    });
    await t.step("refused", async () => {
      await using server = await startServer(["--on-duplicate", "reject"]);
      await using _holder = await startClient({ server, id: "app", port: 1 });
      await using client = await startClient({
        server,
        id: "app",
        port: 1,
        flags: once,
        eager: true,
      });
      equal(await ended(client), 1);
      match(client.stderr, /^arpc: Server \S+ refused the registration: .*online already/m);
    });
    await t.step("lost", async () => {
      await using server = await startServer();
      await using client = await startClient({ server, id: "app", port: 1, flags: once });
      server.kill("SIGKILL");
      equal(await ended(client), 1);
      match(client.stderr, /^arpc: Server \S+ cannot be reached: the server ended the link/m);
    });
  },
);

peerTest({ name: "--on-duplicate reject keeps the first client", permissions }, async () => {
  await using one = new HeldService();
  await using server = await startServer(["--on-duplicate", "reject"]);
  await using first = await startClient({ server, id: "app", port: one.port });
  await using second = await startClient({
    server,
    id: "app",
    port: 1,
    flags: EAGER,
    eager: true,
  });
  const { properties } = await second.message("No link to the server");
  match(String(properties.why), /online already/);
  equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  first.kill("SIGKILL");
  await second.message("Registered");
});

peerTest(
  { name: "--on-duplicate replace ends the replaced client with code 3", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using first = await startClient({ server, id: "app", port: 1 });
    await using _second = await startClient({ server, id: "app", port: service.port });
    equal(await ended(first), 3);
    match(first.stderr, /^arpc: this client id was registered again from elsewhere$/m);
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  },
);

peerTest({ name: "visitors that wait move on to the new registration", permissions }, async () => {
  await using server = await startServer();
  using first = await RawClient.register(server, "app");
  await first.asked(1);
  // It opens no tunnel, so this visitor waits; the server's second wish proves that it does.
  const waiting = visit(server.publicPort, "/?token=app");
  await first.asked(2);
  using second = await RawClient.register(server, "app");
  await second.asked(1);
  await serveOnce(await second.open(), "second");
  equal((await waiting).body, "second");
});

peerTest(
  { name: "aliases lead to the client, and a taken one is refused", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    const flags = ["--alias", "alice", "--alias", "bob"];
    await using _client = await startClient({ server, id: "app", port: service.port, flags });
    for (const token of ["app", "alice", "bob"]) {
      equal((await visit(server.publicPort, `/?token=${token}`)).body, "hello");
    }
    for (const [id, alias] of [["bob", "free"], ["other", "alice"], ["other", "app"]] as const) {
      await using second = await startClient({
        server,
        id,
        port: 1,
        flags: ["--alias", alias, "--no-auto-reconnect"],
        eager: true,
      });
      equal(await ended(second), 1);
      match(second.stderr, /refused the registration: .*taken by another client/);
    }
    equal((await visit(server.publicPort, "/?token=alice")).body, "hello");
    equal(status(await visit(server.publicPort, "/?token=free")), 404);
  },
);

peerTest(
  { name: "the pool keeps --pool-size tunnels, a taken one replaced at once", permissions },
  async () => {
    await using server = await startServer(["--pool-size", "3"]);
    using client = await RawClient.register(server, "app");
    await client.asked(3);
    const tunnels = [await client.open(), await client.open(), await client.open()];
    await client.settled();
    equal(client.asks.length, 0);
    const serving = tunnels.map((tunnel) => serveOnce(tunnel));
    for (let taken = 1; taken <= 3; taken++) {
      equal((await visit(server.publicPort, "/?token=app")).body, "hello");
      await client.settled();
      equal(client.asks.length, taken);
    }
    await Promise.all(serving);
  },
);

peerTest({ name: "idle tunnels that die harm no visitor", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--pool-size", "4"]);
  await using relay = await FaultyRelay.listen(server.proxyPort);
  const via = { controlPort: server.controlPort, proxyPort: relay.port };
  await using _client = await startClient({ server: via, id: "app", port: service.port });
  for (const fault of ["cutAll", "resetAll", "cutAll", "resetAll"] as const) {
    await eventually("a full pool", () => relay.pairs >= 4);
    relay[fault]();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => visit(server.publicPort, "/?token=app")),
    );
    for (const { body } of answers) equal(body, "hello");
  }
});

peerTest({ name: "the pool grows with the demand, to --max-pool-size", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--max-pool-size", "8"]);
  await using relay = await FaultyRelay.listen(server.proxyPort);
  const via = { controlPort: server.controlPort, proxyPort: relay.port };
  await using client = await startClient({ server: via, id: "app", port: service.port });
  await eventually("one idle tunnel", () => relay.pairs === 1);
  // The longer a tunnel takes to come, the more must be warm for the same visitors.
  relay.delay = 100;
  const visitors = async (count: number) => {
    const from = client.logs.length;
    await Promise.all(Array.from({ length: count }, () => visit(server.publicPort, "/?token=app")));
    await client.messages("Visitor left", count, { from });
  };
  for (let calm = 0; calm < 4; calm++) await visitors(1);
  ok(relay.pairs <= 4, `${relay.pairs} idle tunnels without a demand`);
  await visitors(32);
  await eventually("eight idle tunnels", () => relay.pairs === 8);
});
