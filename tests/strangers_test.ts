/**
 * What comes to the ports of clients and is no client: whoever can be told is told, and the owner is
 * not disturbed.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, startClient, startServer, type TestServer, within } from "./helpers.ts";
import { WHOLE_PROGRAM } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { stepsOf } from "./services.ts";
import { openssl, run } from "./tls.ts";
import { curl, NAME, TlsSite, trustFlags } from "./tls_site.ts";

const permissions = WHOLE_PROGRAM;
const PORTS = { control: "Not a client", proxy: "Not a tunnel" } as const;
type Port = keyof typeof PORTS;

/** How a TLS handshake begins, and then ends. */
const CUT_SHORT = Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3);

/** What a port says to some bytes, until it hangs up. */
async function told(port: number, bytes: string | Uint8Array): Promise<string> {
  using wire = await Wire.dial(port);
  await wire.send(bytes);
  await wire.finish();
  return await wire.last();
}

/** The one line about it, which is no warning. */
async function logged(server: TestServer, port: Port, from: number) {
  const line = await server.message(PORTS[port], { from });
  const why = String(line.properties.why);
  ok(line.level === "INFO" || line.level === "DEBUG", line.level);
  ok(String(line.properties.peer).startsWith("127.0.0.1:"));
  return { level: line.level, why };
}

/** What a scanner does to every port it finds, and what is said to it. */
async function scan(server: TestServer, ports: Record<Port, number>, tls: boolean): Promise<void> {
  const attempts: [bytes: string | Uint8Array, level: string, why: RegExp, told: RegExp][] = [
    ["", "DEBUG", tls ? /left before any TLS/ : /left without a word/, /^$/],
    ["SSH-2.0-x\r\n", "INFO", tls ? /without TLS: something/ : /frame/, /^$/],
    [Uint8Array.of(0, 0, 0), "INFO", tls ? /arpc without --tls/ : /in the middle of one/, /./],
    [
      CUT_SHORT,
      tls ? "DEBUG" : "INFO",
      tls ? /hung up in the TLS handshake/ : /the peer speaks TLS/,
      /./,
    ],
    ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "INFO", /HTTP/, /^HTTP\/1\.1 400 [^]*for arpc/],
    ["OPTIONS * HTTP/1.0\r\n\r\n", "INFO", /HTTP/, /^HTTP\/1\.1 400 [^]*for arpc/],
    ["GET / HTTP/1.1\r\nHost : x\r\n\r\n", "INFO", /HTTP/, /^HTTP\/1\.1 400 /],
    [`GET /${"a".repeat(9000)} HTTP/1.1\r\n\r\n`, "INFO", /HTTP/, /^HTTP\/1\.1 431 /],
  ];
  for (const port of ["control", "proxy"] as const) {
    for (const [bytes, level, why, answer] of attempts) {
      const from = server.logs.length;
      const said = await told(ports[port], bytes);
      if (answer.source !== ".") match(said, answer);
      const line = await logged(server, port, from);
      match(line.why, why);
      equal(line.level, level, line.why);
    }
  }
  equal(server.logs.filter(({ level }) => level === "WARN" || level === "ERROR").length, 0);
}

peerTest({
  name:
    "strangers: a scan of the ports of clients makes no warning, and HTTP is told what they are for",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using plain = await startServer();
  await using site = await TlsSite.start({});
  await step("without TLS", async () => {
    await scan(plain, { control: plain.controlPort, proxy: plain.proxyPort }, false);
  });
  await step("with TLS", async () => {
    const { controlPort, proxyPort } = site.server;
    await scan(site.server, { control: controlPort, proxy: proxyPort }, true);
  });
  await step("curl, by HTTP and by HTTPS", async () => {
    for (const port of ["control", "proxy"] as const) {
      const from = site.server.logs.length;
      const url = `https://${NAME}:${site.server[`${port}Port`]}/a?token=secret-id`;
      for (const version of [["--tls-max", "1.2"], ["--tlsv1.3"]]) {
        const { words, code } = await site.curl(url, "-i", ...version);
        equal(code, 0, words);
        match(words, /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port is for arpc\n.*public port/);
      }
      match((await logged(site.server, port, from)).why, /it sent HTTP/);
      const url2 = `http://127.0.0.1:${plain[`${port}Port`]}/a?token=secret-id`;
      const json = await run(curl.path, [
        "-sS",
        "-m",
        "20",
        "-H",
        "Accept: application/json",
        url2,
      ]);
      equal(JSON.parse(json.words).error, "This port is for arpc");
    }
    for (const { stderr } of [site.server, plain]) ok(!stderr.includes("secret-id"));
  });
  await step("a handshake that ends in nothing", async () => {
    const from = site.server.logs.length;
    const at = `127.0.0.1:${site.server.controlPort}`;
    await run(openssl.path, ["s_client", "-connect", at], "");
    match((await logged(site.server, "control", from)).why, /after the TLS handshake/);
  });
  await step("none of it was lost", () => {
    for (const { logs } of [site.server, plain]) {
      equal(logs.filter(({ message }) => message === "Client lost").length, 0);
    }
  });
});

peerTest({
  name: "strangers: a client with another idea of TLS is told, and waits as after a refusal",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using site = await TlsSite.start({});
  await using plain = await startServer();
  await step("with --tls, at a server without", async () => {
    const flags = ["--tls", "--service", "none", ...trustFlags(site.identity)];
    const one = { server: plain, id: "x", port: 9, flags, eager: true };
    await using client = await startClient(one);
    const { level, properties } = await client.message("No link to the server");
    equal(level, "ERROR");
    match(String(properties.why), /no TLS came about: .*is there TLS on that port\?/);
    ok(Number(properties.retry_s) >= 5);
    const { why } = await logged(plain, "control", 0);
    match(why, /the peer speaks TLS, and this side does not/);
  });
  await step("without --tls, at a server with it", async () => {
    const flags = ["--service", "none"];
    await using client = await startClient({
      server: site.server,
      id: "x",
      port: 9,
      flags,
      eager: true,
    });
    const { properties } = await client.message("No link to the server");
    match(String(properties.why), /start arpc with --tls/);
    ok(Number(properties.retry_s) >= 5);
    equal(
      (await logged(site.server, "control", 0)).why,
      "it came without TLS: arpc without --tls, or with it off for this port",
    );
  });
  await step("with a certificate it does not know", async () => {
    const from = site.server.logs.length;
    const flags = ["--tls", "--service", "none", "--tls-server-name", NAME];
    await using client = await startClient({
      server: site.server,
      id: "x",
      port: 9,
      flags,
      eager: true,
    });
    const { level, properties } = await client.message("No link to the server");
    equal(level, "ERROR");
    ok(Number(properties.retry_s) >= 5);
    ok((await logged(site.server, "control", from)).level, "INFO");
    client.kill("SIGTERM");
    await within(PATIENCE_MS, "its end", client.status());
  });
});
