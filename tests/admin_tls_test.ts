/**
 * The admin port with TLS: real tools and a real browser, who comes without, a certificate that is
 * renewed, and the end.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { tag } from "@agentx/common";
import { Admin, Watch } from "./admin.ts";
import { browser, faultsOf, launch } from "./browsers.ts";
import { Scratch } from "./daemons.ts";
import { readImage } from "./dockerfile.ts";
import { PATIENCE_MS, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import { eventually, RawClient } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { identify, type Identity, openssl, type Outcome, run } from "./tls.ts";
import { curl, identityFlags, NAME } from "./tls_site.ts";

const permissions = WHOLE_PROGRAM;
const KEY = "the-key-of-the-owner";
const BEARER = ["-H", `Authorization: Bearer ${KEY}`];
const ENV = { ARPS_ADMIN_KEY: KEY };
const ADMIN = ["--admin-port", "0", "--admin-tls"];

/** The admin port under the name in its certificate, and how curl gets there. */
class Port {
  readonly url: string;
  readonly number: number;
  readonly #trust: readonly string[];

  constructor(admin: Admin, cert: string) {
    this.number = Number(new URL(admin.url).port);
    this.url = `https://${NAME}:${this.number}`;
    this.#trust = ["-sS", "--cacert", cert, "--resolve", `${NAME}:${this.number}:127.0.0.1`];
  }

