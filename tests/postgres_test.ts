/**
 * PostgreSQL's own client through the whole way: as it is typed, what it says when something is
 * wrong, and how a query is cancelled.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { bytesOf, cancelRequest, startup } from "../server/postgres/testdata/packets.ts";
import { WITH_DAEMON } from "./daemons.ts";
import { PATIENCE_MS, startClient, within } from "./helpers.ts";
import { latin1, type Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { Cluster, output, psql, type Ran, run, SERVER, Tool } from "./postgres.ts";
import { eventually } from "./raw_peers.ts";
import { echo, RawService, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WITH_DAEMON;
const peers = SERVER;
/** Elsewhere a signal is no message, but the end, and a server has no socket in a folder. */
const os = ["linux", "darwin"] as const;

/** The token of the client that serves the cluster. */
const TOKEN = "postgres-db";
const PASSWORD = "open sesame";
/** Only the values of what was asked. */
const BARE = ["-X", "-A", "-t"];
const WHO = "select current_user || '@' || current_database()";
/** Long enough that only a cancel can end it. */
const SLEEP = "select pg_sleep(600)";

const at = (port: number) => ["-h", "127.0.0.1", "-p", String(port)];

/** Who and where a visitor is that calls psql so. */
function who(port: number, args: string[], env: Record<string, string> = {}): Promise<string> {
  return output(psql, [...BARE, ...at(port), ...args, "-c", WHO], env);
}

/** The single line with which psql gives up, without the address that it repeats. */
function complaint({ code, stdout, stderr }: Ran): string {
  deepEqual([code, stdout], [2, ""], stderr);
  const [, words] =
    /^psql: error: connection to server at [^\n]* failed: ([^\n]*)\n$/.exec(stderr) ??
      [];
  return words ?? `not one line: ${stderr}`;
}

/** Sleeping queries of an application. */
function asleep(cluster: Cluster, application: string): Promise<string> {
  return cluster.query(
    `select count(*) from pg_stat_activity where application_name = '${application}' and state = 'active'`,
  );
}

/** A psql in the middle of a query. */
async function sleeper(
  cluster: Cluster,
  port: number,
  name: string,
  token = TOKEN,
): Promise<Tool> {
  const where = [...at(port), "-U", `postgres?token=${token}`];
  const tool = new Tool(psql, [...BARE, ...where, "-c", SLEEP], { PGAPPNAME: name });
  await eventually(`${name} asleep`, async () => await asleep(cluster, name) === "1");
  return tool;
}

