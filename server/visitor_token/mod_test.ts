import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { FakeConn } from "../../common/testdata/conn.ts";
import type { Client } from "../registry.ts";
import { Visitor } from "../visitor.ts";
import { type Visit, VisitorTokens } from "./mod.ts";
import { Signer } from "./testdata/signer.ts";

/** Tokens of some clients at a time that tests set. */
class Site implements AsyncDisposable {
  now = 500;
  readonly clients = new Map<string, Client>();
  readonly tokens = new VisitorTokens(
    { find: (token) => this.clients.get(token) },
    () => this.now,
  );

  register(id: string, visitorKey: string | undefined, revoked: string[] = []): Client {
    const channel = new Channel(new Peek(new FakeConn()));
    const client = { id, tokens: [id], visitorKey, channel } as unknown as Client;
    this.clients.set(id, client);
    this.tokens.registered(client, revoked);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tokens.ready;
  }

  visit(token: string, visit: Partial<Visit> = {}) {
    return this.tokens.visit(token, {
      visitor: visitor(),
      address: "192.0.2.1",
      request: { method: "GET", target: "/" },
      cookie: false,
      navigation: false,
      cookies: [],
      ...visit,
    });
  }

  refuses(token: string, status: number, message: RegExp, visit: Partial<Visit> = {}) {
    return rejects(this.visit(token, visit), (error) => {
      ok(error instanceof Refusal, String(error));
      strictEqual(error.status, status);
      match(error.message, message);
      return true;
    });
  }
}

function visitor(): Visitor & { ended?: string } {
  const one: Visitor & { ended?: string } = new Visitor(
    new FakeConn(),
    { hostname: "192.0.2.1", port: 1 },
    false,
  );
  one.abort = (why) => one.ended = why;
  return one;
}

Deno.test("a token opens its client as soon as that has registered", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const token = await signer.sign("a");
  await site.refuses(token, 404, /is not here/);
  const client = site.register("a", signer.key);
  strictEqual((await site.visit(token)).client, client);
  site.clients.delete("a");
  await site.refuses(token, 503, /is offline/);
  const again = site.register("a", signer.key);
  strictEqual((await site.visit(token)).client, again, "the newest registration");
});

Deno.test("times: not before, with leeway, and not after", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const token = await signer.sign("a", { nbf: 530 });
  site.now = 499;
  await site.refuses(token, 401, /not good yet/);
  site.now = 500;
  await site.visit(token);
  site.now = 999.9;
  await site.visit(token);
  site.now = 1000;
  await site.refuses(token, 401, /has expired/);
});

Deno.test("what was revoked stays so over registrations, and what runs by it ends", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const client = site.register("a", signer.key, ["early"]);
  await site.refuses(await signer.sign("a", { jti: "early" }), 401, /was revoked/);
  const token = await signer.sign("a", { jti: "late" });
  const [busy, resting, other] = [visitor(), visitor(), visitor()];
  for (const one of [busy, resting]) await site.visit(token, { visitor: one });
  await site.visit(await signer.sign("a"), { visitor: other });
  resting.resting = () => true;
  site.tokens.revoke(client, ["late"]);
  strictEqual(busy.ended, "visitor token revoked");
  strictEqual(resting.ended, undefined);
  strictEqual(other.ended, undefined);
  site.register("a", signer.key);
  await site.refuses(token, 401, /was revoked/);
});

Deno.test("another key takes all tokens of the last one back", async () => {
  await using site = new Site();
  const [old, fresh] = [await Signer.make(), await Signer.make()];
  site.register("a", old.key);
  const token = await old.sign("a");
  const running = visitor();
  await site.visit(token, { visitor: running });
  site.register("a", fresh.key);
  strictEqual(running.ended, "visitor token revoked");
  await site.refuses(token, 401, /is not valid/);
  await site.visit(await fresh.sign("a"));
  site.register("a", undefined);
  await rejects(site.visit(await fresh.sign("a")), Refusal);
});

Deno.test("a client that says nothing new costs nothing, and what it revokes later counts", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const client = site.register("a", signer.key);
  const known = site.tokens.ready;
  for (let i = 0; i < 1000; i++) site.tokens.revoke(client, []);
  strictEqual(site.tokens.ready, known, "its names were looked up again");
  const token = await signer.sign("a", { jti: "late" });
  await site.visit(token);
  site.tokens.revoke(client, ["late"]);
  strictEqual(site.tokens.ready, known, "its names were looked up again");
  await site.refuses(token, 401, /was revoked/);
});

Deno.test("what is let in while a token is taken back ends a moment later", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const client = site.register("a", signer.key);
  const late = visitor();
  late.resting = () => true; // its session has not heard yet that it is let in
  await site.visit(await signer.sign("a", { jti: "late" }), { visitor: late });
  site.tokens.revoke(client, ["late"]);
  strictEqual(late.ended, undefined);
  late.resting = () => false;
  site.tokens.sweep();
  strictEqual(late.ended, "visitor token revoked");
});

