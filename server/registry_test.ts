import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import { Channel, decodeFrame, Peek, type Register } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import type { PoolOptions } from "./pool.ts";
import { RegistrationError } from "./registration_error.ts";
import { type Client, Registry } from "./registry.ts";

const POOL: PoolOptions = { size: 1, max: 8, queue: 8, wait: 60_000, maxIdle: 90_000 };

/** A client as the test sees it. */
class FakeClient {
  readonly conn = new FakeConn();
  readonly channel = new Channel(new Peek(this.conn));

  /** The capabilities it was sent so far. */
  async asked(): Promise<string[]> {
    await this.channel.flushed();
    const bytes = this.conn.written;
    const found: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const { command, size } = decodeFrame(bytes.subarray(at))!;
      ok(command.type === "RequestNewProxyConn");
      found.push(command.proxy_conn_id);
      at += size;
    }
    return found;
  }
}

function register(
  registry: Registry,
  client_id: string,
  more: Partial<Register> = {},
): { client: Client; replaced: Client | undefined; fake: FakeClient } {
  const fake = new FakeClient();
  const command: Register = { type: "Register", client_id, version: 2, ...more };
  return { ...registry.register(command, "#tag", fake.channel), fake };
}

function refuses(run: () => unknown, message: RegExp): void {
  throws(run, (error) => {
    ok(error instanceof RegistrationError, String(error));
    match(error.message, message);
    return true;
  });
}

/** A tunnel's connection, by which it is known again. */
const peek = () => new Peek(new FakeConn());

Deno.test("register() makes a client known by its id and its aliases", () => {
  const registry = new Registry(POOL, "replace");
  const { client, replaced } = register(registry, "app", { aliases: ["alice", "bob", "app"] });
  strictEqual(replaced, undefined);
  for (const token of ["app", "alice", "bob"]) strictEqual(registry.find(token), client);
  strictEqual(registry.find("App"), undefined);
  deepStrictEqual(client.tokens, ["app", "alice", "bob"]);
  deepStrictEqual([...registry.clients], [client]);
});

Deno.test("register() takes a client without a version for generation 1", () => {
  const registry = new Registry(POOL, "replace");
  const fake = new FakeClient();
  const old = registry.register({ type: "Register", client_id: "old" }, "#", fake.channel).client;
  strictEqual(old.generation, 1);
  strictEqual(register(registry, "new").client.generation, 2);
  strictEqual(register(registry, "newer", { version: 3 }).client.generation, 2);
  strictEqual(register(registry, "odd", { version: 1 }).client.generation, 1);
});

Deno.test("find() knows nobody by an inherited name", () => {
  const registry = new Registry(POOL, "replace");
  for (const name of ["__proto__", "constructor", "toString", ""]) {
    strictEqual(registry.find(name), undefined);
  }
  const { client } = register(registry, "constructor", { aliases: ["__proto__"] });
  strictEqual(registry.find("__proto__"), client);
});

Deno.test("register() refuses an id or alias outside the grammar, and says what is allowed", () => {
  const registry = new Registry(POOL, "replace");
  for (const id of ["", "a b", "a/b", "中", "a\n", "x".repeat(129), "a?b"]) {
    refuses(() => register(registry, id), /client_id is invalid: use 1 to 128 of A-Z a-z 0-9 \./);
    refuses(
      () => register(registry, "app", { aliases: [id] }),
      /alias.* is invalid: use 1 to 128 of/,
    );
  }
  strictEqual(registry.clients.size, 0);
  strictEqual(registry.find("app"), undefined);
});

Deno.test("register() refuses a token of another client, be it an id or an alias", () => {
  const registry = new Registry(POOL, "replace");
  const { client } = register(registry, "app", { aliases: ["alice"] });
  refuses(() => register(registry, "other", { aliases: ["app"] }), /taken by another client/);
  refuses(
    () => register(registry, "other", { aliases: ["b", "alice"] }),
    /taken by another client/,
  );
  refuses(() => register(registry, "alice"), /taken by another client/);
  strictEqual(registry.find("app"), client);
  strictEqual(registry.find("alice"), client);
  for (const token of ["other", "b"]) strictEqual(registry.find(token), undefined);
});

