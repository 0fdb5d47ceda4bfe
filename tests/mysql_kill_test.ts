/**
 * How a query on MySQL is ended from outside: by `KILL` from another connection, and by the end of
 * its client.
 *
 * @module
 */

import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import mysql2 from "mysql2/promise";
import { WHOLE_PROGRAM, within } from "./helpers.ts";
import { asUser, client, Database, DbSite, MARIADB, mysql, PASSWORD } from "./mysql.ts";
import { peerTest } from "./peers.ts";
import { Tool } from "./postgres.ts";
import { eventually } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";

const permissions = [...WHOLE_PROGRAM, { name: "sys" }] as const;
/** Far less than the queries take. */
const SOON_MS = 5000;

/** How many connections run this. */
function running(database: Database, sql: string): Promise<string> {
  const where = `where info = '${sql.replaceAll("'", "''")}'`;
  return database.query(`select count(*) from information_schema.processlist ${where}`);
}

peerTest({
  name: "mysql: a query is killed where it runs",
  permissions,
  peers: MARIADB,
}, async (t) => {
  const step = stepsOf(t);
  await using maria = await Database.mariadb();
  await using other = await Database.mariadb();
  await using site = await DbSite.start({ maria: maria.port, other: other.port });
  const { port, server } = site;

  /** The command-line client, with a query that lasts. */
  const start = async (sql: string, home: Database, user: string, database: string) => {
    const args = [...asUser(port, user), database, "-e", sql];
    const tool = new Tool(mysql, args, { MYSQL_PWD: PASSWORD });
    await eventually(sql, async () => await running(home, sql) === "1");
    return tool;
  };
  const connect = (token: string) =>
    mysql2.createConnection({
      host: "127.0.0.1",
      port,
      user: "app",
      password: PASSWORD,
      database: `shop?token=${token}`,
    });
  const sleep = (name: string) => `select sleep(600) as ${name}`;

  await step("a login counts as bytes, too", async () => {
    const database = "?token=maria";
    const { stderr } = await client(port, { user: "app", password: "wrong", database, args: [] });
    match(stderr, /^ERROR 1045/);
    const { properties } = await server.message("Visitor left");
    ok(Number(properties.up) > 100 && Number(properties.down) > 50, JSON.stringify(properties));
  });
  await step("by Ctrl-C in the client, and nowhere else, wherever its token stands", async () => {
    await using first = await start(sleep("first"), maria, "app", "?token=maria");
    await using second = await start(sleep("second"), other, "app", "shop?token=other");
    await using third = await start(sleep("third"), maria, "app?token=maria", "shop");
    await using fourth = await start(sleep("fourth"), other, "app?token=other", "shop");
    const order = [[second, other, "second"], [first, maria, "first"], [third, maria, "third"]];
    for (const [tool, home, name] of order as [Tool, Database, string][]) {
      tool.kill("SIGINT");
      const { code, stderr } = await within(SOON_MS, "the end of a killed query", tool.ended);
      equal(code, 1);
      match(stderr, /^ERROR 1317 \(70100\).*: Query execution was interrupted$/m);
      equal(await running(home, sleep(name)), "0");
    }
    equal(await running(other, sleep("fourth")), "1");
    fourth.kill("SIGINT");
    await within(SOON_MS, "the end of a killed query", fourth.ended);
    // Each, and what killed it: the next step must not take their ends for others.
    await server.messages("Visitor left", 1 + 8);
  });
  await step("a login without a token beside another may kill, and nothing else", async () => {
    const same = {
      host: "127.0.0.1",
      port,
      user: "app",
      password: PASSWORD,
      connectAttributes: { program_name: "mysql", _pid: "7" },
    };
    const victim = await mysql2.createConnection({ ...same, database: "shop?token=maria" });
    const ended = rejects(victim.query(sleep("beside")), { errno: 1317 });
    await eventually("asleep", async () => await running(maria, sleep("beside")) === "1");
    const other = { ...same, connectAttributes: { program_name: "mysql", _pid: "8" } };
    await rejects(mysql2.createConnection(other), /No client was named/);
    for (const sql of ["select 1", `KILL QUERY ${victim.threadId - 1}`]) {
      const curious = await mysql2.createConnection(same);
      await rejects(curious.query(sql), sql);
      curious.destroy();
    }
    const killer = await mysql2.createConnection(same);
    await killer.query(`KILL QUERY ${victim.threadId}`);
    await within(SOON_MS, "the end of a killed query", ended);
    await rejects(killer.query("select 1"));
    killer.destroy();
    await victim.end();
  });
  await step("a client that is killed leaves its visitor's place within seconds", async () => {
    await maria.query(
      "create table shop.held (id int primary key); insert into shop.held values (1)",
    );
    const holder = await mysql2.createConnection({
      host: "127.0.0.1",
      port: maria.port,
      user: "app",
      password: PASSWORD,
      database: "shop",
    });
    await holder.query("begin");
    await holder.query("select * from held for update");
    // MariaDB looks after who waits for a time to pass, but not after who waits for a row.
    const wait = "update held set id = 2";
    await maria.query("set global innodb_lock_wait_timeout = 600");
    await using victim = await start(wait, maria, "app", "shop?token=maria");
    const from = server.logs.length;
    victim.kill("SIGKILL");
    const { properties } = await server.message("Visitor left", { from });
    deepEqual([properties.protocol, await running(maria, wait)], ["mysql", "1"]);
    await holder.end();
  });
  await step(
    "by the number that a driver was greeted with, from the same client only",
    async () => {
      const victim = await connect("maria");
      const [[shown]] = await victim.query<mysql2.RowDataPacket[]>("select connection_id() as id");
      notEqual(shown!.id, victim.threadId);
      const kill = async (token: string, id: number) => {
        const killer = await connect(token);
        await killer.query(`KILL QUERY ${id}`).finally(() => killer.end());
      };
      for (const id of [victim.threadId, shown!.id as number]) {
        const ended = rejects(victim.query(sleep("driven")), { errno: 1317 });
        await eventually("asleep", async () => await running(maria, sleep("driven")) === "1");
        await rejects(kill("other", victim.threadId), { errno: 1094 });
        equal(await running(maria, sleep("driven")), "1");
        await kill("maria", id);
        await within(SOON_MS, "the end of a killed query", ended);
      }
      const { threadId } = victim;
      await victim.end();
      // Its number is nobody's any more, and no longer changed.
      const unknown = `Unknown thread id: ${threadId}`;
      const forgotten = () =>
        kill("maria", threadId).then(() => false, ({ message }) => message === unknown);
      await eventually("forgotten", forgotten);
    },
  );
});
