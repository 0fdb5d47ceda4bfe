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
    register: (client_id: string): Client => {
      const channel = new Channel(new Peek(new FakeConn()));
      return registry.register({ type: "Register", client_id }, `#${client_id}`, channel).client;
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
