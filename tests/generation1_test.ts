/**
 * The first generation's programs and ours: old client and new server, new client and old server.
 * The old side speaks from a raw socket, in frames recorded of the original programs.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, startClient, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, get, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { frame, RawClient, readFrame, visit } from "./raw_peers.ts";
import { RawService } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;

/** As recorded: length and text in one. */
const REGISTER = "\0\0\0\x27" + `{"Register":{"client_id":"my-service"}}`;
const REGISTERED = "\0\0\0\x30" + `{"RegisterResult":{"success":true,"error":null}}`;
const ASK = "\0\0\0\x2d" + `{"RequestNewProxyConn":{"proxy_conn_id":"0"}}`;
const TUNNEL = "\0\0\0\x3f" + `{"NewProxyConn":{"proxy_conn_id":"0","client_id":"my-service"}}`;

/** An old client's link, registered. */
async function register(controlPort: number): Promise<Wire> {
  const control = await Wire.dial(controlPort);
  await control.send(REGISTER);
  equal(await control.take(REGISTERED.length), REGISTERED);
  return control;
}

/** The tunnel an old client opens when it is asked to; the ask has no field that it does not know. */
async function open(control: Wire, proxyPort: number): Promise<Wire> {
  const ask = await readFrame(control);
  const capability = /^\{"RequestNewProxyConn":\{"proxy_conn_id":"([0-9a-f]{32})"\}\}$/.exec(
    ask ?? "",
  )?.[1];
  ok(capability !== undefined, String(ask));
  const tunnel = await Wire.dial(proxyPort);
  const hello = { proxy_conn_id: capability, client_id: "my-service" };
  await tunnel.send(frame(JSON.stringify({ NewProxyConn: hello })));
  return tunnel;
}

peerTest({ name: "old client: serves visitors, raw and kept alive", permissions }, async () => {
  await using server = await startServer();
  using control = await register(server.controlPort);
  using tunnel = await open(control, server.proxyPort);
  using visitor = await Wire.dial(server.publicPort);
  for (const page of ["one", "two", "three"]) {
    await visitor.send(get(`/${page}?token=my-service`));
    const request = await tunnel.request();
    // From its first byte on the tunnel carries the visitor's request, and nothing else.
    equal(request.start, `GET /${page}?token=my-service HTTP/1.1`);
    await tunnel.send(answer(page));
    equal((await visitor.response()).body, page);
  }
  visitor[Symbol.dispose]();
  equal(await tunnel.last(), "");
});

peerTest(
  { name: "old client: an upload and a download pass through byte for byte", permissions },
  async () => {
    await using server = await startServer();
    using control = await register(server.controlPort);
    using tunnel = await open(control, server.proxyPort);
    using visitor = await Wire.dial(server.publicPort);
    const body = Array.from({ length: 70_000 }, (_, at) => String.fromCharCode(at % 251)).join("");
    await visitor.send(
      `POST /?token=my-service HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n` +
        body,
    );
    const request = await tunnel.request();
    ok(request.body === body);
    await tunnel.send(answer(body));
    ok((await visitor.response()).body === body);
  },
);

peerTest(
  { name: "old client: a tunnel that ends without an answer costs no visitor", permissions },
  async () => {
    await using server = await startServer(["--pool-size", "2"]);
    using control = await register(server.controlPort);
    const tunnels = [await open(control, server.proxyPort), await open(control, server.proxyPort)];
    const answered = visit(server.publicPort, "/page?token=my-service");
    // Whichever gets the request first drops it; the other gets the same.
    const starts: string[] = [];
    await Promise.all(tunnels.map(async (tunnel) => {
      const { start } = await tunnel.request();
      starts.push(start);
      if (starts.length > 1) await tunnel.send(answer("replayed", "Connection: close"));
      tunnel[Symbol.dispose]();
    }));
    equal((await answered).body, "replayed");
    equal(starts[0], "GET /page?token=my-service HTTP/1.1");
    equal(starts[1], starts[0]);
  },
);

peerTest({ name: "old client: hears nothing but wishes for tunnels", permissions }, async () => {
  await using server = await startServer(["--heartbeat", "0.05"]);
  using control = await register(server.controlPort);
  // A new client beside it hears pings meanwhile.
  using other = await RawClient.register(server, "other");
  for (let pings = 0; pings < 8;) {
    const command = await other.command();
    ok(command !== null, "the new client's link ended");
    if (command.Ping === undefined) continue;
    pings++;
    await other.control.send(frame(JSON.stringify({ Pong: command.Ping })));
  }
  using tunnel = await open(control, server.proxyPort);
  const [reply] = await Promise.all([
    visit(server.publicPort, "/?token=my-service"),
    tunnel.request().then(() => tunnel.send(answer("hello", "Connection: close"))),
  ]);
  equal(reply.body, "hello");
  // Neither a drain nor the end of the server is told in words that it does not know.
  if (Deno.build.os !== "windows") server.kill("SIGTERM");
  else server.kill();
  for (let json = await readFrame(control); json !== null; json = await readFrame(control)) {
    match(json, /^\{"RequestNewProxyConn":\{"proxy_conn_id":"[0-9a-f]{32}"\}\}$/);
  }
});

