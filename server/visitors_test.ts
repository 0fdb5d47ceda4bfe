import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Channel, getLogger, Peek } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { PerAddress } from "./limits.ts";
import { type Client, Registry } from "./registry.ts";
import { Stats } from "./stats.ts";
import { Visitors } from "./visitors.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };
const OPTIONS = {
  idleTimeout: 0,
  httpIdleTimeout: 0,
  trustedProxies: new Set<string>(),
  maxConnections: 0,
};

/** Visitors, and clients that they may be with. */
function open() {
  const stats = new Stats();
  const registry = new Registry(POOL, "replace", stats);
  const limits = new PerAddress({ count: 0, rate: 0 });
  const visitors = new Visitors(limits, OPTIONS, getLogger(["test"]), stats);
  return {
    visitors,
    stats,
    leave: (client: Client): void => {
      registry.unregister(client);
      stats.clientLeft(client, "closed");
    },
    register: (client_id: string): Client => {
      const channel = new Channel(new Peek(new FakeConn()));
      const command = { type: "Register", client_id } as const;
      const { client } = registry.register(command, `#${client_id}`, channel);
      stats.registered(client);
      return client;
    },
    /** One that is with a client until it is ended; resolves with the reason. */
    visit: (client: Client): Promise<string> => {
      const { promise, resolve } = Promise.withResolvers<string>();
      void visitors.welcome(new FakeConn(), async (live) => {
        live.visitor.joins(client);
        live.abort = resolve;
        return await promise;
      });
      return promise;
    },
  };
}

Deno.test("the account of a client that left is known as long as a visitor is with it", async () => {
  const { visitors, register, visit, stats, leave } = open();
  const [left, other] = [register("a"), register("b")];
  const end = visit(left);
  deepStrictEqual([...visitors.accounts], [left.account]);
  for (const client of [left, other]) leave(client);
  const later = Date.now() + 3_600_000;
  stats.sweep(later, () => visitors.accounts);
  strictEqual(stats.accounts.find("#a"), left.account);
  strictEqual(stats.accounts.find("#b"), undefined);
  for (const { abort } of visitors.live) abort("the test is over");
  await end;
  await visitors.close();
  strictEqual(stats.accounts.find("#a")?.served, 1);
  stats.sweep(later, () => visitors.accounts);
  strictEqual(stats.accounts.find("#a"), undefined);
  strictEqual(stats.accounts.total().served, 1);
});

Deno.test("abortOf() ends visitors of all registrations of an id, and of no other", async () => {
  const { visitors, register, visit } = open();
  const ends = [visit(register("a")), visit(register("a"))];
  const other = visit(register("b"));
  const newest = register("a");
  visitors.abortOf(newest, "kicked");
  // Those that were not ended hear something else.
  for (const { abort } of visitors.live) abort("the test is over");
  deepStrictEqual(await Promise.all(ends), ["kicked", "kicked"]);
  strictEqual(await other, "the test is over");
  await visitors.close();
  strictEqual(visitors.count, 0);
});