Deno.test("what a visitor does by no token does not end with the last one", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const [moved, busy] = [visitor(), visitor()];
  for (const one of [moved, busy]) await site.visit(await signer.sign("a"), { visitor: one });
  moved.resting = () => true;
  // Behind a request that is under way comes another.
  for (const one of [moved, busy]) site.tokens.next(one);
  moved.resting = () => false;
  site.now = 1000;
  site.tokens.sweep();
  strictEqual(moved.ended, undefined);
  strictEqual(busy.ended, "visitor token expired");
});

Deno.test("a client that revokes too much is closed, until it says all of it again", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const client = site.register("a", signer.key);
  const running = visitor();
  const token = await signer.sign("a", { jti: "good" });
  await site.visit(token, { visitor: running });
  const many = Array.from({ length: 20_001 }, (_, nth) => `bad-${nth}`);
  site.tokens.revoke(client, many);
  strictEqual(running.ended, "visitor token revoked");
  await site.refuses(token, 503, /not known which/);
  site.tokens.revoke(client, ["one more"]);
  await site.refuses(token, 503, /not known which/);
  site.register("a", signer.key, ["bad-1"]);
  await site.visit(token);
  await site.refuses(await signer.sign("a", { jti: "bad-1" }), 401, /was revoked/);
});

Deno.test("a client that was forgotten has its visitors ended, and comes back as a new one", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const running = visitor();
  const token = await signer.sign("a");
  await site.visit(token, { visitor: running });
  site.clients.delete("a");
  for (let nth = 0; nth < 1001; nth++) {
    site.register(`other-${nth}`, signer.key);
    site.clients.delete(`other-${nth}`);
  }
  site.tokens.sweep();
  strictEqual(running.ended, "visitor token revoked");
  await site.refuses(token, 404, /is not here/);
  site.register("a", signer.key, ["bad"]);
  await site.visit(token);
  await site.refuses(await signer.sign("a", { jti: "bad" }), 401, /was revoked/);
});

Deno.test("a visit that is refused for another reason is not counted", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const token = await signer.sign("a", { uses: 1 });
  const full = () => {
    throw new Refusal(429, "full");
  };
  await site.refuses(token, 429, /full/, { admit: full });
  // It leaves while the mark of the first visit is made.
  const second = await signer.sign("a", { uses: 1 });
  await site.visit(await signer.sign("a"));
  const visiting = site.refuses(second, 503, /is offline/);
  queueMicrotask(() => site.clients.delete("a"));
  await visiting;
  await site.refuses(token, 503, /is offline/);
  site.register("a", signer.key);
  for (const one of [token, second]) {
    await site.visit(one);
    await site.refuses(one, 401, /used up/);
  }
});

Deno.test("a key that is none opens nothing", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", "A".repeat(42) + "_");
  await rejects(site.visit(await signer.sign("a")), Refusal);
});

Deno.test("a client with the public key of another gets none of its visitors", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  const honest = site.register("a", signer.key);
  site.register("thief", signer.key);
  strictEqual((await site.visit(await signer.sign("a"))).client, honest);
});

Deno.test("a visitor ends with its token", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const running = visitor();
  await site.visit(await signer.sign("a", { jti: "0123456789" }), { visitor: running });
  site.now = 999;
  site.tokens.sweep();
  strictEqual(running.ended, undefined);
  site.now = 1000;
  site.tokens.sweep();
  strictEqual(running.ended, "visitor token expired");
  strictEqual(site.tokens.leave(running), "01234567");
  strictEqual(site.tokens.leave(running), undefined);
});

Deno.test("uses: one for a connection, one for a browser with its cookie", async () => {
  await using site = new Site();
  const signer = await Signer.make();
  site.register("a", signer.key);
  const token = await signer.sign("a", { uses: 2 });
  const one = visitor();
  await site.visit(token, { visitor: one });
  await site.visit(token, { visitor: one });
  const { cookie, fresh } = await site.visit(token, { navigation: true });
  ok(fresh && cookie.startsWith(`${token}~`));
  const back = { cookie: true, cookies: [cookie] };
  ok(!(await site.visit(cookie, back)).fresh);
  await site.visit(cookie, { ...back, navigation: true });
  await site.refuses(token, 401, /used up/);
  await site.refuses(token, 401, /used up/, { cookie: true, cookies: [token], navigation: true });
  await site.refuses(token, 401, /restart/, { cookie: true, cookies: [token] });
});

Deno.test("after a restart a page that is loaded again is a visit anew", async () => {
  const [before, after] = [new Site(), new Site()];
  const signer = await Signer.make();
  for (const site of [before, after]) site.register("a", signer.key);
  const token = await signer.sign("a", { uses: 1 });
  const { cookie } = await before.visit(token, { navigation: true });
  const back = { cookie: true, cookies: [cookie] };
  await after.refuses(cookie, 401, /restart/, back);
  const again = await after.visit(cookie, { ...back, navigation: true });
  ok(again.fresh && again.cookie !== cookie);
  await after.visit(again.cookie, { cookie: true, cookies: [again.cookie] });
  await after.refuses(token, 401, /used up/);
});
