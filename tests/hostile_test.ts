/**
 * Peers that mean harm or are broken: the server tells them so, forgets them, and goes on to serve
 * everybody else.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import {
  dial,
  PATIENCE_MS,
  Program,
  send,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { field, get, status, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import {
  eventually,
  frame,
  HeldService,
  RawClient,
  readFrame,
  serveOnce,
  visit,
} from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";
import { INSPECTED, Vitals } from "./faults/vitals.ts";

const permissions = WHOLE_PROGRAM;

/** A visitor is served, and need not wait until others have had enough. */
async function stillServes(server: TestServer, token = "app"): Promise<void> {
  const since = performance.now();
  equal((await visit(server.publicPort, `/?token=${token}`)).body, "hello");
  const took = performance.now() - since;
  ok(took < 10_000, `served after ${took} ms`);
}

/** Runs `task` for each index, so many at a time. */
async function each(count: number, atOnce: number, task: (nth: number) => Promise<void>) {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Numbers in [0, 1), the same ones each run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sends bytes and the end of them; what the server makes of it, to its own end. */
async function burst(port: number, bytes: Uint8Array): Promise<string> {
  using wire = await Wire.dial(port);
  try {
    await wire.send(bytes);
    await wire.finish();
  } catch {
    // It has hung up already.
  }
  return await wire.last();
}

peerTest({ name: "300 dawdling heads delay nobody and end with 408", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--head-timeout", "5"]);
  await using _client = await startClient({ server, id: "app", port: service.port });
  const dawdlers: Wire[] = [];
  try {
    await each(300, 50, async (nth) => {
      const wire = await Wire.dial(server.publicPort);
      dawdlers.push(wire);
      await wire.send(get("/?token=app", "X-Slow: yes").slice(0, 1 + nth % 40));
    });
    for (let visitor = 0; visitor < 10; visitor++) await stillServes(server);
    equal(server.logs.filter(({ properties }) => properties.end === "refused 408").length, 0);
    for (const dawdler of dawdlers) {
      const answer = await dawdler.response();
      equal(status(answer), 408);
      equal(await dawdler.last(), "");
    }
    await stillServes(server);
  } finally {
    for (const dawdler of dawdlers) dawdler[Symbol.dispose]();
  }
});

peerTest(
  {
    name: "peers that reset before they are accepted hold up nobody",
    permissions,
    os: ["linux", "darwin"],
  },
  async () => {
    await using service = new HeldService();
    await using server = await startServer();
    await using _client = await startClient({ server, id: "app", port: service.port });
    server.kill("SIGSTOP");
    const peers = Array.from({ length: 50 }, () => connect(server.publicPort, "127.0.0.1"));
    await Promise.all(peers.map((peer) => once(peer, "connect")));
    for (const peer of peers) peer.resetAndDestroy();
    server.kill("SIGCONT");
    await stillServes(server);
  },
);

peerTest(
  { name: "a head that comes byte by byte has one deadline for all of it", permissions },
  async () => {
    await using server = await startServer(["--head-timeout", "0.5"]);
    using slow = await Wire.dial(server.publicPort);
    await slow.send("GET / HTTP/1.1\r\n");
    let ended = false;
    const late = slow.response().finally(() => ended = true);
    await eventually("the end of its patience", async () => {
      if (!ended) await slow.send("X-More: of it\r\n").catch(() => {});
      return ended;
    });
    equal(status(await late), 408);
  },
);

peerTest(
  { name: "200 bursts of random bytes on each port harm nobody", permissions },
  async (t) => {
    await using service = new HeldService();
    await using server = await startServer(["--head-timeout", "2", "--register-timeout", "2"]);
    await using client = await startClient({ server, id: "app", port: service.port });
    const random = seeded(17);
    const noise = (size: number) =>
      Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
    const bursts = (shape: (noise: Uint8Array) => Uint8Array) =>
      Array.from({ length: 100 }, () => shape(noise(1 + Math.floor(random() * 3000))));
    /** With a length in front that fits, so that more than the first four bytes are looked at. */
    const framed = (bytes: Uint8Array) => {
      const all = new Uint8Array(4 + bytes.length);
      new DataView(all.buffer).setUint32(0, bytes.length);
      all.set(bytes, 4);
      return all;
    };
    const requested = (bytes: Uint8Array) => {
      const line = new TextEncoder().encode("GET /?token=app HTTP/1.1\r\n");
      const all = new Uint8Array(line.length + bytes.length);
      all.set(line);
      all.set(bytes, line.length);
      return all;
    };
    const step = stepsOf(t);
    for (const name of ["control", "proxy", "public"] as const) {
      await step(`the ${name} port`, async () => {
        const all = [
          ...bursts((bytes) => bytes),
          ...bursts(name === "public" ? requested : framed),
        ];
        await each(all.length, 20, async (nth) => {
          const answer = await burst(server[`${name}Port`], all[nth]!);
          if (name !== "public") equal(answer, "");
          else if (answer !== "") match(answer, /^HTTP\/1\.1 4\d\d /);
        });
        await stillServes(server);
      });
    }
    equal(client.logs.filter(({ message }) => message === "No link to the server").length, 0);
  },
);

/** Frames that no peer may send; the proxy and the control port treat them alike. */
const BAD_FRAMES: Record<string, Uint8Array> = {
  "a length of 4 GiB": Uint8Array.of(0xff, 0xff, 0xff, 0xff),
  "a length beyond the limit": Uint8Array.of(0, 1, 0, 1),
  "an empty frame": Uint8Array.of(0, 0, 0, 0),
  "half a length": Uint8Array.of(0, 0),
  "half a frame": frame(`{"Register":{"client_id":"my-service"}}`).subarray(0, 20),
  "no command": frame("{}"),
  "null": frame("null"),
  "an unknown command": frame(`{"Nope":{}}`),
  "a name from the prototype": frame(`{"__proto__":{}}`),
  "two commands": frame(
    `{"Register":{"client_id":"a"},"NewProxyConn":{"proxy_conn_id":"0","client_id":"a"}}`,
  ),
  "a field that is missing": frame(`{"Register":{}}`),
  "a field of another kind": frame(`{"Register":{"client_id":7}}`),
  "not JSON": frame("Register"),
  "not UTF-8": Uint8Array.of(0, 0, 0, 2, 0xc3, 0x28),
  "a command of the other direction": frame(`{"Pong":{}}`),
};

peerTest(
  { name: "bad frames end their own connection, with a line in the log", permissions },
  async (t) => {
    await using service = new HeldService();
    await using server = await startServer();
    await using client = await startClient({ server, id: "app", port: service.port });
    const step = stepsOf(t);
    for (const [name, bytes] of Object.entries(BAD_FRAMES)) {
      await step(name, async () => {
        for (const port of ["control", "proxy"] as const) {
          const from = server.logs.length;
          equal(await burst(server[`${port}Port`], bytes), "");
          const expected = `arps.${port}`;
          // Anybody can send it, so nobody is woken for it.
          const { level } = await server.log(({ logger }) => logger === expected, { from });
          equal(level, "INFO");
        }
      });
    }
    await stillServes(server);
    equal(client.logs.filter(({ message }) => message === "No link to the server").length, 0);
  },
);

peerTest(
  { name: "a frame that comes too slowly ends at --register-timeout", permissions },
  async () => {
    await using server = await startServer(["--register-timeout", "0.3"]);
    for (
      const start of [new Uint8Array(0), frame(`{"Register":{"client_id":"app"}}`).subarray(0, 9)]
    ) {
      const from = server.logs.length;
      using wire = await Wire.dial(server.controlPort);
      await wire.send(start);
      equal(await wire.last(), "");
      const { properties } = await server.message("Not a client", { from });
      match(String(properties.why), /within 0\.3 s/);
    }
  },
);

peerTest({ name: "a tunnel nobody asked for never gets a visitor", permissions }, async (t) => {
  await using server = await startServer();
  using client = await RawClient.register(server, "app");
  using thief = await RawClient.register(server, "thief");
  await client.asked(1);
  await thief.asked(1);
  const [capability] = client.asks;
  const refused = async (attacker: RawClient, what: string | undefined, id: string) => {
    const from = server.logs.length;
    using tunnel = await attacker.open(what, id);
    equal(await tunnel.last(), "");
    const { properties } = await server.message("Tunnel refused", { from });
    match(String(properties.why), /nobody asked/);
  };
  const step = stepsOf(t);
  await step("with an id of the first generation's counter", () => refused(thief, "0", "app"));
  await step("with random bits", () => refused(thief, "0123456789abcdef".repeat(2), "app"));
  await step(
    "with a capability of its own for another client",
    () => refused(thief, thief.asks[0], "app"),
  );
  await step("with another client's capability", () => refused(thief, capability, "thief"));
  await step("with an empty id", () => refused(thief, "", ""));
  await step("but the client itself may still use it, once", async () => {
    using tunnel = await client.open(capability);
    const [answer] = await Promise.all([
      visit(server.publicPort, "/?token=app"),
      serveOnce(tunnel),
    ]);
    equal(answer.body, "hello");
    await refused(client, capability, "app");
  });
});

peerTest({ name: "a capability expires, and the server asks again", permissions }, async () => {
  await using server = await startServer();
  using client = await RawClient.register(server, "app");
  const since = performance.now();
  await client.asked(2);
  const waited = performance.now() - since;
  ok(waited > 9000 && waited < 30_000, `${waited} ms`);
  using late = await client.open();
  equal(await late.last(), "");
  const [answer] = await Promise.all([
    visit(server.publicPort, "/?token=app"),
    serveOnce(await client.open()),
  ]);
  equal(answer.body, "hello");
});

peerTest({
  name: "a registered client that breaks the protocol loses its own link only",
  permissions,
}, async (t) => {
  await using service = new HeldService();
  await using server = await startServer();
  await using client = await startClient({ server, id: "app", port: service.port });
  const step = stepsOf(t);
  const breaks: Record<string, Uint8Array> = {
    "an unknown command": frame(`{"Nope":{}}`),
    "a second Register": frame(`{"Register":{"client_id":"bad","version":2}}`),
    "a Register of another id": frame(`{"Register":{"client_id":"app","version":2}}`),
    "a NewProxyConn": frame(`{"NewProxyConn":{"proxy_conn_id":"0","client_id":"bad"}}`),
    "a length of 4 GiB": Uint8Array.of(0xff, 0xff, 0xff, 0xff),
  };
  for (const [name, bytes] of Object.entries(breaks)) {
    await step(name, async () => {
      using bad = await RawClient.register(server, "bad");
      equal(bad.answer.success, true);
      await bad.control.send(bytes);
      while (await bad.command() !== null) { /* to the end of the link */ }
      await eventually(
        "the client's removal",
        async () => status(await visit(server.publicPort, "/?token=bad")) === 503,
      );
      await stillServes(server);
    });
  }
  equal(client.logs.filter(({ message }) => message === "No link to the server").length, 0);
});

peerTest(
  { name: "ids and aliases that cannot be are refused with the reason", permissions },
  async (t) => {
    await using server = await startServer();
    const step = stepsOf(t);
    const refused = async (id: string, fields: Record<string, unknown>, why: RegExp) => {
      using client = await RawClient.register(server, id, fields);
      equal(client.answer.success, false);
      match(String(client.answer.error), why);
      equal(await client.command(), null);
    };
    const bad: Record<string, string> = {
      "empty": "",
      "a space": "my app",
      "Unicode": "中",
      "129 characters": "x".repeat(129),
      "a slash": "a/b",
      "a line end": "a\r\nSet-Cookie: b",
      "a NUL": "a\0",
    };
    for (const [name, id] of Object.entries(bad)) {
      await step(`id: ${name}`, async () => {
        await refused(id, { version: 2 }, /^client_id is invalid/);
        await refused(id, {}, /^client_id is invalid/);
      });
      await step(
        `alias: ${name}`,
        () => refused("app", { version: 2, aliases: ["fine", id] }, /^alias .*is invalid/),
      );
    }
    await step("a thousand aliases", () => {
      const aliases = Array.from({ length: 1000 }, (_, nth) => `alias-${nth}`);
      return refused("app", { version: 2, aliases }, /at most \d+/);
    });
    await step("aliases whose URLs would not fit into a frame", () => {
      const aliases = Array.from({ length: 400 }, (_, nth) => `${nth}`.padEnd(128, ":"));
      return refused("app", { version: 2, aliases }, /at most \d+/);
    });
    await step("none of these got in", async () => {
      equal(status(await visit(server.publicPort, "/?token=app")), 503);
      match((await visit(server.publicPort, "/?token=fine")).body, /No active clients/);
    });
    await step("128 of all the letters there are, and as many aliases as may be", async () => {
      const id = "AZaz09._~:@-".padEnd(128, ":");
      const aliases = Array.from({ length: 64 }, (_, nth) => `${nth}`.padEnd(128, ":"));
      using client = await RawClient.register(server, id, { version: 2, aliases });
      equal(client.answer.error, null);
      await client.asked(1);
      const [answer] = await Promise.all([
        visit(server.publicPort, `/?token=${aliases[63]}`),
        serveOnce(await client.open()),
      ]);
      equal(answer.body, "hello");
    });
  },
);

peerTest({ name: "a port in use is an error that names its flag", permissions }, async () => {
  for (const flag of ["--control-port", "--proxy-port", "--public-port"]) {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using server = startFailing([flag, String(taken.addr.port)]);
    equal((await within(PATIENCE_MS, "an end", server.status())).code, 1);
    match(
      server.stderr,
      new RegExp(`^arps: Cannot listen on ${flag} ${taken.addr.port} .*uses it`, "m"),
    );
  }
});

/** An `arps` that does not get as far as to serve. */
function startFailing(flags: readonly string[]): Program {
  const ports = ["--control-port", "--proxy-port", "--public-port"]
    .filter((flag) => !flags.includes(flag)).flatMap((flag) => [flag, "0"]);
  const all = ["--bind", "127.0.0.1", ...ports, ...flags];
  return new Program("../server/main.ts", all, ["--allow-net=127.0.0.1"], {});
}

peerTest({ name: "--max-per-ip turns away who comes on top, with 429", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--max-per-ip", "3"]);
  await using _client = await startClient({ server, id: "app", port: service.port });
  const held: Wire[] = [];
  try {
    for (let visitor = 0; visitor < 3; visitor++) {
      const wire = await Wire.dial(server.publicPort);
      held.push(wire);
      await wire.send(get("/?token=app"));
      equal(status(await wire.response()), 200);
    }
    const answer = await visit(server.publicPort, "/?token=app");
    equal(status(answer), 429);
    match(field(answer, "retry-after") ?? "", /^\d+$/);
    held.pop()?.[Symbol.dispose]();
    await eventually(
      "room for another",
      async () => status(await visit(server.publicPort, "/?token=app")) === 200,
    );
  } finally {
    for (const wire of held) wire[Symbol.dispose]();
  }
});

peerTest(
  { name: "--rate-per-ip lets a burst in, then turns away with 429", permissions },
  async () => {
    await using service = new HeldService();
    await using server = await startServer(["--rate-per-ip", "5"]);
    await using _client = await startClient({ server, id: "app", port: service.port });
    const since = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => visit(server.publicPort, "/?token=app")),
    );
    const allowed = 10 + 5 * (performance.now() - since) / 1000;
    const count = (code: number) => answers.filter((answer) => status(answer) === code).length;
    equal(count(200) + count(429), 60);
    // Twice the rate in one burst, and what the time they took gave back.
    ok(count(200) >= 10 && count(200) <= allowed, `${count(200)} of 60 got in, not ${allowed}`);
    await eventually(
      "a recovered rate",
      async () => status(await visit(server.publicPort, "/?token=app")) === 200,
    );
  },
);

