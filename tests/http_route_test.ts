import { deepEqual, equal, match, ok } from "node:assert/strict";
import { startClient, startServer, WHOLE_PROGRAM } from "./helpers.ts";
import { field, fields, get, post, status, Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { httpService, Recorder, Site, stepsOf } from "./services.ts";
import { Home } from "./tokens.ts";

const permissions = WHOLE_PROGRAM;
const curl = peer("curl", "apt-get install curl");
/** What a browser accepts when it loads a page. */
const HTML = "Accept: text/html,application/xhtml+xml";

peerTest({ name: "routes: every place a token may stand in", permissions }, async (t) => {
  const step = stepsOf(t);
  await using a = new Recorder("A");
  await using b = new Recorder("B");
  await using site = await Site.start({ a: a.port, b: b.port }, ["--domain", "arp.test"]);
  const ask = async (request: string) => {
    using visitor = await site.visit();
    await visitor.send(request);
    return (await visitor.response()).body;
  };
  const host = (name: string) => (request: string) =>
    request.replace("Host: test", `Host: ${name}`);

  const PLACES: Record<string, [request: string, target: string]> = {
    "query": [get("/x?token=a"), "/x?token=a"],
    "query among others": [get("/x?y=1&token=a&z=%20"), "/x?y=1&token=a&z=%20"],
    "query with a path": [get("/?token=a/sub/path"), "/sub/path"],
    "query with a path below another": [get("/base?token=a/sub&y=1"), "/base/sub?y=1"],
    "query with a path and a query": [get("/?token=a/sub?y=1&z=2"), "/sub?y=1&z=2"],
    "query, encoded": [get("/?token=a%2Fsub%2Fpath"), "/sub/path"],
    "query, encoded with a query": [get("/?token=a%2Fsub%3Fy%3D1"), "/sub?y=1"],
    "query as of the config file": [get("/?token=client-id=a"), "/?token=client-id=a"],
    "the config file's line with a path": [get("/?token=client-id=a/sub"), "/sub"],
    "X-ARP-Token": [get("/x", "X-ARP-Token: a"), "/x"],
    "the host under the domain": [host("a.arp.test:1234")(get("/x")), "/x"],
    "the referer of the same host": [get("/x.js", "Referer: http://test/?token=a"), "/x.js"],
    "the referer with a path": [get("/x.js", "Referer: http://test/?token=a/sub"), "/x.js"],
    "the cookie": [get("/x", "Cookie: arp_token=a"), "/x"],
    "the cookie among others": [get("/x", "Cookie: y=1; arp_token=a; z=2"), "/x"],
    "an absolute target": [get("http://test/x?token=a"), "http://test/x?token=a"],
  };
  for (const [place, [request, target]] of Object.entries(PLACES)) {
    await step(place, async () => equal(await ask(request), `A GET ${target}`));
  }

  await step("the order: query, header, referer, cookie", async () => {
    const order = (target: string, header: string, referer: string, cookie: string) =>
      ask(
        get(
          target,
          `X-ARP-Token: ${header}`,
          `Referer: http://test/?token=${referer}`,
          `Cookie: arp_token=${cookie}`,
        ),
      );
    equal(await order("/?token=b", "a", "a", "a"), "B GET /?token=b");
    equal(await order("/", "b", "a", "a"), "B GET /");
    equal(await order("/", "of-the-app", "b", "a"), "B GET /");
    equal(await order("/", "of-the-app", "of-the-app", "b"), "B GET /");
  });
  await step("another host's referer does not count", async () => {
    match(await ask(get("/", "Referer: http://other/?token=a")), /^Client Token not found\n/);
  });
  await step("our cookie, and names of other clients, are kept from the service", async () => {
    equal(
      await ask(
        get(
          "/y?token=a",
          "Cookie: x=1; arp_token=b; y=2",
          "Referer: http://test/page?token=b&x=1",
          "X-ARP-Token: b",
        ),
      ),
      "A GET /y?token=a",
    );
    equal(field(a.last, "cookie"), "x=1; y=2");
    equal(field(a.last, "referer"), "http://test/page?x=1");
    equal(field(a.last, "x-arp-token"), undefined);
    equal(await ask(get("/z", "Cookie: arp_token=a")), "A GET /z");
    equal(field(a.last, "cookie"), undefined);
  });
  await step("a token of the application's own falls through to the cookie", async () => {
    equal(await ask(get("/?token=hmr", "Cookie: arp_token=a")), "A GET /?token=hmr");
    equal(await ask(get("/?token=hmr/x", "Cookie: arp_token=a")), "A GET /?token=hmr/x");
  });
  await step("the host of the domain itself is nobody's", async () => {
    match(await ask(host("arp.test")(get("/"))), /^Client Token not found\n/);
  });
});

peerTest({
  name: "routes: at a host name under --domain nothing leads to another client",
  permissions,
  peers: [curl],
}, async (t) => {
  const step = stepsOf(t);
  await using victim = new Recorder("victim");
  await using attacker = new Recorder("attacker");
  const ports = { victim: victim.port, attacker: attacker.port };
  await using site = await Site.start(ports, ["--domain", "t.example"]);
  const curled = async (target: string, ...args: string[]) => {
    // curl takes the first of several.
    const host = args.find((line) => line.startsWith("Host: ")) ?? "Host: victim.t.example";
    const lines = [host, "Cookie: session=SECRET; arp_token=attacker"];
    const headers = lines.flatMap((line) => ["-H", line]);
    const { stdout } = await new Deno.Command(curl.path, {
      args: ["-s", "-i", ...headers, ...args, site.url + target],
    }).output();
    const [head = "", body = ""] = new TextDecoder().decode(stdout).split("\r\n\r\n");
    const start = head.split("\r\n")[0]!;
    return { code: status({ start }), cookie: field({ head }, "set-cookie"), body };
  };
  const LURES: Record<string, [target: string, ...args: string[]]> = {
    "a page": ["/?token=attacker", "-H", HTML],
    "a page below": ["/?token=attacker/path", "-H", HTML],
    "a form": ["/?token=attacker", "-d", "x=1"],
    "a header": ["/", "-H", "X-ARP-Token: attacker"],
    "a Referer": ["/", "-H", "Referer: http://victim.t.example/?token=attacker"],
    "a WebSocket": ["/?token=attacker", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket"],
    "the same host in other letters": ["/?token=attacker", "-H", "Host: VICTIM.t.Example.:80"],
  };
  for (const [lure, [target, ...args]] of Object.entries(LURES)) {
    await step(lure, async () => {
      const { body, cookie } = await curled(target, ...args);
      match(body, /^victim (GET|POST) /);
      equal(body.split(" ")[2], target);
      equal(cookie, undefined);
      equal(field(victim.last, "cookie"), "session=SECRET");
    });
  }
  await step("a URL of another host than Host", async () => {
    for (const hosts of [["attacker", "victim"], ["victim", "attacker"]]) {
      using wire = await site.visit();
      const [url, host] = hosts.map((name) => `${name}.t.example`);
      await wire.send(`GET http://${url}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      equal(status(await wire.response()), 400);
    }
  });
  await step("raw bytes", async () => {
    const args = ["-H", "Connection: Upgrade", "-H", "Upgrade: arp", "-H", "X-ARP-Token: attacker"];
    const { code, body } = await curled("/", ...args, "-H", "Host: nobody.t.example");
    equal(code, 404);
    match(body, /^Client 'nobody' not found\nCheck the host name/);
  });
  await step("and when it is offline, to nobody", async () => {
    await site.clients.victim![Symbol.asyncDispose]();
    await site.server.message("Client left");
    for (const [target, ...args] of Object.values(LURES)) {
      const { code, body, cookie } = await curled(target, ...args);
      deepEqual([code, cookie], [503, undefined]);
      match(body, /Client (?:'|&#39;)victim(?:'|&#39;) is offline/);
    }
  });
  deepEqual(attacker.requests, []);
});

peerTest({
  name: "routes: with --require-visitor-token an attacker's own opens nothing at another's host",
  permissions,
}, async () => {
  using home = new Home();
  await using victim = new Recorder("victim");
  await using attacker = new Recorder("attacker");
  await using server = await startServer(["--domain", "t.example", "--require-visitor-token"]);
  const token = await home.token("attacker");
  const good = await home.token("victim");
  const start = (id: string, port: number) =>
    startClient({ server, id, port, flags: ["--service", "none"], env: home.env });
  await using _victim = await start("victim", victim.port);
  await using _attacker = await start("attacker", attacker.port);
  const ask = async (target: string, ...lines: string[]) => {
    using wire = await Wire.dial(server.publicPort);
    await wire.send(get(target, ...lines).replace("Host: test", "Host: victim.t.example"));
    const response = await wire.response();
    return [status(response), field(response, "set-cookie")?.slice(0, 13), response.body];
  };
  const mine = `Cookie: arp_token=${good}`;
  const other = `Cookie: arp_token=${token}`;
  for (const [target, ...lines] of [[`/?token=${token}`, HTML], ["/", other, HTML]]) {
    const [code, cookie] = await ask(target!, ...lines);
    deepEqual([code, cookie], [401, undefined]);
    deepEqual(await ask(target!, ...lines, mine), [200, undefined, "victim GET /"]);
    ok(!victim.last.head.includes("eyJ"), victim.last.head);
  }
  const framed = [
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: iframe",
    "Sec-Fetch-Site: cross-site",
  ];
  deepEqual(await ask(`/?token=${token}`, ...framed, mine), [200, undefined, "victim GET /"]);
  deepEqual((await ask(`/?token=${good}`, HTML)).slice(0, 2), [303, "arp_token=eyJ"]);
  deepEqual(attacker.requests, []);
});

peerTest({ name: "routes: an alias and the default client", permissions }, async () => {
  await using a = new Recorder("A");
  await using b = new Recorder("B");
  await using site = await Site.start({ b: b.port }, ["--default-client", "b"]);
  const flags = ["--alias", "a2", "--alias", "a3"];
  await using _a = await startClient({ server: site.server, id: "a", port: a.port, flags });
  const ask = async (target: string) => await (await fetch(site.url + target)).text();
  equal(await ask("/x"), "B GET /x");
  for (const id of ["a", "a2", "a3"]) equal(await ask(`/x?token=${id}`), `A GET /x?token=${id}`);
});

peerTest({ name: "routes: the cookie is set for navigations alone", permissions }, async (t) => {
  const step = stepsOf(t);
  await using a = new Recorder("A");
  await using site = await Site.start({ a: a.port });
  const cookie = async (request: string) => {
    using visitor = await site.visit();
    await visitor.send(request);
    return field(await visitor.response(), "set-cookie");
  };
  const COOKIE = "arp_token=a; Path=/; HttpOnly; SameSite=Lax";
  const target = "/?token=a";
  await step("by Sec-Fetch-Mode", async () => {
    equal(await cookie(get(target, "Sec-Fetch-Mode: navigate")), COOKIE);
    equal(await cookie(get(target, "Sec-Fetch-Mode: no-cors", HTML)), undefined);
    equal(await cookie(get(target, "Sec-Fetch-Mode: websocket")), undefined);
  });
  await step("by Accept, in older browsers", async () => {
    equal(await cookie(get(target, HTML)), COOKIE);
    equal(await cookie(get("/?token=a/sub", HTML)), COOKIE);
  });
  await step("not for curl, for a form, or for what the cookie brought", async () => {
    equal(await cookie(get(target, "Accept: */*", "User-Agent: curl/8")), undefined);
    equal(await cookie(get(target)), undefined);
    equal(await cookie(post(target, "", HTML)), undefined);
    equal(await cookie(get("/", HTML, "Cookie: arp_token=a")), undefined);
    equal(await cookie(get("/", HTML, "X-ARP-Token: a")), undefined);
  });
});

peerTest({ name: "routes: behind a trusted proxy", permissions }, async (t) => {
  const step = stepsOf(t);
  await using a = new Recorder("A");
  const told = async (site: Site, ...lines: string[]) => {
    using visitor = await site.visit();
    await visitor.send(get("/?token=a", ...lines));
    const response = await visitor.response();
    const names = ["for", "proto", "host"].map((name) => `x-forwarded-${name}`);
    const values = [...names, "forwarded"].map((name) => fields(a.last, name));
    return { values, cookie: field(response, "set-cookie") };
  };
  const SPOOFED = [
    "X-Forwarded-For: 1.2.3.4",
    "x-forwarded-for: 5.6.7.8",
    "X-FORWARDED-PROTO: https",
    "X-Forwarded-Host: evil.test",
    "Forwarded: for=1.2.3.4",
  ];
  await step("spoofed lines of anybody else are dropped", async () => {
    await using site = await Site.start({ a: a.port });
    await told(
      site,
      ...["Port", "Prefix", "Server", "Ssl", "User"].map((last) => `X-Forwarded-${last}: evil`),
      "X-Real-IP: 1.2.3.4",
      "X_Forwarded_For: 1.2.3.4",
      "Connection: keep-alive, X-Forwarded-For",
    );
    const { head } = a.last;
    ok(!/evil|1\.2\.3\.4/.test(head), head);
    equal(field(a.last, "connection"), "keep-alive");
    const { values } = await told(site, ...SPOOFED);
    deepEqual(values, [["127.0.0.1"], ["http"], ["test"], []]);
    deepEqual((await told(site)).values, [["127.0.0.1"], ["http"], ["test"], []]);
  });
  await step("its own are kept and appended to", async () => {
    await using site = await Site.start({ a: a.port }, ["--trusted-proxies", "127.0.0.1"]);
    const { values, cookie } = await told(site, ...SPOOFED, HTML);
    deepEqual(values, [
      ["1.2.3.4, 5.6.7.8, 127.0.0.1"],
      ["https"],
      ["evil.test"],
      ["for=1.2.3.4"],
    ]);
    equal(cookie, "arp_token=a; Path=/; HttpOnly; SameSite=Lax; Secure");
    deepEqual((await told(site)).values, [["127.0.0.1"], ["http"], ["test"], []]);
  });
});

peerTest(
  { name: "routes: a request passes byte for byte but for X-Forwarded-*", permissions },
  async () => {
    await using a = new Recorder("A");
    await using site = await Site.start({ a: a.port });
    using visitor = await site.visit();
    const start = "POST /p%C3%A4th/./..//\xe4\xff?q=%zz&&token=a&=;'\" HTTP/1.1\r\n";
    const lines = [
      "hOST: test:80\r\n",
      "x-lower: 1\r\nX-UPPER: 2\r\nX-Twice:   a, b  \r\nx-twice:\tc\t\r\n",
      'X-Latin: \xe4\xf6\xfc \x80\xff\r\nX-Empty:\r\nX-Blank:   \r\nX-Odd!#$%&\'*+-.^_`|~: "q\\"\r\n',
      "Cookie: one=1\r\nCookie: two=2; my_arp_token=a\r\nTE: trailers\r\nConnection: TE, X-Lower\r\n",
      "Content-Length: 4\r\nX-ARP-Token: a\r\nReferer: http://test:80/?token=a\r\n\r\n",
    ].join("");
    await visitor.send(start + lines + "\0\x01\xfe\xff");
    await visitor.response();
    const { head, body } = a.last;
    ok(head.startsWith(start));
    const added = head.split("\r\n").filter((line) => line.startsWith("X-Forwarded-"));
    deepEqual(added, [
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Host: test:80",
    ]);
    equal(head.replace(added.join("\r\n") + "\r\n", ""), start + lines);
    equal(body, "\0\x01\xfe\xff");
  },
);

peerTest(
  { name: "routes: the commands of the manual, with curl", permissions, peers: [curl] },
  async (t) => {
    const step = stepsOf(t);
    await using service = httpService(async (request) => {
      const { pathname, search } = new URL(request.url);
      return new Response(`${request.method} ${pathname}${search} ${await request.text()}`);
    });
    const port = service.addr.port;
    await using site = await Site.start({
      "ci-test": port,
      "my-programming-env": port,
      "test": port,
    });
    const run = async (...args: string[]) => {
      const { stdout } = await new Deno.Command(curl.path, { args: ["-s", ...args] }).output();
      return new TextDecoder().decode(stdout);
    };
    await step("curl -X POST …/?token=ci-test/api/deploy", async () => {
      equal(await run("-X", "POST", `${site.url}/?token=ci-test/api/deploy`), "POST /api/deploy ");
    });
    await step("a session, with a JSON body", async () => {
      const body = JSON.stringify({ executor: "claude", prompt: "帮我分析这个项目的代码结构" });
      const url = `${site.url}/?token=my-programming-env/sessions`;
      const got = await run("-X", "POST", url, "-H", "Content-Type: application/json", "-d", body);
      equal(got, `POST /sessions ${body}`);
    });
    await step("curl …/?token=test", async () => {
      equal(await run(`${site.url}/?token=test`), "GET /?token=test ");
      equal(await run(`http://localhost:${site.port}/?token=test`), "GET /?token=test ");
    });
    await step("token=$(grep client-id config)", async () => {
      const line = "client-id=test";
      equal(await run(`${site.url}/?token=${line}`), "GET /?token=client-id=test ");
    });
    await step("a URL pasted with everything encoded", async () => {
      equal(
        await run("-G", "--data-urlencode", "token=test/a,b/ä", `${site.url}/`),
        "GET /a,b/%C3%A4 ",
      );
      equal(
        status({ start: (await run("-i", `${site.url}/?token=nobody`)).split("\r\n")[0]! }),
        404,
      );
    });
  },
);
