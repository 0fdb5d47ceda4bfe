import { strictEqual } from "node:assert/strict";
import type { Address, Conn, Listener } from "@agentx/common";
import type { ServerConfig } from "./config.ts";
import { PortSet } from "@agentx/common/cli";
import { plainParts } from "./parts.ts";
import { Server } from "./server.ts";

const CONFIG: ServerConfig = {
  bind: "127.0.0.1",
  controlPort: 1,
  proxyPort: 2,
  publicPort: 3,
  allowPorts: new PortSet(),
  domain: undefined,
  defaultClient: undefined,
  trustedProxies: new Set(),
  publicUrl: undefined,
  onDuplicate: "replace",
  poolSize: 1,
  maxPoolSize: 8,
  queueSize: 8,
  heartbeatSeconds: 15,
  headTimeout: 1000,
  maxHead: 65536,
  serverFirstWait: 0,
  registerTimeout: 1000,
  idleTimeout: 0,
  httpIdleTimeout: 0,
  maxConnections: 0,
  maxPerIp: 0,
  ratePerIp: 0,
  maxVisitors: 0,
  maxClients: 0,
  maxLinksPerIp: 0,
  rateLimit: 0,
  reusePort: false,
  settle: 0,
  tls: undefined,
  authToken: undefined,
  authFile: undefined,
  requireVisitorToken: false,
  admin: undefined,
  graceSeconds: 1,
};

/** A port that nobody comes to; as with Deno's, closing it twice is a mistake. */
class FakeListener implements Listener {
  closed = false;
  #closing = Promise.withResolvers<Conn>();

  constructor(readonly address: Address) {}

  accept(): Promise<Conn> {
    return this.#closing.promise;
  }

  close(): void {
    if (this.closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.closed = true;
    this.#closing.reject(new Deno.errors.BadResource("Listener has been closed"));
  }
}

Deno.test("a server that has only begun to drain can be stopped at once", async () => {
  const ports: FakeListener[] = [];
  const parts = plainParts((address) => {
    const port = new FakeListener(address);
    ports.push(port);
    return port;
  });
  const server = new Server(CONFIG, parts);
  const drained = server.drain();
  await server[Symbol.asyncDispose]();
  await drained;
  strictEqual(ports.filter(({ closed }) => closed).length, 3);
});