peerTest({ name: "--max-visitors bounds the visitors of one client", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--max-visitors", "2"]);
  await using _one = await startClient({ server, id: "one", port: service.port });
  await using _two = await startClient({ server, id: "two", port: service.port });
  const held = await Promise.all([1, 2].map(async () => {
    const wire = await Wire.dial(server.publicPort);
    await wire.send(get("/?token=one"));
    equal(status(await wire.response()), 200);
    return wire;
  }));
  try {
    equal(status(await visit(server.publicPort, "/?token=one")), 429);
    await stillServes(server, "two");
  } finally {
    for (const wire of held) wire[Symbol.dispose]();
  }
});

/** Open descriptors of a process. */
async function descriptors(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}

peerTest({
  name: "a thousand connections at once on each port leave nothing behind",
  permissions,
  os: ["linux"],
}, async () => {
  await using service = new HeldService();
  await using server = await startServer(["--max-per-ip", "0", "--max-links-per-ip", "0"]);
  await using client = await startClient({ server, id: "app", port: service.port });
  await stillServes(server);
  const settled = async (program: Program, most: number) => {
    let now = 0;
    await eventually(`descriptors back at ${most}, not ${now}`, async () => {
      now = await descriptors(program.pid);
      return now <= most;
    });
  };
  const before = { server: await descriptors(server.pid), client: await descriptors(client.pid) };
  for (const port of [server.controlPort, server.proxyPort, server.publicPort]) {
    const conns = await Promise.all(Array.from({ length: 1000 }, () => dial(port)));
    await Promise.all(conns.map((conn, nth) => nth % 2 === 0 ? send(conn, "GET") : undefined));
    await stillServes(server);
    for (const conn of conns) conn.close();
    await settled(server, before.server);
  }
  await settled(client, before.client);
});

