import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { type Address, Channel, type Conn, type Listener, Peek } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { PortSet } from "@agentx/common/cli";
import { RegistrationError } from "./registration_error.ts";
import { type Client, Registry } from "./registry.ts";
import { RemotePorts } from "./remote.ts";

/** A network of which the test is both ends. */
class FakeNetwork {
  readonly open = new Map<number, FakeListener>();
  /** Ports that other programs use. */
  readonly used = new Set<number>();
  /** How often a port was opened. */
  opened = 0;

  readonly listen = (address: Address): Listener => {
    if (this.used.has(address.port) || this.open.has(address.port)) {
      throw new Deno.errors.AddrInUse("Address already in use");
    }
    if (address.port < 1024) throw new Deno.errors.PermissionDenied("Permission denied");
    this.opened++;
    const listener = new FakeListener(address, () => this.open.delete(address.port));
    this.open.set(address.port, listener);
    return listener;
  };

  get ports(): number[] {
    return [...this.open.keys()].sort();
  }
}

class FakeListener implements Listener {
  #next = Promise.withResolvers<Conn>();

  constructor(readonly address: Address, private readonly closed: () => void) {
    this.#next.promise.catch(() => {});
  }

  async accept(): Promise<Conn> {
    const conn = await this.#next.promise;
    this.#next = Promise.withResolvers();
    return conn;
  }

  connect(conn: Conn): void {
    this.#next.resolve(conn);
  }

  close(): void {
    this.closed();
    this.#next.reject(new Deno.errors.BadResource("closed"));
  }
}

/** Ports 20000 to 20003, or others, and who was served. */
function setUp(allowed = new PortSet([[20_000, 20_003]])) {
  const network = new FakeNetwork();
  const served: [Conn, Client][] = [];
  const options = {
    bind: "127.0.0.1",
    allowed,
    serve: (conn: Conn, client: Client) => void served.push([conn, client]),
  };
  return { network, served, remote: new RemotePorts(network.listen, options) };
}

const POOL = { size: 1, max: 8, queue: 8, wait: 60_000, maxIdle: 90_000 };

/** A registration of that id. */
function client(id: string): Client {
  const registry = new Registry(POOL, "replace");
  const command = { type: "Register", client_id: id, version: 2 } as const;
  return registry.register(command, `#${id}`, new Channel(new Peek(new FakeConn()))).client;
}

/** Reserves a port and gives it away, as a registration does. */
function claim(remote: RemotePorts, to: Client, wanted: number): number {
  using port = remote.reserve(to.id, wanted);
  port.give(to);
  return port.port;
}

function refused(remote: RemotePorts, id: string, wanted: number, why: string): void {
  throws(() => remote.reserve(id, wanted), (error) => {
    ok(error instanceof RegistrationError);
    strictEqual(error.message, why);
    return true;
  });
}

Deno.test("a client gets the port it asks for, and its visitors", async () => {
  const { remote, network, served } = setUp();
  const app = client("app");
  strictEqual(claim(remote, app, 20_001), 20_001);
  deepStrictEqual(network.ports, [20_001]);
  deepStrictEqual(network.open.get(20_001)!.address, { hostname: "127.0.0.1", port: 20_001 });
  const conn = new FakeConn();
  network.open.get(20_001)!.connect(conn);
  await new Promise((resolve) => setTimeout(resolve, 0));
  strictEqual(served.length, 1);
  ok(served[0]![0] === conn && served[0]![1] === app);
  await remote.close();
});

Deno.test("a port is refused with the reason", async () => {
  const { remote, network } = setUp(new PortSet([[80, 80], [20_000, 20_001]]));
  claim(remote, client("other"), 20_000);
  network.used.add(20_001);
  refused(remote, "app", 22, "port 22 is not in --allow-ports 80,20000-20001");
  refused(remote, "app", 20_000, "port 20000 is taken by another client");
  refused(remote, "app", 20_001, "port 20001 is taken by another program");
  refused(remote, "app", 80, "port 80 cannot be opened: Permission denied");
  for (const wanted of [-1, 65_536, 1.5, NaN, Infinity]) {
    refused(remote, "app", wanted, "remote_port is invalid: use 0 to 65535");
  }
  deepStrictEqual(network.ports, [20_000]);
  await remote.close();
  refused(remote, "app", 20_000, "this server stops and opens no more ports");
});

