/**
 * Visitor tokens where no HTTP is spoken: databases, TLS, and `arpc connect`.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import mysql2 from "mysql2/promise";
import { runStdio, spawnStdio, to } from "./connect.ts";
import { WITH_DAEMON } from "./daemons.ts";
import { PATIENCE_MS, startClient, startServer, within } from "./helpers.ts";
import { get, status, Wire } from "./http_wire.ts";
import { client as mysqlClient, Database, MARIADB, PASSWORD, rows } from "./mysql.ts";
import { peerTest } from "./peers.ts";
import { Cluster, output, psql, run, SERVER, Tool } from "./postgres.ts";
import { echo, stepsOf } from "./services.ts";
import { connect, openssl } from "./tls.ts";
import { cutOff, Home } from "./tokens.ts";

const ONLY = "--require-visitor-token";

peerTest({
  name: "visitor tokens: psql logs in by one, and its session ends with it",
  permissions: WITH_DAEMON,
  peers: SERVER,
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const token = await home.token("pg", "--label", "report");
  await using cluster = await Cluster.start();
  await using server = await startServer();
  await using _client = await startClient({
    server,
    id: "pg",
    port: cluster.port,
    flags: [ONLY],
    env: home.env,
  });
  const at = ["-X", "-A", "-t", "-h", "127.0.0.1", "-p", String(server.publicPort)];
  const who = ["-c", "select current_user || '@' || current_database()"];
  const refused = async (args: string[], env?: Record<string, string>) => {
    const { code, stderr } = await run(psql, [...at, ...args, ...who], env);
    equal(code, 2);
    return stderr;
  };

  await step("by user, database and options", async () => {
    const name = `?token=${token}`;
    equal(await output(psql, [...at, "-U", name, "-d", "mydb", ...who]), "postgres@mydb");
    const inDatabase = { PGDATABASE: `mydb${name}` };
    equal(await output(psql, [...at, "-U", "postgres", ...who], inDatabase), "postgres@mydb");
    const env = { PGOPTIONS: `token=${token}` };
    equal(
      await output(psql, [...at, "-U", "postgres", "-d", "mydb", ...who], env),
      "postgres@mydb",
    );
  });
  await step("not by the id, nor by what is good for less", async () => {
    const said = await refused(["-U", "postgres?token=pg"]);
    match(said, /FATAL: {2}A visitor token is needed here\. /);
    const pages = await home.sign("pg", { path: ["/docs"] });
    match(
      await refused(["-U", `?token=${pages}`]),
      /FATAL: {2}This visitor token is for web requests/,
    );
    const far = await home.sign("pg", { ip: ["192.0.2.0/24"] });
    match(
      await refused(["-U", `?token=${far}`]),
      /FATAL: {2}This visitor token is not for your address/,
    );
  });
  await step("one use is one session", async () => {
    const once = await home.sign("pg", { uses: 1 });
    equal(await output(psql, [...at, "-U", `?token=${once}`, "-c", "select 1"]), "1");
    match(await refused(["-U", `?token=${once}`]), /FATAL: {2}This visitor token is used up/);
  });
  await step("a query ends when its token is taken back", async () => {
    const args = [...at, "-U", `?token=${token}`, "-c", "select pg_sleep(600)"];
    await using sleeper = new Tool(psql, args, { PGAPPNAME: "sleeper" });
    const asleep =
      "select count(*) from pg_stat_activity where application_name = 'sleeper' and state = 'active'";
    while (await cluster.query(asleep) !== "1") { /* until it sleeps */ }
    equal((await home.run("revoke", "report")).code, 0);
    const { code, stderr } = await within(PATIENCE_MS, "the end", sleeper.ended);
    equal(code, 2);
    match(stderr, /server closed the connection unexpectedly/);
    equal((await cutOff(server, token)).properties.protocol, "postgres");
    match(await refused(["-U", `?token=${token}`]), /FATAL: {2}This visitor token was revoked/);
  });
});

