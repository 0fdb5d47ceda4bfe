/**
 * What a server lets one address, one client, and all of them together take, and what it costs it to
 * turn the rest away.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import {
  dial,
  PATIENCE_MS,
  send,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { get, latin1, status, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import {
  Download,
  eventually,
  frame,
  HeldService,
  RawClient,
  readFrame,
  served,
  serveOnce,
  visit,
} from "./raw_peers.ts";
import { echo } from "./services.ts";

const permissions = WHOLE_PROGRAM;

/** Runs `task` so many times, 32 at a time. */
async function each(count: number, task: (nth: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** Sends what it is given to a port, and the end of it, and waits until the server hangs up. */
async function hits(port: number, bytes: string | Uint8Array = ""): Promise<string> {
  using wire = await Wire.dial(port);
  await wire.send(bytes).catch(() => {});
  await wire.finish().catch(() => {});
  return await wire.last();
}

/** Seconds of CPU that a process has had. */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function residentMegabytes(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}

const register = (id: string, more = "") =>
  frame(`{"Register":{"client_id":"${id}","version":2${more}}}`);

peerTest({
  name: "out of descriptors: the server stays, its visitors too, and it goes on afterwards",
  permissions,
  os: ["linux", "darwin"],
}, async () => {
  await using service = new HeldService();
  const under = ["sh", "-c", 'ulimit -n 64; exec "$0" "$@"'];
  await using server = await startServer(["--head-timeout", "600"], {}, [], { under });
  await using _client = await startClient({ server, id: "app", port: service.port });
  using running = await Download.begin(server.publicPort, "app");
  using kept = await Wire.dial(server.publicPort);
  await kept.send(get("/?token=app"));
  equal((await kept.response()).body, "hello");
  const flood: Deno.Conn[] = [];
  try {
    // More wait to be accepted than may.
    for (let nth = 0; nth < 200; nth++) flood.push(await dial(server.publicPort));
    await server.message("Cannot accept a connection");
    const [since, cpu] = [performance.now(), await cpuOf(server)];
    while (performance.now() - since < 1500) {
      await kept.send(get("/?token=app"));
      equal((await kept.response()).body, "hello");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const busy = (await cpuOf(server) - cpu) / (performance.now() - since) * 1000;
    ok(busy < 0.5, `it is busy for ${(busy * 100).toFixed(0)} % of the time`);
  } finally {
    for (const conn of flood) conn.close();
  }
  await served(server.publicPort, "app");
  service.release();
  equal(await running.finishes(), true);
  const lines = server.logs.filter(({ message }) => message === "Cannot accept a connection");
  ok(lines.length <= 4, `${lines.length} lines`);
});

peerTest({
  name: "--max-connections keeps descriptors for clients and their tunnels",
  permissions,
  os: ["linux", "darwin"],
}, async () => {
  await using service = new HeldService();
  const under = ["sh", "-c", 'ulimit -n 64; exec "$0" "$@"'];
  const flags = ["--head-timeout", "600", "--max-connections", "10"];
  await using server = await startServer(flags, {}, [], { under });
  await using _client = await startClient({ server, id: "app", port: service.port });
  const kept = await Promise.all(Array.from({ length: 4 }, () => Wire.dial(server.publicPort)));
  const flood: Wire[] = [...kept];
  try {
    for (let nth = 0; nth < 200; nth++) flood.push(await Wire.dial(server.publicPort));
    match(await flood.at(-1)!.last(), /^$|^HTTP\/1\.1 503 /);
    // Each of these needs a tunnel.
    await Promise.all(kept.map((wire) => wire.send(get("/?token=app"))));
    for (const wire of kept) equal((await wire.response()).body, "hello");
  } finally {
    for (const wire of flood) wire[Symbol.dispose]();
  }
  await served(server.publicPort, "app");
  equal(server.logs.some(({ message }) => message === "Cannot accept a connection"), false);
});

/** 0 where it cannot be seen. */
async function cpuOf({ pid }: TestServer): Promise<number> {
  return Deno.build.os === "linux" ? await cpuSeconds(pid) : 0;
}

peerTest(
  { name: "--max-clients: one too many is told why, and when to ask again", permissions },
  async () => {
    await using server = await startServer(["--max-clients", "2"]);
    using first = await RawClient.register(server, "first");
    using second = await RawClient.register(server, "second", { version: 2, aliases: ["a", "b"] });
    ok(first.answer.success && second.answer.success);
    using third = await RawClient.register(server, "third");
    match(third.answer.error ?? "", /^this server has as many clients as it may: 2 /);
    ok((third.answer as { retry_s?: number }).retry_s! >= 1);
    // Who is here already may come again.
    using again = await RawClient.register(server, "first");
    equal(again.answer.success, true);
    again[Symbol.dispose]();
    await eventually("a place", async () => {
      using third = await RawClient.register(server, "third");
      return third.answer.success;
    });
  },
);

peerTest({
  name: "--max-links-per-ip: whoever says nothing makes room; who is registered does not",
  permissions,
}, async () => {
  await using server = await startServer(["--max-links-per-ip", "4", "--register-timeout", "600"]);
  const silent = await Promise.all(Array.from({ length: 4 }, () => Wire.dial(server.controlPort)));
  // Each of them ends one that said nothing.
  const clients: RawClient[] = [];
  for (let nth = 0; nth < 4; nth++) clients.push(await RawClient.register(server, `app-${nth}`));
  for (const wire of silent) equal(await wire.last(), "");
  using refused = await Wire.dial(server.controlPort);
  const answer = JSON.parse(await readFrame(refused) ?? "null").RegisterResult;
  equal(answer.success, false);
  match(answer.error, /too many links from your address/);
  ok(answer.retry_s >= 1);
  for (const client of clients) await client.settled();
  clients[0]![Symbol.dispose]();
  await eventually("a place", async () => {
    using next = await Wire.dial(server.controlPort);
    await next.send(register("next"));
    const json = await readFrame(next);
    return json !== null && JSON.parse(json).RegisterResult.success;
  });
  await each(200, async () => void await hits(server.controlPort));
  const lines = server.logs.filter(({ level }) => level === "WARN").length;
  ok(lines < 80, `${lines} lines of warnings`);
  for (const wire of [...silent, ...clients]) wire[Symbol.dispose]();
});

peerTest({
  name: "connections to the proxy port that say nothing do not keep tunnels out",
  permissions,
}, async () => {
  await using server = await startServer(["--max-links-per-ip", "8", "--register-timeout", "600"]);
  using client = await RawClient.register(server, "app");
  await client.asked(1);
  const bytes = [
    new Uint8Array(0),
    frame(`{"NewProxyConn":{"proxy_conn_id":"0","client_id":"app"}}`).subarray(0, 30),
  ];
  const flood: Wire[] = [];
  for (let nth = 0; nth < 400; nth++) {
    const wire = await Wire.dial(server.proxyPort);
    flood.push(wire);
    await wire.send(bytes[nth % 2]!).catch(() => {});
  }
  using tunnel = await client.open();
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(get("/?token=app"));
  match(await readFrame(tunnel) ?? "", /^\{"StartProxy"/);
  // Eight, and one that was asked for, may wait; the oldest went.
  for (const wire of flood.slice(0, 390)) equal(await wire.last(), "");
  await each(400, async () => {
    const wrong = `{"NewProxyConn":{"proxy_conn_id":"${"0".repeat(32)}","client_id":"app"}}`;
    equal(await hits(server.proxyPort, frame(wrong)), "");
  });
  const lines = server.logs.filter(({ level }) => level === "WARN").length;
  ok(lines < 80, `${lines} lines of warnings`);
  for (const wire of flood) wire[Symbol.dispose]();
});

peerTest(
  { name: "--rate-per-ip holds on the public port and on a client's own", permissions },
  async () => {
    await using service = echo();
    const port = freePort();
    await using server = await startServer(["--rate-per-ip", "5", "--allow-ports", `${port}`]);
    const flags = ["--remote-port", "0", "--service", "none"];
    await using _client = await startClient({ server, id: "app", port: service.port, flags });
    const own = Number((await server.message("Client registered")).properties.remote_port);
    const since = performance.now();
    const got = { public: 0, refused: 0, own: 0, closed: 0 };
    for (let nth = 0; nth < 20; nth++) {
      const answer = await visit(server.publicPort, "/?token=nobody");
      if (status(answer) === 429) got.refused++;
      else got.public++;
      using wire = await Wire.dial(own);
      await wire.send("a").catch(() => {});
      await wire.finish().catch(() => {});
      if (await wire.last() === "a") got.own++;
      else got.closed++;
    }
    const allowed = 10 + 5 * (performance.now() - since) / 1000;
    ok(got.public + got.own <= allowed, JSON.stringify(got));
    ok(got.public + got.own >= 10 && got.own > 0 && got.closed > 0, JSON.stringify(got));
    await eventually("the rate to recover", async () => {
      return status(await visit(server.publicPort, "/?token=nobody")) === 404;
    });
  },
);

peerTest({
  name: "--max-visitors counts by id, whichever registration serves them, and those that wait",
  permissions,
}, async (t) => {
  const flags = ["--max-visitors", "1"];
  await t.step("after a new registration", async () => {
    await using server = await startServer(flags);
    using first = await RawClient.register(server, "app");
    await first.asked(1);
    const tunnel = await first.open();
    using visitor = await Wire.dial(server.publicPort);
    await visitor.send(get("/?token=app"));
    match(await readFrame(tunnel) ?? "", /^\{"StartProxy"/);
    using second = await RawClient.register(server, "app");
    equal(second.answer.success, true);
    equal(status(await visit(server.publicPort, "/?token=app")), 429);
    tunnel[Symbol.dispose]();
    visitor[Symbol.dispose]();
    await eventually("the end of the first", () => {
      return server.logs.some(({ message, properties }) =>
        message === "Visitor left" && properties.requests === 1 && properties.end !== "refused 429"
      );
    });
    await second.asked(1);
    const [answer] = await Promise.all([
      visit(server.publicPort, "/?token=app"),
      serveOnce(await second.open()),
    ]);
    equal(answer.body, "hello");
  });
  await t.step("while its client opens no tunnel", async () => {
    await using server = await startServer(flags);
    using client = await RawClient.register(server, "app");
    await client.asked(1);
    const visitors = await Promise.all(Array.from({ length: 5 }, async () => {
      const wire = await Wire.dial(server.publicPort);
      await wire.send(get("/?token=app"));
      return wire;
    }));
    const answers: number[] = [];
    for (const wire of visitors) {
      void wire.response().then((answer) => answers.push(status(answer)), () => {});
    }
    await eventually("four refusals", () => answers.length === 4);
    equal(answers.every((code) => code === 429), true);
    for (const wire of visitors) wire[Symbol.dispose]();
  });
});

peerTest({ name: "--max-head: a longer head is refused with 431", permissions }, async () => {
  await using server = await startServer(["--max-head", "2KiB"]);
  const long = (size: number) => get("/?token=app", `X-Long: ${"x".repeat(size)}`);
  for (const [size, code] of [[1500, 503], [2100, 431]] as const) {
    using wire = await Wire.dial(server.publicPort);
    await wire.send(long(size));
    equal(status(await wire.response()), code);
  }
});

peerTest({
  name: "turning away thousands at each limit leaves no memory behind",
  permissions,
  os: ["linux"],
}, async () => {
  await using server = await startServer([
    "--max-per-ip",
    "400",
    "--max-links-per-ip",
    "40",
    "--max-clients",
    "20",
    "--max-visitors",
    "40",
    "--queue-size",
    "10",
    "--rate-limit",
    "1MB",
  ]);
  // It opens no tunnels, and its visitors fill its queue.
  using lazy = await RawClient.register(server, "lazy");
  using brim = new DisposableStack();
  for (let nth = 0; nth < 10; nth++) {
    const wire = brim.use(await Wire.dial(server.publicPort));
    await wire.send(get("/?token=lazy"));
  }
  const clients: RawClient[] = [lazy];
  for (let nth = 1; nth < 20; nth++) clients.push(await RawClient.register(server, `app-${nth}`));
  for (const client of clients) brim.use(client);
  const longHead = latin1(`GET /?token=lazy HTTP/1.1\r\nX-Long: ${"x".repeat(66_000)}`);
  const kinds: ((nth: number) => Promise<unknown>)[] = [
    () => hits(server.publicPort, get("/?token=lazy", "Connection: close")),
    () => hits(server.publicPort, get(`/?token=${crypto.randomUUID()}`, "Connection: close")),
    () => hits(server.publicPort, longHead),
    () => hits(server.controlPort, register(crypto.randomUUID())),
    () => hits(server.controlPort, register("app-1", `,"aliases":["lazy"]`)),
    () => hits(server.controlPort, frame(`{"Register":{"client_id":"${"x".repeat(60_000)}"}}`)),
    () =>
      hits(server.proxyPort, frame(`{"NewProxyConn":{"proxy_conn_id":"0","client_id":"lazy"}}`)),
    () => hits(server.proxyPort, Uint8Array.of(0, 0, 255, 0, 123)).catch(() => {}),
  ];
  const round = async () => {
    // The proxy port waits for the rest of a frame; the others from here make it go.
    const halves: Wire[] = [];
    await each(1200, async (nth) => {
      const kind = kinds[nth % kinds.length]!;
      if (kind !== kinds.at(-1)) return void await kind(nth);
      const wire = await Wire.dial(server.proxyPort);
      halves.push(wire);
      await wire.send(Uint8Array.of(0, 0, 255, 0, 123)).catch(() => {});
    });
    for (const wire of halves) wire[Symbol.dispose]();
  };
  // The heap of a program grows before it is worth to be collected.
  for (let rounds = 0; rounds < 2; rounds++) await round();
  const before = await residentMegabytes(server.pid);
  for (let rounds = 0; rounds < 2; rounds++) await round();
  const after = await residentMegabytes(server.pid);
  // What is kept of each of 2400 would have to be less than 10 kB.
  ok(after - before < 25, `from ${before} MB to ${after} MB`);
  equal(status(await visit(server.publicPort, "/?token=nobody")), 404);
});

peerTest({
  name: "a registered client that floods its link costs bounded memory",
  permissions,
  os: ["linux"],
}, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using _client = await startClient({ server, id: "app", port: service.port });
  const many = (command: string, bytes: number) => {
    const one = frame(command);
    const all = new Uint8Array(Math.ceil(bytes / one.length) * one.length);
    for (let at = 0; at < all.length; at += one.length) all.set(one, at);
    return all;
  };
  const ids = () => Array.from({ length: 1000 }, () => `"${crypto.randomUUID()}"`).join();
  const floods: Record<string, () => Uint8Array> = {
    pings: () => many(`{"Ping":{"t":1}}`, 4_000_000),
    pongs: () => many(`{"Pong":{"t":1}}`, 4_000_000),
    revocations: () => many(`{"RevokeTokens":{"ids":[${ids()}]}}`, 4_000_000),
  };
  const round = async () => {
    for (const flood of Object.values(floods)) {
      using client = await RawClient.register(server, "bad", {
        version: 2,
        client_version: "x".repeat(60_000),
      });
      equal(client.answer.success, true);
      // It reads no answers; the server may hang up.
      await within(PATIENCE_MS, "the flood", send(client.control.conn, flood()).catch(() => {}));
    }
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
  };
  for (let rounds = 0; rounds < 3; rounds++) await round();
  const before = await residentMegabytes(server.pid);
  for (let rounds = 0; rounds < 3; rounds++) await round();
  const after = await residentMegabytes(server.pid);
  // 36 MB were sent.
  ok(after - before < 25, `from ${before} MB to ${after} MB`);
});
