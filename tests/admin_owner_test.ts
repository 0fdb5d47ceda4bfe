/**
 * What the owner of a server is told of trouble, and can do about it, by the API of the admin port.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { tag } from "@agentx/common";
import { hashToken } from "../server/auth/scrypt.ts";
import { Admin } from "./admin.ts";
import { Scratch } from "./daemons.ts";
import { PATIENCE_MS, startClient, startServer, within } from "./helpers.ts";
import { peer, peerTest, WHOLE_PROGRAM } from "./peers.ts";
import { freePort } from "./ports.ts";
import { Download, eventually, HeldService, RawClient, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { identify, openssl, run } from "./tls.ts";

const permissions = WHOLE_PROGRAM;
const ADMIN = ["--admin-port", "0"];
const ID = "the-id-of-a-client";
const script = peer("script", "apt-get install bsdutils");

/** The row of a client, once it is as wanted. */
// deno-lint-ignore no-explicit-any -- tests look at what they expect
async function rowOf(admin: Admin, id: string, fits: (row: any) => boolean): Promise<any> {
  const name = await tag(id);
  // deno-lint-ignore no-explicit-any -- as above
  let found: any;
  await eventually(`the row of ${id}`, async () => {
    const { clients } = await admin.json("/api/clients");
    found = clients.find((row: { tag: string }) => row.tag === name);
    return found !== undefined && fits(found);
  });
  return found;
}

peerTest({
  name: "owner: a service that cannot be reached shows until it serves again",
  permissions,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const port = freePort();
  const flags = ["--service", "none"];
  await using _client = await startClient({ server, id: ID, port, flags });
  strictEqual((await rowOf(admin, ID, ({ online }) => online)).failing, 0);
  for (let nth = 0; nth < 2; nth++) {
    match((await visit(server.publicPort, `/?token=${ID}`)).start, / 502 /);
  }
  const row = await rowOf(admin, ID, ({ failing }) => failing === 2);
  deepStrictEqual([row.failed, row.online], [2, true]);
  ok(Math.abs(row.failed_at - Date.now()) < 3600_000);
  await using _service = new HeldService(port);
  strictEqual((await visit(server.publicPort, `/?token=${ID}`)).body, "hello");
  deepStrictEqual((await rowOf(admin, ID, ({ failing }) => failing === 0)).failed, 2);
});

peerTest({
  name: "owner: a client that opens no tunnel shows, until it opens one",
  permissions,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  using client = await RawClient.register(server, ID);
  await client.asked(1);
  const { stuck_since, pool } = await rowOf(admin, ID, ({ stuck_since }) => stuck_since > 0);
  deepStrictEqual([pool.idle, pool.target], [0, 1]);
  ok(Math.abs(stuck_since - Date.now()) < 3600_000);
  using _tunnel = await client.open();
  await rowOf(admin, ID, ({ stuck_since, pool }) => stuck_since === 0 && pool.idle === 1);
});

peerTest({
  name: "owner: clients go by what the auth file says, and who left keeps what it said of itself",
  permissions,
}, async () => {
  await using folder = new Scratch();
  const file = `${folder.path}/clients.json`;
  const hash = await hashToken("correct-horse");
  const clients = [{ id: ID, hash, comment: "Alice's laptop" }];
  await Deno.writeTextFile(file, JSON.stringify({ clients }));
  await using server = await startServer([...ADMIN, "--auth-file", file]);
  const admin = Admin.of(server);
  const fields = { version: 2, client_version: "9.8.7", auth: "correct-horse" };
  {
    using _client = await RawClient.register(server, ID, fields);
    const row = await rowOf(admin, ID, ({ online }) => online);
    deepStrictEqual([row.comment, row.version], ["Alice's laptop", "9.8.7"]);
  }
  const gone = await rowOf(admin, ID, ({ online }) => !online);
  deepStrictEqual([gone.comment, gone.version, gone.refused_at], ["Alice's laptop", "9.8.7", 0]);
  match(gone.peer, /^127\.0\.0\.1:\d+$/);

  // What is refused is listed; the client that it names is seen to be kept out.
  using _guess = await RawClient.register(server, ID, { version: 2, auth: "wrong" });
  const refused = await rowOf(admin, ID, ({ refused_at }) => refused_at > 0);
  match(refused.refused_why, /token is wrong/);
  await eventually("the refusal", async () => {
    const { refusals } = await admin.json("/api/server");
    return refusals.some((row: Record<string, unknown>) =>
      row.kind === "registration" && row.what === "denied" && row.count === 1 && row.lately === 1
    );
  });
  using back = await RawClient.register(server, ID, fields);
  strictEqual(back.answer.success, true);
  strictEqual((await rowOf(admin, ID, ({ online }) => online)).refused_at, 0);
  const said = admin.said.join("\n");
  for (const secret of [ID, hash, "correct-horse"]) ok(!said.includes(secret), secret);
});

