/**
 * Visitors that wait for the server to speak first, and visitors that only look like it.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, startServer, type TestServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { frame, RawClient, readFrame } from "./raw_peers.ts";

const permissions = WHOLE_PROGRAM;

const DEFAULT = ["--default-client", "mail"];
const GREETING = "220 mail.test ESMTP\r\n";

/** A client that says its service is one for mail, with the one tunnel that it is asked for. */
async function mailClient(server: TestServer): Promise<[RawClient, Wire]> {
  const client = await RawClient.register(server, "mail", { version: 2, service: "smtp" });
  await client.asked(1);
  return [client, await client.open()];
}

/** Greets the visitor that a tunnel gets, as its service does. */
async function greet(tunnel: Wire): Promise<void> {
  match(String(await readFrame(tunnel)), /"StartProxy".*"protocol":"raw"/);
  await tunnel.send(frame(`{"ProxyStarted":{"success":true}}`));
  await tunnel.send(GREETING);
}

/** How a visitor left, by the log. */
async function end(server: TestServer, from: number): Promise<unknown> {
  return (await server.message("Visitor left", { from })).properties.end;
}

peerTest({
  name: "server first: the default client's service greets a silent visitor soon",
  permissions,
}, async () => {
  // Nobody waits for a whole minute here.
  await using server = await startServer([
    ...DEFAULT,
    ...["--server-first-wait", "100", "--head-timeout", "60"],
  ]);
  const [client, tunnel] = await mailClient(server);
  using _client = client;
  using service = tunnel;
  using visitor = await Wire.dial(server.publicPort);
  const [said] = await Promise.all([visitor.until("\n"), greet(service)]);
  equal(said, GREETING);
  await visitor.send("QUIT\r\n");
  equal(await service.until("\n"), "QUIT\r\n");
});

peerTest({
  name: "server first: --server-first-wait 0 leaves a silent visitor to its time",
  permissions,
}, async () => {
  await using server = await startServer([
    ...DEFAULT,
    ...["--server-first-wait", "0", "--head-timeout", "0.5"],
  ]);
  const [client, tunnel] = await mailClient(server);
  using _client = client;
  using service = tunnel;
  const start = performance.now();
  using visitor = await Wire.dial(server.publicPort);
  const [said] = await Promise.all([visitor.until("\n"), greet(service)]);
  equal(said, GREETING);
  const took = performance.now() - start;
  ok(took >= 490, `after ${took} ms`);
});

peerTest({
  name: "server first: half a request is answered 408, half a hello cut off",
  permissions,
}, async () => {
  await using server = await startServer(["--server-first-wait", "50", "--head-timeout", "0.3"]);
  const [client, tunnel] = await mailClient(server);
  using _client = client;
  using _tunnel = tunnel;
  const tell = async (words: string) => {
    const from = server.logs.length;
    using visitor = await Wire.dial(server.publicPort);
    await visitor.send(words);
    const told = await within(PATIENCE_MS, "the end", visitor.rest());
    // It was answered and now hangs up, or the server would wait for that.
    await visitor.finish().catch(() => {});
    return { told, end: await end(server, from) };
  };
  const request = await tell("GET /?token=ma");
  match(request.told, /^HTTP\/1\.1 408 /);
  equal(request.end, "refused 408");
  for (const half of ["\x16", "\x16\x03\x01\x01\x3f\x01\0\x01\x3b\x03\x03"]) {
    const hello = await tell(half);
    equal(hello.told, "");
    equal(hello.end, "too slow");
  }
});