peerTest({ name: "psql finds its server by a token", permissions, peers, os }, async (t) => {
  const step = stepsOf(t);
  await using cluster = await Cluster.start();
  await cluster.query(`create role alice login password '${PASSWORD}'`);
  await cluster.query("create role guest login");
  await using site = await Site.start({ [TOKEN]: cluster.port });
  const { port } = site;
  const url = (
    rest: string,
    user = "postgres@",
  ) => [`postgresql://${user}127.0.0.1:${port}${rest}`];

  await step("as the documentation has it", async () => {
    const typed = ["-h", "127.0.0.1", "-p", String(port), "-d", "mydb", `?token=${TOKEN}`];
    match(await output(psql, [...typed, "-c", "select current_database()"]), /^ mydb$/m);
    equal(await who(port, ["-d", "mydb", `?token=${TOKEN}`]), "postgres@mydb");
    equal(await who(port, ["-d", "mydb", `?token=client-id=${TOKEN}`]), "postgres@mydb");
  });
  await step("with the user, the database, or the options", async () => {
    equal(await who(port, ["-d", "mydb", "-U", `guest?token=${TOKEN}`]), "guest@mydb");
    equal(await who(port, url(`/mydb%3Ftoken%3D${TOKEN}`)), "postgres@mydb");
    equal(await who(port, url(`/mydb?options=token%3D${TOKEN}`)), "postgres@mydb");
    equal(await who(port, url(`/mydb?options=endpoint%3D${TOKEN}`, "guest@")), "guest@mydb");
    equal(await who(port, [`dbname='mydb?token=${TOKEN}' user=guest`]), "guest@mydb");
    const env = { PGOPTIONS: `-c geqo=off token=${TOKEN} -c work_mem=7MB` };
    equal(await who(port, ["-U", "guest", "-d", "mydb"], env), "guest@mydb");
    const show = ["-U", "guest", "-d", "mydb", "-c", "show geqo", "-c", "show work_mem"];
    equal(await output(psql, [...BARE, ...at(port), ...show], env), "off\n7MB");
  });
  await step("a database that is not named is the user's", async () => {
    equal(await who(port, ["-U", `postgres?token=${TOKEN}`]), "postgres@postgres");
    equal(await who(port, url("", `?token=${TOKEN}@`.replace("?", "%3F"))), "postgres@postgres");
  });
  await step("whether it would like encryption or not", async () => {
    for (
      const wish of ["sslmode=prefer", "sslmode=disable", "sslmode=allow", "gssencmode=disable"]
    ) {
      equal(
        await who(port, [`user='guest?token=${TOKEN}' dbname=mydb ${wish}`]),
        "guest@mydb",
        wish,
      );
    }
    for (const mode of ["require", "verify-full"]) {
      const where = [...at(port), `user='guest?token=${TOKEN}' sslmode=${mode} sslrootcert=none`];
      equal(complaint(await run(psql, where)), "server does not support SSL, but SSL was required");
    }
  });
  await step("the server asks for its passwords", async () => {
    const where = [...BARE, ...at(port), "-U", `alice?token=${TOKEN}`, "-d", "mydb", "-c", WHO];
    equal(await output(psql, where, { PGPASSWORD: PASSWORD }), "alice@mydb");
    equal(
      complaint(await run(psql, where, { PGPASSWORD: "wrong" })),
      'FATAL:  password authentication failed for user "alice"',
    );
  });
  await step("a client chooses the user of those who name none", async () => {
    const flags = ["--db-user", "guest"];
    const { server } = site;
    await using _ = await startClient({ server, id: "shy", port: cluster.port, flags });
    equal(await who(port, ["-d", "mydb", "?token=shy"]), "guest@mydb");
    equal(await who(port, ["-d", "mydb", "postgres?token=shy"]), "postgres@mydb");
  });
  await step("without a token, at the default client", async () => {
    await using lone = await Site.start({ only: cluster.port }, ["--default-client", "only"]);
    equal(await who(lone.port, ["-U", "guest", "-d", "mydb"]), "guest@mydb");
  });
  await step("and neither program logs a token or a password", () => {
    for (const { stderr } of [site.server, site.clients[TOKEN]!]) {
      ok(stderr.length > 1000);
      for (const secret of [TOKEN, PASSWORD, "client-id="]) ok(!stderr.includes(secret), secret);
    }
  });
});

