/**
 * Clients that vanish, freeze and return.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { Admin } from "../admin.ts";
import { startClient, startServer, WHOLE_PROGRAM } from "../helpers.ts";
import { get, post, status, Wire } from "../http_wire.ts";
import { peerTest } from "../peers.ts";
import { eventually, served, visit } from "../raw_peers.ts";
import { FaultyRelay } from "./relay.ts";
import { CheckedService } from "./service.ts";
import { setOut } from "./victims.ts";

const permissions = WHOLE_PROGRAM;
/** The services here need not be looked at, and clients come back soon. */
const QUIET = ["--service", "none", "--reconnect-interval", "0.2"];

/** Milliseconds that something takes. */
async function time(work: Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work;
  return performance.now() - since;
}

peerTest(
  { name: "faults: a half-open link is noticed after three heartbeats", permissions },
  async () => {
    const heartbeat = 1.5;
    await using service = new CheckedService();
    await using server = await startServer(["--heartbeat", String(heartbeat)]);
    await using relay = await FaultyRelay.listen(server.controlPort);
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    const { port } = service;
    await using client = await startClient({ server: via, id: "app", port, flags: QUIET });
    using talk = await setOut("talk", server.publicPort, "talk", service);
    relay.accepting = false;
    relay.loseAll();
    const [atServer, atClient] = await Promise.all([
      time(server.message("Client lost")),
      time(client.message("No link to the server")),
    ]);
    // Three, to the moment, is what `common/channel_test.ts` checks, by a clock of its own.
    for (const took of [atServer, atClient]) {
      ok(took > heartbeat * 1000 && took < heartbeat * 8000, `${took} ms`);
    }
    equal(status(await visit(server.publicPort, "/?token=app")), 503);
    relay.accepting = true;
    await served(server.publicPort, "app");
    // Who was silent meanwhile may go on: the client is back.
    await new Promise((resolve) => setTimeout(resolve, heartbeat * 4500));
    equal(await talk.suffer(), "served");
  },
);

peerTest(
  { name: "faults: visitors of a client that vanished end with its tunnels", permissions },
  async () => {
    await using service = new CheckedService();
    await using server = await startServer(["--heartbeat", "1"]);
    await using control = await FaultyRelay.listen(server.controlPort);
    await using tunnels = await FaultyRelay.listen(server.proxyPort);
    const via = { controlPort: control.port, proxyPort: tunnels.port };
    const { port } = service;
    await using _client = await startClient({ server: via, id: "app", port, flags: QUIET });
    await using _other = await startClient({ server, id: "other", port, flags: QUIET });
    using talk = await setOut("talk", server.publicPort, "talk", service);
    using other = await setOut("talk", server.publicPort, "talk", service, "other");
    for (const relay of [control, tunnels]) {
      relay.accepting = false;
      relay.loseAll();
    }
    const took = await time(talk.suffer().then((outcome) => equal(outcome, "ended")));
    ok(took < 18_000, `${took} ms`);
    await server.log(({ properties }) => properties.end === "client vanished");
    equal(await other.suffer(), "served");
  },
);

/** A client returns while its old link is half-open. */
async function returns(...flags: string[]): Promise<void> {
  await using service = new CheckedService();
  await using server = await startServer(flags); // which would doubt the old link after 45 s
  await using control = await FaultyRelay.listen(server.controlPort);
  await using tunnels = await FaultyRelay.listen(server.proxyPort);
  const via = { controlPort: control.port, proxyPort: tunnels.port };
  const { port } = service;
  await using client = await startClient({ server: via, id: "app", port, flags: QUIET });
  await served(server.publicPort, "app");
  // The network goes: the server keeps a link that looks alive, and no tunnel comes any more.
  tunnels.accepting = false;
  tunnels.cutAll();
  await eventually("no tunnel", () => tunnels.pairs === 0);
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(get("/page/waiting?token=app"));
  await eventually("a tunnel asked for", () => tunnels.refused > 0);
  tunnels.accepting = true;
  const from = server.logs.length;
  control.orphanAll();
  const took = await time(visitor.response().then(({ body }) => equal(body, "page waiting")));
  ok(took < 14_000, `a visitor in the queue waited ${took} ms`);
  await server.message("Client replaced by a new registration", { from });
  control.endOrphans();
  await served(server.publicPort, "app");
  equal(client.logs.filter(({ message }) => message === "Registered").length, 2);
  ok(!server.logs.some(({ message }) => message === "Registration refused"), server.stderr);
}

peerTest(
  { name: "faults: a client returns at once while its old link is half-open", permissions },
  () => returns(),
);

peerTest(
  {
    name: "faults: with --on-duplicate reject it returns as soon as its old link is silent",
    permissions,
  },
  () => returns("--on-duplicate", "reject"),
);

peerTest(
  {
    name: "faults: a client that is stopped costs its visitors seconds, and goes on",
    permissions,
    os: ["linux", "darwin"],
  },
  async () => {
    await using service = new CheckedService();
    await using server = await startServer(["--pool-size", "4"]);
    const { port } = service;
    await using client = await startClient({ server, id: "app", port, flags: QUIET });
    await using _other = await startClient({ server, id: "other", port, flags: QUIET });
    await served(server.publicPort, "app");
    client.kill("SIGSTOP");
    const since = performance.now();
    const [answer] = await Promise.all([
      visit(server.publicPort, "/?token=app"),
      visit(server.publicPort, "/?token=other").then(({ body }) => equal(body, "hello")),
    ]);
    const took = performance.now() - since;
    equal(status(answer), 504);
    match(answer.body, /does not answer/);
    ok(took < 14_000, `${took} ms`);
    client.kill("SIGCONT");
    await served(server.publicPort, "app");
    equal(client.logs.filter(({ message }) => message === "Registered").length, 1);
  },
);

peerTest(
  { name: "faults: tunnels that a router forgot cost a visitor one try", permissions },
  async () => {
    await using service = new CheckedService();
    await using server = await startServer(["--pool-size", "8", "--admin-port", "0"]);
    await using relay = await FaultyRelay.listen(server.proxyPort);
    const via = { controlPort: server.controlPort, proxyPort: relay.port };
    const { port } = service;
    await using _client = await startClient({ server: via, id: "app", port, flags: QUIET });
    // A tunnel that is still on its way when the rest is forgotten would serve.
    const admin = Admin.of(server);
    await eventually("a full pool", async () => await admin.metric("arps_idle_tunnels") === 8);
    relay.suffer("drop");
    using writer = await Wire.dial(server.publicPort);
    await writer.send(post("/echo/once?token=app", "hello"));
    const written = time(writer.response().then(({ body }) => equal(body, "hello")));
    const took = await time(
      visit(server.publicPort, "/?token=app").then(({ body }) => equal(body, "hello")),
    );
    ok(took < 14_000, `${took} ms`);
    // What must not come twice is not sent again while its first tunnel may still answer.
    ok(await written > 14_000, `${await written} ms`);
    // The others were replaced with it.
    const next = await time(visit(server.publicPort, "/?token=app"));
    ok(next < 4000, `${next} ms`);
  },
);
