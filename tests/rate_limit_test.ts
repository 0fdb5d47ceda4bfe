/**
 * `--rate-limit`: so many bytes a second of one client, both ways together, shared fairly.
 *
 * @module
 */

import { equal, ok } from "node:assert/strict";
import { dial, PATIENCE_MS, startClient, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, get, status, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import { eventually, frame, RawClient, readFrame, visit } from "./raw_peers.ts";
import { echo, RawService, Site, stepsOf } from "./services.ts";

const permissions = WHOLE_PROGRAM;

/** Of how much a measured rate may differ from the limit. */
const TOLERANCE = 0.15;

/**
 * An HTTP service: `/bulk` never ends, what is posted to `/sink` is counted, and everything else is
 * a page of 1000 bytes.
 */
class BulkService extends RawService {
  /** Bytes that came to `/sink`. */
  readonly sunk: () => number;

  constructor() {
    let sunk = 0;
    const block = new Uint8Array(256 * 1024);
    super(async (wire) => {
      for (;;) {
        const head = await wire.until("\r\n\r\n");
        if (head.startsWith("GET /bulk")) {
          await wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
          for (;;) await wire.send(block);
        }
        if (head.startsWith("POST /sink")) {
          for await (const { length } of wire.pieces()) sunk += length;
          return;
        }
        await wire.send(answer("x".repeat(1000)));
      }
    });
    this.sunk = () => sunk;
  }
}

/** A download without an end, and what came of it. */
class Download implements AsyncDisposable {
  got = 0;
  readonly ended: Promise<void>;

  private constructor(private readonly conn: Deno.TcpConn) {
    this.ended = this.#read();
  }

  static async begin(port: number, token: string): Promise<Download> {
    const conn = await dial(port);
    await conn.write(new TextEncoder().encode(get(`/bulk?token=${token}`)));
    return new Download(conn);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    try {
      for (let got; (got = await this.conn.read(buffer)) !== null;) this.got += got;
    } catch { /* it was closed */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.conn.close();
    } catch { /* closed already */ }
    await this.ended;
  }
}

/** Sends without an end. */
async function upload(port: number, token: string): Promise<AsyncDisposable> {
  const conn = await dial(port);
  const block = new Uint8Array(64 * 1024);
  const head = get(`/sink?token=${token}`, "Content-Length: 1000000000000").replace("GET", "POST");
  await conn.write(new TextEncoder().encode(head));
  const sending = (async () => {
    try {
      for (;;) await conn.write(block);
    } catch { /* it was closed */ }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        conn.close();
      } catch { /* closed already */ }
      await sending;
    },
  };
}

/**
 * Waits for the burst to pass, then measures until the rate is as near to the limit as it should be:
 * a machine that is busy with other tests may make it slower, and faster afterwards.
 */
async function meets(count: () => number, limit: number, what: string): Promise<void> {
  await eventually("the burst", () => count() > 1.1 * limit);
  const rates: number[] = [];
  for (let tries = 0; tries < 4; tries++) {
    const [since, before] = [performance.now(), count()];
    await eventually("the measured bytes", () => count() - before > 2 * limit);
    const rate = (count() - before) / (performance.now() - since) * 1000;
    if (Math.abs(rate / limit - 1) < TOLERANCE) return;
    rates.push(rate / limit);
  }
  throw new Error(`${what}: ${rates} of the limit`);
}

const sum = (downloads: readonly Download[]) => downloads.reduce((all, { got }) => all + got, 0);

peerTest({ name: "--rate-limit is met by one visitor and by twenty", permissions }, async (t) => {
  await using service = new BulkService();
  const { port } = service;
  for (const [flag, limit] of [["200KB", 200_000], ["20MB", 20_000_000]] as const) {
    await t.step({
      name: flag,
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        await using site = await Site.start({ one: port, many: port }, ["--rate-limit", flag]);
        await using all = new AsyncDisposableStack();
        const begin = async (token: string) => all.use(await Download.begin(site.port, token));
        const one = [await begin("one")];
        const many = await Promise.all(Array.from({ length: 20 }, () => begin("many")));
        // Two clients at the same time: each has its own.
        await eventually("the bursts", () => Math.min(sum(one), sum(many)) > 1.1 * limit);
        const before = many.map(({ got }) => got);
        await Promise.all([
          meets(() => sum(one), limit, "one visitor"),
          meets(() => sum(many), limit, "twenty visitors"),
        ]);
        const shares = many.map(({ got }, nth) => got - before[nth]!);
        const mean = shares.reduce((all, share) => all + share) / shares.length;
        // At the higher rate it is also the machine that says who gets on.
        const least = mean / (limit < 1_000_000 ? 1.5 : 5);
        ok(Math.min(...shares) > least, `unequal shares: ${shares}`);
      },
    });
  }
});

peerTest(
  {
    name: "--rate-limit counts both directions, and new registrations change nothing",
    permissions,
  },
  async () => {
    await using service = new BulkService();
    const limit = 400_000;
    await using server = await startServer(["--rate-limit", "400KB"]);
    const start = () => startClient({ server, id: "app", port: service.port });
    await using _client = await start();
    await using all = new AsyncDisposableStack();
    const downloads = [all.use(await Download.begin(server.publicPort, "app"))];
    all.use(await upload(server.publicPort, "app"));
    const both = () => sum(downloads) + service.sunk();
    await meets(both, limit, "both ways");
    ok(service.sunk() > both() / 4 && service.sunk() < both() * 3 / 4, `${service.sunk()} sunk`);
    // The same id comes again and again; its visitors have their old tunnels, and get new ones.
    const before = both();
    const since = performance.now();
    for (let nth = 0; nth < 3; nth++) {
      await using _again = await start();
      downloads.push(all.use(await Download.begin(server.publicPort, "app")));
      await eventually("bytes of the new one", () => downloads.at(-1)!.got > 0);
    }
    const allowed = (performance.now() - since) / 1000 * limit;
    ok(both() - before < allowed * (1 + TOLERANCE) + 100_000, `${both() - before} of ${allowed}`);
  },
);

