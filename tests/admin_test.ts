import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { tag } from "@agentx/common";
import { Admin } from "./admin.ts";
import { startClient, startServer } from "./helpers.ts";
import { get, Wire } from "./http_wire.ts";
import { peer, peerTest, WHOLE_PROGRAM } from "./peers.ts";
import {
  Download,
  eventually,
  frame,
  HeldService,
  LeftBehind,
  RawClient,
  serveOnce,
  visit,
} from "./raw_peers.ts";
import { Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const promtool = peer("promtool", "apt-get install prometheus");

const KEY = "the-key-of-the-owner";
/** Also the token of its visitors, and so a secret. */
const ID = "the-id-of-a-client";
const ALIAS = "an-alias-of-it";
const ADMIN = ["--admin-port", "0"];

/** What promtool has to say to metrics. */
async function lint(metrics: string): Promise<string> {
  const child = new Deno.Command(promtool.path, {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = new Blob([metrics]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  await input;
  return `${code} ${new TextDecoder().decode(stdout)}${new TextDecoder().decode(stderr)}`;
}

peerTest({
  name: "admin: what the server does is seen while it does it, and no secret with it",
  permissions: WHOLE_PROGRAM,
  peers: [promtool],
}, async (t) => {
  const step = stepsOf(t);
  await using service = new HeldService();
  await using server = await startServer([...ADMIN, "--heartbeat", "0.5"], {
    ARPS_ADMIN_KEY: KEY,
  });
  const admin = Admin.of(server, KEY);
  const name = await tag(ID);
  await using watch = await admin.watch();

  await step("a client that registers is there", async () => {
    deepStrictEqual((await watch.next("snapshot")).clients, []);
    const flags = ["--alias", ALIAS, "--service", "none"];
    await using client = await startClient({ server, id: ID, port: service.port, flags });
    const [event] = await watch.next("events");
    deepStrictEqual([event.kind, event.client], ["registered", name]);
    const [row] = (await admin.json("/api/clients")).clients;
    deepStrictEqual(
      [row.tag, row.online, row.generation, row.aliases, row.pool.idle],
      [name, true, 2, 1, 1],
    );
    match(row.peer, /^127\.0\.0\.1:\d+$/);
    match(row.version, /^\d+\.\d+\.\d+$/);
    client.kill("SIGKILL");
    const { changed } = await watch.next("clients", ({ changed }) => !changed[0].online);
    deepStrictEqual(
      [changed[0].tag, changed[0].left_why],
      [name, "reset"].with(1, changed[0].left_why),
    );
    ok(["reset", "closed"].includes(changed[0].left_why));
  });

  await using _client = await startClient({
    server,
    id: ID,
    port: service.port,
    flags: ["--service", "none"],
  });
  const traffic = (way: string) =>
    admin.metric(`arps_client_traffic_bytes_total{client="${name}",direction="${way}"}`);

  await step("bytes count while a download is under way", async () => {
    using download = await Download.begin(server.publicPort, `${ID}/secret-path&other-secret=1`);
    const before = await traffic("down");
    ok(before >= 200_000, `${before}`);
    ok(await traffic("up") > 0);
    strictEqual(await admin.metric(`arps_client_visitors{client="${name}"}`), 1);
    strictEqual(await admin.metric(`arps_visitors{protocol="http"}`), 1);
    const { live } = await admin.json("/api/visitors");
    deepStrictEqual([live.length, live[0].protocol, live[0].clients], [1, "http", [name]]);
    strictEqual(live[0].down_bytes, before);
    service.release();
    strictEqual(await download.finishes(), true);
    ok(await traffic("down") > before + 199_000);
  });

  await step("the visitor that has left is told of", async () => {
    const [visitor] = await watch.next("visitors");
    deepStrictEqual(
      [visitor.protocol, visitor.clients, visitor.end, visitor.requests],
      ["http", [name], "done", 1],
    );
    const { recent, live } = await admin.json("/api/visitors");
    deepStrictEqual([recent[0], live], [visitor, []]);
    strictEqual(
      await admin.metric(`arps_visitor_connections_total{protocol="http",end="done"}`),
      1,
    );
  });

  await step("a client that comes back goes on with its totals", async () => {
    strictEqual(await admin.metric(`arps_client_registrations_total{client="${name}"}`), 2);
    const row = await admin.json(`/api/clients/${name.slice(1)}`);
    deepStrictEqual([row.registrations, row.served, row.history.down.length], [2, 1, 180]);
    strictEqual(await admin.status("/api/clients/%2300000000"), 404);
  });

  await step("what the server refuses is counted", async () => {
    await visit(server.publicPort, "/?token=nobody-of-that-name");
    strictEqual(await admin.metric(`arps_refusals_total{protocol="http",status="404"}`), 1);
    using lost = await Wire.dial(server.proxyPort);
    const late = { proxy_conn_id: "0".repeat(32), client_id: ID };
    await lost.send(frame(JSON.stringify({ NewProxyConn: late })));
    await watch.next("events", ([{ kind }]) => kind === "tunnel_refused");
    strictEqual(await admin.metric("arps_tunnels_refused_total"), 1);
  });

  await step("promtool has nothing to say to the metrics", async () => {
    strictEqual(await lint(await admin.text("/metrics")), "0 ");
  });

  await step("no answer holds an id, a token, a query or the key", () => {
    const said = admin.said.join("\n");
    ok(said.includes(name));
    for (const secret of [ID, ALIAS, KEY, "nobody-of-that-name", "secret-path", "other-secret"]) {
      ok(!said.includes(secret), secret);
    }
    ok(!server.stderr.includes(KEY));
  });
});

peerTest({
  name: "admin: a tunnel that is dead when it is needed is counted",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  using client = await RawClient.register(server, ID);
  const name = await tag(ID);
  await client.asked(1);
  const first = await client.open();
  await eventually("a warm tunnel", async () => await admin.metric("arps_idle_tunnels") === 1);
  const visitor = visit(server.publicPort, `/?token=${ID}`);
  // It ends as soon as its visitor is there; the next one serves.
  await first.take(4);
  first[Symbol.dispose]();
  await client.asked(1);
  const [second, message] = [await client.open(), visitor];
  await serveOnce(second);
  strictEqual((await message).body, "hello");
  const metrics = await admin.metrics();
  strictEqual(metrics.get("arps_tunnels_stale_total"), 1);
  strictEqual(metrics.get(`arps_client_tunnels_stale_total{client="${name}"}`), 1);
  deepStrictEqual(
    [
      metrics.get('arps_tunnel_takes_total{result="warm"}')! >= 1,
      metrics.get("arps_tunnels_opened_total"),
    ],
    [true, 2],
  );
});

peerTest({
  name: "admin: links end for reasons, and each is counted",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const counted = (reason: string, times = 1, at = admin) =>
    eventually(
      reason,
      async () => await at.metric(`arps_departures_total{reason="${reason}"}`) === times,
    );
  {
    using client = await RawClient.register(server, "leaves-in-order");
    await client.control.finish();
    await counted("closed");
  }
  {
    using client = await RawClient.register(server, "says-nonsense");
    await client.control.send("\0\0\0\x02{}");
    await counted("protocol_error");
  }
  {
    using _client = await RawClient.register(server, "comes-twice");
    using second = await RawClient.register(server, "comes-twice");
    await counted("replaced");
    await second.control.finish();
    await counted("closed", 2);
  }
  await using impatient = await startServer([...ADMIN, "--heartbeat", "0.2"]);
  using _client = await RawClient.register(impatient, "stays-silent");
  await counted("heartbeat_lost", 1, Admin.of(impatient));
  using refused = await RawClient.register(server, "not a name");
  strictEqual(refused.answer.success, false);
  strictEqual(await admin.metric('arps_registration_refusals_total{reason="invalid"}'), 1);
});

peerTest({
  name: "admin: a client that is kicked ends with its visitors, and stays away for as long as told",
  permissions: WHOLE_PROGRAM,
}, async (t) => {
  const step = stepsOf(t);
  await using held = new HeldService();
  await using site = await Site.start({ [ID]: held.port, other: held.port }, ADMIN);
  const admin = Admin.of(site.server);
  const name = await tag(ID);
  const path = `/api/clients/${name.slice(1)}/kick`;
  await using watch = await admin.watch();

  await step("its downloads end, those of others go on", async () => {
    using mine = await Download.begin(site.port, ID);
    using other = await Download.begin(site.port, "other");
    using idle = await Wire.dial(site.port);
    await idle.send(get(`/?token=${ID}`));
    await idle.response();
    const answer = await admin.post(path, { ban_s: 2 });
    deepStrictEqual([answer.status, answer.body], [200, { kicked: name, ban_s: 2 }]);
    strictEqual(await mine.finishes(), false);
    strictEqual(await idle.last(), "");
    held.release();
    strictEqual(await other.finishes(), true);
  });
  await step("it is refused with the time that is left, and then comes back", async () => {
    using early = await RawClient.register(site.server, ID);
    const { success, error, retry_s } = early.answer as unknown as Record<string, unknown>;
    strictEqual(success, false);
    match(String(error), /sent this client away/);
    ok(retry_s === 1 || retry_s === 2, `${retry_s}`);
    await site.clients[ID]!.message("Registered", { from: site.clients[ID]!.logs.length });
    deepStrictEqual((await visit(site.port, `/?token=${ID}`)).body, "hello");
    const row = await admin.json(`/api/clients/${name.slice(1)}`);
    deepStrictEqual([row.online, row.departures], [true, { kicked: 1 }]);
    ok(await admin.metric('arps_registration_refusals_total{reason="banned"}') >= 1);
    await watch.next(
      "events",
      (all) => all.some(({ kind }: { kind: string }) => kind === "kicked"),
    );
  });
  await step("a kick that is no kick is refused", async () => {
    strictEqual((await admin.post(path, { ban_s: -1 })).status, 400);
    strictEqual((await admin.post(path, { ban_s: "1" })).status, 400);
    strictEqual((await admin.post("/api/clients/00000000/kick", {})).status, 404);
    strictEqual(await admin.status(path), 405);
    strictEqual(await admin.status(path, { method: "POST", body: "ban_s=1" }), 415);
    const long = await admin.post(path, { ban_s: 0, x: "x".repeat(5000) });
    strictEqual(long.status, 413);
    strictEqual((await admin.json(`/api/clients/${name.slice(1)}`)).online, true);
  });
});

peerTest({
  name: "admin: a client that ended its link is kicked with the visitors it kept, by all its names",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const name = (await tag(ID)).slice(1);
  const path = `/api/clients/${name}/kick`;
  const aliased = { version: 2, aliases: [ALIAS] };
  using client = await RawClient.register(server, ID, aliased);
  using visitor = await LeftBehind.by(client, server.publicPort);
  await server.message("Client left");
  strictEqual(await visitor.goesOn(), true);
  const kicked = await admin.post(path, { ban_s: 600 });
  deepStrictEqual([kicked.status, kicked.body.ban_s], [200, 600]);
  strictEqual(await visitor.ends(), true);
  for (const [id, fields] of [[ID, {}], [ALIAS, {}], ["another", { aliases: [ALIAS] }]] as const) {
    using early = await RawClient.register(server, id, { version: 2, ...fields });
    match(String(early.answer.error), /sent this client away/);
  }
  // To be kicked once more, without a ban, does not end the ban.
  strictEqual((await admin.post(path, {})).status, 200);
  {
    using early = await RawClient.register(server, ID, aliased);
    strictEqual(early.answer.success, false);
  }
  // Its tag is known as long as the rest of it, so the owner can think better of it.
  strictEqual(await admin.status(`/api/bans/${name}`, { method: "DELETE" }), 200);
  using again = await RawClient.register(server, ID, aliased);
  strictEqual(again.answer.success, true);
});

peerTest({
  name: "admin: who lacks the key gets nothing but the page and the state of health",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(ADMIN, { ARPS_ADMIN_KEY: KEY });
  const admin = Admin.of(server);
  for (const path of ["/healthz", "/readyz"]) strictEqual(await admin.text(path), "ok\n");
  const page = await admin.fetch("/");
  const html = await page.text();
  match(html, /<script type="module">/);
  const policy = page.headers.get("content-security-policy")!;
  match(policy, /script-src 'sha256-[^']+';.*frame-ancestors 'none'/);
  ok(!/unsafe/.test(policy));
  const paths = [
    "/metrics",
    "/api/server",
    "/api/clients",
    "/api/clients/x",
    "/api/visitors",
    "/api/events",
  ];
  for (const path of paths) {
    const response = await admin.fetch(path);
    strictEqual(response.status, 401, path);
    strictEqual(response.headers.get("x-content-type-options"), "nosniff");
    await response.body?.cancel();
  }
  strictEqual((await admin.post("/api/clients/x/kick", {})).status, 401);

  const login = await admin.post("/api/login", { key: KEY });
  strictEqual(login.status, 200);
  const cookie = login.headers.get("set-cookie")!;
  match(cookie, /^arps_admin=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  const halves = { "cookie": cookie.split(";")[0]!, "x-arps-session": login.body.session };
  const status = (headers: Record<string, string>) => admin.status("/api/clients", { headers });
  strictEqual(await status(halves), 200);
  // Another program of this host is sent the cookie, but not the other half.
  strictEqual(await status({ cookie: halves.cookie }), 401);
  strictEqual((await admin.post("/api/login", { key: "wrong-wrong" })).status, 401);
  strictEqual((await admin.post("/api/logout", {}, halves)).status, 200);
  strictEqual(await status(halves), 401);
  for (let nth = 0; nth < 40; nth++) await status({ authorization: `Bearer guess-${nth}` });
  const last = await admin.fetch("/metrics", { headers: { authorization: "Bearer guess" } });
  strictEqual(last.status, 429);
  ok(Number(last.headers.get("retry-after")) > 0);
  await last.body?.cancel();
});

peerTest({
  name: "admin: a page from elsewhere does not get in by a name of its own",
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using server = await startServer(ADMIN);
  const admin = Admin.of(server);
  const port = Number(new URL(admin.url).port);
  const ask = async (request: string) => {
    using wire = await Wire.dial(port);
    await wire.send(request);
    return await wire.response();
  };
  const under = (host: string, ...lines: string[]) =>
    ask(
      ["GET /api/clients HTTP/1.1", `Host: ${host}`, "Connection: close", ...lines, "", ""].join(
        "\r\n",
      ),
    );
  match((await under(`localhost:${port}`)).start, / 200 /);
  match((await under(`[::1]:${port}`)).start, / 200 /);
  match((await under(`evil.example:${port}`)).start, / 403 /);
  match((await under("127.0.0.1.evil.example")).start, / 403 /);
  match((await under(`localhost:${port}`, "Sec-Fetch-Site: same-site")).start, / 403 /);
  const foreign = await admin.post("/api/clients/x/kick", {}, { origin: "http://evil.example" });
  strictEqual(foreign.status, 403);
  match(await (await admin.fetch("/metrics")).text(), /arps_clients 0/);
});

peerTest({
  name: "admin: a server that drains is alive and not ready, and is watched to its end",
  permissions: WHOLE_PROGRAM,
  os: ["linux", "darwin"],
}, async () => {
  await using service = new HeldService();
  await using site = await Site.start({ [ID]: service.port }, ADMIN);
  const admin = Admin.of(site.server);
  strictEqual(await admin.metric("arps_draining"), 0);
  await using watch = await admin.watch();
  using download = await Download.begin(site.port, ID);
  site.server.kill("SIGTERM");
  await site.server.message("Draining");
  await watch.next("second", ({ draining }) => draining);
  const ready = await admin.fetch("/readyz");
  deepStrictEqual([ready.status, await ready.text()], [503, "draining\n"]);
  strictEqual(await admin.text("/healthz"), "ok\n");
  strictEqual(await admin.metric("arps_draining"), 1);
  service.release();
  strictEqual(await download.finishes(), true);
  strictEqual((await site.server.status()).code, 0);
});

peerTest({
  name: "admin: the port needs no permission but the network",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const deno = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net", "arps", "--bind", "127.0.0.1"]
      .concat(["--control-port", "0", "--proxy-port", "0", "--public-port", "0", ...ADMIN]),
    cwd: new URL("..", import.meta.url),
    stderr: "piped",
  }).spawn();
  const lines = deno.stderr.pipeThrough(new TextDecoderStream());
  let said = "";
  for await (const text of lines) {
    said += text;
    const found = /"admin":"([^"]+)"/.exec(said)?.[1];
    if (found === undefined) continue;
    const response = await fetch(`${found}/metrics`);
    match(await response.text(), /process_resident_memory_bytes \d+/);
    break;
  }
  deno.kill("SIGKILL");
  await deno.status;
});

peerTest({
  name: "admin: a port that cannot be had is named, and so is a key that is missing",
  permissions: WHOLE_PROGRAM,
}, async () => {
  const port = freePort();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port });
  const run = async (...flags: string[]) => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--allow-net", "arps", ...flags]
        .concat(["--control-port", "0", "--proxy-port", "0", "--public-port", "0"]),
      cwd: new URL("..", import.meta.url),
    }).output();
    return `${code} ${new TextDecoder().decode(stderr)}`;
  };
  match(
    await run("--bind", "127.0.0.1", "--admin-port", `${port}`),
    /^1 .*--admin-port \d+ of 127/s,
  );
  match(await run("--admin-port", "0", "--admin-bind", "0.0.0.0"), /^2 .*--admin-key/s);
  match(await run("--admin-port", "0", "--admin-bind", "127.evil.example"), /^2 .*--admin-key/s);
});
