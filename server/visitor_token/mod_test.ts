import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
import { SignJWT } from "jose";
import { FakeConn } from "../../common/testdata/conn.ts";
import type { Client } from "../registry.ts";
import { Visitor } from "../visitor.ts";
import { type Visit, VisitorTokens } from "./mod.ts";

/** A client's key, and what it signs. */
class Signer {
  private constructor(private readonly pair: CryptoKeyPair, readonly key: string) {}

  static async make(): Promise<Signer> {
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    const raw = await crypto.subtle.exportKey("raw", (pair as CryptoKeyPair).publicKey);
    const key = new Uint8Array(raw).toBase64({ alphabet: "base64url", omitPadding: true });
    return new Signer(pair as CryptoKeyPair, key);
  }

  async sign(client: string, claims: Record<string, unknown> = {}): Promise<string> {
    const all = { aud: await audienceOf(client), jti: crypto.randomUUID(), iat: 0, exp: 1000 };
    return await new SignJWT({ ...all, ...claims })
      .setProtectedHeader({ alg: "EdDSA", typ: "arp+jwt", kid: await keyIdOf(this.key) })
      .sign(this.pair.privateKey);
  }
}

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
    this.tokens.revoke(client, revoked);
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
