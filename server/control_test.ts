import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type Command,
  type Conn,
  decodeFrame,
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
import { type Client, type DuplicatePolicy, Registry } from "./registry.ts";
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
  readonly #ending = Promise.withResolvers<void>();

  /** When the server has closed it. */
  get ending(): Promise<void> {
    return this.#ending.promise;
  }

  override close(): void {
    this.#ending.resolve();
    super.close();
  }

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

  /** All that it was told so far, but pings. */
  told(): Command[] {
    const bytes = this.conn.written;
    const found: Command[] = [];
    for (let at = 0; at < bytes.length;) {
      const { command, size } = decodeFrame(bytes.subarray(at))!;
      if (command.type !== "Ping") found.push(command);
      at += size;
    }
    return found;
  }

  /** From now on it answers each ping, as clients do; returns how many came. */
  lives(): { pings: number } {
    const count = { pings: 0 };
    this.conn.onWrite = (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const { command, size } = decodeFrame(bytes.subarray(at))!;
        at += size;
        if (command.type !== "Ping") continue;
        count.pings++;
        this.say({ type: "Pong" });
      }
    };
    return count;
  }
}

/** A control port without a network; disposing ends it. */
class Site implements AsyncDisposable {
  /** Who took what back. */
  readonly revoked: [client: Client, ids: readonly string[]][] = [];
  readonly #left = new Map<object, PromiseWithResolvers<void>>();
  readonly #doorstep = new Doorstep();
  readonly #registry: Registry;
  readonly control: ControlPort;
  readonly #running: Promise<void>;

  constructor(policy: DuplicatePolicy = "replace", auth = OPEN) {
    this.#registry = new Registry(POOL, policy);
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
      auth,
      sharedPorts: false,
      requireToken: false,
      links: new Links({ max: 0, trusted: new Set() }, getLogger(["test"])),
    }, {
      registered: (client, revoked) => void this.revoked.push([client, revoked]),
      revoked: (client, ids) => void this.revoked.push([client, ids]),
      withdrawn: () => {},
    });
    this.#running = this.control.run();
  }

  /** The current registration of an id. */
  client(id: string): Client {
    return this.#registry.find(id)!;
  }

  /** A link that asks to register. */
  come(peer: Peer, client_id: string, fields: Partial<Register> = {}): void {
    this.#doorstep.come(peer.conn);
    peer.say({ type: "Register", client_id, version: 2, ...fields });
  }

  async register(client_id: string, fields: Partial<Register> = {}) {
    const peer = new Peer();
    this.come(peer, client_id, fields);
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
  strictEqual(site.control.members.kick(tag, 600).length, 1);
  peer.conn.end();
  await site.left(client);
  for (const id of ["a", "b", "c"]) {
    const { answer } = await site.register(id);
    match(answer.error ?? "", /sent this client away/, id);
  }
  // Once more, without a ban of its own, and so without an end of the first one.
  strictEqual(site.control.members.kick(tag, 0).length, 1);
  const { answer } = await site.register("other", { aliases: ["a"] });
  match(answer.error ?? "", /sent this client away/);
  ok((await site.register("other")).answer.success);
  strictEqual(site.control.members.kick("#00000000", 600).length, 0);
});

Deno.test("to reject a duplicate, whoever has the id is asked, and keeps it by an answer", async () => {
  await using site = new Site("reject");
  const { peer } = await site.register("a");
  const client = site.client("a");
  const heard = peer.lives();
  const answers = await Promise.all(["a", "a", "a"].map((id) => site.register(id)));
  for (const { answer } of answers) match(answer.error ?? "", /online already/);
  strictEqual(site.client("a"), client);
  ok(heard.pings >= 1 && heard.pings <= 3, `${heard.pings}`);
  // The first generation knows no such question.
  const { peer: old } = await site.register("old", { version: 1 });
  match((await site.register("old")).answer.error ?? "", /online already/);
  strictEqual(old.conn.writes.length, 1);
});

Deno.test("a silent link gives way to one of those that want its id, with all it had", async () => {
  await using site = new Site("reject");
  const { peer } = await site.register("a", { aliases: ["b"] });
  const silent = site.client("a");
  const came = await Promise.all([1, 2, 3].map(() => site.register("a", { aliases: ["b"] })));
  const won = came.filter(({ answer }) => answer.success);
  strictEqual(won.length, 1);
  for (const { answer } of came.filter((one) => one !== won[0])) {
    match(answer.error ?? "", /online already/);
  }
  notStrictEqual(site.client("a"), silent);
  strictEqual(site.client("b"), site.client("a"));
  await site.left(silent);
  deepStrictEqual([silent.gone, silent.ending], [true, "replaced"]);
  deepStrictEqual(peer.told().slice(1), [
    { type: "RegisterResult", success: false, error: "replaced" },
  ]);
});

Deno.test("a link that ended while its token was checked takes nobody's place", async () => {
  const checks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const begun = Promise.withResolvers<void>();
  let asked = 0;
  await using site = new Site("replace", {
    ...OPEN,
    async authenticate(...given: Parameters<typeof OPEN.authenticate>) {
      const check = checks[asked++]!;
      begun.resolve();
      await check.promise;
      return await OPEN.authenticate(...given);
    },
  });
  const dead = new Peer();
  site.come(dead, "a");
  await within(5000, "the first check", begun.promise);
  const second = site.register("a");
  dead.conn.end();
  checks[1]!.resolve();
  ok((await second).answer.success);
  const client = site.client("a");
  checks[0]!.resolve();
  await within(5000, "the end of the dead link", dead.conn.ending);
  strictEqual(site.client("a"), client);
  strictEqual((await second).peer.told().length, 1);
});

Deno.test("whoever is kicked hears why, and for how long, before its link ends", async () => {
  await using site = new Site();
  for (
    const [id, seconds, error, more] of [
      ["a", 0, "the owner of this server sent this client away", {}],
      ["b", 60, "the owner of this server sent this client away for a while", { retry_s: 60 }],
    ] as const
  ) {
    const { peer } = await site.register(id);
    const client = site.client(id);
    strictEqual(site.control.members.kick(client.tag, seconds).length, 1);
    await site.left(client);
    deepStrictEqual(peer.told().slice(1), [
      { type: "RegisterResult", success: false, error, ...more },
    ]);
    deepStrictEqual([peer.conn.closed, client.ending], [true, "kicked"]);
  }
  const { peer } = await site.register("old", { version: 1 });
  const client = site.client("old");
  site.control.members.kick(client.tag, 0);
  await site.left(client);
  strictEqual(peer.told().length, 1, "the first generation would not understand");
});
