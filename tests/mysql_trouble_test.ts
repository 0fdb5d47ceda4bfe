import { deepEqual, equal, match } from "node:assert/strict";
import { startClient, WHOLE_PROGRAM } from "./helpers.ts";
import { latin1, Wire } from "./http_wire.ts";
import { client, Database, DbSite, MARIADB, mysql } from "./mysql.ts";
import { peerTest } from "./peers.ts";
import { RawClient } from "./raw_peers.ts";
import { RawService, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = [...WHOLE_PROGRAM, { name: "sys" }] as const;

peerTest({
  name: "mysql: a service that is down, silent, or no MySQL, and a client that left",
  permissions,
  peers: [mysql],
}, async (t) => {
  const step = stepsOf(t);
  const port = freePort();
  await using ssh = new RawService(async (wire) => {
    await wire.send("SSH-2.0-OpenSSH_9.6\r\n");
    await wire.rest();
  });
  await using mute = new RawService(async (wire) => void await wire.rest());
  await using brief = new RawService(() => Promise.resolve());
  await using site = await DbSite.start({}, ["--server-first-wait", "100"]);
  const services = { down: port, ssh: ssh.port, mute: mute.port, brief: brief.port };
  for (const [id, port] of Object.entries(services)) {
    const flags = ["--service", "mysql"];
    site.clients[id] = await startClient({ server: site.server, id, port, flags });
  }
  const visit = async (id: string) => {
    const database = `?token=${id}`;
    return (await client(site.port, { user: "a", database, args: ["-e", "select 1"] })).stderr;
  };
  await step("down", async () => {
    match(
      await visit("down"),
      /^ERROR 1158 \(08S01\): The local service cannot be reached\. .*refused/,
    );
  });
  await step("something else", async () => {
    match(await visit("ssh"), /^ERROR 1158 \(08S01\): The local service does not speak MySQL/);
    match(await visit("brief"), /^ERROR 1158 \(08S01\): The local service hung up/);
  });
  await step("silent", async () => {
    match(
      await visit("mute"),
      /^ERROR 1159 \(08S01\): The local service did not greet within 10 s/,
    );
  });
  await step("offline", async () => {
    await site.clients.down![Symbol.asyncDispose]();
    await site.server.message("Client left");
    match(await visit("down"), /^ERROR 1053 \(08S01\): Client 'down' is offline/);
  });
});

/** `PROTOCOL_41`, `SECURE_CONNECTION`, `CONNECT_WITH_DB`, `PLUGIN_AUTH`, `TRANSACTIONS`, bit 0. */
const FLAGS = 1 << 9 | 1 << 15 | 1 << 3 | 1 << 19 | 1 << 13 | 1;
const SELECT = "\x03select 'six times seven'";

function packet(nth: number, payload: string): string {
  const { length } = payload;
  return String.fromCharCode(length & 255, length >> 8 & 255, length >> 16, nth) + payload;
}

function int4(value: number): string {
  return String.fromCharCode(...[0, 8, 16, 24].map((bits) => value >>> bits & 255));
}

/** An answer to a greeting, without a password. */
function response(user: string, database: string): string {
  const head = int4(FLAGS) + int4(1 << 24) + "\x2d" + "\0".repeat(23);
  return packet(1, `${head}${user}\0\0${database}\0mysql_native_password\0`);
}

async function readPacket(wire: Wire): Promise<{ nth: number; payload: string }> {
  const [low = 0, middle = 0, high = 0, nth = 0] = latin1(await wire.take(4));
  return { nth, payload: await wire.take(low + middle * 256 + high * 65536) };
}

peerTest({
  name: "mysql: a raw visitor that is slow, or ahead of its time",
  permissions,
  peers: MARIADB,
}, async (t) => {
  const step = stepsOf(t);
  await using maria = await Database.mariadb();
  await using site = await DbSite.start({ db: maria.port });
  await step("each byte on its own", async () => {
    using wire = await Wire.dial(site.port);
    equal((await readPacket(wire)).nth, 0);
    for (const byte of response("nobody", "shop?token=db")) await wire.send(byte);
    const asked = await readPacket(wire);
    equal(asked.nth, 2);
    match(asked.payload, /^\xfemysql_native_password\0[^\0]{20}\0$/);
    for (const byte of packet(3, "")) await wire.send(byte);
    const { nth, payload } = await readPacket(wire);
    deepEqual([nth, payload[0]], [4, "\0"]);
    await wire.send(packet(0, SELECT));
    await wire.until("six times seven");
  });
  await step("all at once, with commands that nobody asked for yet", async () => {
    using wire = await Wire.dial(site.port);
    await readPacket(wire);
    const commands = Array.from({ length: 20 }, (_, n) => packet(0, `\x03select 'answer ${n}'`));
    await wire.send(response("nobody", "?token=db") + packet(3, "") + commands.join(""));
    for (let n = 0; n < 20; n++) await wire.until(`answer ${n}`);
  });
  await step("a command where its password should be", async () => {
    using wire = await Wire.dial(site.port);
    await readPacket(wire);
    await wire.send(response("nobody", "?token=db") + packet(0, SELECT));
    equal((await readPacket(wire)).nth, 2);
    const { nth, payload } = await readPacket(wire);
    equal(nth, 3);
    match(payload, /^\xff..#08004Your MySQL client is too old/s);
    equal(await wire.last(), "");
  });
  await step("one that asks for TLS all the same", async () => {
    using wire = await Wire.dial(site.port);
    await readPacket(wire);
    await wire.send(packet(1, int4(FLAGS | 1 << 11) + "\0".repeat(28)));
    const { nth, payload } = await readPacket(wire);
    equal(nth, 2);
    match(payload, /^\xff..#08S01There is no TLS here/s);
  });
});

peerTest({ name: "mysql: nobody is greeted for nothing", permissions }, async (t) => {
  const step = stepsOf(t);
  const silence = async (site: DbSite) => {
    using wire = await Wire.dial(site.port);
    equal(await wire.last(), "");
    equal(await site.end(), "stayed silent");
  };
  const times = ["--head-timeout", "0.5", "--server-first-wait"];
  await step("while no client serves MySQL", async () => {
    await using site = await DbSite.start({}, [...times, "50"]);
    using _web = await RawClient.register(site.server, "web");
    await silence(site);
  });
  await step("where --server-first-wait is 0", async () => {
    await using site = await DbSite.start({}, [...times, "0"]);
    using _db = await RawClient.register(site.server, "db", { version: 2, service: "mysql" });
    await silence(site);
  });
  await step("but then who is silent is, and its leaving is logged so", async () => {
    await using site = await DbSite.start({}, [...times, "50"]);
    using _db = await RawClient.register(site.server, "db", { version: 2, service: "mysql" });
    const wire = await Wire.dial(site.port);
    const { nth, payload } = await readPacket(wire);
    equal(nth, 0);
    equal(payload.slice(0, 7), "\x0a5.7.0\0");
    wire[Symbol.dispose]();
    equal(await site.end(), "greeted, left");
  });
});
