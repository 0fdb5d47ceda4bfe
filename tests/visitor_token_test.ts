/**
 * Visitor tokens over HTTP, from `arpc token create` to the service and back.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { base64url, SignJWT } from "jose";
import { audienceOf, keyIdOf } from "@agentx/common/visitor-token";
import { type Program, startClient, startServer, WHOLE_PROGRAM } from "./helpers.ts";
import { field, fields, get, post, status, Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import { output } from "./postgres.ts";
import { eventually } from "./raw_peers.ts";
import { httpService, Recorder, stepsOf } from "./services.ts";
import { claimsOf, cutOff, Home, idOf, sign } from "./tokens.ts";

const permissions = WHOLE_PROGRAM;
const curl = peer("curl", "apt-get install curl");

/** Answers on a connection of its own. */
async function ask(port: number, request: string) {
  using wire = await Wire.dial(port);
  await wire.send(request);
  const answer = await wire.response(request.slice(0, request.indexOf(" ")));
  return { status: status(answer), head: answer.head, body: answer.body };
}

/** Whether a request is refused by now; one that comes just then is cut off with those that run. */
async function isRefused(port: number, request: string): Promise<boolean> {
  try {
    return (await ask(port, request)).status === 401;
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) return false;
    throw error;
  }
}

/** The client has told the server of its key. */
function keyed(client: Program, from = 0): Promise<unknown> {
  return client.message("Registered", { from });
}