Deno.test("register() of an id that is online replaces the earlier one, aliases and all", () => {
  const registry = new Registry(POOL, "replace");
  const before = register(registry, "app", { aliases: ["alice", "bob"] });
  const after = register(registry, "app", { aliases: ["bob", "carol"] });
  strictEqual(after.replaced, before.client);
  notStrictEqual(after.client, before.client);
  for (const token of ["app", "bob", "carol"]) strictEqual(registry.find(token), after.client);
  strictEqual(registry.find("alice"), undefined);
  strictEqual(registry.clients.size, 1);
});

Deno.test("unregister() of the earlier registration does not remove the later", () => {
  const registry = new Registry(POOL, "replace");
  const before = register(registry, "app", { aliases: ["alice"] });
  const after = register(registry, "app", { aliases: ["alice"] });
  registry.unregister(before.client);
  registry.unregister(before.client);
  strictEqual(registry.find("app"), after.client);
  strictEqual(registry.find("alice"), after.client);
  ok(!registry.wasHere("app"));
  registry.unregister(after.client);
  strictEqual(registry.find("app"), undefined);
});

Deno.test("with the policy reject, an id that is online stays with who has it", () => {
  const registry = new Registry(POOL, "reject");
  const { client } = register(registry, "app");
  refuses(() => register(registry, "app"), /online already/);
  strictEqual(registry.find("app"), client);
  registry.unregister(client);
  ok(register(registry, "app").replaced === undefined);
});

Deno.test("a visitor that waits moves to the new registration", async () => {
  const registry = new Registry(POOL, "replace");
  const before = register(registry, "app");
  const taken = before.client.pool.take();
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const [capability] = await fake.asked();
  const tunnel = peek();
  registry.redeem(capability!, "app", tunnel);
  strictEqual((await taken).peek, tunnel);
  registry.unregister(client);
});

