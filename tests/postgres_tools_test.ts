/**
 * What people do with a database: copy it, load it, program with it.
 *
 * @module
 */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import pg from "pg";
import { WITH_DAEMON } from "./daemons.ts";
import { PATIENCE_MS, within } from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { Cluster, output, pgbench, pgDump, pgRestore, SERVER } from "./postgres.ts";
import { Site, stepsOf } from "./services.ts";

const permissions = WITH_DAEMON;
/** Elsewhere a server has no socket in a folder. */
const os = ["linux", "darwin"] as const;
const sh = peer("sh", "a shell is part of every Unix");

const TOKEN = "postgres-db";
const SLOW_MS = 120_000;
/** 50 MB that do not compress well. */
const FILL = `create table bulk as
  select n, (select string_agg(md5(n || '/' || part), '') from generate_series(1, 16) part) as words
  from generate_series(1, 100000) n`;
const SUM =
  "select count(*), sum(length(words)), md5(string_agg(md5(words), '' order by n)) from bulk";

peerTest({
  name: "50 MB through pg_dump and pg_restore",
  permissions,
  os,
  peers: [...SERVER, pgDump, pgRestore, sh],
}, async () => {
  await using cluster = await Cluster.start();
  await cluster.query(FILL, "mydb");
  await cluster.query("create database twin");
  await using site = await Site.start({ [TOKEN]: cluster.port });
  const url = (name: string) =>
    `postgresql://postgres@127.0.0.1:${site.port}/${name}?options=token%3D${TOKEN}`;
  const pipe = '"$0" -Fc -d "$1" | "$2" --exit-on-error -d "$3"';
  const args = [pgDump.path, url("mydb"), pgRestore.path, url("twin")];
  await output(sh, ["-c", pipe, ...args], {}, SLOW_MS);
  const sum = await cluster.query(SUM, "mydb");
  match(sum, /^100000\|51200000\|/);
  equal(await cluster.query(SUM, "twin"), sum);
});

peerTest({
  name: "eight clients of pgbench for ten seconds",
  permissions,
  os,
  peers: [...SERVER, pgbench],
}, async () => {
  await using cluster = await Cluster.start();
  await using site = await Site.start({ [TOKEN]: cluster.port });
  const url = `postgresql://postgres@127.0.0.1:${site.port}/mydb?options=token%3D${TOKEN}`;
  await output(pgbench, ["-i", "--quiet", url]);
  const said = await output(pgbench, ["-c", "8", "-S", "-T", "10", url], {}, SLOW_MS);
  match(said, /^number of failed transactions: 0 /m);
  const [, count] = /^number of transactions actually processed: (\d+)/m.exec(said) ?? [];
  ok(Number(count) > 100, said);
});

peerTest({ name: "npm:pg", permissions, peers: SERVER, os }, async (t) => {
  const step = stepsOf(t);
  await using cluster = await Cluster.start();
  await cluster.query("create role alice login password 'open sesame'");
  await using site = await Site.start({ [TOKEN]: cluster.port });
  const connect = async (config: pg.ClientConfig = {}): Promise<pg.Client> => {
    const where = { host: "127.0.0.1", port: site.port, database: "mydb", user: "postgres" };
    const client = new pg.Client({ ...where, options: `token=${TOKEN}`, ...config });
    await client.connect();
    return client;
  };

  await step("parameters and types", async () => {
    const client = await connect();
    const sql = "select $1::int + 1 as sum, $2::text as words, $3::bytea as bytes";
    const { rows } = await client.query(sql, [41, "zoë", new Uint8Array([0, 255])]);
    deepEqual([rows[0].sum, rows[0].words, [...rows[0].bytes]], [42, "zoë", [0, 255]]);
    await client.end();
  });
  await step("a token in the URL, and a password", async () => {
    const connectionString =
      `postgres://alice%3Ftoken%3D${TOKEN}:open%20sesame@127.0.0.1:${site.port}/mydb`;
    const client = new pg.Client({ connectionString });
    await client.connect();
    deepEqual((await client.query("select current_user")).rows, [{ current_user: "alice" }]);
    await client.end();
    await rejects(connect({ user: "alice", password: "wrong" }), { code: "28P01" });
    await rejects(connect({ options: "token=nobody" }), { code: "28000" });
  });
  await step("a big result", async () => {
    const client = await connect();
    const { rows }: { rows: { n: number; words: string }[] } = await client.query(
      "select n, repeat(md5(n::text), 8) as words from generate_series(1, 50000) n",
    );
    equal(rows.length, 50_000);
    ok(rows.every(({ n, words }, nth) => n === nth + 1 && words.length === 256));
    await client.end();
  });
  await step("LISTEN and NOTIFY", async () => {
    const [listener, speaker] = [await connect(), await connect()];
    const heard = Promise.withResolvers<string | undefined>();
    listener.on("notification", ({ payload }: { payload?: string }) => heard.resolve(payload));
    await listener.query("listen news");
    await speaker.query("select pg_notify('news', 'hello')");
    equal(await within(PATIENCE_MS, "a notification", heard.promise), "hello");
    await listener.end();
    await speaker.end();
  });
  await step("whoever ends a connection in the middle of a query has left", async () => {
    // Those of the steps before.
    await site.server.messages("Visitor left", 7);
    const client = await connect();
    const from = site.server.logs.length;
    const query = rejects(client.query("select pg_sleep(600)"));
    await client.end();
    await query;
    await site.server.message("Visitor left", { from });
  });
});
