import { deepEqual, equal, match, ok } from "node:assert/strict";
import mysql2 from "mysql2/promise";
import { Scratch } from "./daemons.ts";
import { PATIENCE_MS, startClient, WHOLE_PROGRAM, within } from "./helpers.ts";
import {
  asUser,
  client,
  Database,
  DbSite,
  MARIADB,
  mysql,
  mysqlDump,
  PASSWORD,
  rows,
} from "./mysql.ts";
import { peer, peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";

const permissions = [...WHOLE_PROGRAM, { name: "sys" }] as const;
const script = peer("script", "apt-get install bsdutils");
const sh = peer("sh", "a POSIX shell");
const WHO = "select substring_index(user(), '@', 1), ifnull(database(), '-')";

peerTest({
  name: "mysql: the real client logs in to MariaDB in every way",
  permissions,
  peers: [...MARIADB, mysqlDump, script, sh],
}, async (t) => {
  const step = stepsOf(t);
  await using maria = await Database.mariadb();
  await using site = await DbSite.start({ "mysql-db": maria.port });
  const { port } = site;
  const token = "?token=mysql-db";
  const visit = (user: string, database: string | undefined, sql = WHO, password = PASSWORD) =>
    client(port, { user, password, database, args: ["-N", "-e", sql] });

  await step("as typed, with the password at its prompt", async () => {
    const typed = `mysql -h 127.0.0.1 -P ${port} -u root -p "${token}"`;
    const said = await inTerminal(
      `${typed.replace("mysql", `'${mysql.path}' --no-defaults`)} -e "select 6 * 7 as answer"`,
      "Enter password:",
      PASSWORD,
    );
    match(said, /\| +42 \|/);
  });
  await step("by the database or the user, with a database or none", async () => {
    const ways: [user: string, database: string | undefined, expected: string][] = [
      ["app", token, "app\t-"],
      ["app", `shop${token}`, "app\tshop"],
      [`app${token}`, undefined, "app\t-"],
      [`app${token}`, "shop", "app\tshop"],
      [`app${token}`, `shop${token}`, "app\tshop"],
      ["app", "shop?token=client-id=mysql-db", "app\tshop"],
      ["nobody", `shop${token}`, "nobody\tshop"],
    ];
    for (const [user, database, expected] of ways) {
      const password = user === "nobody" ? undefined : PASSWORD;
      const got = await client(port, { user, password, database, args: ["-N", "-e", WHO] });
      equal(rows(got), expected, `${user} ${database}`);
    }
  });
  await step("by ed25519", async () => {
    await maria.query(`install soname 'auth_ed25519';
      create user ed identified via ed25519 using password('${PASSWORD}');
      grant all on shop.* to ed`);
    equal(rows(await visit("ed", `shop${token}`)), "ed\tshop");
    match(
      (await visit("ed", token, WHO, "wrong")).stderr,
      /ERROR 1045 .*Access denied for user 'ed'/,
    );
  });
  await step("a wrong password, and a wrong database, get the service's own words", async () => {
    const wrong = await visit("app", token, WHO, "wrong");
    match(wrong.stderr, /^ERROR 1045 \(28000\): Access denied for user 'app'@'localhost'/);
    const other = await visit("app", `mysql${token}`);
    match(
      other.stderr,
      /^ERROR 1044 \(42000\): Access denied for user 'app'@.* to database 'mysql'/,
    );
  });
  await step("who names nobody, somebody unknown, or two, is told so", async () => {
    const says = async (user: string, database: string | undefined, words: RegExp) =>
      match((await visit(user, database)).stderr, words);
    await says(
      "app",
      "shop",
      /^ERROR 1045 \(28000\): No client was named\. Add .*\?token=CLIENT-ID/,
    );
    await says("app", undefined, /No client was named/);
    await says("app", "?token=other", /^ERROR 1045 \(28000\): Client 'other' not found/);
    await says("app", "?token=a/b", /is not a valid client id/);
    await says("app?token=mysql-db", "?token=other", /two different tokens/);
  });
  await step("the server's version is the service's own", async () => {
    const said = await visit("app", token, "select version()");
    const greeted = rows(
      await client(port, {
        user: `app${token}`,
        password: PASSWORD,
        args: ["-e", "status"],
      }),
    );
    ok(greeted.includes(rows(said)), greeted);
  });
  await step("30 MB dumped from one database into another, and a file loaded", async () => {
    await maria.query(`create database copy; grant all on copy.* to app; use shop;
      create table noise (id int primary key, words longtext);
      insert into noise select seq, repeat(sha2(seq, 512), 250) from seq_1_to_1000`);
    const flags = asUser(port, `app${token}`).map((flag) => `'${flag}'`).join(" ");
    const dump = `'${mysqlDump.path}' ${flags} shop`;
    const load = `'${mysql.path}' ${flags} copy`;
    await shell(`${dump} | ${load}`, { MYSQL_PWD: PASSWORD });
    const sum = await maria.query("checksum table shop.noise");
    equal((await maria.query("checksum table copy.noise")).split("\t")[1], sum.split("\t")[1]);
    await using files = new Scratch();
    const file = files.write("rows.tsv", Array.from({ length: 5000 }, (_, n) => `${n}\n`).join(""));
    const loaded = await client(port, {
      user: "app",
      password: PASSWORD,
      database: `shop${token}`,
      args: [
        "-N",
        "--local-infile",
        "-e",
        `create table plain (id int); load data local infile '${file}' into table plain;
         select count(*), sum(id) from plain`,
      ],
    });
    equal(rows(loaded), "5000\t12497500");
  });
  await step("mysql2: statements, big results, a pool", async () => {
    const options = { host: "127.0.0.1", port, user: "app", password: PASSWORD };
    const connection = await mysql2.createConnection({ ...options, database: `shop${token}` });
    const [prepared] = await connection.execute("select ? + 1 as n, ? as word", [41, "hä"]);
    deepEqual(prepared, [{ n: 42, word: "hä" }]);
    const [big] = await connection.query("select words from noise order by id");
    equal((big as { words: string }[]).reduce((sum, row) => sum + row.words.length, 0), 32_000_000);
    await connection.end();
    const pool = mysql2.createPool({ ...options, database: `shop${token}`, connectionLimit: 10 });
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, n) => pool.query("select ? as n, sleep(0.01)", [n])),
    );
    deepEqual(all.map(([rows]) => (rows as { n: number }[])[0]?.n), [...all.keys()]);
    await pool.end();
  });
  await step("200 visitors at once", async () => {
    await maria.query("set global max_connections = 400");
    const connections = await Promise.all(
      Array.from({ length: 200 }, () =>
        mysql2.createConnection({
          host: "127.0.0.1",
          port,
          user: "app",
          password: PASSWORD,
          database: token,
          connectTimeout: PATIENCE_MS,
        })),
    );
    const answers = await Promise.all(connections.map((one, n) => one.query(`select ${n} as n`)));
    deepEqual(answers.map(([rows]) => (rows as { n: number }[])[0]?.n), [...answers.keys()]);
    await Promise.all(connections.map((one) => one.end()));
  });
  await step("a service that is full says so itself", async () => {
    await maria.query("set global max_connections = 10");
    const held = await Promise.all(Array.from({ length: 11 }, () =>
      mysql2.createConnection({
        host: "127.0.0.1",
        port,
        user: "app",
        password: PASSWORD,
        database: token,
      }).catch((error) => String(error))));
    ok(
      held.some((one) => typeof one === "string" && one.includes("Too many connections")),
      `${held}`,
    );
    await Promise.all(held.map((one) => typeof one === "string" ? undefined : one.end()));
  });
  await step(
    "a client whose visitors need no user, and a server whose visitors need no token",
    async () => {
      await using other = await DbSite.start({}, [
        "--server-first-wait",
        "100",
        "--default-client",
        "named",
      ]);
      other.clients.named = await startClient({
        server: other.server,
        id: "named",
        port: maria.port,
        flags: ["--db-user", "nobody"],
      });
      const visit = (user: string) =>
        client(other.port, { user, database: "shop", args: ["-N", "-e", WHO] });
      equal(rows(await visit("nobody")), "nobody\tshop");
      equal(rows(await visit("?token=named")), "nobody\tshop");
    },
  );
  await step("neither token, database nor password is in a log", () => {
    const logs = [site.server, ...Object.values(site.clients)].map(({ stderr }) => stderr).join("");
    for (const secret of [PASSWORD, "mysql-db", "shop", "'app'"]) {
      ok(!logs.includes(secret), secret);
    }
  });
});

/** Runs a command line in a terminal, and types `answer` when it asks. */
async function inTerminal(line: string, question: string, answer: string): Promise<string> {
  const process = new Deno.Command(script.path, {
    args: ["-qec", line, "/dev/null"],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: "/nonexistent", TERM: "dumb" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const typing = process.stdin.getWriter();
  let said = "";
  const read = (async () => {
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      const asked = said.includes(question);
      said += text;
      if (!asked && said.includes(question)) {
        await typing.write(new TextEncoder().encode(`${answer}\n`));
      }
    }
  })();
  await within(PATIENCE_MS, "the terminal's end", read);
  await typing.close().catch(() => {});
  await process.status;
  return said;
}

async function shell(line: string, env: Record<string, string>): Promise<void> {
  const { success, stderr } = await new Deno.Command(sh.path, {
    args: ["-c", line],
    env,
    stdin: "null",
  }).output();
  const complaints = new TextDecoder().decode(stderr);
  if (!success || complaints !== "") throw new Error(complaints);
}