peerTest({
  name: "thousands of errors leak neither descriptors nor memory",
  permissions,
  os: ["linux"],
}, async () => {
  await using service = new HeldService();
  await using server = await startServer([], {}, INSPECTED);
  const { port } = service;
  await using client = await startClient({ server, id: "app", port, runtime: INSPECTED });
  await using _down = await startClient({ server, id: "down", port: freePort() });
  const requests = [
    get("/"),
    get("/?token=unknown"),
    get("/?token=down"),
    "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "GET /?token=app HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "GET / HTTP/1.1\r\n" + "X-Long: yes\r\n".repeat(6000),
    "\x16\x03\x01 hello",
    "GET /?token=app HT",
  ];
  const round = async () => {
    await each(1000, 16, async (nth) => {
      using wire = await Wire.dial(server.publicPort);
      await wire.send(requests[nth % requests.length]!).catch(() => {});
      if (nth % 3 !== 0) await wire.finish().catch(() => {});
      // Some do not wait for the answer.
      if (nth % 5 !== 0 && nth % 3 !== 0) await wire.last();
    });
    await stillServes(server);
  };
  const ports = [server.controlPort, server.proxyPort, server.publicPort];
  await using ofServer = await Vitals.of(server, ports);
  await using ofClient = await Vitals.of(client);
  const look = () => Promise.all([ofServer.look(), ofClient.look()]);
  await round();
  const before = await look();
  for (let rounds = 0; rounds < 3; rounds++) await round();
  await eventually("closed descriptors", () => ofServer.fds() <= before[0].fds);
  const after = await look();
  for (const [index, { heap }] of after.entries()) {
    // Of 3000 requests; compiled code is some hundred KB of it.
    const each = (heap - before[index]!.heap) / 3000;
    ok(each < 1000, `${each} bytes are left of each`);
  }
});

peerTest({ name: "a hostile server ends the link, not the client", permissions }, async () => {
  using control = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = await startClient({
    server: { controlPort: control.addr.port, proxyPort: 1 },
    id: "app",
    port: 1,
    flags: ["--reconnect-interval", "0.1"],
    eager: true,
  });
  const answers = [
    ...Object.values(BAD_FRAMES),
    frame(`{"RegisterResult":{"success":true,"error":null,"heartbeat_s":1e-9,"version":2}}`),
    frame(`{"RegisterResult":{"success":true,"error":null,"public_urls":["not a URL"]}}`),
    frame(`{"RegisterResult":{"success":false,"error":"\\u001b[2J no"}}`),
  ];
  for (const answer of answers) {
    const from = client.logs.length;
    using wire = new Wire(await within(PATIENCE_MS, "a client", control.accept()));
    match(await readFrame(wire) ?? "", /^\{"Register":/);
    await wire.send(answer);
    await wire.finish();
    await client.message("No link to the server", { from });
  }
  ok(!client.stderr.includes("\u001b"));
});