peerTest({ name: "psql says in one line what is wrong", permissions, peers, os }, async (t) => {
  const step = stepsOf(t);
  await using speaker = new RawService(async (wire) => {
    await wire.take(8);
    await wire.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await using parrot = echo();
  await using silent = new RawService(async (wire) => void await wire.take(8));
  const down = freePort();
  const ports = {
    speaker: speaker.port,
    parrot: parrot.port,
    silent: silent.port,
    down,
    gone: down,
  };
  await using site = await Site.start(ports);
  const complains = async (user: string) =>
    complaint(await run(psql, [...at(site.port), "-d", "mydb", "-U", user]));

  await step("a token that is missing, unknown, or none", async () => {
    equal(
      await complains("alice"),
      "FATAL:  No client token. Add ?token=CLIENT-ID to the user name, or set PGOPTIONS=token=CLIENT-ID.",
    );
    equal(
      await complains("alice?token=nobody"),
      "FATAL:  Client 'nobody' not found. Check the token: it is the --client-id, or an --alias, of a running arpc.",
    );
    equal(
      await complains("alice?token=no/body"),
      "FATAL:  The client token is not valid: use 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -",
    );
  });
  await step("a client that is offline", async () => {
    const from = site.server.logs.length;
    await site.clients.gone![Symbol.asyncDispose]();
    await site.server.log(({ message }) => message === "Client left", { from });
    equal(
      await complains("alice?token=gone"),
      "FATAL:  Client 'gone' is offline. It was here a while ago. Is arpc running?",
    );
  });
  await step("a service that is down", async () => {
    match(
      await complains("alice?token=down"),
      /^FATAL: {2}The local service cannot be reached\. .*onnection refused/,
    );
  });
  await step("a service that is something else", async () => {
    for (const id of ["speaker", "parrot"]) {
      equal(
        await complains(`alice?token=${id}`),
        "FATAL:  The service answered with something else than PostgreSQL",
      );
    }
    equal(
      await complains("alice?token=silent"),
      "FATAL:  The service closed the connection without an answer",
    );
  });
});

peerTest({ name: "a query is cancelled where it runs", permissions, peers, os }, async (t) => {
  const step = stepsOf(t);
  await using cluster = await Cluster.start();
  await using other = await Cluster.start();
  await using site = await Site.start({ [TOKEN]: cluster.port, other: other.port });
  const { server, port } = site;
  const left = (from: number, fits: (properties: Record<string, unknown>) => boolean) =>
    server.log(({ message, properties }) => message === "Visitor left" && fits(properties), {
      from,
    });

  await step("by Ctrl-C in psql, and nowhere else", async () => {
    await using first = await sleeper(cluster, port, "first");
    await using second = await sleeper(other, port, "second", "other");
    await using third = await sleeper(cluster, port, "third");
    for (
      const [tool, home, name] of [[second, other, "second"], [first, cluster, "first"]] as const
    ) {
      tool.kill("SIGINT");
      const { code, stderr } = await within(5000, "the end of a cancelled query", tool.ended);
      equal(code, 1);
      match(stderr, /ERROR: {2}canceling statement due to user request\n$/);
      equal(await asleep(home, name), "0");
      equal(await asleep(cluster, "third"), "1");
    }
    third.kill("SIGINT");
    await within(5000, "the end of a cancelled query", third.ended);
    // Each, and what cancelled it: the next step must not take their ends for others.
    await server.messages("Visitor left", 6);
  });
  await step("only while its session lasts, and without a word otherwise", async () => {
    const cancel = async (key: Uint8Array) => {
      using visitor = await site.visit();
      await visitor.send(cancelRequest(key));
      equal(await visitor.last(), "");
    };
    let from = server.logs.length;
    await cancel(bytesOf(1, 2));
    await left(from, ({ end }) => end === "refused 404");
    const visitor = await site.visit();
    await visitor.send(startup([["user", `postgres?token=${TOKEN}`], ["application_name", "raw"]]));
    await visitor.until("K\0\0\0\x0c");
    const key = latin1(await visitor.take(8));
    await visitor.until("Z\0\0\0\x05I");
    await visitor.send(bytesOf("Q", SLEEP.length + 5, SLEEP, "\0"));
    await eventually("asleep", async () => await asleep(cluster, "raw") === "1");
    await cancel(key);
    match(await visitor.until("Z\0\0\0\x05I"), /C57014\0/);
    from = server.logs.length;
    visitor[Symbol.dispose]();
    await left(from, ({ down }) => down !== 0);
    await cancel(key);
    await left(from, ({ end }) => end === "refused 404");
  });
  await step("a psql that is killed leaves nothing behind", async () => {
    await using victim = await sleeper(cluster, port, "victim");
    const from = server.logs.length;
    victim.kill("SIGKILL");
    await left(from, ({ down }) => down !== 0);
    await cluster.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
    );
  });
  await step("and a server that is killed ends its psql", async () => {
    await using victim = await sleeper(cluster, port, "victim");
    const from = server.logs.length;
    const find = "select pid from pg_stat_activity where application_name = 'victim'";
    Deno.kill(Number(await cluster.query(find)), "SIGKILL");
    const { code, stderr } = await within(PATIENCE_MS, "the end of psql", victim.ended);
    equal(code, 2);
    match(stderr, /server closed the connection unexpectedly/);
    await left(from, ({ down }) => down !== 0);
  });
});

peerTest(
  { name: "a thousand hostile startups, and psql is served", permissions, peers, os },
  async () => {
    await using cluster = await Cluster.start();
    await using site = await Site.start({ [TOKEN]: cluster.port });
    const hostile = async () => {
      const size = Math.floor(Math.random() * 300);
      const garbage = crypto.getRandomValues(new Uint8Array(size));
      const codes = [0x00030000, 0x0003ffff, 0x00020000, 0x04d2162e, 0x04d2162f, 0x04d21630];
      const code = codes[Math.floor(Math.random() * codes.length)]!;
      using visitor: Wire = await site.visit();
      try {
        await visitor.send(bytesOf(8 + size, code, garbage));
        // What was promised but does not come would be waited for.
        await visitor.finish();
        await visitor.last();
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    };
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, hostile));
    }
    equal(await who(site.port, ["-d", "mydb", `?token=${TOKEN}`]), "postgres@mydb");
  },
);
