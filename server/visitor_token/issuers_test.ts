import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { audienceOf } from "@agentx/common/visitor-token";
import type { Client } from "../registry.ts";
import { Issuers } from "./issuers.ts";

const KEY = "A".repeat(43);

/** Issuers within a bound that tests set. */
class Scene implements AsyncDisposable {
  readonly online = new Set<string>();
  readonly issuers: Issuers;

  constructor(max?: number) {
    this.issuers = new Issuers((id) => this.online.has(id), () => 100, undefined, max);
  }

  /** A client registers and takes so many tokens back, `ID-0` and so on. */
  register(id: string, revoked: number, tokens: string[] = [id]): Client {
    this.online.add(id);
    const client = { id, tokens, visitorKey: KEY, tag: `#${id}` } as unknown as Client;
    const ids = Array.from({ length: revoked }, (_, nth) => `${id}-${nth}`);
    this.issuers.hear(client, ids);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.issuers.ready;
  }

  /** Those that let nobody in. */
  closed(...ids: string[]): string[] {
    return ids.filter((id) => this.issuers.get(id)!.closed);
  }
}

Deno.test("of what was taken back, that of clients that left goes first, the oldest before", async () => {
  await using at = new Scene(100);
  for (const id of ["a", "b", "c"]) at.register(id, 30);
  at.online.clear();
  at.register("here", 5);
  strictEqual(at.issuers.kept, 95);
  at.register("new", 10);
  ok(at.issuers.kept <= 90, `${at.issuers.kept}`);
  deepStrictEqual(at.closed("a", "b", "c", "here", "new"), ["a"]);
  ok(at.issuers.get("a")!.revoked("a token that it never took back"), "nobody can tell");
  at.register("a", 3);
  deepStrictEqual(at.closed("a"), []);
  const revoked = ["a-0", "a-2", "a-3"].map((jti) => at.issuers.get("a")!.revoked(jti));
  deepStrictEqual(revoked, [true, true, false]);
});

Deno.test("of those online the one that keeps most has to give, whoever came last", async () => {
  await using at = new Scene(100);
  at.register("small", 10);
  const large = at.register("large", 60);
  at.register("middle", 25);
  strictEqual(at.issuers.hear(at.register("last", 1), ["x", "y", "z", "u", "v"]), true);
  deepStrictEqual(at.closed("small", "large", "middle", "last"), ["large"]);
  strictEqual(at.issuers.kept, 41);
  at.issuers.hear(large, ["more"]);
  strictEqual(at.issuers.kept, 41, "it is closed, and need not remember");
  deepStrictEqual(at.closed("large"), ["large"]);
});

Deno.test("tokens that are counted weigh as well, and one that forgot its count opens nothing", async () => {
  await using at = new Scene(100);
  at.register("small", 10);
  at.register("large", 0);
  const { uses } = at.issuers.get("large")!;
  for (let nth = 0; nth <= 90; nth++) {
    ok(uses.spend(`${nth}`, 2, 1000, 50));
    strictEqual(at.issuers.weigh(at.issuers.get("large")!), nth === 90);
  }
  deepStrictEqual(at.closed("small", "large"), ["large"]);
  strictEqual(at.issuers.kept, 10);
  at.register("large", 0);
  ok(!uses.spend("0", 2, 1000, 50), "it may have been used up");
  ok(uses.spend("made since", 2, 1000, 101));
});

Deno.test("however many clients take back all that they can, the bound holds", async () => {
  await using at = new Scene();
  for (let nth = 0; nth < 27; nth++) {
    at.register(`${nth}`, 20_000);
    at.online.clear();
    ok(at.issuers.kept <= 500_000, `${at.issuers.kept}`);
  }
  deepStrictEqual(at.closed("0", "26"), ["0"]);
});

Deno.test("clients that come and go under ever new names leave no more than the last thousand", async () => {
  await using at = new Scene(100);
  for (let nth = 0; nth < 3500; nth++) {
    at.register(`${nth}`, 0, [`${nth}`, `alias-${nth}`]);
    at.online.clear();
    await at.issuers.ready;
  }
  ok(at.issuers.size <= 2001, `${at.issuers.size}`);
  ok(at.issuers.names <= 4002, `${at.issuers.names}`);
  at.issuers.tidy();
  deepStrictEqual([at.issuers.size, at.issuers.names], [1000, 2000]);
  ok(at.issuers.get("3499") !== undefined && at.issuers.get("2499") === undefined);
});

Deno.test("a client that registers with other aliases leaves none of its old ones", async () => {
  await using at = new Scene(100);
  for (let nth = 0; nth < 3; nth++) {
    at.register("a", 0, ["a", `alias-${nth}`]);
    await at.issuers.ready;
  }
  at.issuers.tidy();
  strictEqual(at.issuers.names, 2);
  ok(at.issuers.find(await audienceOf("alias-2")) !== undefined);
});

Deno.test("one that was online until now is forgotten after those that left before", async () => {
  await using at = new Scene(100);
  at.register("stays", 0);
  for (let nth = 0; nth < 500; nth++) at.register(`${nth}`, 0);
  at.online.clear();
  at.online.add("stays");
  at.issuers.tidy();
  at.online.clear();
  for (let nth = 500; nth < 1200; nth++) at.register(`${nth}`, 0);
  at.online.clear();
  at.issuers.tidy();
  strictEqual(at.issuers.size, 1000);
  ok(at.issuers.get("stays") !== undefined && at.issuers.get("0") === undefined);
});