peerTest({
  name: "visitor tokens: the key, the service, and what it sees",
  permissions,
  peers: [curl],
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  await using service = new Recorder("app");
  await using server = await startServer();
  const flags = ["--service", "none"];
  await using client = await startClient({
    server,
    id: "my-app",
    port: service.port,
    flags: [...flags, "--alias", "second"],
    env: home.env,
  });
  const port = server.publicPort;
  const registered = client.logs.length;
  let token = "";

  await step(
    "the first token makes a key, and a running client tells its server at once",
    async () => {
      token = await home.token("my-app", "--label", "alice");
      await keyed(client, registered);
      equal((await ask(port, get(`/?token=${token}`))).status, 200);
      ok(token.length < 300, `${token.length}`);
    },
  );
  await step(
    "by query, with a path, by header and by curl; the service never sees it",
    async () => {
      const ways: [target: string, lines: string[], seen: string][] = [
        [`/a?token=${token}`, [], "/a"],
        [`/a?x=1&token=${token}&y=2`, [], "/a?x=1&y=2"],
        [`/?token=${token}/deep/er?z=%20`, [], "/deep/er?z=%20"],
        [`/?token=${token}%2Fdeep%2Fer`, [], "/deep/er"],
        ["/h?x=y", [`X-ARP-Token: ${token}`], "/h?x=y"],
        ["/c", [`Cookie: a=b; arp_token=${token}; c=d`], "/c"],
        ["/r", [`Referer: http://test/page?q=1&token=${token}#top`], "/r"],
        [`/both?token=${token}&token=${token}`, [`Cookie: arp_token=${token}`], "/both"],
      ];
      for (const [target, lines, seen] of ways) {
        const { status, body } = await ask(port, get(target, ...lines));
        deepEqual([status, body], [200, `app GET ${seen}`], target);
        const { head } = service.last;
        ok(!head.includes("eyJ") && !head.includes("arp_token"), head);
      }
      const { head } = service.requests.find(({ start }) => start.startsWith("GET /c "))!;
      deepEqual(fields({ head }, "cookie"), ["a=b;  c=d".replace("  ", " ")]);
      const referer = service.requests.find(({ start }) => start.startsWith("GET /r "))!;
      equal(field(referer, "referer"), "http://test/page?q=1#top");
      const url = `${server.url}/with-curl?token=${token}`;
      equal(await output(curl, ["-sS", "--fail", url]), "app GET /with-curl");
      const body = await ask(port, post(`/p?token=${token}`, "some body"));
      equal(body.status, 200);
      equal(service.last.body, "some body");
    },
  );
  await step("an alias has tokens of its own", async () => {
    const other = await home.token("second");
    equal((await ask(port, get(`/?token=${other}`))).status, 200);
  });
  await step("the id still opens all, byte for byte", async () => {
    equal((await ask(port, get("/x?a=1&token=my-app"))).status, 200);
    equal(service.last.start, "GET /x?a=1&token=my-app HTTP/1.1");
  });
  await step("another JWT in the query belongs to the app", async () => {
    const { x, d } = home.key;
    const foreign = await sign({ x, d }, "my-app", { sub: "somebody" }, { typ: "JWT" });
    const { status } = await ask(port, get(`/own?token=${foreign}`, "X-ARP-Token: my-app"));
    equal(status, 200);
    equal(service.last.start, `GET /own?token=${foreign} HTTP/1.1`);
    equal((await ask(port, get(`/own?token=${foreign}`))).status, 404);
  });
  await step("a navigation goes on without the token in its address", async () => {
    const page = ["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    const cases: [target: string, location: string][] = [
      [`/?token=${token}`, "/"],
      [`/a/b?x=1&token=${token}&y=%2f`, "/a/b?x=1&y=%2f"],
      [`/?token=${token}/sub/page?q=2`, "/sub/page?q=2"],
      [`//evil.example/x?token=${token}`, "/.//evil.example/x"],
      [`/\\evil.example?token=${token}`, "/./\\evil.example"],
      [`http://test\\evil.example?token=${token}`, "/./\\evil.example"],
      [`http://evil.example/x?token=${token}`, "/x"],
      [`http://evil.example?token=${token}`, "/"],
      [`//?token=${token}/evil.example`, "/.//evil.example"],
      [`/?token=${token}/%0d%0aSet-Cookie:x=y`, "/%0d%0aSet-Cookie:x=y"],
      [`/?token=${token}%2F%0d%0aSet-Cookie:x=y`, "/%0D%0ASet-Cookie:x=y"],
    ];
    for (const [target, location] of cases) {
      const { status, head } = await ask(port, get(target, ...page));
      deepEqual([status, field({ head }, "location")], [303, location], target);
      const base = new URL(field({ head }, "location")!, "http://test/");
      equal(base.host, "test", "it stays on the same host");
      const cookie = field({ head }, "set-cookie")!;
      match(cookie, /^arp_token=eyJ[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
      const left = Number(/Max-Age=(\d+)/.exec(cookie)![1]);
      ok(left > 86_000 && left <= 86_400, cookie);
      equal(field({ head }, "referrer-policy"), "no-referrer");
      equal(field({ head }, "cache-control"), "no-store");
      const [pair = ""] = cookie.split(";");
      equal((await ask(port, get("/after", ...page, `Cookie: ${pair}`))).status, 200);
    }
  });
  await step("a frame on another site gets no cookie, and goes on as it is", async () => {
    const frame = ["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"];
    const { status, head } = await ask(
      port,
      get(`/f?token=${token}`, ...frame, "Sec-Fetch-Site: cross-site"),
    );
    deepEqual([status, fields({ head }, "set-cookie")], [200, []]);
  });
  await step("no log has a token, nor anything of one that could be used", () => {
    const [, payload = "", signature = ""] = token.split(".");
    for (const { stderr } of [server, client]) {
      ok(!stderr.includes(payload) && !stderr.includes(signature));
    }
    const line = server.logs.find(({ message, properties }) =>
      message === "Visitor left" && properties.visitor_token === idOf(token).slice(0, 8)
    );
    ok(line !== undefined, "a visitor's line names its token");
  });
});

peerTest({ name: "visitor tokens: alice and bob, and bob is cut off", permissions }, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const streams = new Map<string, ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  await using service = httpService((request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/events") return new Response("page");
    const name = searchParams.get("name") ?? "";
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        streams.set(name, controller);
        controller.enqueue(encoder.encode("data: first\n\n"));
      },
      cancel: () => void streams.delete(name),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  await using server = await startServer();
  const alice = await home.token("shared", "--label", "alice");
  const bob = await home.token("shared", "--label", "bob");
  await using client = await startClient({
    server,
    id: "shared",
    port: service.addr.port,
    flags: ["--require-visitor-token", "--service", "none"],
    env: home.env,
  });
  const port = server.publicPort;
  const listen = async (name: string, token: string) => {
    const wire = await Wire.dial(port);
    await wire.send(get(`/events?name=${name}&token=${token}`));
    await wire.until("data: first\n\n");
    return wire;
  };

  await step("the id alone opens nothing, and the answer says what would", async () => {
    const bare = [
      get("/?token=shared"),
      get("/", "X-ARP-Token: shared"),
      get("/", "Cookie: arp_token=shared"),
    ];
    for (const request of bare) {
      const { status, body, head } = await ask(port, request);
      equal(status, 401);
      match(body, /^A visitor token is needed here\n/);
      match(field({ head }, "www-authenticate") ?? "", /^ARP /);
    }
  });
  await step("bob's live stream ends with his token, and alice's goes on", async () => {
    using ofAlice = await listen("alice", alice);
    using ofBob = await listen("bob", bob);
    const before = performance.now();
    const { code, out } = await home.run("revoke", "bob");
    deepEqual([code, out], [0, `revoked ${idOf(bob)} bob\n`]);
    await cutOff(server, bob);
    ok(performance.now() - before < 15_000, "with the start of a program");
    await ofBob.last();
    for (const word of ["second", "third"]) {
      streams.get("alice")!.enqueue(encoder.encode(`data: ${word}\n\n`));
      match(await ofAlice.until("\n\n"), new RegExp(`data: ${word}`));
    }
    const { status, body } = await ask(port, get(`/?token=${bob}`));
    equal(status, 401);
    match(body, /^This visitor token was revoked\n/);
    equal((await ask(port, get(`/?token=${alice}`))).status, 200);
  });
  await step(
    "another request behind it on the same connection does not keep bob's stream",
    async () => {
      const carol = await home.token("shared", "--label", "carol");
      using wire = await listen("carol", carol);
      await wire.send(get("/", `X-ARP-Token: ${alice}`));
      equal((await home.run("revoke", "carol")).code, 0);
      // Both came by this connection.
      await server.log(({ properties }) =>
        properties.end === "visitor token revoked" &&
        String(properties.visitor_token).startsWith(idOf(carol).slice(0, 8))
      );
      await wire.last();
    },
  );
  await step("a connection between two requests is left alone", async () => {
    const dave = await home.token("shared", "--label", "dave");
    using wire = await Wire.dial(port);
    await wire.send(get("/", `X-ARP-Token: ${dave}`));
    equal(status(await wire.response()), 200);
    equal((await home.run("revoke", "dave")).code, 0);
    await eventually(
      "the other answer",
      () => isRefused(port, get("/", `X-ARP-Token: ${dave}`)),
    );
    await wire.send(get("/", `X-ARP-Token: ${alice}`));
    equal(status(await wire.response()), 200, "the same connection, by another token");
    await wire.send(get("/", `X-ARP-Token: ${dave}`));
    equal(status(await wire.response()), 401);
  });
  await step("a restart of either end brings no revoked token back", async () => {
    await using second = await startServer();
    await using again = await startClient({
      server: second,
      id: "shared",
      port: service.addr.port,
      flags: ["--service", "none"],
      env: home.env,
    });
    ok(again.pid > 0);
    const answers = await Promise.all(
      [alice, bob].map((token) => ask(second.publicPort, get(`/?token=${token}`))),
    );
    deepEqual(answers.map(({ status }) => status), [200, 401]);
  });
  await step("a new key takes all tokens back, the living ones too", async () => {
    using wire = await listen("alice", alice);
    const { code, out } = await home.run("revoke", "all", "--new-key");
    equal(code, 0);
    match(out, /There is a new key/);
    await cutOff(server, alice);
    await wire.last();
    const fresh = await home.token("shared");
    await eventually(
      "the other answer",
      async () => (await ask(port, get(`/?token=${fresh}`))).status === 200,
    );
    equal((await ask(port, get(`/?token=${alice}`))).status, 401);
  });
  ok(client.logs.length > 0);
});

peerTest(
  { name: "visitor tokens: what somebody else made opens nothing", permissions },
  async (t) => {
    const step = stepsOf(t);
    using home = new Home();
    using evil = new Home();
    await using service = new Recorder("app");
    await using server = await startServer();
    const good = await home.token("app");
    await evil.token("evil");
    const flags = ["--service", "none"];
    const start = (id: string, { env }: Home) =>
      startClient({ server, id, port: service.port, flags, env });
    await using _app = await start("app", home);
    await using _sibling = await start("sibling", home);
    await using _evil = await start("evil", evil);
    const port = server.publicPort;
    const [header = "", payload = "", signature = ""] = good.split(".");
    const encode = (value: unknown) => base64url.encode(JSON.stringify(value));
    const kid = await keyIdOf(home.key.x);
    const claims = claimsOf(good);
    /** With the public key as a secret, which everybody can know. */
    const confused = async () =>
      await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "arp+jwt", kid })
        .sign(base64url.decode(home.key.x));
    const flipped = (signature.startsWith("A") ? "B" : "A") + signature.slice(1);

    const cases: [name: string, token: string | Promise<string>, body: RegExp, status?: number][] =
      [
        ["alg none", `${encode({ alg: "none", typ: "arp+jwt", kid })}.${payload}.`, /not valid/],
        ["HS256 with the public key", confused(), /not valid/],
        ["a flipped bit", `${header}.${payload}.${flipped}`, /not valid/],
        ["no signature", `${header}.${payload}.`, /not valid/],
        [
          "a later end",
          `${header}.${encode({ ...claims, exp: 9e9 })}.${signature}`,
          /not valid/,
        ],
        ["another client's key", sign(evil.key, "app"), /not valid/],
        ["another key under our kid", sign(evil.key, "app", {}, { kid }), /not valid/],
        ["a key in its header", sign(evil.key, "app", {}, { kid, jwk: evil.key }), /not valid/],
        [
          "crit",
          `${
            encode({ alg: "EdDSA", typ: "arp+jwt", kid, crit: ["x"], x: 1 })
          }.${payload}.${signature}`,
          /not valid/,
        ],
        ["a limit that nobody knows", home.sign("app", { country: "nz" }), /not valid/],
        ["a limit that is none", home.sign("app", { ip: ["everywhere"] }), /not valid/],
        ["uses below one", home.sign("app", { uses: 0 }), /not valid/],
        ["exp as text", home.sign("app", { exp: "9999999999" }), /not valid/],
        ["no jti", home.sign("app", { jti: undefined }), /not valid/],
        ["expired", home.sign("app", { exp: Math.floor(Date.now() / 1000) - 1 }), /has expired/],
        ["not yet", home.sign("app", { nbf: Math.floor(Date.now() / 1000) + 600 }), /not good yet/],
        ["nobody's", home.sign("nobody"), /is not here/, 404],
        [
          "not valid UTF-8",
          `${header}.${base64url.encode("\xff\xfe{")}.${signature}`,
          /not here/,
          404,
        ],
      ];
    for (const [name, made, body, expected = 401] of cases) {
      await step(name, async () => {
        const token = await made;
        for (const request of [get(`/?token=${token}`), get("/", `Cookie: arp_token=${token}`)]) {
          const got = await ask(port, request);
          equal(got.status, expected, got.body);
          match(got.body, body);
          ok(!got.body.includes(token.slice(0, 40)), "an answer repeats nothing of it");
        }
      });
    }
    await step("a token is for one client, even of two with one key", async () => {
      const got = await ask(port, get(`/?token=${good}`));
      equal(got.status, 200);
      const token = await home.sign("sibling", { aud: await audienceOf("app") });
      equal((await ask(port, get(`/?token=${token}`))).status, 200, "whose it is, it says itself");
      const [, other] = (await home.sign("sibling")).split(".");
      equal((await ask(port, get(`/?token=${header}.${other}.${signature}`))).status, 401);
    });
    await step("a client cannot take back what another signed", async () => {
      const forged = await evil.sign("app", { jti: idOf(good) });
      equal((await ask(port, get(`/?token=${forged}`))).status, 401);
      // It lists the id of the other's token as its own, and revokes that.
      const line = { token: { id: idOf(good), client: "evil", made: 0, expires: 9e9 } };
      const facts = [line, { revoked: idOf(good), at: 1 }].map((fact) =>
        JSON.stringify(fact) + "\n"
      );
      Deno.writeTextFileSync(`${evil.state}/visitor-tokens.jsonl`, facts.join(""), {
        append: true,
      });
      const mine = await evil.token("evil");
      equal((await evil.run("revoke", idOf(mine))).code, 0);
      await eventually(
        "the other answer",
        () => isRefused(port, get(`/?token=${mine}`)),
      );
      equal((await ask(port, get(`/?token=${good}`))).status, 200);
    });
    await step(
      "one as large as a head may be, and a crowd of bad ones, are refused at once",
      async () => {
        const huge = `${header}.${"A".repeat(60_000)}.${signature}`;
        equal((await ask(port, get(`/?token=${huge}`))).status, 404);
        const many = await Promise.all(
          Array.from({ length: 150 }, () => evil.sign("app", {}, { kid })),
        );
        const time = async (tokens: string[]) => {
          const before = performance.now();
          const got = await ask(port, get("/?" + tokens.map((one) => `token=${one}`).join("&")));
          equal(got.status, 401);
          return performance.now() - before;
        };
        const one = await time(many.slice(0, 1));
        const all = await time(many);
        ok(all < 1000 + 20 * one, `${all} ms, and ${one} ms for one of them`);
      },
    );
    await step("a good one is found among bad ones", async () => {
      const bad = await evil.sign("app", {}, { kid });
      const got = await ask(port, get(`/?token=${bad}`, `Cookie: arp_token=${good}`));
      deepEqual([got.status, service.last.start], [200, "GET / HTTP/1.1"]);
    });
  },
);