peerTest({
  name: "owner: bans are listed and lifted, for all names of a client",
  permissions,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const name = await tag(ID);
  const path = `/api/bans/${name.slice(1)}`;
  const aliased = { version: 2, aliases: ["an-alias-of-it"] };
  deepStrictEqual(await admin.json("/api/bans"), { bans: [] });
  strictEqual(await admin.status(path, { method: "DELETE" }), 404);
  strictEqual(await admin.status(path), 405);
  using _client = await RawClient.register(server, ID, aliased);
  const before = Date.now();
  strictEqual(
    (await admin.post(`/api/clients/${name.slice(1)}/kick`, { ban_s: 3600 })).status,
    200,
  );
  const { bans: [ban, ...others] } = await admin.json("/api/bans");
  deepStrictEqual([ban.tag, others], [name, []]);
  ok(ban.until > before && ban.until <= Date.now() + 3601_000, `${ban.until - before}`);
  using early = await RawClient.register(server, "an-alias-of-it");
  strictEqual(early.answer.success, false);
  strictEqual(await admin.status(path, { method: "DELETE" }), 200);
  deepStrictEqual(await admin.json("/api/bans"), { bans: [] });
  using again = await RawClient.register(server, ID, aliased);
  strictEqual(again.answer.success, true);
  ok(!admin.said.join("\n").includes("an-alias-of-it"));
});

peerTest({
  name: "owner: one visitor is ended, and no other",
  permissions,
}, async (t) => {
  const step = stepsOf(t);
  await using held = new HeldService();
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const flags = ["--service", "none"];
  await using _client = await startClient({ server, id: ID, port: held.port, flags });
  using ended = await Download.begin(server.publicPort, ID);
  using other = await Download.begin(server.publicPort, ID);
  await step("its requests are counted while it is here", async () => {
    const { live } = await admin.json("/api/visitors");
    deepStrictEqual(
      live.map(({ requests, protocol }: Record<string, unknown>) => [requests, protocol]),
      [[1, "http"], [1, "http"]],
    );
    const [, first] = live;
    const answer = await admin.post(`/api/visitors/${first.nth}/kick`, {});
    deepStrictEqual([answer.status, answer.body], [200, { kicked: first.nth }]);
  });
  await step("the other gets all that it came for", async () => {
    strictEqual(await ended.finishes(), false);
    held.release();
    strictEqual(await other.finishes(), true);
    await eventually("the ends of both", async () => {
      const { recent } = await admin.json("/api/visitors");
      const ends = recent.map(({ end }: { end: string }) => end);
      return ends.toSorted().join(" ") === "done kicked";
    });
  });
  await step("who is not here cannot be ended", async () => {
    for (const nth of ["99999", "x", "-1", "1e0"]) {
      strictEqual((await admin.post(`/api/visitors/${nth}/kick`, {})).status, 404, nth);
    }
  });
});

peerTest({
  name: "owner: a certificate that has run out is told of",
  permissions,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const { cert, key } = await identify(folder, "localhost");
  await using server = await startServer([...ADMIN, "--tls-cert", cert, "--tls-key", key]);
  const admin = Admin.of(server);
  const before = await admin.json("/api/server");
  ok(before.certificate_expires > Date.now());
  strictEqual(before.certificate_trouble, undefined);
  const renew = ["-in", cert, "-signkey", key, "-days", "0", "-out", `${cert}.new`];
  strictEqual((await run(openssl.path, ["x509", ...renew])).code, 0);
  await Deno.rename(`${cert}.new`, cert);
  await eventually("the trouble", async () => {
    const { certificate_trouble: trouble = "" } = await admin.json("/api/server");
    return /^The certificate has expired/.test(trouble);
  });
});

peerTest({
  name: "owner: on a terminal arps says where the dashboard is",
  permissions,
  peers: [script],
  os: ["linux"],
}, async () => {
  const words = [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net"],
    ...[new URL("../server/main.ts", import.meta.url).href, "--bind", "127.0.0.1"],
    ...["--control-port", "0", "--proxy-port", "0", "--public-port", "0", ...ADMIN],
  ];
  await using terminal = new Deno.Command(script.path, {
    args: ["-qec", words.map((word) => `'${word}'`).join(" "), "/dev/null"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let text = "";
  const told = (async () => {
    for await (const piece of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const url = /^Dashboard: (http:\/\/127\.0\.0\.1:\d+\/)\r?$/m.exec(text)?.[1];
      if (url !== undefined) return url;
    }
    throw new Error(`no URL was printed: ${text}`);
  })();
  const url = await within(PATIENCE_MS, "the URL", told);
  match(await (await fetch(url)).text(), /<!doctype html>/);
  terminal.kill("SIGTERM");
});