Deno.test("a capability is 128 random bits, and each is another", async () => {
  const registry = new Registry({ ...POOL, size: 200 }, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const asked = await fake.asked();
  strictEqual(asked.length, 200);
  for (const capability of asked) match(capability, /^[0-9a-f]{32}$/);
  strictEqual(new Set(asked).size, 200);
  // Random in every place: no digit of 32 is the same in all of them.
  for (let place = 0; place < 32; place++) {
    ok(new Set(asked.map((capability) => capability[place])).size > 4);
  }
});

Deno.test("redeem() puts a tunnel that was asked for into its client's pool", async () => {
  const registry = new Registry(POOL, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const [capability] = await fake.asked();
  strictEqual(registry.redeem(capability!, "app", peek()), client);
  strictEqual(client.pool.idle, 1);
  registry.unregister(client);
});

Deno.test("redeem() refuses an id that nobody asked for", async () => {
  const registry = new Registry(POOL, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const [capability] = await fake.asked();
  for (const other of ["", "0", "f".repeat(32), capability!.toUpperCase() + " ", "__proto__"]) {
    strictEqual(registry.redeem(other, "app", peek()), undefined);
  }
  strictEqual(client.pool.idle, 0);
  ok(registry.redeem(capability!, "app", peek()) !== undefined);
  registry.unregister(client);
});

Deno.test("redeem() refuses a capability that was used", async () => {
  const registry = new Registry(POOL, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const [capability] = await fake.asked();
  ok(registry.redeem(capability!, "app", peek()));
  strictEqual(registry.redeem(capability!, "app", peek()), undefined);
  strictEqual(client.pool.idle, 1);
  registry.unregister(client);
});

Deno.test("redeem() refuses another client's capability, and leaves it good for its own", async () => {
  const registry = new Registry(POOL, "replace");
  const mine = register(registry, "mine", { aliases: ["alias"] });
  const thief = register(registry, "thief");
  mine.client.pool.refill();
  const [capability] = await mine.fake.asked();
  strictEqual(registry.redeem(capability!, "thief", peek()), undefined);
  strictEqual(registry.redeem(capability!, "", peek()), undefined);
  strictEqual(thief.client.pool.idle, 0);
  strictEqual(registry.redeem(capability!, "mine", peek()), mine.client);
  registry.unregister(mine.client);
});

Deno.test("redeem() refuses what an earlier registration was asked for", async () => {
  const registry = new Registry(POOL, "replace");
  const before = register(registry, "app");
  before.client.pool.refill();
  const [capability] = await before.fake.asked();
  const after = register(registry, "app");
  strictEqual(registry.redeem(capability!, "app", peek()), undefined);
  strictEqual(after.client.pool.idle, 0);
});

Deno.test("expire() forgets a capability after ten seconds, and asks anew", async () => {
  const registry = new Registry(POOL, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  const now = performance.now();
  registry.expire(now + 9000);
  strictEqual((await fake.asked()).length, 1);
  registry.expire(now + 20_000);
  const [old, renewed, ...more] = await fake.asked();
  deepStrictEqual(more, []);
  strictEqual(registry.redeem(old!, "app", peek()), undefined);
  strictEqual(registry.redeem(renewed!, "app", peek()), client);
  registry.unregister(client);
});

Deno.test("wasHere() remembers a client that left, for a while", () => {
  const registry = new Registry(POOL, "replace");
  const { client } = register(registry, "app", { aliases: ["alice"] });
  ok(!registry.wasHere("app"));
  registry.unregister(client);
  ok(registry.wasHere("app") && registry.wasHere("alice") && !registry.wasHere("other"));
  const now = performance.now();
  registry.expire(now + 9 * 60_000);
  ok(registry.wasHere("app"));
  registry.expire(now + 11 * 60_000);
  ok(!registry.wasHere("app") && !registry.wasHere("alice"));
});

Deno.test("wasHere() is over when the client is back", () => {
  const registry = new Registry(POOL, "replace");
  registry.unregister(register(registry, "app").client);
  register(registry, "app");
  ok(!registry.wasHere("app"));
});

Deno.test("wasHere() remembers the latest thousand at most", () => {
  const registry = new Registry(POOL, "replace");
  for (let i = 0; i < 1200; i++) registry.unregister(register(registry, `app-${i}`).client);
  registry.expire();
  ok(!registry.wasHere("app-0") && !registry.wasHere("app-199"));
  ok(registry.wasHere("app-200") && registry.wasHere("app-1199"));
});

Deno.test("sweep() reaches every client once, however many tokens it has", async () => {
  const registry = new Registry(POOL, "replace");
  const { client, fake } = register(registry, "app", { aliases: ["alice", "bob"] });
  registry.sweep();
  strictEqual((await fake.asked()).length, 1);
  registry.unregister(client);
});

const LIMITS = { maxClients: 2, rateLimit: 1000 };

Deno.test("register() refuses a client too many, and not who is online already", () => {
  const registry = new Registry(POOL, "replace", undefined, LIMITS);
  const { client } = register(registry, "one", { aliases: ["a", "b", "c"] });
  register(registry, "two");
  throws(() => register(registry, "three"), (error) => {
    ok(error instanceof RegistrationError);
    match(error.message, /^this server has as many clients as it may: 2 /);
    ok(error.retryAfter! > 0);
    return true;
  });
  strictEqual(register(registry, "one").replaced, client);
  registry.unregister(registry.find("two")!);
  strictEqual(register(registry, "three").client.id, "three");
});

Deno.test("visitors are counted by id, whichever registration serves them", () => {
  const registry = new Registry(POOL, "replace");
  const { client: first } = register(registry, "app");
  first.visitors++;
  const { client: second } = register(registry, "app");
  second.visitors++;
  strictEqual(second.visitors, 2);
  registry.unregister(second);
  registry.expire();
  const { client: third } = register(registry, "app");
  first.visitors--;
  strictEqual(third.visitors, 1);
  second.visitors--;
  strictEqual(third.visitors, 0);
  strictEqual(register(registry, "other").client.visitors, 0);
});

Deno.test("askedFrom() counts what is asked for at an address, and settles each once", async () => {
  const registry = new Registry({ ...POOL, size: 3 }, "replace");
  const { client, fake } = register(registry, "app");
  client.pool.refill();
  strictEqual(registry.askedFrom("127.0.0.1"), 3);
  strictEqual(registry.askedFrom("127.0.0.2"), 0);
  const [capability] = await fake.asked();
  for (let times = 0; times < 2; times++) registry.redeem(capability!, "app", peek());
  strictEqual(registry.askedFrom("127.0.0.1"), 2);
  registry.unregister(client);
  strictEqual(registry.askedFrom("127.0.0.1"), 0);
  registry.expire(performance.now() + 60_000);
  strictEqual(registry.askedFrom("127.0.0.1"), 0);
});

Deno.test("a version that is too long or no text is not kept", () => {
  const registry = new Registry(POOL, "replace");
  const version = (client_version: string) =>
    register(registry, "app", { client_version }).client.version;
  strictEqual(version("1.2.3"), "1.2.3");
  strictEqual(version("x".repeat(65)), undefined);
  strictEqual(version("1\n2"), undefined);
});