peerTest({ name: "visitor tokens: their limits", permissions }, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  await using service = new Recorder("app");
  await using server = await startServer(["--trusted-proxies", "127.0.0.1"]);
  const documents = await home.token(
    "app",
    "--path",
    "/docs",
    "--path",
    "/a b/",
    "--method",
    "get",
  );
  await using _client = await startClient({
    server,
    id: "app",
    port: service.port,
    flags: ["--require-visitor-token", "--service", "none"],
    env: home.env,
  });
  const port = server.publicPort;
  const code = async (request: string) => (await ask(port, request)).status;

  await step("paths and methods", async () => {
    const header = `X-ARP-Token: ${documents}`;
    for (const path of ["/docs", "/docs/", "/docs/a?x=/../y", "/a%20b/c", "/docs/.well-known"]) {
      equal(await code(get(path, header)), 200, path);
    }
    const tricks = [
      "/",
      "/docsx",
      "/Docs",
      "/docs/../admin",
      "/docs/..",
      "/docs/./x",
      "/docs//x",
      "//docs",
      "/docs/%2e%2e/admin",
      "/docs/..%2fadmin",
      "/docs/%252e%252e%252fadmin",
      "/docs/..;/admin",
      "/docs\\..\\admin",
      "/docs/%5c..%5cadmin",
      "http://test/docs",
      "/docs/x%00",
      "/%64ocs",
      "*",
      "/docs/;/x",
    ];
    for (const path of tricks) equal(await code(get(path, header)), 401, path);
    equal(await code(get(`/?token=${documents}/docs/a`)), 200);
    equal(await code(get(`/?token=${documents}/admin`)), 401);
    equal(await code(get(`/docs?token=${documents}/../admin`)), 401);
    equal(await code(`HEAD /docs HTTP/1.1\r\nHost: test\r\n${header}\r\n\r\n`), 200);
    for (const method of ["POST", "DELETE", "OPTIONS"]) {
      equal(await code(`${method} /docs HTTP/1.1\r\nHost: test\r\n${header}\r\n\r\n`), 401, method);
    }
    const { body } = await ask(port, get("/admin", header));
    equal(body, "This visitor token is not for this path\nIt is for /docs, /a%20b/.\n");
    const raw = get("/docs", header, "Connection: Upgrade", "Upgrade: arp");
    const refused = await ask(port, raw);
    equal(refused.status, 401);
    match(refused.body, /for web requests only/);
  });
  await step("addresses, by the last one that no proxy of ours has", async () => {
    const token = await home.token("app", "--ip", "192.0.2.0/24", "--ip", "2001:db8::/32");
    const from = (chain: string) =>
      code(get("/", `X-ARP-Token: ${token}`, `X-Forwarded-For: ${chain}`));
    const good = ["192.0.2.7", "10.9.9.9, 192.0.2.7", "192.0.2.7, 127.0.0.1", "2001:db8::1"];
    for (const chain of [...good, "192.0.2.7:4711", "[2001:db8::1]:80", "::ffff:192.0.2.9"]) {
      equal(await from(chain), 200, chain);
    }
    for (
      const chain of [
        "192.0.3.1",
        "192.0.2.7, 10.9.9.9",
        "192.0.2.7, nonsense",
        "127.0.0.1",
        "2001:db9::1",
      ]
    ) {
      equal(await from(chain), 401, chain);
    }
    equal(await code(get("/", `X-ARP-Token: ${token}`)), 401);
  });
  await step("a number of visits", async () => {
    const token = await home.token("app", "--uses", "2");
    using wire = await Wire.dial(port);
    for (let nth = 0; nth < 5; nth++) {
      await wire.send(get("/", `X-ARP-Token: ${token}`));
      equal(status(await wire.response()), 200, "one connection is one visit");
    }
    const page = ["Accept: text/html"];
    const opened = await ask(port, get(`/?token=${token}`, ...page));
    equal(opened.status, 303);
    const [cookie = ""] = field(opened, "set-cookie")!.split(";");
    for (
      const request of [get("/", ...page, `Cookie: ${cookie}`), get("/part", `Cookie: ${cookie}`)]
    ) {
      equal(await code(request), 200, "the cookie is the visit that was counted");
    }
    equal(
      (await ask(port, get(`/?token=${token}`, ...page, `Cookie: ${cookie}`))).status,
      303,
      "again",
    );
    const refused = await ask(port, get("/", `X-ARP-Token: ${token}`));
    equal(refused.status, 401);
    match(refused.body, /used up/);
    equal(await code(get(`/?token=${token}`, ...page)), 401);
    equal(
      await code(get("/", ...page, `Cookie: arp_token=${token}`)),
      401,
      "a cookie without the mark",
    );
    const forged = cookie.slice(0, -4) + (cookie.endsWith("AAAA") ? "BBBB" : "AAAA");
    equal(await code(get("/", ...page, `Cookie: ${forged}`)), 401);
    await wire.send(get("/", `X-ARP-Token: ${token}`));
    equal(status(await wire.response()), 200, "the first connection is still the first visit");
  });
  await step("a hundred at once do not get more than it allows", async () => {
    const token = await home.token("app", "--uses", "7");
    const codes = await Promise.all(
      Array.from({ length: 60 }, () => code(get("/", `X-ARP-Token: ${token}`))),
    );
    deepEqual([
      codes.filter((one) => one === 200).length,
      codes.filter((one) => one === 401).length,
    ], [7, 53]);
  });
  await step("its end, also for what runs just then", async () => {
    const token = await home.sign("app", { exp: Math.ceil(Date.now() / 1000) + 1 });
    using wire = await Wire.dial(port);
    // Half a body keeps the request going.
    await wire.send(
      `POST / HTTP/1.1\r\nHost: test\r\nX-ARP-Token: ${token}\r\nContent-Length: 9\r\n\r\nhalf`,
    );
    const line = await server.log(({ message, properties }) =>
      message === "Visitor left" && properties.end === "visitor token expired"
    );
    ok(Number(line.properties.ms) < 10_000);
    await wire.last();
    equal(await code(get("/", `X-ARP-Token: ${token}`)), 401);
  });
  await step("a dead cookie is taken away, and no other", async () => {
    const token = await home.sign("app", { exp: Math.floor(Date.now() / 1000) - 5 });
    const dead = await ask(port, get("/", `Cookie: arp_token=${token}`));
    match(field(dead, "set-cookie") ?? "", /^arp_token=; .*Max-Age=0$/);
    const outside = await ask(port, get("/admin", `Cookie: arp_token=${documents}`));
    deepEqual([outside.status, fields(outside, "set-cookie")], [401, []]);
  });
});

