import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { HeadScanner, parseRequestHead } from "@agentx/common/http";
import { type Candidate, candidates, locationOf, showToken } from "./route.ts";

/** Text as bytes, each character one. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function route(target: string, lines: string[] = [], domain?: string, host = "proxy:17003") {
  const text = [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
  return candidates(headOf(text), domain);
}

function headOf(text: string) {
  const all = bytes(text);
  return parseRequestHead(all, new HeadScanner().scan(all)!);
}

/** The only candidate that a target gives. */
function only(target: string): Candidate {
  const found = route(target);
  strictEqual(found.length, 1, JSON.stringify(found));
  return found[0]!;
}

Deno.test("a request without a token has no candidate", () => {
  for (
    const target of ["/", "/token=a", "/?Token=a", "/?xtoken=a", "/?token", "/?a=token=b", "*"]
  ) {
    deepStrictEqual(route(target), [], target);
  }
});

Deno.test("the token parameter is found anywhere in the query, and the target stays as it is", () => {
  for (
    const target of [
      "/?token=my-app",
      "/a/b?x=1&token=my-app",
      "/?token=my-app&x=1",
      "/a?&token=my-app",
    ]
  ) {
    deepStrictEqual(only(target), { token: "my-app", place: "query" }, target);
  }
  deepStrictEqual(only("http://proxy:17003/?token=my-app"), { token: "my-app", place: "query" });
});

Deno.test("the token parameter is decoded once", () => {
  strictEqual(only("/?token=a%3Ab%40c").token, "a:b@c");
  strictEqual(only("/?token=a%253Ab").token, "a%3Ab");
  strictEqual(only("/?token=100%").token, "100%");
  strictEqual(only("/?token=").token, "");
});

Deno.test("token=client-id=ID is read as ID, as grep of the state file gives it", () => {
  strictEqual(only("/?token=client-id=my-app").token, "my-app");
  strictEqual(only("/?token=client-id%3Dmy-app").token, "my-app");
  deepStrictEqual(only("/?token=client-id=my-app/sessions"), {
    token: "my-app",
    place: "query",
    target: "/sessions",
  });
  strictEqual(only("/?token=my-client-id=x").token, "my-client-id=x");
});

const JOINED: [string, string][] = [
  // as in the seed's README
  ["/?token=id/sessions", "/sessions"],
  ["/?token=id/sub/path", "/sub/path"],
  ["/?token=id/", "/"],
  ["/?token=id%2Fsessions", "/sessions"],
  ["/?token=id%2fsub%2Fpath", "/sub/path"],
  ["/?token=id%2F", "/"],
  // to a path
  ["/api?token=id/sessions", "/api/sessions"],
  ["/api/?token=id/sessions", "/api/sessions"],
  ["/api?token=id/", "/api/"],
  // with other parameters, before and behind
  ["/?x=1&token=id/a&y=2", "/a?x=1&y=2"],
  ["/?token=id/a?limit=5", "/a?limit=5"],
  ["/?token=id/a?limit=5&offset=2", "/a?limit=5&offset=2"],
  ["/?x=1&token=id/a?limit=5", "/a?limit=5&x=1"],
  ["/?token=id/a?b?c", "/a?b?c"],
  ["/?token=id%2Fa%3Flimit%3D5%26offset%3D2", "/a?limit=5&offset=2"],
  ["/?token=id%2Fa&x=%2F", "/a?x=%2F"],
  ["/?&&token=id/a&&", "/a"],
  // a raw slash: the rest is as it is; an encoded one: it was encoded once as a whole
  ["/?token=id/a%20b", "/a%20b"],
  ["/?token=id/a%2Fb", "/a%2Fb"],
  ["/?token=id%2Fa%20b", "/a%20b"],
  ["/?token=id%2Fa%2520b", "/a%20b"],
  ["/?token=id%2F%E4%B8%AD", "/%E4%B8%AD"],
  ["/?token=id/caf\xc3\xa9", "/caf\xc3\xa9"],
  // never another host, never a fragment
  ["/?token=id//evil.example/x", "/evil.example/x"],
  ["/?token=id///evil.example", "/evil.example"],
  ["/?token=id%2F%2Fevil.example", "/evil.example"],
  ["/?token=id/a#part", "/a"],
  ["/?token=id%2Fa%23part", "/a"],
  ["/?token=id%2Fa%3Fb%23part", "/a?b"],
  // what cannot be decoded stays
  ["/?token=id%2F100%", "/100%"],
  ["/?token=id%2F%ff", "/%ff"],
];