  curl(path: string, ...args: string[]): Promise<Outcome> {
    return run(curl.path, [...this.#trust, "-m", "20", ...args, new URL(path, this.url).href]);
  }

  /** Events until it is disposed, as curl gets them. */
  watch(): Watching {
    const args = [...this.#trust, "-N", ...BEARER, `${this.url}/api/events`];
    return new Watching(
      new Deno.Command(curl.path, { args, stdout: "piped", stderr: "null" }).spawn(),
    );
  }
}

class Watching extends Watch {
  constructor(readonly child: Deno.ChildProcess) {
    super(child.stdout, []);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.child.status;
    await super[Symbol.asyncDispose]();
  }
}

/** Puts one identity into the place of another. */
async function renew(old: Identity): Promise<void> {
  await using folder = new Scratch();
  const next = await identify(folder, NAME);
  await Deno.writeTextFile(old.cert, await Deno.readTextFile(next.cert));
  await Deno.writeTextFile(old.key, await Deno.readTextFile(next.key));
}

peerTest({
  name: "admin TLS: curl finds everything there, and who comes without TLS is told so",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  await using server = await startServer([...identityFlags(identity), ...ADMIN], ENV);
  const admin = Admin.of(server);
  match(admin.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const port = new Port(admin, identity.cert);

  await step("by each version of TLS, and HTTP, over one connection", async () => {
    for (const version of [["--tls-max", "1.2"], ["--tlsv1.3"], ["--http1.0"]]) {
      const twice = [`${port.url}/readyz`, "-w", "%{num_connects}\n"];
      const { words, code } = await port.curl("/healthz", ...version, ...twice);
      deepEqual([words, code], [`ok\n1\nok\n${version[0] === "--http1.0" ? 1 : 0}\n`, 0]);
    }
    equal((await port.curl("/healthz", "--tls-max", "1.1")).code, 35);
    equal((await run(curl.path, ["-sS", `${admin.url}/healthz`])).code, 60);
  });
  await step("metrics and clients, with the key", async () => {
    equal((await port.curl("/metrics", "-o", "-", "-w", "%{http_code}")).words.slice(-3), "401");
    for (const form of [[], ["--compressed"]]) {
      match((await port.curl("/metrics", ...BEARER, ...form)).words, /^arps_clients 0$/m);
    }
    equal((await port.curl("/api/clients", ...BEARER)).words, '{"clients":[]}');
    const { words } = await port.curl("/", "-I");
    match(words, /^HTTP\/1\.1 200 /);
    match(words, /content-security-policy: default-src 'none'/);
  });
  await step("a login has a cookie that goes by TLS alone", async () => {
    const json = ["-H", "Content-Type: application/json", "-d", JSON.stringify({ key: KEY })];
    const chunked = ["-H", "Transfer-Encoding: chunked"];
    for (const how of [json, [...json, ...chunked]]) {
      const { words } = await port.curl("/api/login", "-i", ...how);
      match(words, /set-cookie: arps_admin=[^\r]*; HttpOnly; SameSite=Strict; Secure\r/);
    }
    const foreign = ["-H", "Origin: https://elsewhere.test"];
    match((await port.curl("/api/login", "-i", ...json, ...foreign)).words, /^HTTP\/1\.1 403 /);
  });
  await step("plain HTTP is told where to go, and gets nothing", async () => {
    const from = server.logs.length;
    const plain = await run(curl.path, [
      ...["-sS", "-i", "-m", "20", "--resolve", `${NAME}:${port.number}:127.0.0.1`],
      ...[...BEARER, `http://${NAME}:${port.number}/metrics`],
    ]);
    equal(plain.code, 0);
    match(plain.words, /^HTTP\/1\.1 400 Bad Request\r\n/);
    ok(plain.words.endsWith(`came as HTTP\nUse https://${NAME}:${port.number}/metrics\n`));
    const { properties } = await server.message("Connection to the admin port refused", { from });
    match(String(properties.why), /without TLS: HTTP/);
  });
  await step("others are turned away, and hold up nobody", async () => {
    using silent = await Wire.dial(port.number);
    for (const nonsense of ['\0\0\0\x10{"Register":{}}', "SSH-2.0-OpenSSH_9.2\r\n"]) {
      using other = await Wire.dial(port.number);
      await other.send(nonsense);
      equal(await other.last(), "");
    }
    equal((await port.curl("/healthz")).words, "ok\n");
    await silent.finish();
  });
  ok(!server.stderr.includes(KEY));
});

peerTest({
  name: "admin TLS: a renewed certificate serves whoever comes, and a stream goes on, to its end",
  permissions,
  peers: [openssl, curl],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const flags = [...identityFlags(identity), "--no-tls-control", ...ADMIN];
  await using server = await startServer(flags, ENV);
  const admin = Admin.of(server);
  const before = folder.write("before.pem", await Deno.readTextFile(identity.cert));
  const [old, port] = [new Port(admin, before), new Port(admin, identity.cert)];
  await using watch = old.watch();
  deepEqual((await watch.next("snapshot")).clients, []);

  await step("when the files change", async () => {
    const from = server.logs.length;
    await renew(identity);
    await server.message("Certificate reloaded", { from });
    equal((await port.curl("/healthz")).words, "ok\n");
    equal((await old.curl("/healthz")).code, 60);
  });
  if (Deno.build.os !== "windows") {
    await step("when told to", async () => {
      const from = server.logs.length;
      server.kill("SIGHUP");
      await server.message("Certificate reloaded", { from });
      equal((await port.curl("/healthz")).words, "ok\n");
    });
  }
  await step("the stream tells of what happens then", async () => {
    using _client = await RawClient.register(server, "comes-late");
    const [{ kind, client }] = await watch.next("events");
    deepEqual([kind, client], ["registered", await tag("comes-late")]);
  });
  await step("who leaves a stream makes room", async () => {
    const open = Array.from({ length: 63 }, () => port.watch());
    try {
      await Promise.all(open.map((one) => one.next("snapshot")));
      const full = await port.curl("/api/events", ...BEARER, "-w", "%{http_code}");
      match(full.words, /Too many watch already.*503$/);
    } finally {
      await Promise.all(open.map((one) => one[Symbol.asyncDispose]()));
    }
    await eventually("room", async () => {
      await using one = port.watch();
      return await one.next("snapshot").then(() => true, () => false);
    });
  });
  if (Deno.build.os === "windows") return;
  await step("when the server ends, so does the stream, in order", async () => {
    server.kill("SIGTERM");
    await within(PATIENCE_MS, "the end of the server", server.status());
    await watch.next("nothing like it").catch(() => {});
    const { code } = await within(PATIENCE_MS, "the end of curl", watch.child.status);
    equal(code, 0);
  });
});

peerTest({
  name: "admin TLS: an admin port that others can reach is spoken of, unless it has TLS",
  permissions,
  peers: [openssl, curl],
}, async () => {
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const key = `${folder.path}/admin.key`;
  await Deno.writeTextFile(key, KEY);
  const flags = [
    ...identityFlags(identity),
    ...["--admin-port", "0", "--admin-bind", "0.0.0.0", "--admin-key-file", key],
  ];
  await using plain = await startServer(flags);
  const warned = ({ logs }: typeof plain) =>
    logs.filter(({ message, level }) => level === "WARN" && /admin key can be read/.test(message));
  match(warned(plain)[0]?.message ?? "", /use --admin-tls, ssh -L, or a proxy with TLS$/);
  match(Admin.of(plain).url, /^http:\/\/0\.0\.0\.0:\d+$/);
  await using secure = await startServer([...flags, "--admin-tls"]);
  deepEqual(warned(secure), []);
  equal((await new Port(Admin.of(secure), identity.cert).curl("/healthz")).words, "ok\n");
  // A port that is taken is told as ever.
  const port = freePort();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port });
  const taken = [...identityFlags(identity), "--admin-port", `${port}`, "--admin-tls"];
  const error = await startServer(taken).then(() => "", String);
  match(error, new RegExp(`Cannot listen on --admin-port ${port} of 127\\.0\\.0\\.1: another pro`));
});

peerTest({
  name: "admin TLS: the health check of the image finds the port with TLS and without",
  permissions,
  peers: [openssl],
}, async () => {
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const root = new URL("..", import.meta.url);
  const file = await Deno.readTextFile(new URL("Dockerfile", root));
  const [, ...args] = readImage(file, "arps").health;
  const health = async (port: string) => {
    const env = { ARPS_ADMIN_PORT: port };
    const check = new Deno.Command(Deno.execPath(), { args, env, cwd: root, stderr: "piped" });
    const { code, stderr } = await within(PATIENCE_MS, "a check", check.output());
    return [code, new TextDecoder().decode(stderr)];
  };
  for (const how of [["--admin-tls"], []]) {
    const flags = [...identityFlags(identity), "--admin-port", "0", ...how];
    await using server = await startServer(flags, ENV);
    const { port } = new URL(Admin.of(server).url);
    deepEqual(await health(port), [0, ""]);
    deepEqual(server.logs.filter(({ level }) => level === "WARN" || level === "WARNING"), []);
    // A port that speaks TLS and something else inside, or nothing at all.
    deepEqual(await health(String(server.publicPort)), [1, ""]);
  }
  deepEqual(await health(String(freePort())), [1, ""]);
});

peerTest({
  name: "admin TLS: a browser shows the dashboard, and it watches",
  permissions: [...permissions, { name: "sys" }],
  peers: [openssl, browser],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using folder = new Scratch();
  const identity = await identify(folder, NAME);
  const flags = [...identityFlags(identity), "--no-tls-control", ...ADMIN];
  await using server = await startServer(flags, ENV);
  const { url } = Admin.of(server);
  const chrome = await launch();
  try {
    const context = await chrome.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const faults = faultsOf(page);
    await page.goto(url);
    await page.getByLabel("Admin key").fill(KEY);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("No client is online yet.").waitFor();
    const [cookie] = await context.cookies(url);
    deepEqual([cookie?.name, cookie?.secure, cookie?.httpOnly], ["arps_admin", true, true]);
    using _client = await RawClient.register(server, "shows-up");
    const row = page.getByRole("row", { name: await tag("shows-up") });
    await row.waitFor();
    await row.getByRole("button", { name: "Kick" }).click();
    const question = page.getByRole("dialog", { name: /^Kick/ });
    await question.getByRole("button", { name: "Kick", exact: true }).click();
    await page.getByText("was kicked").waitFor();
    // What was refused in front of the login.
    deepEqual(faults.filter((fault) => !/401/.test(fault)), []);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Admin key").waitFor();
  } finally {
    await chrome.close();
  }
});
