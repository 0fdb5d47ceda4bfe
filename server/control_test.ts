import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  type Command,
  type Conn,
  encodeFrame,
  getLogger,
  type Listener,
  type Register,
} from "@agentx/common";
import { PortSet } from "@agentx/common/cli";
import { FakeConn } from "../common/testdata/conn.ts";
import { within } from "../common/testdata/gate.ts";
import { OPEN } from "./auth/mod.ts";
import { ControlPort } from "./control.ts";
import { Links } from "./links.ts";
import { type Client, Registry } from "./registry.ts";
import { RemotePorts } from "./remote.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };

/** A port to which clients come as a test says. */
class Doorstep implements Listener {
  readonly address = { hostname: "127.0.0.1", port: 9 };
  #waiting: Conn[] = [];
  #next = Promise.withResolvers<void>();
  #closed = false;

  come(conn: Conn): void {
    this.#waiting.push(conn);
    this.#next.resolve();
  }

  async accept(): Promise<Conn> {
    for (;;) {
      if (this.#closed) throw new Deno.errors.BadResource("Listener has been closed");
      const conn = this.#waiting.shift();
      if (conn !== undefined) return conn;
      await this.#next.promise;
      this.#next = Promise.withResolvers<void>();
    }
  }

  close(): void {
    this.#closed = true;
    this.#next.resolve();
  }
}

/** A connection whose peer may read nothing for a while. */
class SlowConn extends FakeConn {
  /** Writes wait for this. */
  gate = Promise.resolve();

  override async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    return await super.write(bytes);
  }
}

/** A link of a client, and what the server answered. */
class Peer {
  readonly conn = new SlowConn();

  say(command: Command): void {
    this.conn.push(encodeFrame(command));
  }

  /** The answer to its registration, as soon as that has gone. */
  async answer(): Promise<{ success: boolean; error: string | null }> {
    const come = Promise.withResolvers<void>();
    this.conn.onWrite = () => come.resolve();
    if (this.conn.writes.length === 0) await within(5000, "an answer", come.promise);
    return JSON.parse(new TextDecoder().decode(this.conn.writes[0]!.subarray(4))).RegisterResult;
  }
}

/** A control port without a network; disposing ends it. */
class Site implements AsyncDisposable {
  /** Who took what back. */
  readonly revoked: [client: Client, ids: readonly string[]][] = [];
  readonly #left = new Map<object, PromiseWithResolvers<void>>();
  readonly #doorstep = new Doorstep();
  readonly #registry = new Registry(POOL, "replace");
  readonly control: ControlPort;
  readonly #running: Promise<void>;

  constructor() {
    const { stats } = this.#registry;
    const { clientLeft } = stats;
    stats.clientLeft = (client, why) => {
      clientLeft.call(stats, client, why);
      this.#departure(client).resolve();
    };
    const ports = new RemotePorts(() => {
      throw new Error("no ports here");
    }, { bind: "127.0.0.1", allowed: new PortSet(), serve: () => {} });
    this.control = new ControlPort(this.#doorstep, this.#registry, ports, {
      registerTimeout: 10_000,
      heartbeat: 60,
      publicUrls: () => [],
      auth: OPEN,
      sharedPorts: false,
      requireToken: false,
      registered: () => {},
      revoked: (client, ids) => void this.revoked.push([client, ids]),
      withdrawn: () => {},
      links: new Links({ max: 0, trusted: new Set() }, getLogger(["test"])),
    });
    this.#running = this.control.run();
  }

  /** The current registration of an id. */
  client(id: string): Client {
    return this.#registry.find(id)!;
  }

  async register(client_id: string, fields: Partial<Register> = {}) {
    const peer = new Peer();
    this.#doorstep.come(peer.conn);
    peer.say({ type: "Register", client_id, version: 2, ...fields });
    return { peer, answer: await peer.answer() };
  }

  /** The link of a registration has ended, and all that came by it was heard. */
  async left(client: Client): Promise<void> {
    await within(5000, "the end of a link", this.#departure(client).promise);
  }

  #departure(client: object): PromiseWithResolvers<void> {
    let departure = this.#left.get(client);
    if (departure === undefined) {
      this.#left.set(client, departure = Promise.withResolvers<void>());
    }
    return departure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const online = [...this.#registry.clients];
    this.control.close();
    await Promise.all([this.#running, ...online.map((client) => this.left(client))]);
  }
}

Deno.test("a link takes visitor tokens back, until its registration is replaced", async () => {
  await using site = new Site();
  const first = await site.register("a", { revoked: ["with the registration"] });
  const replaced = site.client("a");
  first.peer.say({ type: "RevokeTokens", ids: ["on the way"] });
  // Whoever does not read that it was replaced keeps its link for a moment.
  const reads = Promise.withResolvers<void>();
  first.peer.conn.gate = reads.promise;
  const second = await site.register("a");
  const client = site.client("a");
  first.peer.say({ type: "RevokeTokens", ids: ["too late"] });
  first.peer.conn.end();
  await site.left(replaced);
  reads.resolve();
  second.peer.say({ type: "RevokeTokens", ids: ["by the second"] });
  second.peer.conn.end();
  await site.left(client);
  const said = (one: Client) =>
    site.revoked.filter(([who]) => who === one).flatMap(([, ids]) => ids);
  deepStrictEqual(said(replaced), ["with the registration", "on the way"]);
  deepStrictEqual(said(client), ["by the second"]);
});

Deno.test("a ban keeps a client away under every name that it had", async () => {
  await using site = new Site();
  const { peer } = await site.register("a", { aliases: ["b", "c"] });
  const client = site.client("a");
  const { tag } = client;
  strictEqual(site.control.kick(tag, 600).length, 1);
  peer.conn.end();
  await site.left(client);
  for (const id of ["a", "b", "c"]) {
    const { answer } = await site.register(id);
    match(answer.error ?? "", /sent this client away/, id);
  }
  const { answer } = await site.register("other", { aliases: ["a"] });
  match(answer.error ?? "", /sent this client away/);
  ok((await site.register("other")).answer.success);
  strictEqual(site.control.kick("#00000000", 600).length, 0);
});
