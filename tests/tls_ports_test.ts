/**
 * TLS on all three ports: clients, and visitors of every kind, through it.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { startup } from "../server/postgres/testdata/packets.ts";
import { runStdio } from "./connect.ts";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { get } from "./http_wire.ts";
import { Cluster, psql, run as runTool, SERVER, Tool } from "./postgres.ts";
import { peerTest } from "./peers.ts";
import {
  BLOCK_BYTES,
  blocks,
  digest,
  echo,
  httpService,
  sha256,
  stepsOf,
  stream,
} from "./services.ts";
import { openssl } from "./tls.ts";
import { curl, NAME, TlsSite, trustFlags } from "./tls_site.ts";

const permissions = WHOLE_PROGRAM;
const BLOCKS = 24;

peerTest({
  name: "TLS ports: HTTP of every kind goes through them",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  let sent = sha256();
  await using service = httpService(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/down") return new Response(stream(BLOCKS, sent = sha256()));
    if (pathname === "/up") return new Response(await digest(request.body!));
    if (pathname === "/headers") return Response.json([...request.headers]);
    if (pathname === "/socket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }
    return new Response(`hello from ${pathname}`);
  });
  await using raw = echo();
  await using site = await TlsSite.start({ app: service.addr.port, raw: raw.port });

  await step("curl, by each version of TLS", async () => {
    for (const version of [["--tls-max", "1.2"], ["--tlsv1.3"]]) {
      const { words, code } = await site.curl(
        site.url("/x?token=app"),
        ...version,
        ...["-w", " by HTTP %{http_version}"],
      );
      equal(words, "hello from /x by HTTP 1.1");
      equal(code, 0);
    }
    const { code, words } = await site.curl(site.url("/x?token=app"), "--tls-max", "1.1");
    equal(code, 35, words);
  });
  await step("the certificate is checked by whoever comes", async () => {
    const { code } = await site.curl(`https://127.0.0.1:${site.port}/?token=app`);
    equal(code, 60);
  });
  await step("services see that it was https, and the cookie is for that alone", async () => {
    const { words } = await site.curl(site.url("/headers"), "-H", "X-ARP-Token: app");
    const headers = new Map<string, string>(JSON.parse(words));
    equal(headers.get("x-forwarded-proto"), "https");
    equal(headers.get("x-forwarded-host"), `${NAME}:${site.port}`);
    const navigation = ["-H", "Sec-Fetch-Mode: navigate", "-H", "Accept: text/html", "-i"];
    const answer = (await site.curl(site.url("/?token=app"), ...navigation)).words;
    match(answer, /set-cookie: arp_token=app;[^\r]*; Secure/i);
    match(site.clients["app"]!.stdout, /^https:\/\/127\.0\.0\.1:\d+\/\?token=app$/m);
  });
  await step("a large body each way, to the last byte", async () => {
    const hash = sha256();
    const body = `${site.folder.path}/body`;
    for (const block of blocks(BLOCKS)) {
      hash.update(block);
      await Deno.writeFile(body, block, { append: true });
    }
    const told = `${hash.digest("hex")} of ${BLOCKS * BLOCK_BYTES} bytes`;
    const up = await site.curl(site.url("/up?token=app"), "-X", "POST", "-T", body);
    equal(up.words, told);
    const down = `${site.folder.path}/down`;
    equal((await site.curl(site.url("/down?token=app"), "-o", down)).code, 0);
    const came = await digest([await Deno.readFile(down)]);
    equal(came, `${sent.digest("hex")} of ${BLOCKS * BLOCK_BYTES} bytes`);
  });
  await step("a WebSocket", async () => {
    using visitor = await site.visit("http/1.1");
    await visitor.send(
      get(
        "/socket?token=app",
        ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ),
    );
    const { start } = await visitor.response();
    match(start, /^HTTP\/1\.1 101 /);
    // A masked text frame, its mask 0.
    await visitor.send("\x81\x85\0\0\0\0hello");
    equal(await visitor.take(7), "\x81\x05hello");
  });
  await step("arpc connect, with half-close", async () => {
    const data = sha256();
    const to = ["--token", "raw", "--server", `https://127.0.0.1:${site.port}`];
    const { out, code, err } = await runStdio(
      [...to, ...trustFlags(site.identity), "--stdio"],
      stream(4, data),
    );
    equal(code, 0, err);
    const came = sha256().update(Uint8Array.from(out, (one) => one.charCodeAt(0)));
    equal(came.digest("hex"), data.digest("hex"));
    const stranger = await runStdio(to, "x");
    match(stranger.err, /nobody whom this machine trusts vouches/);
    equal(stranger.code, 1);
    const plain = await runStdio([...to.slice(0, 3), `127.0.0.1:${site.port}`], "x");
    match(plain.err, /Refused by 127\.0\.0\.1:\d+ with 400.*Use https:/);
  });
  await step("an end of the connection is announced", async () => {
    using visitor = await site.visit();
    await visitor.send(get("/x?token=app", "Connection: close"));
    const { body } = await visitor.response();
    equal(body, "hello from /x");
    // Unannounced, it would be an error.
    equal(await visitor.rest(), "");
  });
  await step("200 at once", async () => {
    const found = await within(
      PATIENCE_MS,
      "200 answers",
      Promise.all(Array.from({ length: 200 }, async (_, nth) => {
        using visitor = await site.visit();
        await visitor.send(get(`/${nth}?token=app`, "Connection: close"));
        return (await visitor.response()).body;
      })),
    );
    deepEqual(found, Array.from({ length: 200 }, (_, nth) => `hello from /${nth}`));
  });
  await step("another client, by its alias", async () => {
    await site.client("named", service.addr.port, ["--alias", "again"]);
    const { words } = await site.curl(site.url("/y?token=again"));
    equal(words, "hello from /y");
  });
  for (const { stderr } of [site.server, ...Object.values(site.clients)]) {
    ok(!stderr.includes("Unhandled"), stderr);
  }
});

peerTest({
  name: "TLS ports: any of them can do without",
  permissions,
  peers: [openssl, curl],
}, async () => {
  await using service = httpService(() => new Response("hello"));
  for (const without of ["control", "proxy", "public"]) {
    await using site = await TlsSite.start({}, [`--no-tls-${without}`]);
    const { port } = service.addr;
    const client = await site.client(
      "app",
      port,
      without === "public" ? [] : [`--no-tls-${without}`],
    );
    const scheme = without === "public" ? "http" : "https";
    equal((await site.curl(site.url("/?token=app", scheme))).words, "hello");
    match(client.stdout, new RegExp(`^${scheme}://`));
  }
});

peerTest({
  name: "TLS ports: psql comes in by each of its modes",
  permissions,
  peers: [openssl, ...SERVER],
  os: ["linux", "darwin"],
}, async (t) => {
  const step = stepsOf(t);
  await using cluster = await Cluster.start();
  await using site = await TlsSite.start({ db: cluster.port });
  const to = (mode: string, ...more: string[]) =>
    [
      `host=${NAME} hostaddr=127.0.0.1 port=${site.port} user=postgres dbname=postgres`,
      `sslmode=${mode} options=token=db connect_timeout=10`,
      ...more,
    ].join(" ");
  const ask = (mode: string, ...more: string[]) =>
    runTool(psql, ["-XAtc", "select 6 * 7", "-d", to(mode, ...more)]);

  await step("encrypted, with and without a look at the certificate", async () => {
    const root = `sslrootcert=${site.identity.cert}`;
    for (const args of [["prefer"], ["require"], ["verify-ca", root], ["verify-full", root]]) {
      const [mode = "", ...more] = args;
      const { stdout, stderr } = await ask(mode, ...more);
      equal(stdout.trim(), "42", `${mode}: ${stderr}`);
    }
  });
  await step("unencrypted, it is told what to do", async () => {
    const { code, stderr } = await ask("disable");
    match(stderr, /FATAL: {2}This server takes encrypted connections only: use sslmode=require/);
    equal(code, 2);
  });
  await step("a query is cancelled, which libpq asks for in the clear", async () => {
    await using tool = new Tool(psql, ["-XAtc", "select pg_sleep(300)", "-d", to("require")]);
    const running = async () =>
      await cluster.query(
        "select count(*) from pg_stat_activity where query like '%sleep(300)%' and pid <> pg_backend_pid()",
      ) !== "0";
    const deadline = performance.now() + PATIENCE_MS;
    while (!await running()) ok(performance.now() < deadline, "the query does not run");
    tool.kill("SIGINT");
    const { stderr } = await within(10_000, "the end of a cancelled query", tool.ended);
    match(stderr, /canceling statement due to user request/);
  });
  await step("direct TLS, as of version 17", async () => {
    using visitor = await site.visit("postgresql");
    await visitor.send(startup([["user", "postgres"], ["options", "token=db"]]));
    // AuthenticationOk
    equal(await visitor.take(9), "R\0\0\0\x08\0\0\0\0");
  });
});
