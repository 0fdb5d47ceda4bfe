/**
 * How visitors end, in the log and in the metrics: who was turned away by the server itself is told
 * apart from who was served, whatever way they left.
 *
 * @module
 */

import { tag } from "@agentx/common";
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Admin } from "./admin.ts";
import { startClient, startServer } from "./helpers.ts";
import { get, status, Wire } from "./http_wire.ts";
import { peerTest, WHOLE_PROGRAM } from "./peers.ts";
import { eventually, RawClient } from "./raw_peers.ts";
import { httpService, stepsOf } from "./services.ts";
import { Home } from "./tokens.ts";

const NAVIGATION = ["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];

peerTest({
  name: "ends: an answer of the server's own is a refusal, a service's is none",
  permissions: WHOLE_PROGRAM,
}, async (t) => {
  const step = stepsOf(t);
  const id = "the-id-of-a-client";
  const name = await tag(id);
  using home = new Home();
  await using service = httpService((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/endless") {
      return new Response(
        ReadableStream.from(async function* () {
          yield "under way";
          await new Promise(() => {});
        }()).pipeThrough(new TextEncoderStream()),
      );
    }
    return new Response("hello", { status: pathname === "/none" ? 404 : 200 });
  });
  await using server = await startServer(["--admin-port", "0"]);
  const admin = Admin.of(server);
  // The key has to be there when the client registers.
  const token = await home.token(id);
  await using _client = await startClient({
    server,
    id,
    port: service.addr.port,
    flags: ["--service", "none"],
    env: home.env,
  });

  /** Says all this on one connection, whose end it then tells with its answers. */
  const visit = async (...requests: string[]) => {
    const from = server.logs.length;
    using wire = await Wire.dial(server.publicPort);
    const statuses: number[] = [];
    for (const request of requests) {
      await wire.send(request);
      statuses.push(status(await wire.response()));
    }
    await wire.finish();
    await wire.last();
    const { properties: { end, client } } = await server.message("Visitor left", { from });
    return { statuses, end, client };
  };
  const refusals = (status: number) =>
    admin.metric(`arps_refusals_total{protocol="http",status="${status}"}`);
  const ended = (end: string) =>
    admin.metric(`arps_visitor_connections_total{protocol="http",end="${end}"}`);

  await step("nobody of that name, on a connection that is kept", async () => {
    const found = await visit(get("/?token=nobody"));
    deepStrictEqual(found, { statuses: [404], end: "refused 404", client: undefined });
    deepStrictEqual([await refusals(404), await ended("refused")], [1, 1]);
  });
  await step("the last answer counts", async () => {
    const turned = await visit(get(`/?token=${id}`), get("/?token=nobody"));
    deepStrictEqual(turned, { statuses: [200, 404], end: "refused 404", client: name });
    const served = await visit(get("/?token=nobody"), get(`/?token=${id}`));
    deepStrictEqual(served, { statuses: [404, 200], end: "done", client: name });
  });
  await step("a 404 of the service is its own affair", async () => {
    const found = await visit(get(`/none?token=${id}`));
    deepStrictEqual(found, { statuses: [404], end: "done", client: name });
    strictEqual(await refusals(404), 3);
  });
  await step("to be sent on with a cookie is no refusal", async () => {
    for (const last of [[], ["Connection: close"]]) {
      const { statuses, end } = await visit(get(`/?token=${token}`, ...NAVIGATION, ...last));
      deepStrictEqual([statuses, end], [[303], "done"]);
    }
    strictEqual(await refusals(303), 0);
  });
  await step("a visitor token that ends says so", async () => {
    const from = server.logs.length;
    using wire = await Wire.dial(server.publicPort);
    await wire.send(get("/endless", `X-ARP-Token: ${token}`));
    await wire.until("under way");
    strictEqual((await home.run("revoke", "all")).code, 0);
    await server.log(({ properties }) => properties.end === "visitor token revoked", { from });
    await eventually("its metric", async () => await ended("token_revoked") === 1);
    strictEqual(await ended("other"), 0);
    deepStrictEqual((await visit(get("/", `X-ARP-Token: ${token}`))).end, "refused 401");
  });
});

peerTest({
  name: "ends: who waited in vain for a tunnel is logged with the client that opened none",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(["--admin-port", "0"]);
  const admin = Admin.of(server);
  using client = await RawClient.register(server, "opens-no-tunnel");
  using wire = await Wire.dial(server.publicPort);
  await wire.send(get("/?token=opens-no-tunnel"));
  await eventually("a wait", async () => await admin.metric("arps_waiting_visitors") === 1);
  await client.control.finish();
  strictEqual(status(await wire.response()), 503);
  await wire.finish();
  const { properties } = await server.message("Visitor left");
  deepStrictEqual([properties.end, properties.client], ["refused 503", await tag(client.id)]);
});
