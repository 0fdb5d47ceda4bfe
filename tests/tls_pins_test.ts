/**
 * Clients that pin the server's certificate or its key: when one is renewed, when it is another's, and
 * when somebody else shows a copy of it.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Admin } from "./admin.ts";
import { accepts, Daemon, Scratch } from "./daemons.ts";
import {
  PATIENCE_MS,
  type Program,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import { eventually } from "./raw_peers.ts";
import { httpService, stepsOf } from "./services.ts";
import { identify, type Identity, openssl, run } from "./tls.ts";
import { curl, identityFlags, NAME } from "./tls_site.ts";

const permissions = WHOLE_PROGRAM;
const MODULE = fileURLToPath(new URL("../server/main.ts", import.meta.url));
/** A P-256 point as it stands at the end of a key: uncompressed. */
const POINT_BYTES = 65;

/** Pins of a certificate, as other programs make them. */
async function pinsOf(folder: Scratch, cert: string): Promise<{ cert: string; key: string }> {
  const print = ["x509", "-in", cert, "-noout", "-fingerprint", "-sha256"];
  const der = `${cert}.der`;
  const pem = await folder.run(openssl.path, ["x509", "-in", cert, "-noout", "-pubkey"]);
  const key = folder.write("public.pem", pem);
  await folder.run(openssl.path, ["pkey", "-pubin", "-in", key, "-outform", "der", "-out", der]);
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(der));
  return {
    cert: (await folder.run(openssl.path, print)).trim().replace(/^.*=/, ""),
    key: `sha256//${new Uint8Array(digest).toBase64()}`,
  };
}

/** `arps cert --self-signed`, on the files of an identity. */
async function cert({ cert, key }: Identity, ...flags: string[]): Promise<string> {
  const all = ["cert", "--self-signed", "--out-cert", cert, "--out-key", key, ...flags];
  const { code, words } = await run(Deno.execPath(), ["run", "-A", "--quiet", MODULE, ...all]);
  equal(code, 0, words);
  return words;
}

/** A client that trusts these pins, any of them. */
function pinned(
  server: TestServer,
  id: string,
  port: number,
  pins: readonly string[],
): Promise<Program> {
  const flags = [
    "--tls",
    "--service",
    "none",
    ...pins.flatMap((pin) => ["--tls-fingerprint", pin]),
  ];
  return startClient({ server, id, port, flags });
}

peerTest({
  name:
    "TLS pins: a renewed certificate ends no client that pins its key, and others say so at once",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  await using service = httpService(() => new Response("hello"));
  const { port } = service.addr;
  const identity = await identify(folder, NAME);
  const old = await pinsOf(folder, identity.cert);
  // Without warm tunnels each visitor needs one made with the certificate of its time.
  const admin = ["--admin-port", "0", "--pool-size", "0"];
  await using server = await startServer([...identityFlags(identity), ...admin]);
  await using _keyed = await pinned(server, "keyed", port, [old.key]);
  await using _both = await pinned(server, "both", port, ["00".repeat(32), old.key]);
  await using stale = await pinned(server, "stale", port, [old.cert]);
  const visit = async (token: string) => {
    const url = `https://${NAME}:${server.publicPort}/?token=${token}`;
    const resolve = ["--resolve", `${NAME}:${server.publicPort}:127.0.0.1`];
    const { words } = await run(curl.path, ["-sSk", "-m", "20", "-i", ...resolve, url]);
    return words;
  };

  await step("each serves", async () => {
    // Not the third: it would have a tunnel, by which the next visitor came as well.
    for (const token of ["keyed", "both"]) match(await visit(token), /^HTTP\/1\.1 200 /);
  });
  await step("arps cert --renew keeps the key and the names", async () => {
    const before = await Deno.readTextFile(identity.key);
    const words = await cert(identity, "--renew", "--days", "9");
    const now = await pinsOf(folder, identity.cert);
    equal(await Deno.readTextFile(identity.key), before);
    equal(now.key, old.key);
    ok(now.cert !== old.cert);
    match(words, /^Names {8}arps\.test, \*\.arps\.test$/m);
    for (const pin of [now.cert, now.key, old.cert]) ok(words.includes(pin), words);
    const { properties } = await server.message("Certificate reloaded");
    equal(properties.sha256, now.cert);
    equal(properties.key, now.key);
  });
  await step("a client that pins the key serves on", async () => {
    for (const token of ["keyed", "both"]) match(await visit(token), /^HTTP\/1\.1 200 /);
  });
  const from = stale.logs.length;
  await step("one that pins the certificate is offline with the first visitor", async () => {
    match(await visit("stale"), /^HTTP\/1\.1 503 /);
    match(await visit("stale"), /^HTTP\/1\.1 503 [^]*offline/);
    await server.log(({ message, properties }) =>
      message === "Client left" && properties.why === "link closed"
    );
    const at = Admin.of(server);
    equal(await at.metric("arps_clients"), 2);
    equal(await at.metric(`arps_departures_total{reason="closed"}`), 1);
  });
  await step("and says so in one clear line, and comes back as one that was refused", async () => {
    const [first, second] = await stale.messages("No link to the server", 2, { from });
    equal(first!.level, "ERROR");
    match(String(first!.properties.why), /is another one: expected --tls-fingerprint/);
    ok(Number(first!.properties.retry_s) >= 5);
    equal(second!.level, "WARN");
    ok(Number(second!.properties.retry_s) >= 10);
    equal(stale.logs.filter(({ message }) => message === "Cannot open a tunnel").length, 0);
    equal(stale.logs.filter(({ level }) => level === "ERROR").length, 1);
    // The server's owner need not be woken for it, but finds it.
    const told = await server.message("Not a client");
    equal(told.level, "INFO");
    match(String(told.properties.why), /after the TLS handshake.*does not trust the certificate/);
  });
});