peerTest(
  { name: "old client: a refusal and a replacement in words it knows", permissions },
  async () => {
    await using server = await startServer();
    using bad = await Wire.dial(server.controlPort);
    await bad.send(frame(`{"Register":{"client_id":"\\u4e2d"}}`));
    const refusal = await readFrame(bad);
    match(
      refusal ?? "",
      /^\{"RegisterResult":\{"success":false,"error":"client_id is invalid[^"]*"\}\}$/,
    );
    equal(await bad.last(), "");
    using first = await register(server.controlPort);
    using _second = await register(server.controlPort);
    match(await readFrame(first) ?? "", /^\{"RequestNewProxyConn":/);
    equal(await readFrame(first), null);
  },
);

/** An old server: two listeners, and the test's own words. */
class OldServer implements Disposable {
  readonly control: Deno.TcpListener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly proxy: Deno.TcpListener = Deno.listen({ hostname: "127.0.0.1", port: 0 });

  get controlPort(): number {
    return this.control.addr.port;
  }

  get proxyPort(): number {
    return this.proxy.addr.port;
  }

  /** The next client that registers; it is told what the original told. */
  async registered(result: string | Uint8Array = REGISTERED): Promise<Wire> {
    const wire = new Wire(await within(PATIENCE_MS, "a client", this.control.accept()));
    const { Register } = JSON.parse(await readFrame(wire) ?? "null");
    // What an old server reads of it; it was observed to skip the rest.
    equal(Register.client_id, "my-service");
    await wire.send(result);
    return wire;
  }

  /** Asks for a tunnel, as the original did. */
  async tunnel(control: Wire): Promise<Wire> {
    await control.send(ASK);
    const wire = new Wire(await within(PATIENCE_MS, "a tunnel", this.proxy.accept()));
    equal(await wire.take(TUNNEL.length), TUNNEL);
    return wire;
  }

  [Symbol.dispose](): void {
    this.control.close();
    this.proxy.close();
  }
}

peerTest({ name: "old server: a visitor's bytes pass raw both ways", permissions }, async () => {
  const requests: string[] = [];
  await using service = new RawService(async (wire) => {
    for (;;) {
      requests.push((await wire.request()).head);
      await wire.send(answer(`page ${requests.length}`));
    }
  });
  using server = new OldServer();
  await using client = await startClient({
    server,
    id: "my-service",
    port: service.port,
    eager: true,
  });
  using control = await server.registered();
  const registered = await client.message("Registered");
  equal(registered.properties.generation, 1);
  using tunnel = await server.tunnel(control);
  for (const page of ["page 1", "page 2"]) {
    await tunnel.send(get(`/${page}`));
    const expected = answer(page);
    equal(await tunnel.take(expected.length), expected);
  }
  equal(requests.join(""), get("/page 1") + get("/page 2"));
  await tunnel.finish();
  // Not a byte of the new protocol stood before, between or behind.
  equal(await tunnel.last(), "");
});

peerTest(
  { name: "old server: several tunnels, and a half-closed visitor", permissions },
  async () => {
    await using service = new RawService(async (wire) => {
      await wire.send(`you said: ${await wire.rest()}`);
    });
    using server = new OldServer();
    await using _client = await startClient({
      server,
      id: "my-service",
      port: service.port,
      eager: true,
    });
    using control = await server.registered();
    const tunnels = [];
    for (let nth = 0; nth < 5; nth++) tunnels.push(await server.tunnel(control));
    await Promise.all(tunnels.map(async (tunnel, nth) => {
      await tunnel.send(`visitor ${nth}`);
      await tunnel.finish();
      equal(await tunnel.last(), `you said: visitor ${nth}`);
      tunnel[Symbol.dispose]();
    }));
  },
);

peerTest(
  { name: "old server: a service that is down ends the tunnel without a word", permissions },
  async () => {
    using server = new OldServer();
    await using client = await startClient({
      server,
      id: "my-service",
      port: freePort(),
      eager: true,
    });
    using control = await server.registered();
    using tunnel = await server.tunnel(control);
    await tunnel.send(get("/"));
    equal(await tunnel.last(), "");
    match(String((await client.message("Visitor left")).properties.end), /refused/);
  },
);

peerTest({ name: "old server: no ping, though it is silent for long", permissions }, async () => {
  await using service = new RawService(async (wire) => {
    await wire.request();
    // Longer than three heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await wire.send(answer("late", "Connection: close"));
  });
  using server = new OldServer();
  await using client = await startClient({
    server,
    id: "my-service",
    port: service.port,
    eager: true,
  });
  // Not even a number of seconds makes it new: the version does.
  using control = await server.registered(
    frame(`{"RegisterResult":{"success":true,"error":null,"heartbeat_s":0.05}}`),
  );
  using tunnel = await server.tunnel(control);
  await tunnel.send(get("/"));
  equal((await tunnel.response()).body, "late");
  client.kill();
  equal(await control.last(), "");
});

peerTest({ name: "old server: its refusal is shown, its end survived", permissions }, async () => {
  using server = new OldServer();
  await using client = await startClient({
    server,
    id: "my-service",
    port: 1,
    flags: ["--reconnect-interval", "0.1"],
    eager: true,
  });
  {
    using _refused = await server.registered(
      frame(`{"RegisterResult":{"success":false,"error":"client_id is invalid"}}`),
    );
    const { properties } = await client.message("No link to the server");
    equal(properties.why, "client_id is invalid");
  }
  {
    using _lost = await server.registered();
    await client.message("Registered");
  }
  using _again = await server.registered();
  await client.messages("Registered", 2);
});
