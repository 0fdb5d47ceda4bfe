/**
 * Who trusts whom by TLS, what is said to those who do without, certificates that change, and
 * visitors that never finish a handshake.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { selfSigned } from "../server/cert/self_signed.ts";
import { SSL_REQUEST } from "../server/postgres/testdata/packets.ts";
import { Scratch } from "./daemons.ts";
import {
  dial,
  PATIENCE_MS,
  type Program,
  receive,
  send,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { get, Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { echo, httpService, RawService, stepsOf } from "./services.ts";
import { connect, identify, type Identity, openssl } from "./tls.ts";
import { curl, identityFlags, NAME, TlsSite, trustFlags } from "./tls_site.ts";

const permissions = WHOLE_PROGRAM;
const DAY = 24 * 60 * 60 * 1000;

/** SHA-256 of a certificate, as openssl writes it. */
async function fingerprint(folder: Scratch, { cert }: Pick<Identity, "cert">): Promise<string> {
  const args = ["x509", "-in", cert, "-noout", "-fingerprint", "-sha256"];
  return (await folder.run(openssl.path, args)).trim().replace(/^.*=/, "");
}

/** An identity of our own making, in files. */
async function identityIn(
  folder: Scratch,
  name: string,
  ...how: Parameters<typeof selfSigned>
): Promise<Identity> {
  const { cert, key } = await selfSigned(...how);
  return { cert: folder.write(`${name}.pem`, cert), key: folder.write(`${name}.key`, key) };
}

/** Why a client does not come in. */
async function complaint(
  server: Pick<TestServer, "controlPort" | "proxyPort">,
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const all = ["--no-auto-reconnect", "--service", "none", ...flags];
  await using client = await startClient({
    server,
    id: "x",
    port: 9,
    flags: all,
    env,
    eager: true,
  });
  const { code } = await within(PATIENCE_MS, "its end", client.status());
  ok(code > 0, client.stderr);
  return client.stderr.split("\n").find((line) => line.startsWith("arpc: ")) ?? client.stderr;
}