peerTest({
  name: "TLS pins: a client with the pins of the old and the new key lives through the change",
  permissions,
  peers: [openssl, curl],
}, async () => {
  await using folder = new Scratch();
  await using service = httpService(() => new Response("hello"));
  const identity = await identify(folder, NAME);
  const next = { cert: `${folder.path}/next.pem`, key: `${folder.path}/next.key` };
  await cert(next, "--name", NAME);
  const pins = [
    (await pinsOf(folder, identity.cert)).cert,
    (await pinsOf(folder, next.cert)).key,
  ];
  await using server = await startServer([...identityFlags(identity), "--pool-size", "0"]);
  await using client = await pinned(server, "app", service.addr.port, pins);
  await Deno.rename(next.key, identity.key);
  await Deno.rename(next.cert, identity.cert);
  await server.message("Certificate reloaded");
  const { words } = await run(curl.path, [
    ...["-sSk", "-m", "20", `https://127.0.0.1:${server.publicPort}/?token=app`],
  ]);
  equal(words, "hello");
  equal(client.logs.filter(({ message }) => message === "No link to the server").length, 0);
});

peerTest({
  name: "TLS: a client that is stopped, replaced or sent away ends its link in order",
  permissions,
  peers: [openssl],
  os: ["linux", "darwin"],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const { key } = await pinsOf(folder, identity.cert);
  await using server = await startServer([...identityFlags(identity), "--admin-port", "0"]);
  const admin = Admin.of(server);
  const counted = (reason: string, times: number) =>
    eventually(
      reason,
      async () => await admin.metric(`arps_departures_total{reason="${reason}"}`) === times,
    );
  await step("by a signal: closed, not reset", async () => {
    for (let times = 1; times <= 3; times++) {
      await using client = await pinned(server, "app", 9, [key]);
      client.kill("SIGTERM");
      equal((await within(PATIENCE_MS, "its end", client.status())).code, 0);
      await counted("closed", times);
    }
    const { properties } = await server.message("Client left");
    equal(properties.why, "link closed");
    equal(await admin.metric(`arps_departures_total{reason="reset"}`), 0);
  });
  await step("by kill -9: reset, since nobody announced that end", async () => {
    await using client = await pinned(server, "app", 9, [key]);
    client.kill("SIGKILL");
    await counted("reset", 1);
  });
});

/**
 * A private key that says it is that of a certificate, and is not: all a program compares is the
 * public key, which stands in both.
 */
async function forge(folder: Scratch, { cert, key }: Identity): Promise<string> {
  const der = async (path: string, args: string[]) => {
    const out = `${folder.path}/${path}`;
    await folder.run(openssl.path, [...args, "-outform", "der", "-out", out]);
    return await Deno.readFile(out);
  };
  const own = await der("own.der", ["ec", "-in", key]);
  const curve = ["ecparam", "-genkey", "-name", "prime256v1", "-noout"];
  const forged = await der("other.der", curve);
  forged.set(own.subarray(-POINT_BYTES), forged.length - POINT_BYTES);
  const pem =
    `-----BEGIN EC PRIVATE KEY-----\n${forged.toBase64()}\n-----END EC PRIVATE KEY-----\n`;
  const path = folder.write("forged.key", pem.replaceAll(/(.{64})/g, "$1\n"));
  ok(cert !== path);
  return path;
}

peerTest({
  name: "TLS pins: a copy of the certificate without its key is no use",
  permissions,
  peers: [openssl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const pins = await pinsOf(folder, identity.cert);
  const forged = await forge(folder, identity);
  /** What a client says of a server with that key. */
  const meet = async (key: string, version: string, trust: readonly string[]) => {
    const port = freePort();
    const serve = ["s_server", "-cert", identity.cert, "-key", key, `-${version}`, "-quiet"];
    const args = [...serve, "-accept", `127.0.0.1:${port}`];
    await using _server = await Daemon.start(openssl.path, args, folder, () => accepts(port));
    await using client = await startClient({
      server: { controlPort: port, proxyPort: port },
      id: "app",
      port: 9,
      flags: ["--no-auto-reconnect", "--service", "none", "--tls", ...trust],
      eager: true,
    });
    await within(PATIENCE_MS, "its end", client.status());
    return client.stderr.split("\n").find((line) => line.startsWith("arpc: ")) ?? "";
  };
  for (const version of ["tls1_2", "tls1_3"]) {
    for (const [kind, pin] of Object.entries(pins)) {
      await step(`${version}, pinned by its ${kind}`, async () => {
        const said = await meet(forged, version, ["--tls-fingerprint", pin]);
        match(said, /is not to be trusted: .*does not prove that it has the key/);
      });
    }
    await step(`${version}, by its authority and name`, async () => {
      const trust = ["--tls-ca", identity.cert, "--tls-server-name", NAME];
      match(await meet(forged, version, trust), /is not to be trusted: /);
    });
  }
  await step("with its key it is taken for the server, until it has no answer", async () => {
    for (const version of ["tls1_2", "tls1_3"]) {
      const said = await meet(identity.key, version, ["--tls-fingerprint", pins.key]);
      match(said, /cannot be reached: the server hung up instead of an answer/);
    }
  });
});
