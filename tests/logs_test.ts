/**
 * What the programs log: enough to know how each connection ended, and never a token.
 *
 * @module
 */

import { join } from "@std/path";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { answer, get, post, status, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { eventually, frame, HeldService, RawClient, visit } from "./raw_peers.ts";
import { RawService } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere a signal is no message, but the end. */
const os = ["linux", "darwin"] as const;

/** All that must stay secret here has this in it. */
const SECRET = "hush";

peerTest({ name: "no token, query, cookie or Referer is ever logged", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer([
    ...["--log-level", "trace", "--domain", "example.test"],
    ...["--default-client", `${SECRET}-default`, "--head-timeout", "0.3"],
  ]);
  const trace = ["--log-level", "trace", "--alias", `${SECRET}-alias`];
  await using client = await startClient({
    server,
    id: `${SECRET}-id`,
    port: service.port,
    flags: trace,
  });
  await using down = await startClient({ server, id: `${SECRET}-down`, port: freePort() });
  const ask = (target: string, ...lines: string[]) => visit(server.publicPort, target, ...lines);
  const found = [
    await ask(`/?token=${SECRET}-id&key=${SECRET}`, `Authorization: Bearer ${SECRET}`),
    await ask(`/?token=${SECRET}-alias/path%3Fkey=${SECRET}`),
    await ask(`/?token=client-id=${SECRET}-id`),
    await ask(`/?key=${SECRET}`, `X-ARP-Token: ${SECRET}-id`),
    await ask(`/?key=${SECRET}`, `Cookie: arp_token=${SECRET}-id; session=${SECRET}`),
    await ask("/", `Referer: http://test/?token=${SECRET}-id`),
  ];
  for (const message of found) equal(status(message), 200);
  {
    using wire = await Wire.dial(server.publicPort);
    await wire.send(
      `GET / HTTP/1.1\r\nHost: ${SECRET}-id.example.test\r\nConnection: close\r\n\r\n`,
    );
    equal(status(await wire.response()), 200);
  }
  // Errors are where secrets slip out.
  equal(status(await ask(`/?token=${SECRET}-unknown`)), 404);
  equal(status(await ask(`/?token=${SECRET}%20%C3%A4/x`)), 404);
  equal(status(await ask(`/?token=${SECRET}-down`)), 502);
  equal(status(await ask("/")), 404);
  const broken = [
    `GET /?token=${SECRET}-id HTTP/1.1\r\nHost : x\r\n\r\n`,
    `GET /?token=${SECRET}-id HTTP/9.9\r\n\r\n`,
    `GET /?token=${SECRET}-id`,
    `${SECRET} is no method\r\n\r\n`,
    post(`/?token=${SECRET}-id`, SECRET, `Transfer-Encoding: ${SECRET}`),
    `POST /?token=${SECRET}-id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${SECRET}`,
  ];
  for (const request of broken) {
    using wire = await Wire.dial(server.publicPort);
    await wire.send(request);
    await wire.last();
  }
  // Registrations that are refused or replaced, and their capabilities.
  using thief = await RawClient.register(server, `${SECRET}-thief`, {
    version: 2,
    aliases: [`${SECRET}-alias`],
  });
  equal(thief.answer.success, false);
  using invalid = await RawClient.register(server, `${SECRET} id`, { version: 2, auth: SECRET });
  equal(invalid.answer.success, false);
  await using refused = await startClient({
    server,
    id: `${SECRET}-other`,
    port: 1,
    flags: [...trace, "--no-auto-reconnect"],
    eager: true,
  });
  equal((await within(PATIENCE_MS, "an end", refused.status())).code, 1);
  using raw = await RawClient.register(server, `${SECRET}-raw`);
  await raw.asked(1);
  const [capability] = raw.asks;
  using _tunnel = await raw.open(capability);
  using _stolen = await raw.open(capability);
  await server.message("Tunnel refused");
  using twice = await RawClient.register(server, `${SECRET}-raw`);
  await twice.control.send(frame(`{"${SECRET}":{"${SECRET}":"${SECRET}"}}`));
  await twice.asked(1);
  // A visitor without a token, whose client is offline and has a name.
  using lost = await RawClient.register(server, `${SECRET}-default`);
  lost[Symbol.dispose]();
  using visitor = await Wire.dial(server.publicPort);
  await visitor.send(`\0${SECRET}`);
  equal(await visitor.last(), "");

  const from = client.logs.length;
  server.kill("SIGKILL");
  await client.message("No link to the server", { from });
  for (const program of [server, client, down, refused]) {
    ok(program.logs.length > 0);
    const at = program.stderr.toLowerCase().indexOf(SECRET);
    equal(at, -1, `logged: ${program.stderr.slice(Math.max(0, at - 200), at + 100)}`);
    ok(!program.stderr.includes(capability!), "a capability was logged");
  }
  equal(server.stdout, "");
});

peerTest(
  { name: "each connection ends with one line: how, and how many bytes", permissions },
  async () => {
    let heard = 0;
    const page = answer("x".repeat(100_000));
    await using service = new RawService(async (wire) => {
      for (;;) {
        const { head, body } = await wire.request();
        heard = head.length + body.length;
        await wire.send(page);
      }
    });
    await using server = await startServer(["--head-timeout", "0.3"]);
    await using client = await startClient({ server, id: "app", port: service.port });
    const lines = (program: Program) =>
      program.logs.filter(({ message }) => message === "Visitor left");
    let count = 0;
    /** A connection that does this, and what is logged of it. */
    const connection = async (act: (wire: Wire) => Promise<void>) => {
      const from = server.logs.length;
      using wire = await Wire.dial(server.publicPort);
      const { port } = wire.conn.localAddr;
      await act(wire);
      wire[Symbol.dispose]();
      count++;
      const { properties } = await server.message("Visitor left", { from });
      equal(properties.visitor, `127.0.0.1:${port}`);
      ok(Number(properties.ms) >= 0);
      return properties;
    };

    const one = await connection(async (wire) => {
      await wire.send(post("/?token=app", "y".repeat(5000)));
      equal((await wire.response()).body.length, 100_000);
    });
    deepEqual([one.protocol, one.requests, one.up, one.down], ["http", 1, heard, page.length]);
    equal(one.end, "done");
    const [atClient] = await client.messages("Visitor left", 1);
    deepEqual([atClient?.properties.up, atClient?.properties.down], [heard, page.length]);
    equal(atClient?.properties.visitor, one.visitor);

    const three = await connection(async (wire) => {
      for (let request = 0; request < 3; request++) {
        await wire.send(get("/?token=app"));
        await wire.response();
      }
    });
    deepEqual([three.requests, three.up, three.down], [3, 3 * heard, 3 * page.length]);

    const ends: [string, string, number][] = [
      [get("/?token=nope", "Connection: close"), "refused 404", 0],
      ["GET / HTTP/1.1\r\nHost : x\r\n\r\n", "refused 400", 0],
      ["GET / HT", "refused 408", 0],
      ["\x16\x03\x01", "too slow", 0],
      ["\x01", "protocol not recognised", 0],
      ["", "stayed silent", 0],
    ];
    for (const [request, end, bytes] of ends) {
      const line = await connection(async (wire) => {
        await wire.send(request);
        await wire.last();
      });
      deepEqual([line.end, line.up, line.down], [end, bytes, bytes]);
    }
    const gone = await connection((wire) => wire.finish());
    equal(gone.end, "left without a word");
    equal(lines(server).length, count);
    // Only two of them got as far as the client.
    equal((await client.messages("Visitor left", 2)).length, 2);
    equal(lines(client).length, 2);
  },
);

peerTest({ name: "piped, every line of the log is a JSON object", permissions, os }, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  await using client = await startClient({ server, id: "app", port: service.port });
  await visit(server.publicPort, "/?token=app");
  for (const program of [client, server]) {
    program.kill("SIGTERM");
    equal((await within(PATIENCE_MS, "an end", program.status())).code, 0);
    const lines = program.stderr.trimEnd().split("\n");
    for (const line of lines) {
      const { level, message, logger, "@timestamp": time } = JSON.parse(line);
      match(level, /^(DEBUG|INFO|WARN)$/);
      match(message, /^[A-Z]/);
      match(logger, /^arp[sc]/);
      ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    }
    match(lines.at(-1)!, / stopped"/);
  }
});

peerTest(
  { name: "--log-level and its variables leave out what is below", permissions, os },
  async () => {
    const ports = ["--control-port", "0", "--proxy-port", "0", "--public-port", "0"];
    const variables: [readonly string[], Record<string, string>, RegExp][] = [
      [["--log-level", "warning"], {}, /^$/],
      [[], { ARP_LOG: "warning" }, /^$/],
      [[], { ARPS_LOG_LEVEL: "warning", ARP_LOG: "debug" }, /^$/],
      [["--log-level", "info"], { ARP_LOG: "warning" }, /Server ready/],
    ];
    for (const [flags, env, expected] of variables) {
      const allow = ["--allow-net=127.0.0.1", "--allow-env=ARP_LOG,ARPS_LOG_LEVEL"];
      // It says nothing when it is ready, so its listeners must.
      const said = `data:application/javascript,${
        encodeURIComponent(`
        const listen = Deno.listen;
        let opened = 0;
        Deno.listen = (options) => {
          const listener = listen(options);
          if (++opened === 3) setTimeout(() => console.log("serving"));
          return listener;
        };
      `)
      }`;
      const all = ["--bind", "127.0.0.1", ...ports, ...flags];
      await using server = new Program(
        "../server/main.ts",
        all,
        [...allow, "--preload", said],
        env,
      );
      await eventually("a server", () => server.stdout.includes("serving"));
      server.kill("SIGTERM");
      equal((await within(PATIENCE_MS, "an end", server.status())).code, 0);
      match(server.stderr, expected);
    }
  },
);

peerTest({ name: "--log-file gets the same lines, up to the last", permissions, os }, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = (name: string) => join(folder, name);
    await using service = new HeldService();
    await using server = await startServer(["--log-file", path("arps.log")]);
    await using client = await startClient({
      server,
      id: "app",
      port: service.port,
      flags: ["--log-file", path("arpc.log")],
    });
    await visit(server.publicPort, "/?token=app");
    for (const [program, name] of [[client, "arpc.log"], [server, "arps.log"]] as const) {
      program.kill("SIGTERM");
      equal((await within(PATIENCE_MS, "an end", program.status())).code, 0);
      equal(await Deno.readTextFile(path(name)), program.stderr);
    }
    // Another run goes on where the last ended.
    const before = await Deno.readTextFile(path("arps.log"));
    await using again = await startServer(["--log-file", path("arps.log")]);
    again.kill("SIGTERM");
    await again.status();
    equal(await Deno.readTextFile(path("arps.log")), before + again.stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

peerTest(
  { name: "--log-file on a full disk is told once, and ends nothing", permissions, os: ["linux"] },
  async () => {
    const ports = ["control", "proxy", "public"].flatMap((name) => [`--${name}-port`, "0"]);
    const full = ["--bind", "127.0.0.1", ...ports, "--log-file", "/dev/full"];
    // A device takes all permissions there are.
    await using server = new Program("../server/main.ts", full, ["--allow-all"], {});
    const isTrouble = ({ logger }: { logger: string }) => logger === "log";
    const { message, properties } = await server.log(isTrouble);
    match(message, /^The --log-file fails/);
    equal(properties.file, "/dev/full");
    match(String(properties.why), /space/);
    await server.message("Server ready");
    server.kill("SIGTERM");
    equal((await within(PATIENCE_MS, "an end", server.status())).code, 0, server.stderr);
    equal(server.logs.filter(isTrouble).length, 1, server.stderr);
    equal(server.logs.at(-1)?.message, "Server stopped");
  },
);

peerTest(
  { name: "--log-file without permission or folder is an error that names it", permissions },
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = join(folder, "missing", "arps.log");
      for (const allow of [["--allow-net"], ["--allow-net", "--allow-read", "--allow-write"]]) {
        await using server = new Program("../server/main.ts", ["--log-file", path], allow, {});
        equal((await within(PATIENCE_MS, "an end", server.status())).code, 1);
        ok(server.stderr.startsWith("arps: "), server.stderr);
        match(server.stderr, /--log-file .*arps\.log/);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