peerTest({
  name: "TLS trust: a client takes the right server alone, and says what is wrong with others",
  permissions,
  peers: [openssl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const good = await identify(folder, NAME);
  const other = await identify(folder, "other.test");
  await using server = await startServer(identityFlags(good));
  const print = await fingerprint(folder, good);
  const comesIn = async (...flags: string[]) => {
    const all = ["--tls", "--service", "none", ...flags];
    await using _client = await startClient({ server, id: "x", port: 9, flags: all });
  };

  await step("by an authority and a name", () => comesIn(...trustFlags(good)));
  await step("by a fingerprint, however it is written", async () => {
    await comesIn("--tls-fingerprint", print);
    await comesIn("--tls-fingerprint", `sha256:${print.replaceAll(":", "").toLowerCase()}`);
  });
  await step("the server logs that fingerprint", async () => {
    const { properties } = await server.message("Certificate loaded");
    equal(properties.sha256, print);
    match(String(properties.names), /^arps\.test \*\.arps\.test$/);
  });
  await step("a certificate that nobody vouches for", async () => {
    const why = await complaint(server, ["--tls", "--tls-server-name", NAME]);
    match(why, /nobody whom this machine trusts vouches/);
    match(why, /issued by "arps\.test"/);
    match(why, /--tls-ca .*--tls-fingerprint/);
    ok(why.includes(print));
  });
  await step("no variable lets it off", async () => {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0", DENO_TLS_CA_STORE: "system" };
    match(await complaint(server, ["--tls", "--tls-server-name", NAME], env), /nobody whom/);
  });
  await step("--tls-ca is all that is trusted", async () => {
    const flags = ["--tls", "--tls-server-name", NAME, "--tls-ca", other.cert];
    // What the machine trusts besides does not count.
    const why = await complaint(server, flags, { DENO_CERT: good.cert });
    match(why, /--tls-ca \S+other\.test\.pem does not vouch/);
    match(await complaint(server, ["--tls", "--tls-ca", good.key]), /expected a certificate, PEM/);
  });
  await step("another name", async () => {
    const why = await complaint(server, ["--tls", "--tls-ca", good.cert]);
    match(why, /is for arps\.test, \*\.arps\.test, not for 127\.0\.0\.1; --tls-server-name/);
  });
  await step("another fingerprint", async () => {
    const wrong = await fingerprint(folder, other);
    const why = await complaint(server, ["--tls", "--tls-fingerprint", wrong]);
    ok(why.includes(`expected --tls-fingerprint ${wrong}, found ${print}`), why);
  });
  await step("both, and only one of them is right", async () => {
    const why = await complaint(server, [
      ...["--tls", "--tls-server-name", NAME, "--tls-ca", other.cert],
      ...["--tls-fingerprint", print],
    ]);
    match(why, /does not vouch/);
  });
  await step("an expired one, unless it is pinned", async () => {
    const expired = await identityIn(folder, "expired", [NAME], 1, Date.now() - 10 * DAY);
    await using late = await startServer(identityFlags(expired));
    await late.log(({ message }) => /^The certificate has expired/.test(message));
    const why = await complaint(late, ["--tls", ...trustFlags(expired)]);
    match(why, /has expired on \d{4}-/);
    const pin = ["--tls", "--service", "none", "--tls-fingerprint"];
    const flags = [...pin, await fingerprint(folder, expired)];
    await using _client = await startClient({ server: late, id: "x", port: 9, flags });
  });
  await step("one that is not valid yet", async () => {
    const early = await identityIn(folder, "early", [NAME], 9, Date.now() + 5 * DAY);
    await using soon = await startServer(identityFlags(early));
    match(await complaint(soon, ["--tls", ...trustFlags(early)]), /not valid before .*clock/);
  });
});

peerTest({
  name: "TLS trust: whoever comes without, or finds none, is told so",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using site = await TlsSite.start({});
  const { server } = site;
  await step("a client without --tls", async () => {
    match(await complaint(server, []), /refused the registration: .*start arpc with --tls/);
  });
  await step("a client with --tls at a port without", async () => {
    await using plain = await startServer();
    const why = await complaint(plain, ["--tls", ...trustFlags(site.identity)]);
    match(why, /no TLS came about: .*is there TLS on that port\?/);
    const { properties } = await plain.message("Not a client");
    match(String(properties.why), /the peer speaks TLS, and this side does not/);
  });
  await step("HTTP on each port", async () => {
    const { controlPort, proxyPort } = server;
    for (const port of [controlPort, proxyPort]) {
      const { words } = await site.curl(`http://${NAME}:${port}/`, "-i");
      match(words, /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port is for arpc, by TLS/);
    }
    const { words } = await site.curl(site.url("/a?token=app", "http"), "-i");
    match(words, /^HTTP\/1\.1 400 Bad Request\r\n/);
    ok(words.includes(`Use ${site.url("/a?token=app")}`), words);
    ok(!server.stderr.includes("token=app"));
  });
  await step("what PostgreSQL says behind its question is not taken for encrypted", async () => {
    using conn = await dial(site.port);
    await send(conn, Uint8Array.of(...SSL_REQUEST, 1, 2, 3));
    match(await receive(conn), /^E[^]*unencrypted data after SSL request/);
  });
  await step("ALPN: what is spoken there is agreed on, and anything else refused", async () => {
    const ask = async (...args: string[]) => (await connect(site.port, ...args)).words;
    match(await ask("-alpn", "h2,http/1.1"), /ALPN protocol: http\/1\.1/);
    match(await ask("-alpn", "postgresql"), /ALPN protocol: postgresql/);
    match(await ask(), /No ALPN negotiated/);
    match(await ask("-alpn", "h2"), /alert number 120/);
    match(await ask("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"), /alert number (?:40|70)/);
  });
});

/** A service whose answer goes on for as long as the test wants. */
class Endless implements AsyncDisposable {
  #over = Promise.withResolvers<void>();
  readonly service = new RawService(async (wire) => {
    await wire.request();
    await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst");
    await this.#over.promise;
    await wire.send("last");
  });

  finish(): void {
    this.#over.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish();
    await this.service[Symbol.asyncDispose]();
  }
}

/** The certificate that a port shows now. */
async function shown(folder: Scratch, port: number): Promise<string> {
  const { words } = await connect(port);
  const [pem = ""] = /-----BEGIN CERTIFICATE-----[^]*-----END CERTIFICATE-----/.exec(words) ?? [];
  return await fingerprint(folder, { cert: folder.write("shown.pem", pem) });
}

peerTest({
  name: "TLS trust: a certificate is read again, and no connection notices",
  permissions,
  peers: [openssl],
  os: ["linux", "darwin"],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const first = await identify(folder, NAME);
  const next = await identityIn(folder, "next", [NAME], 30);
  const third = await identityIn(folder, "third", [NAME], 30);
  // As Kubernetes does it: the files are links into a folder that is itself one, and is swapped.
  for (const [name, { cert, key }] of Object.entries({ first, next, third })) {
    await Deno.mkdir(`${folder.path}/${name}`);
    await Deno.copyFile(cert, `${folder.path}/${name}/tls.crt`);
    await Deno.copyFile(key, `${folder.path}/${name}/tls.key`);
  }
  const swap = async (name: string) => {
    await Deno.symlink(name, `${folder.path}/..new`);
    await Deno.rename(`${folder.path}/..new`, `${folder.path}/..data`);
  };
  await swap("first");
  const [cert, key] = ["tls.crt", "tls.key"].map((name) => `${folder.path}/${name}`) as [
    string,
    string,
  ];
  await Deno.symlink("..data/tls.crt", cert);
  await Deno.symlink("..data/tls.key", key);

  await using endless = new Endless();
  await using server = await startServer(identityFlags({ cert, key }));
  const flags = ["--tls", "--service", "none", "--tls-fingerprint"];
  const print = await fingerprint(folder, first);
  await using client = await startClient({
    server,
    id: "app",
    port: endless.service.port,
    flags: [...flags, print],
  });
  const caCerts = [await Deno.readTextFile(first.cert)];
  const raw = await Deno.connect({ hostname: "127.0.0.1", port: server.publicPort });
  using visitor = new Wire(
    await Deno.startTls(raw, { hostname: NAME, caCerts }) as unknown as Deno.TcpConn,
  );
  await visitor.send(get("/?token=app"));
  await visitor.until("first");

  await step("by a swap of the folder", async () => {
    equal(await shown(folder, server.publicPort), print);
    await swap("next");
    const { properties } = await server.message("Certificate reloaded");
    equal(properties.sha256, await fingerprint(folder, next));
    equal(await shown(folder, server.publicPort), await fingerprint(folder, next));
    equal(await shown(folder, server.controlPort), await fingerprint(folder, next));
  });
  await step("a pair that does not fit is not taken", async () => {
    const from = server.logs.length;
    await Deno.remove(key);
    await Deno.copyFile(third.key, key);
    const { level, properties } = await server.log(
      ({ message }) => message.startsWith("Certificate not reloaded"),
      { from },
    );
    equal(level, "WARN");
    match(String(properties.why), /expected the key of the certificate in .*found another one/);
    equal(await shown(folder, server.publicPort), await fingerprint(folder, next));
  });
  await step("by SIGHUP, when both are there", async () => {
    const from = server.logs.length;
    await Deno.remove(cert);
    await Deno.copyFile(third.cert, cert);
    server.kill("SIGHUP");
    const { properties } = await server.message("Certificate reloaded", { from });
    equal(properties.sha256, await fingerprint(folder, third));
    equal(await shown(folder, server.publicPort), await fingerprint(folder, third));
  });
  await step("the download and the client of before are still there", async () => {
    endless.finish();
    equal(await visitor.until("last"), "last");
    ok(!client.logs.some(({ message }) => message === "No link to the server"), client.stderr);
  });
});

peerTest({
  name: "TLS trust: handshakes that never end hold up nobody, and end",
  permissions,
  peers: [openssl, curl],
}, async () => {
  await using service = httpService(() => new Response("hello"));
  const limits = ["--head-timeout", "1", "--register-timeout", "1", "--max-per-ip", "40"];
  await using site = await TlsSite.start({ app: service.addr.port }, limits);
  const { server } = site;
  const from = server.logs.length;
  // What a handshake begins with, byte by byte, for as long as they are let.
  const stalled = await Promise.all(Array.from({ length: 39 }, () => dial(server.publicPort)));
  const drip = async (conn: Deno.TcpConn) => {
    try {
      for (const byte of [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]) {
        await conn.write(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await receive(conn);
    } catch { /* it was cut off */ }
    conn.close();
  };
  const dripping = stalled.map(drip);
  equal((await site.curl(site.url("/?token=app"))).words, "hello");
  const others = await Promise.all(
    Array.from({ length: 2 }, () => dial(server.controlPort)),
  );
  await Promise.all(others.map(drip));
  await within(PATIENCE_MS, "the end of all", Promise.all(dripping));
  const ends = await server.messages("Visitor left", 40, { from });
  const late = ends.filter(({ properties }) =>
    properties.end === "TLS: no TLS handshake came to its end within 1 s"
  );
  equal(late.length, 39);
  for (const { properties } of late) ok(Number(properties.ms) < 5000, `${properties.ms} ms`);
  equal((await site.curl(site.url("/?token=app"))).words, "hello");
});

peerTest({
  name: "TLS trust: visitors over the limit are told by TLS, and handshakes count",
  permissions,
  peers: [openssl, curl],
}, async () => {
  await using service = echo();
  await using site = await TlsSite.start({ app: service.port }, ["--max-per-ip", "3"]);
  const held = await Promise.all(Array.from({ length: 3 }, () => dial(site.port)));
  const { words } = await site.curl(site.url("/?token=app"), "-i");
  match(words, /^HTTP\/1\.1 429 /);
  for (const conn of held) conn.close();
});

peerTest({
  name: "TLS trust: a server that cannot use its certificate does not start, and says why",
  permissions,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const one = await identify(folder, NAME);
  const two = await identify(folder, "other.test");
  const refusal = async (flags: string[]) => {
    try {
      await using _server: Program = await startServer(flags);
    } catch (error) {
      return String(error);
    }
    throw new Error("it started");
  };
  match(await refusal(identityFlags({ ...one, key: two.key })), /--tls-key .*found another one/);
  match(
    await refusal(identityFlags({ ...one, cert: "/nowhere.pem" })),
    /--tls-cert \/nowhere\.pem/,
  );
  match(await refusal(["--tls-cert", one.cert]), /expected both, found only --tls-cert/);
});