Deno.test("a client gets no port that it has no right to", async () => {
  const { remote, network } = setUp();
  const only = (port: number) => ({ mayOpen: (wanted: number) => wanted === port });
  {
    using any = remote.reserve("app", 0, only(20_002));
    strictEqual(any.port, 20_002);
  }
  const cases: [number, number, string][] = [
    [20_001, 20_002, "port 20001 is not among those that your token allows"],
    [0, 9, "none of the ports 20000-20003 is among those that your token allows"],
  ];
  for (const [wanted, granted, why] of cases) {
    throws(() => remote.reserve("app", wanted, only(granted)), (error) => {
      ok(error instanceof RegistrationError);
      deepStrictEqual([error.message, error.retryAfter, error.word], [why, 5, "port"]);
      return true;
    });
  }
  // Nor the one that it had, once the right to it is gone.
  const app = client("app");
  claim(remote, app, 20_003);
  using other = remote.reserve("app", 0, only(20_002));
  strictEqual(other.port, 20_002);
  deepStrictEqual(network.ports, [20_002, 20_003]);
  await remote.close();
});

Deno.test("a server without --allow-ports gives out none", async () => {
  const { remote, network } = setUp(new PortSet());
  const why = "this server gives out no ports: start arps with --allow-ports";
  for (const wanted of [0, 20_000]) refused(remote, "app", wanted, why);
  strictEqual(network.opened, 0);
  await remote.close();
});

Deno.test("0 is any free port, the same for the same id each time", async () => {
  const { remote, network } = setUp();
  const clients = ["a", "b", "c", "d"].map(client);
  const first = clients.map((one) => claim(remote, one, 0));
  deepStrictEqual([...first].sort(), [20_000, 20_001, 20_002, 20_003]);
  refused(remote, "e", 0, "none of the ports 20000-20003 is free");
  for (const one of clients) remote.release(one);
  deepStrictEqual(network.ports, []);
  await remote.close();
  for (const id of ["a", "b", "c"]) {
    const port = async () => {
      const { remote } = setUp();
      const port = claim(remote, client(id), 0);
      await remote.close();
      return port;
    };
    strictEqual(await port(), await port());
  }
});

Deno.test("0 passes over ports that others use", async () => {
  const { remote, network } = setUp();
  for (const port of [20_000, 20_001, 20_003]) network.used.add(port);
  for (const id of ["a", "b", "c"]) {
    const one = client(id);
    strictEqual(claim(remote, one, 0), 20_002);
    remote.release(one);
  }
  network.used.add(20_002);
  refused(remote, "a", 0, "none of the ports 20000-20003 is free");
  await remote.close();
});

Deno.test("0 passes over ports that the system keeps for itself", async () => {
  const { remote, network } = setUp(new PortSet([[1022, 1024]]));
  for (const id of ["a", "b", "c"]) {
    const one = client(id);
    strictEqual(claim(remote, one, 0), 1024);
    remote.release(one);
  }
  network.used.add(1024);
  refused(remote, "a", 0, "no port can be opened: Permission denied");
  await remote.close();
});

Deno.test("a client that registers anew keeps its port, open all the while", async () => {
  for (const wanted of [20_002, 0]) {
    const { remote, network, served } = setUp();
    const [old, young] = [client("app"), client("app")];
    const port = claim(remote, old, wanted);
    strictEqual(claim(remote, young, wanted), port);
    remote.release(old);
    strictEqual(network.opened, 1);
    network.open.get(port)!.connect(new FakeConn());
    await new Promise((resolve) => setTimeout(resolve, 0));
    ok(served[0]![1] === young);
    remote.release(young);
    deepStrictEqual(network.ports, []);
    await remote.close();
  }
});

Deno.test("a client that asks for another port gives the first one back", async () => {
  const { remote, network } = setUp();
  const [old, young] = [client("app"), client("app")];
  claim(remote, old, 20_001);
  strictEqual(claim(remote, young, 20_003), 20_003);
  deepStrictEqual(network.ports, [20_001, 20_003]);
  remote.release(old);
  deepStrictEqual(network.ports, [20_003]);
  await remote.close();
});

Deno.test("a port that was not given away after all is free again", async () => {
  const { remote, network } = setUp();
  remote.reserve("app", 20_001)[Symbol.dispose]();
  deepStrictEqual(network.ports, []);
  // A refused registration of an id that is online leaves that alone.
  const app = client("app");
  claim(remote, app, 20_001);
  remote.reserve("app", 20_001)[Symbol.dispose]();
  deepStrictEqual(network.ports, [20_001]);
  await remote.close();
});

Deno.test("close() closes all ports and ends their loops", async () => {
  const { remote, network } = setUp();
  for (const id of ["a", "b", "c"]) claim(remote, client(id), 0);
  await remote.close();
  deepStrictEqual(network.ports, []);
});
