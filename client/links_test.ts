import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Command, encodeFrame, Peek, readFrame, writeAll } from "@agentx/common";
import { netTest, within } from "../common/testdata/gate.ts";
import { runClient } from "./client.ts";
import type { ClientConfig } from "./config.ts";

/** A server of the test's own. */
class Server implements Disposable {
  #listener: Deno.TcpListener | undefined = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener!.addr.port;

  /** Takes no more clients. */
  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** The next connection, and the first thing that it says. */
  async next(): Promise<{ conn: Deno.TcpConn; first: Command }> {
    const conn = await within(5000, "a connection", this.#listener!.accept());
    return { conn, first: (await readFrame(new Peek(conn)))! };
  }

  /** Takes the next registration. */
  async welcome(more: object = {}): Promise<{ conn: Deno.TcpConn; first: Command }> {
    const link = await this.next();
    strictEqual(link.first.type, "Register");
    await say(link.conn, {
      type: "RegisterResult",
      success: true,
      error: null,
      version: 2,
      ...more,
    });
    return link;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const say = (conn: Deno.Conn, command: Command) => writeAll(conn, encodeFrame(command));
const DRAINING: Command = { type: "Draining", grace_s: 30 };
const ASK: Command = { type: "RequestNewProxyConn", proxy_conn_id: "cafe" };

/** A running client; disposing tells it to stop and waits for its end. */
function start(server: Server, more: Partial<ClientConfig> = {}) {
  const config: ClientConfig = {
    clientId: "my-app",
    aliases: [],
    serverAddr: "127.0.0.1",
    controlPort: server.port,
    proxyPort: server.port,
    localAddr: "127.0.0.1",
    localPort: 9,
    remotePort: undefined,
    service: "none",
    dbUser: undefined,
    authToken: undefined,
    requireVisitorToken: false,
    tls: undefined,
    autoReconnect: true,
    reconnectMax: 60_000,
    grace: 1000,
    ...more,
  };
  const drain = new AbortController();
  const signals = { drain: drain.signal, now: new AbortController().signal };
  const running = runClient(config, { online: () => {} }, signals);
  running.catch(() => {});
  return {
    running,
    [Symbol.asyncDispose]: async () => {
      drain.abort();
      await within(5000, "the end of the client", running.catch(() => {}));
    },
  };
}

netTest(
  "a client whose server stops registers anew at once, and keeps the link it has",
  async () => {
    using server = new Server();
    await using _client = start(server);
    const old = await server.welcome();
    await say(old.conn, DRAINING);
    const current = await server.welcome();
    // The server that stops still needs a tunnel, and says that another one has taken the place.
    await say(old.conn, ASK);
    const tunnel = await server.next();
    deepStrictEqual(tunnel.first, {
      type: "NewProxyConn",
      proxy_conn_id: "cafe",
      client_id: "my-app",
    });
    await say(old.conn, { type: "RegisterResult", success: false, error: "replaced" });
    strictEqual(await tunnel.conn.read(new Uint8Array(1)), null, "it belonged to the old link");
    strictEqual(await old.conn.read(new Uint8Array(1)), null);
    await say(current.conn, ASK);
    const second = await server.next();
    strictEqual(second.first.type, "NewProxyConn");
    for (const { conn } of [old, current, tunnel, second]) conn.close();
  },
);

netTest(
  "a client whose server has stopped tries again when that is gone, whatever it waited for",
  async () => {
    using server = new Server();
    await using _client = start(server);
    const old = await server.welcome();
    await say(old.conn, DRAINING);
    const refused = await server.next();
    await say(refused.conn, {
      type: "RegisterResult",
      success: false,
      error: "not now",
      retry_s: 60,
    });
    strictEqual(await refused.conn.read(new Uint8Array(1)), null);
    const since = performance.now();
    old.conn.close();
    const { conn } = await server.welcome();
    // Else it would be a minute and more.
    ok(performance.now() - since < 5000);
    for (const one of [refused.conn, conn]) one.close();
  },
);

netTest("a client moves from server to server to server", async () => {
  using server = new Server();
  await using _client = start(server);
  const links = [];
  for (let nth = 0; nth < 4; nth++) {
    const link = await server.welcome();
    await say(link.conn, DRAINING);
    links.push(link);
  }
  for (const { conn } of links) conn.close();
  (await server.welcome()).conn.close();
});

netTest(
  "a client with any port asks a server beside the old one for the same, and else for any",
  async () => {
    using server = new Server();
    await using _client = start(server, { remotePort: 0 });
    const ports: unknown[] = [];
    const register = async (answer: object, ...commands: Command[]) => {
      const { conn, first } = await server.welcome(answer);
      ports.push((first as { remote_port?: number }).remote_port);
      for (const command of commands) await say(conn, command);
      return conn;
    };
    const conns = [
      await register({ remote_port: 20_007, shared_ports: true }, DRAINING),
      await register({ remote_port: 20_007 }, DRAINING),
      await register({ remote_port: 20_008, shared_ports: true }, DRAINING),
      await register({ success: false, error: "taken" }),
      await register({ remote_port: 20_009 }),
    ];
    deepStrictEqual(ports, [0, 20_007, 20_007, 20_008, 0]);
    for (const conn of conns) conn.close();
  },
);

netTest("a client that is not to reconnect stays with a server that stops", async () => {
  using server = new Server();
  await using client = start(server, { autoReconnect: false });
  const { conn } = await server.welcome();
  await say(conn, DRAINING);
  await say(conn, ASK);
  (await server.next()).conn.close();
  const ended = rejects(client.running, /the server ended the link/);
  conn.close();
  await within(5000, "the end of the client", ended);
});
