/**
 * TLS to a service behind the tunnel, end to end: found by its name, read by nobody in between.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { CHROMIUM, OPENSSL } from "../server/sniff/testdata/hellos.ts";
import { Scratch } from "./daemons.ts";
import { PATIENCE_MS, receive, send, WHOLE_PROGRAM, within } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { echo, RawService, Site, stepsOf } from "./services.ts";
import { connect, httpsService, identify, Nginx, nginx, openssl, run } from "./tls.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const curl = peer("curl", "apt-get install curl");
const browser = peer(["chromium", "chromium-browser", "google-chrome"], "apt-get install chromium");

/** What openssl says of an alert that it got. */
const UNRECOGNIZED_NAME = /unrecognized name[^]*alert number 112/;
const INTERNAL_ERROR = /internal error[^]*alert number 80/;

peerTest({
  name: "TLS: services are found by their names, with their own certificates",
  permissions,
  peers: [openssl, nginx, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const first = await identify(folder, "first.test");
  const second = await identify(folder, "second.test");
  await using one = await Nginx.start(folder, first, "this is the first");
  await using two = await httpsService(second, "this is the second");
  const ports = { "hush-one": one.port, "Hush-Two": two.addr.port, "hush-down": freePort() };
  await using site = await Site.start(ports);
  const ask = (name: string, { cert }: { cert: string }, ...more: string[]) =>
    connect(
      site.port,
      ...["-servername", name, "-verify_hostname", name, "-verify_return_error", "-CAfile", cert],
      ...more,
    );
  const fetch = (name: string, { cert }: { cert: string }, ...more: string[]) => {
    const args = ["--resolve", `${name}:${site.port}:127.0.0.1`, "--cacert", cert, "-sS"];
    return run(curl.path, [...args, "-m", "20", ...more, `https://${name}:${site.port}/`]);
  };

  await step("openssl", async () => {
    const { words } = await ask("hush-one.first.test", first);
    match(words, /subject=CN ?= ?first\.test/);
    match(words, /Verify return code: 0 \(ok\)/);
    match(words, /this is the first/);
    match((await ask("Hush-Two.second.test", second)).words, /this is the second/);
    match((await ask("hush-one.first.test", second)).words, /verify error/i);
  });
  await step("openssl by TLS 1.2", async () => {
    match((await ask("hush-one.first.test", first, "-tls1_2")).words, /this is the first/);
  });
  await step("curl, by HTTP/2 all the way", async () => {
    const { code, words } = await fetch("hush-one.first.test", first, "-w", " by %{http_version}");
    equal(words, "this is the first by 2");
    equal(code, 0);
  });
  await step("a name has no case, but an id that has one is found by it alone", async () => {
    match((await ask("HUSH-ONE.First.test", first)).words, /this is the first/);
    match((await ask("hush-two.second.test", second)).words, UNRECOGNIZED_NAME);
  });
  await step("a hello of more than 16 KiB", async () => {
    const names = Array.from({ length: 100 }, (_, nth) => `${nth}`.padEnd(200, "x"));
    const { words } = await ask("hush-one.first.test", first, "-alpn", `${names},http/1.1`);
    match(words, /ALPN protocol: http\/1\.1/);
    match(words, /this is the first/);
  });
  await step("a hello that comes byte by byte", async () => {
    await using slow = new RawService(async (wire) => {
      using to = await Wire.dial(site.port);
      to.conn.setNoDelay(true);
      const back = async () => {
        for await (const piece of to.pieces()) await wire.send(piece);
        await wire.finish();
      };
      const there = async () => {
        for await (const piece of wire.pieces()) {
          for (const byte of piece) await to.send(Uint8Array.of(byte));
        }
      };
      await Promise.all([back(), there()]);
    });
    const { cert } = first;
    const name = "hush-one.first.test";
    const { words } = await connect(slow.port, "-servername", name, "-CAfile", cert);
    match(words, /Verify return code: 0 \(ok\)/);
    match(words, /this is the first/);
  });
  await step("200 at once", async () => {
    const who = [
      { name: "hush-one.first.test", page: "the first", cert: first.cert },
      { name: "Hush-Two.second.test", page: "the second", cert: second.cert },
    ];
    const found = await Promise.all(Array.from({ length: 200 }, async (_, nth) => {
      const { name, page, cert } = who[nth % 2]!;
      const caCerts = [await Deno.readTextFile(cert)];
      const { conn } = await site.visit();
      using tls = await Deno.startTls(conn, { hostname: name, caCerts });
      await send(tls, `GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
      return (await receive(tls)).includes(page);
    }));
    equal(found.filter((right) => right).length, 200);
  });
  await step("no name, or one that nobody has: the alert says so", async () => {
    for (const args of [["-noservername"], ["-servername", "nobody.first.test"]]) {
      const { code, words } = await connect(site.port, ...args);
      match(words, UNRECOGNIZED_NAME);
      ok(code !== 0);
    }
    const { code, words } = await fetch("nobody.first.test", first);
    match(words, /unrecognized name/);
    equal(code, 35);
  });
  await step("its service is down, or it is offline: another alert", async () => {
    match((await ask("hush-down.first.test", first)).words, INTERNAL_ERROR);
    const from = site.server.logs.length;
    await site.clients["hush-down"]![Symbol.asyncDispose]();
    await site.server.log(({ message }) => /^Client (left|lost)/.test(message), { from });
    match((await ask("hush-down.first.test", first)).words, INTERNAL_ERROR);
  });
  await step("no log tells a name", () => {
    const { server, clients } = site;
    ok(server.logs.some(({ properties }) => properties.protocol === "tls"));
    for (const { stderr } of [server, ...Object.values(clients)]) {
      ok(!/hush|first\.test|second\.test|nobody/i.test(stderr), stderr);
    }
  });
});

peerTest({
  name: "TLS: the default client gets what has no name, or one that is no token",
  permissions,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const identity = await identify(folder, "www.test");
  await using service = await httpsService(identity, "this is the default");
  await using other = await httpsService(identity, "this is the other");
  const ports = { app: service.addr.port, other: other.addr.port };
  await using site = await Site.start(ports, ["--default-client", "app"]);
  const ask = async (...args: string[]) =>
    (await connect(site.port, "-verify_return_error", "-CAfile", identity.cert, ...args)).words;
  match(await ask("-noservername"), /this is the default/);
  match(await ask("-servername", "www.test"), /this is the default/);
  match(await ask("-servername", "other.www.test"), /this is the other/);
  const from = site.server.logs.length;
  await site.clients["other"]![Symbol.asyncDispose]();
  await site.server.log(({ message }) => /^Client (left|lost)/.test(message), { from });
  match(await ask("-servername", "other.www.test"), INTERNAL_ERROR);
});

peerTest(
  { name: "TLS: the service gets the hello once, and as it came", permissions },
  async () => {
    await using service = echo();
    await using site = await Site.start({ "my-app": service.port });
    for (const hello of [OPENSSL, CHROMIUM]) {
      using visitor = await site.visit();
      visitor.conn.setNoDelay(true);
      for (const byte of hello) await visitor.send(Uint8Array.of(byte));
      await visitor.send("and more");
      await visitor.finish();
      equal(await visitor.rest(), String.fromCharCode(...hello) + "and more");
    }
  },
);

peerTest(
  { name: "TLS: half a hello is cut off, and a broken one told so", permissions },
  async () => {
    let heard = 0;
    await using service = new RawService(async (wire) => {
      for await (const piece of wire.pieces()) heard += piece.length;
    });
    await using site = await Site.start({ "my-app": service.port }, ["--head-timeout", "0.3"]);
    const end = async (bytes: Uint8Array) => {
      const from = site.server.logs.length;
      using visitor = await site.visit();
      await visitor.send(bytes);
      const told = await within(PATIENCE_MS, "the end", visitor.rest());
      const { properties } = await site.server.message("Visitor left", { from });
      return { told, end: properties.end };
    };
    for (const size of [1, 5, 6, OPENSSL.length - 1]) {
      const { told, end: why } = await end(OPENSSL.subarray(0, size));
      equal(told, "");
      equal(why, "too slow");
    }
    const broken = OPENSSL.slice();
    broken[43] = 255; // A session id that is longer than all the rest.
    const endless = Uint8Array.of(22, 3, 1, 64, 0, 1, 255, 255, 255);
    for (const hello of [broken, endless]) {
      const { told, end: why } = await end(hello);
      equal(told, "\x15\x03\x03\0\x02\x02\x32");
      match(String(why), /^rejected: ClientHello: /);
    }
    equal(heard, 0);
  },
);

peerTest({
  name: "TLS: a browser opens a service by its name",
  permissions,
  peers: [openssl, browser],
  os: ["linux", "darwin"],
}, async () => {
  await using folder = new Scratch();
  const identity = await identify(folder, "browser.test");
  await using service = await httpsService(identity, "this is for the browser");
  await using site = await Site.start({ "my-app": service.addr.port });
  await using profile = new Scratch();
  const { words } = await run(browser.path, [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...[`--user-data-dir=${profile.path}`, "--ignore-certificate-errors"],
    ...["--host-resolver-rules=MAP *.browser.test 127.0.0.1", "--dump-dom"],
    `https://My-App.browser.test:${site.port}/`,
  ]);
  match(words, /this is for the browser/);
});