peerTest({ name: "visitor tokens: where the whole server wants them", permissions }, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  await using service = new Recorder("app");
  const flags = ["--require-visitor-token", "--domain", "example.org", "--default-client", "app"];
  await using server = await startServer([...flags, "--allow-ports", `${freePort()}`]);
  const token = await home.token("app");
  await using client = await startClient({
    server,
    id: "app",
    port: service.port,
    flags: ["--service", "none", "--remote-port", "0"],
    env: home.env,
  });
  const port = server.publicPort;
  const at = (host: string, ...lines: string[]) =>
    ask(port, ["GET / HTTP/1.1", `Host: ${host}`, ...lines, "", ""].join("\r\n"));

  await step("neither a host, nor nothing, nor a port of its own opens it", async () => {
    equal((await at("app.example.org")).status, 401);
    equal((await at("example.org")).status, 401);
    const registered = await client.message("Registered");
    ok(registered);
    const { properties } = await server.message("Client registered");
    using wire = await Wire.dial(Number(properties.remote_port));
    await wire.send("hello");
    equal(await wire.last(), "");
    equal(
      (await server.log(({ properties }) => properties.protocol === "tcp")).properties.end,
      "refused 401",
    );
  });
  await step("with the token beside it, the host does", async () => {
    equal((await at("app.example.org", `Cookie: arp_token=${token}`)).status, 200);
    equal((await at("app.example.org", `X-ARP-Token: ${token}`)).status, 200);
    equal((await at("example.org", `X-ARP-Token: ${token}`)).status, 200);
    equal((await at("elsewhere.org", `X-ARP-Token: ${token}`)).status, 200);
    equal((await at("elsewhere.example.org", `X-ARP-Token: ${token}`)).status, 404);
  });
});