peerTest({ name: "--rate-limit: a bulk download starves nobody", permissions }, async () => {
  await using service = new BulkService();
  await using site = await Site.start({ app: service.port }, ["--rate-limit", "200KB"]);
  await using all = new AsyncDisposableStack();
  const time = async () => {
    const since = performance.now();
    const page = await visit(site.port, "/page?token=app");
    equal(page.body.length, 1000);
    return performance.now() - since;
  };
  const alone = await time();
  const bulk = await Promise.all(
    Array.from({ length: 5 }, async () => all.use(await Download.begin(site.port, "app"))),
  );
  await eventually("the burst", () => sum(bulk) > 220_000);
  const times: number[] = [];
  for (let nth = 0; nth < 10; nth++) times.push(await time());
  times.sort((a, b) => a - b);
  // In a row with the others it would wait for what their buffers hold: more than a second.
  const most = 500 + 10 * alone;
  ok(times[5]! < most, `half of the pages took more than ${times[5]} ms, and ${alone} ms alone`);
});

peerTest(
  { name: "--rate-limit holds for clients of the first generation", permissions },
  async () => {
    const limit = 200_000;
    await using server = await startServer(["--rate-limit", "200KB"]);
    using client = await RawClient.register(server, "old", {});
    await client.asked(1);
    using tunnel = await client.open();
    await using download = await Download.begin(server.publicPort, "old");
    await tunnel.until("\r\n\r\n");
    await tunnel.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    const block = new Uint8Array(64 * 1024);
    const sending = (async () => {
      try {
        for (;;) await tunnel.send(block);
      } catch { /* it was closed */ }
    })();
    await meets(() => download.got, limit, "generation 1");
    await download[Symbol.asyncDispose]();
    tunnel[Symbol.dispose]();
    await sending;
  },
);

peerTest(
  {
    name: "--rate-limit: who waits for its turn can be ended",
    permissions,
    os: ["linux", "darwin"],
  },
  async (t) => {
    const step = stepsOf(t);
    // 10 KB a second: whoever has sent 100 KB has to wait for a long time.
    const flags = ["--rate-limit", "10KB", "--allow-ports", `${freePort()}`, "--grace", "0.5"];
    const greedy = async (port: number) => {
      const conn = await dial(port);
      await conn.write(new Uint8Array(100_000));
      return conn;
    };
    await step("by the end of its client's tunnels", async () => {
      await using service = echo();
      await using server = await startServer(flags);
      await using client = await startClient({
        server,
        id: "app",
        port: service.port,
        flags: ["--remote-port", "0"],
      });
      const port = Number((await server.message("Client registered")).properties.remote_port);
      using visitor = await greedy(port);
      ok(await visitor.read(new Uint8Array(1000)) !== null);
      client.kill();
      const { properties } = await server.message("Visitor left");
      ok(["reset", "aborted"].includes(String(properties.end)), String(properties.end));
    });
    await step("by --idle-timeout", async () => {
      await using service = echo();
      const slow = ["--rate-limit", "100", "--idle-timeout", "1", "--default-client", "app"];
      await using server = await startServer(slow);
      await using _client = await startClient({ server, id: "app", port: service.port });
      using visitor = await dial(server.publicPort);
      const since = performance.now();
      await visitor.write(new Uint8Array(50_000).fill(1));
      const { properties } = await server.message("Visitor left");
      equal(properties.end, "idle timeout");
      ok(performance.now() - since < 15_000, "it was ended late");
    });
    await step("by its own reset, the server's grace, and a new visitor is served", async () => {
      await using service = new BulkService();
      await using server = await startServer(flags);
      await using _client = await startClient({ server, id: "app", port: service.port });
      const gone = await Download.begin(server.publicPort, "app");
      await eventually("the burst", () => gone.got > 10_000);
      await gone[Symbol.asyncDispose]();
      await server.message("Visitor left");
      await using stays = await Download.begin(server.publicPort, "app");
      await eventually("its part", () => stays.got > 0);
      const since = performance.now();
      server.kill("SIGTERM");
      await within(PATIENCE_MS, "the end of the server", server.status());
      ok(performance.now() - since < 15_000, "it stopped late");
      await stays.ended;
    });
  },
);

peerTest(
  { name: "--rate-limit: a tunnel that waits for its turn is not given up", permissions },
  async () => {
    await using server = await startServer(["--rate-limit", "1KB"]);
    using client = await RawClient.register(server, "app", { version: 2, reuse: true });
    await client.asked(1);
    using tunnel = await client.open();
    // Its head is paid for by 3 s of silence.
    using first = await Wire.dial(server.publicPort);
    await first.send(get("/?token=app", `X-Long: ${"x".repeat(4000)}`));
    ok((await readFrame(tunnel))?.startsWith(`{"StartProxy"`));
    await client.asked(1);
    using second = await client.open();
    const since = performance.now();
    using next = await Wire.dial(server.publicPort);
    await next.send(get("/?token=app"));
    ok((await readFrame(second))?.startsWith(`{"StartProxy"`));
    const waited = performance.now() - since;
    ok(waited > 1500, `${waited} ms`);
    await second.send(frame(`{"ProxyStarted":{"success":false,"error":"it is down"}}`));
    equal(status(await next.response()), 502);
  },
);
