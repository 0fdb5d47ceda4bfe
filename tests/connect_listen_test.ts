/**
 * `arpc connect --listen` as a local port of a service: real programs through it, crowds, and what
 * it must survive.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { startListening, to } from "./connect.ts";
import { accepts, Daemon, Scratch, setpriv } from "./daemons.ts";
import { PATIENCE_MS, startClient, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { echo, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const redisServer = peer("redis-server", "apt-get install redis-server");
const redisCli = peer("redis-cli", "apt-get install redis-tools");
const redisBenchmark = peer("redis-benchmark", "apt-get install redis-tools");
/** Changes the limits of a running program. */
const prlimit = peer("prlimit", "apt-get install util-linux");

/** Starts a redis-server that keeps nothing. */
function redis(folder: Scratch, port: number): Promise<Daemon> {
  const listen = ["--port", `${port}`, "--bind", "127.0.0.1"];
  const flags = [...listen, "--save", "", "--appendonly", "no", "--dir", folder.path];
  return Daemon.start(redisServer.path, flags, folder, () => accepts(port));
}

/** Runs a program with an input; its output. Fails when it does. */
async function run(path: string, args: string[], input: string | Uint8Array = ""): Promise<string> {
  const child = new Deno.Command(path, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = new Blob([input as BlobPart]).stream().pipeTo(child.stdin).catch(() => {});
  const { success, stdout, stderr } = await within(PATIENCE_MS, path, child.output());
  await feeding;
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${path}: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

peerTest({
  name: "connect --listen: redis, by its own programs",
  permissions,
  peers: [redisServer, redisCli, redisBenchmark, setpriv],
  os: ["linux"],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const port = freePort();
  await using _daemon = await redis(folder, port);
  await using site = await Site.start({ redis: port });
  await using local = await startListening(to(site.server, "redis"));
  const cli = (args: string[], input?: string | Uint8Array) =>
    run(redisCli.path, ["-p", `${local.port}`, ...args], input);
  await step("a value there and back", async () => {
    equal(await cli(["set", "key", "value"]), "OK\n");
    equal(await cli(["get", "key"]), "value\n");
  });
  await step("10 MB there and back", async () => {
    const value = "0123456789".repeat(1_000_000);
    equal(await cli(["-x", "set", "large"], value), "OK\n");
    const got = await cli(["get", "large"]);
    ok(got === value + "\n", `${got.length} letters`);
  });
  await step("20,000 commands in a pipeline", async () => {
    const commands = Array.from({ length: 20_000 }, (_, i) => `SET key:${i} ${i}\r\n`).join("");
    match(await cli(["--pipe"], commands), /errors: 0, replies: 20000\n$/);
    equal(await cli(["get", "key:19999"]), "19999\n");
  });
  await step("messages to a subscriber", async () => {
    const subscriber = new Deno.Command(redisCli.path, {
      args: ["-p", `${local.port}`, "subscribe", "news"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let heard = "";
    const reading = (async () => {
      for await (const text of subscriber.stdout.pipeThrough(new TextDecoderStream())) {
        heard += text;
      }
    })();
    await eventually("a subscription", () => heard.includes("subscribe\nnews\n"));
    equal(await cli(["publish", "news", "first"]), "1\n");
    equal(await cli(["publish", "news", "second"]), "1\n");
    await eventually("the news", () => heard.endsWith("message\nnews\nsecond\n"));
    ok(heard.includes("message\nnews\nfirst\n"));
    subscriber.kill("SIGKILL");
    await Promise.all([subscriber.status, reading]);
  });
  await step("redis-benchmark, kept and new connections", async () => {
    const benchmark = (...args: string[]) =>
      run(redisBenchmark.path, ["-p", `${local.port}`, "-q", "-t", "set,get", ...args]);
    match(await benchmark("-c", "20", "-n", "4000", "-P", "4"), /GET: [\d.]+ requests per second/);
    match(await benchmark("-c", "10", "-n", "300", "-k", "0"), /GET: [\d.]+ requests per second/);
  });
  await step("nothing failed on the way", () => {
    deepEqual(local.logs.filter(({ level }) => level === "WARN"), []);
  });
});

peerTest({ name: "connect --listen: 500 at once, each on its own way", permissions }, async () => {
  const CROWD = 500;
  await using service = echo();
  await using site = await Site.start({ app: service.port }, ["--queue-size", `${CROWD}`]);
  await using local = await startListening(to(site.server, "app"));
  const visits = Array.from({ length: CROWD }, async (_, nth) => {
    using visitor = await Wire.dial(local.port);
    const words = `visitor ${nth} `.repeat(100);
    await visitor.send(words);
    equal(await visitor.take(words.length), words);
    await visitor.finish();
    equal(await visitor.rest(), "");
  });
  await within(3 * PATIENCE_MS, "the crowd", Promise.all(visits));
  const ended = await local.messages("Connection ended", CROWD);
  ok(ended.every(({ properties }) => properties.end === "done" && properties.up !== 0));
  equal(service.connections, CROWD);
});

peerTest(
  { name: "connect --listen survives its server, its client and its service", permissions },
  async (t) => {
    const step = stepsOf(t);
    await using service = echo();
    const flags = ["--public-port", `${freePort()}`];
    let server = await startServer(flags);
    await using local = await startListening(to(server, "app"));
    let failures = 0;
    const fails = async (why: RegExp) => {
      using visitor = await Wire.dial(local.port);
      equal(await visitor.last(), "");
      const lines = await local.messages("Connection failed", ++failures);
      equal(lines.at(-1)?.level, "WARN");
      match(String(lines.at(-1)?.properties.why), why);
    };
    const works = async () => {
      using visitor = await Wire.dial(local.port);
      await visitor.send("hello");
      equal(await visitor.take(5), "hello");
    };
    try {
      await step("no client yet", () => fails(/with 503, No active clients available/));
      {
        await using _client = await startClient({ server, id: "app", port: service.port });
        await step("there it is", works);
      }
      await server.message("Client left");
      await step("there it was", () => fails(/with 503, No active clients available|is offline/));
      await step("a server that dies takes its connections along", async () => {
        await using _client = await startClient({ server, id: "app", port: service.port });
        using visitor = await Wire.dial(local.port);
        await visitor.send("hello");
        equal(await visitor.take(5), "hello");
        await server[Symbol.asyncDispose]();
        equal(await visitor.last(), "");
      });
      await step("no server", () => fails(/^Cannot reach the server .*: Connection refused$/));
      await step("another server in its place", async () => {
        server = await startServer(flags);
        await using _client = await startClient({ server, id: "app", port: service.port });
        await works();
      });
    } finally {
      await server[Symbol.asyncDispose]();
    }
  },
);

peerTest({
  name: "connect --listen: more connections than it may have files open",
  permissions,
  peers: [prlimit],
  os: ["linux"],
}, async () => {
  const CROWD = 60;
  await using service = echo();
  await using site = await Site.start({ app: service.port });
  await using local = await startListening(to(site.server, "app"));
  const open = [...Deno.readDirSync(`/proc/${local.pid}/fd`)].length;
  await run(prlimit.path, [`--pid=${local.pid}`, `--nofile=${open + CROWD}`]);
  // Each needs two.
  const visitors = await Promise.all(Array.from({ length: CROWD }, () => Wire.dial(local.port)));
  await local.log(({ level, properties: { why, error } }) =>
    level === "WARN" && /Too many open files/.test(`${why}${error}`)
  );
  for (const visitor of visitors) visitor[Symbol.dispose]();
  await eventually("service again", async () => {
    using visitor = await Wire.dial(local.port);
    await visitor.send("hello");
    await visitor.finish();
    return await visitor.last() === "hello";
  });
});