for (const [target, joined] of JOINED) {
  Deno.test(`${target} goes to the client as ${joined}`, () => {
    deepStrictEqual(only(target), { token: "id", place: "query", target: joined });
  });
}

Deno.test("no line end and no space can be brought in by percent-encoding", () => {
  for (const bad of ["%0d%0aX:%20y", "%0D%0A", "%20HTTP/1.1", "%00", "%09", "%7f", "%c2%a0"]) {
    for (const slash of ["/", "%2F"]) {
      const { target } = only(`/?token=id${slash}a${bad}`);
      strictEqual(target!.toLowerCase(), `/a${bad}`.toLowerCase().replace("%2f", "/"));
    }
  }
});

const FORM = /^[\x21-\x7e\x80-\xff]+$/;

Deno.test("a joined target is fit for a request line, whatever the token parameter holds", () => {
  const raw = fc.string({ unit: fc.constantFrom(..."az09/?&=%.-~#:@\x80\xe9\xff"), maxLength: 40 });
  const encoded = fc.oneof(fc.string({ unit: "binary" }), fc.string())
    .map((text) => encodeURIComponent(text));
  const hex = fc.array(fc.nat(255))
    .map((codes) => codes.map((code) => "%" + code.toString(16).padStart(2, "0")).join(""));
  const piece = fc.oneof(raw, encoded, hex, fc.constantFrom("%2F", "/", "%", "%0d%0a", "?", "#"));
  fc.assert(
    fc.property(
      fc.constantFrom("", "/", "/a", "/a/"),
      fc.array(piece, { maxLength: 5 }),
      fc.constantFrom("", "&x=1"),
      (path, pieces, more) => {
        const target = `/${path}?token=id${pieces.join("")}${more}`;
        for (const { target: joined } of route(target)) {
          if (joined !== undefined) match(joined, FORM);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("a path reaches the client the same whether its token is encoded or not", () => {
  const path = fc.string({ unit: fc.constantFrom(..."az09-._~!$'()*,;:@"), minLength: 1 });
  const query = fc.string({ unit: fc.constantFrom(..."az09-._~=") });
  fc.assert(fc.property(fc.array(path, { minLength: 1 }), query, (parts, query) => {
    const rest = parts.join("/") + (query === "" ? "" : "?" + query);
    const whole = encodeURIComponent(`id/${rest}`);
    deepStrictEqual(only(`/?token=${whole}`), only(`/?token=id/${rest}`));
    strictEqual(only(`/?token=${whole}`).target, "/" + rest);
  }));
});

Deno.test("several token parameters are candidates in their order, each leaving the others", () => {
  deepStrictEqual(route("/?token=a&x=1&token=b/c&token=d"), [
    { token: "a", place: "query" },
    { token: "b", place: "query", target: "/c?token=a&x=1&token=d" },
    { token: "d", place: "query" },
  ]);
});

/** What a request names in each place where a token may stand. */
function everywhere(host: string, name = (place: string) => `from-${place}`): string[] {
  const lines = [
    `Cookie: other=x; arp_token=${name("cookie")}`,
    `Referer: http://${host}/page?token=${name("referer")}`,
    `X-ARP-Token: ${name("header")}`,
  ];
  return route(`/?token=${name("query")}`, lines, "example.com", host)
    .map(({ token, place }) => `${place} ${token}`);
}

Deno.test("the places are tried in order: query, header, Referer, cookie", () => {
  for (const host of ["example.com", "example.com.:80", "elsewhere.example", "127.0.0.1:17003"]) {
    deepStrictEqual(everywhere(host), [
      "query from-query",
      "header from-header",
      "referer from-referer",
      "cookie from-cookie",
    ], host);
  }
});

Deno.test("a host name under the domain is one client's: no other id counts beside it", () => {
  for (
    const host of ["from-host.example.com", "FROM-Host.Example.COM.:80", "x.from-host.example.com"]
  ) {
    deepStrictEqual(everywhere(host), ["host from-host"], host);
  }
  deepStrictEqual(route("/?token=other/path", [], "example.com", "from-host.example.com"), [
    { token: "from-host", place: "host" },
  ]);
});

Deno.test("visitor tokens are candidates beside a host name under the domain", () => {
  const encode = (text: string) => btoa(text).replace(/=+$/, "");
  const jwt = (typ: string) =>
    `${encode(`{"alg":"EdDSA","typ":"${typ}"}`)}.${"p".repeat(60)}.${"s".repeat(86)}`;
  const token = jwt("arp+jwt");
  deepStrictEqual(everywhere("from-host.example.com", () => token), [
    `query ${token}`,
    `header ${token}`,
    "host from-host",
    `referer ${token}`,
    `cookie ${token}`,
  ]);
  deepStrictEqual(route("/", [`Cookie: arp_token=${token}~mark`], "example.com", "a.example.com"), [
    { token: "a", place: "host" },
    { token: `${token}~mark`, place: "cookie" },
  ]);
  deepStrictEqual(everywhere("from-host.example.com", () => jwt("JWT")), ["host from-host"]);
});

Deno.test("a target that is a URL names the same host as Host, or is refused under the domain", () => {
  const host = "a.example.com";
  const found = [{ token: "a", place: "host" }];
  const at = (target: string, name = host) => route(target, [], "example.com", name);
  for (
    const same of [
      "http://a.example.com/?token=b",
      "HTTPS://me@A.Example.com:80",
      "http://a.example.com?x",
    ]
  ) {
    deepStrictEqual(at(same), found, same);
  }
  for (
    const [other, name = host] of [
      ["http://b.example.com/"],
      ["http://example.com/?token=b"],
      ["http://elsewhere/?token=b"],
      ["http://a.example.com@elsewhere/"],
      ["http://b.example.com\\@a.example.com/"],
      ["http://a.example.com/", "b.example.com"],
      ["http://a.example.com/?token=b", "elsewhere"],
      ["http://a.example.com?token=b", "example.com"],
    ] as [string, string?][]
  ) {
    throws(() => at(other, name), { status: 400, message: /name different hosts/ }, other);
  }
  deepStrictEqual(at("http://other/?token=b", "elsewhere"), [{ token: "b", place: "query" }]);
  const old = headOf("GET http://a.example.com/?token=b HTTP/1.0\r\n\r\n");
  deepStrictEqual(candidates(old, "example.com"), found);
});

Deno.test("X-ARP-Token names the token; an empty one names none", () => {
  deepStrictEqual(route("/", ["x-arp-token: a"]), [{ token: "a", place: "header" }]);
  deepStrictEqual(route("/", ["X-ARP-Token:"]), []);
});

Deno.test("the label under the domain is the token, without port, final dot or capitals", () => {
  const label = (host: string) => route("/", [], "Tunnel.example.com", host)[0];
  for (
    const host of [
      "my-app.tunnel.example.com",
      "my-app.tunnel.example.com:17003",
      "my-app.tunnel.example.com.",
      "My-App.TUNNEL.Example.Com.:80",
      "www.my-app.tunnel.example.com",
      "my-app.tunnel.example.com..",
      "my-app.tunnel.example.com:",
      "my-app.tunnel.example.com:80:80",
    ]
  ) {
    deepStrictEqual(label(host), { token: "my-app", place: "host" }, host);
  }
  for (
    const host of [
      "tunnel.example.com",
      "my-apptunnel.example.com",
      "my-app.example.com",
      "my-app.tunnel.example.com.evil",
      "[::1]:17003",
      "127.0.0.1",
      "",
    ]
  ) {
    strictEqual(label(host), undefined, host);
  }
  for (const host of [".tunnel.example.com", "my-app..tunnel.example.com"]) {
    deepStrictEqual(route("/?token=a", [], "tunnel.example.com", host), [
      { token: "", place: "host" },
    ], "nobody's");
  }
  deepStrictEqual(route("/", [], undefined, "my-app.example.com"), []);
});

Deno.test("a Referer counts only from the same host and port", () => {
  const from = (referer: string) => route("/", [`Referer: ${referer}`]).map(({ token }) => token);
  deepStrictEqual(from("http://proxy:17003/?token=a"), ["a"]);
  deepStrictEqual(from("https://PROXY:17003/page?x=1&token=a"), ["a"]);
  for (
    const other of [
      "http://evil.example/?token=a",
      "http://proxy/?token=a",
      "http://proxy:17003.evil.example/?token=a",
      "http://proxy:17003@evil.example/?token=a",
      "http://evil.example/http://proxy:17003/?token=a",
      "http://proxy:17003#?token=a",
      "ftp://proxy:17003/?token=a",
      "/?token=a",
      "http://proxy:17003/",
      "",
    ]
  ) {
    deepStrictEqual(from(other), [], other);
  }
});

Deno.test("a Referer gives a token but never a new target", () => {
  deepStrictEqual(route("/style.css", ["Referer: http://proxy:17003/?token=a/sub/page"]), [
    { token: "a", place: "referer" },
  ]);
});

Deno.test("a fragment is no part of the token", () => {
  deepStrictEqual(only("/?token=a#part"), { token: "a", place: "query" });
  deepStrictEqual(route("/#?token=a"), []);
  deepStrictEqual(route("/", ["Referer: http://proxy:17003/?token=a#top"]), [
    { token: "a", place: "referer" },
  ]);
});

Deno.test("the cookie counts by its exact name, in any of the Cookie lines", () => {
  const from = (...cookies: string[]) =>
    route("/", cookies.map((cookie) => `Cookie: ${cookie}`)).map(({ token }) => token);
  deepStrictEqual(from("arp_token=a"), ["a"]);
  deepStrictEqual(from("x=1;arp_token=a ; y=2"), ["a"]);
  deepStrictEqual(from("x=1", "arp_token=a"), ["a"]);
  deepStrictEqual(from("arp_token=a; arp_token=b"), ["a", "b"]);
  deepStrictEqual(from("my_arp_token=a; ARP_TOKEN=b; arp_tokens=c; x=arp_token=d"), []);
});

Deno.test("candidates() throws for no request", () => {
  const text = fc.string({ unit: fc.constantFrom(..."az/?&=%#:;.@[] \xe9"), maxLength: 40 });
  fc.assert(fc.property(text, text, text, text, (target, host, referer, cookie) => {
    const lines = [`Referer: ${referer}`, `Cookie: ${cookie}`, `X-ARP-Token: ${cookie}`];
    const path = "/" + target.replaceAll(" ", "+");
    ok(Array.isArray(route(path, lines, "example.com", host)));
  }));
});

Deno.test("showToken() shows what could be an id and nothing else", () => {
  strictEqual(showToken("my-app"), "my-app");
  for (const token of ["<script>", "a b", "", "a\r\nb", "x".repeat(129)]) {
    strictEqual(showToken(token), "(not a valid client id)");
  }
});

Deno.test("locationOf() stays on the host", () => {
  const cases: [target: string, location: string][] = [
    ["/a?b=c", "/a?b=c"],
    ["//evil/a", "/.//evil/a"],
    ["/\\evil/a", "/./\\evil/a"],
    ["\\evil", "/./\\evil"],
    ["http://evil/a", "/a"],
    ["HTTPS://evil//evil", "/.//evil"],
    ["http://a\\evil", "/./\\evil"],
    ["http://evil?x", "/?x"],
    ["*", "/*"],
    ["/\xe9", "/%e9"],
  ];
  for (const [target, location] of cases) {
    strictEqual(locationOf(target), location);
    strictEqual(new URL(location, "http://host/x").host, "host", location);
  }
});