peerTest({
  name: "visitor tokens: mariadb logs in by one",
  permissions: [...WITH_DAEMON, { name: "sys" }],
  peers: MARIADB,
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const token = await home.token("maria");
  await using maria = await Database.mariadb();
  await using server = await startServer(["--server-first-wait", "100"]);
  await using _client = await startClient({
    server,
    id: "maria",
    port: maria.port,
    flags: [ONLY],
    env: home.env,
  });
  const port = server.publicPort;
  const visit = (user: string, database?: string) =>
    mysqlClient(port, { user, password: PASSWORD, database, args: ["-N", "-e", "select 6 * 7"] });

  await step("by the user, in whose name the real client leaves room for it", async () => {
    equal(rows(await visit(`app?token=${token}`, "shop")), "42");
  });
  await step("by the database, for drivers, which do not cut it off", async () => {
    const connection = await mysql2.createConnection({
      host: "127.0.0.1",
      port,
      user: "app",
      password: PASSWORD,
      database: `shop?token=${token}`,
    });
    const [found] = await connection.query("select database() as name");
    deepEqual(found, [{ name: "shop" }]);
    await connection.end();
  });
  await step("not by the id", async () => {
    const { code, stderr } = await visit("app?token=maria", "shop");
    equal(code, 1);
    match(stderr, /ERROR 1045 .*A visitor token is needed here/);
  });
});

peerTest({
  name: "visitor tokens: arpc connect, and TLS by name",
  permissions: WITH_DAEMON,
  peers: [openssl],
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const token = await home.token("tcp", "--label", "guest");
  await using service = echo();
  await using server = await startServer();
  await using _client = await startClient({
    server,
    id: "tcp",
    port: service.port,
    flags: [ONLY, "--service", "none"],
    env: home.env,
  });

  await step("by the flag, and by ARPC_TOKEN", async () => {
    deepEqual(await runStdio(to(server, token), "hello"), { code: 0, out: "hello", err: "" });
    const [, , ...where] = to(server, token);
    const { out } = await runStdio(where, "again", { ARPC_TOKEN: token });
    equal(out, "again");
  });
  await step("what is refused says why, and repeats no token", async () => {
    const bare = await runStdio(to(server, "tcp"), "hello");
    equal(bare.code, 1);
    match(bare.err, /with 401, A visitor token is needed here/);
    const old = await home.sign("tcp", { exp: 1_700_000_000, iat: 1_600_000_000 });
    const { code, err } = await runStdio(to(server, old), "hello");
    equal(code, 1);
    match(err, /with 401, This visitor token has expired/);
    ok(!err.includes(old.slice(-40)));
  });
  await step("one use is one connection", async () => {
    const once = await home.sign("tcp", { uses: 1 });
    equal((await runStdio(to(server, once), "first")).out, "first");
    match((await runStdio(to(server, once), "second")).err, /used up/);
  });
  await step("TLS by name shows no token, and openssl is told that it may not", async () => {
    const { words } = await connect(server.publicPort, "-servername", "tcp.example.org");
    match(words, /alert access denied[^]*alert number 49/);
  });
  await step("a connection ends when its token is taken back", async () => {
    const child = await spawnStdio(to(server, token));
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("ping"));
    const reader = child.stdout.getReader();
    equal(new TextDecoder().decode((await reader.read()).value), "ping");
    equal((await home.run("revoke", "guest")).code, 0);
    equal((await cutOff(server, token)).properties.protocol, "arp");
    await within(PATIENCE_MS, "its end", child.status);
    await reader.cancel();
    await child.stderr.cancel();
    await writer.close().catch(() => {});
    using wire = await Wire.dial(server.publicPort);
    await wire.send(get("/", `X-ARP-Token: ${token}`, "Connection: Upgrade", "Upgrade: arp"));
    equal(status(await wire.response()), 401);
  });
});
