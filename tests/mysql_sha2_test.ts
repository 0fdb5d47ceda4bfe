import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import mysql2 from "mysql2/promise";
import { WHOLE_PROGRAM } from "./helpers.ts";
import { client, Database, DbSite, MARIADB, MYSQL, PASSWORD, rows } from "./mysql.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";

const permissions = [...WHOLE_PROGRAM, { name: "sys" }] as const;

peerTest({
  name: "mysql: MySQL's caching_sha2_password, and MariaDB beside it",
  permissions,
  peers: [...MARIADB, ...MYSQL],
}, async (t) => {
  const step = stepsOf(t);
  await using oracle = await Database.mysql();
  await using maria = await Database.mariadb();
  await using site = await DbSite.start({ oracle: oracle.port, maria: maria.port });
  const { port } = site;
  const visit = (user: string, token: string, password?: string) =>
    client(port, {
      user,
      password,
      database: `shop?token=${token}`,
      args: ["-N", "-e", "select version(), database()"],
    });
  const viaNpm = async (token: string, password: string) => {
    const connection = await mysql2.createConnection({
      host: "127.0.0.1",
      port,
      user: "app",
      password,
      database: `shop?token=${token}`,
    });
    try {
      const [rows] = await connection.execute("select version() as version, ? as n", [7]);
      return (rows as unknown[])[0];
    } finally {
      await connection.end();
    }
  };
  const version = { oracle: "", maria: "" };

  await step("each visitor reaches its own server", async () => {
    for (const [id, database] of [["oracle", oracle], ["maria", maria]] as const) {
      version[id] = await database.query("select version()");
      equal(rows(await visit("nobody", id)), `${version[id]}\tshop`);
    }
    ok(version.oracle !== version.maria);
  });
  await step("the first login by the server's public key, the second by its cache", async () => {
    // Only a login in full enters the cache.
    for (const round of ["first", "second"]) {
      equal(rows(await visit("app", "oracle", PASSWORD)), `${version.oracle}\tshop`, round);
    }
    await oracle.query("flush privileges");
    for (let round = 1; round <= 2; round++) {
      deepEqual(await viaNpm("oracle", PASSWORD), { version: version.oracle, n: 7 });
      deepEqual(await viaNpm("maria", PASSWORD), { version: version.maria, n: 7 });
    }
  });
  await step("a query is killed by a driver that speaks of query attributes", async () => {
    // Beside MariaDB, nobody would be offered them.
    await using alone = await DbSite.start({ oracle: oracle.port });
    const connect = () =>
      mysql2.createConnection({
        host: "127.0.0.1",
        port: alone.port,
        user: "app",
        password: PASSWORD,
        database: "shop?token=oracle",
      });
    const victim = await connect();
    const query = "select sleep(600) as broken";
    const ended = victim.query(query);
    const asleep = `select count(*) from information_schema.processlist where info = '${query}'`;
    await eventually("asleep", async () => await oracle.query(asleep) === "1");
    const killer = await connect();
    await killer.query(`KILL QUERY ${victim.threadId}`);
    deepEqual((await ended)[0], [{ broken: 1 }]);
    await killer.end();
    await victim.end();
  });
  await step("a wrong password, with the cache and without", async () => {
    for (const prepare of ["select 1", "flush privileges"]) {
      await oracle.query(prepare);
      match((await visit("app", "oracle", "wrong")).stderr, /^ERROR 1045 \(28000\): Access denied/);
      await rejects(viaNpm("oracle", "wrong"), { errno: 1045, sqlState: "28000" });
    }
  });
});
