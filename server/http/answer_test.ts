import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { HeadScanner, parseRequestHead, parseResponseHead, Refusal } from "@agentx/common/http";
import { answer } from "./answer.ts";

function request(...lines: string[]) {
  const [first = "GET / HTTP/1.1", ...rest] = lines;
  const text = [first, "Host: a", ...rest, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

/** An answer whose framing the strict parser accepts, with all its header lines. */
function read(bytes: Uint8Array) {
  const head = parseResponseHead(bytes, new HeadScanner().scan(bytes)!);
  const [, ...lines] = new TextDecoder().decode(bytes.subarray(0, head.size - 4)).split("\r\n");
  const fields = new Map(lines.map((line) => {
    const [name = "", value = ""] = line.split(": ", 2);
    return [name.toLowerCase(), value];
  }));
  return {
    head,
    get: (name: string) => fields.get(name),
    body: new TextDecoder().decode(bytes.subarray(head.size)),
  };
}

const ERROR = new Refusal(503, "Client 'x' is offline", "Is arpc running?", 5);

Deno.test("answer() is complete: type, length, request id, Retry-After, Connection", () => {
  const bytes = answer(ERROR, request(), true);
  const { head, get, body } = read(bytes);
  strictEqual(head.startLine, "HTTP/1.1 503 Service Unavailable");
  strictEqual(get("content-type"), "text/plain; charset=utf-8");
  strictEqual(get("content-length"), String(bytes.length - head.size));
  strictEqual(get("retry-after"), "5");
  strictEqual(get("connection"), "keep-alive");
  strictEqual(get("cache-control"), "no-store");
  ok(!Number.isNaN(Date.parse(get("date")!)));
  match(get("x-request-id")!, /^[0-9a-f-]{36}$/);
  strictEqual(body, "Client 'x' is offline\nIs arpc running?\n");
});

Deno.test("answer() says when it closes, and leaves out what it does not know", () => {
  const { get, body } = read(
    answer(new Refusal(404, "Client Token not found"), undefined, false),
  );
  strictEqual(get("connection"), "close");
  strictEqual(get("retry-after"), undefined);
  strictEqual(body, "Client Token not found\n");
});

Deno.test("answer() gives each answer an id of its own", () => {
  const id = () => read(answer(ERROR, request(), true)).get("x-request-id");
  notStrictEqual(id(), id());
});

Deno.test("answer() is JSON when that is accepted", () => {
  for (const accept of ["application/json", "text/html, application/problem+json;q=0.5"]) {
    const { get, body } = read(answer(ERROR, request("GET / HTTP/1.1", `Accept: ${accept}`), true));
    strictEqual(get("content-type"), "application/json");
    deepStrictEqual(JSON.parse(body), {
      status: 503,
      error: "Client 'x' is offline",
      hint: "Is arpc running?",
      request_id: get("x-request-id"),
    });
  }
});

Deno.test("answer() is HTML for a navigation, and text for everything else", () => {
  const type = (...lines: string[]) =>
    read(answer(ERROR, request("GET / HTTP/1.1", ...lines), true)).get("content-type");
  strictEqual(type("Accept: text/html"), "text/html; charset=utf-8");
  strictEqual(type("Accept: */*"), "text/plain; charset=utf-8");
  strictEqual(type("Accept: text/html", "Sec-Fetch-Mode: cors"), "text/plain; charset=utf-8");
  strictEqual(type("Accept: text/jsonx, application/jsonl"), "text/plain; charset=utf-8");
});

Deno.test("answer() shows markup in HTML as text", () => {
  const bad = new Refusal(
    502,
    `<script>alert("1")</script> & 'x'`,
    "<img src=x onerror=alert(1)>",
  );
  const { body } = read(answer(bad, request("GET / HTTP/1.1", "Accept: text/html"), true));
  ok(body.startsWith("<!doctype html>"));
  ok(!body.includes("<script") && !body.includes("<img"), body);
  ok(body.includes("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;x&#39;"), body);
});

Deno.test("answer() keeps a message out of the head, whatever it holds", () => {
  const bad = new Refusal(502, "a\r\nSet-Cookie: b=c\r\n\r\n", "d\r\n\r\ne");
  for (const accept of ["*/*", "text/html", "application/json"]) {
    const { head, get } = read(answer(bad, request("GET / HTTP/1.1", `Accept: ${accept}`), true));
    strictEqual(head.startLine, "HTTP/1.1 502 Bad Gateway");
    strictEqual(get("set-cookie"), undefined);
  }
});

Deno.test("answer() counts bytes, not characters", () => {
  const { get, body } = read(answer(new Refusal(502, "中文 ✓"), request(), true));
  strictEqual(body, "中文 ✓\n");
  strictEqual(get("content-length"), "11");
});

Deno.test("answer() to HEAD has the length of the body and not the body", () => {
  const get = read(answer(ERROR, request("GET / HTTP/1.1"), true));
  const head = read(answer(ERROR, request("HEAD / HTTP/1.1"), true));
  strictEqual(head.body, "");
  strictEqual(head.get("content-length"), get.get("content-length"));
});

Deno.test("answer() has a phrase for every status the server answers with", () => {
  for (const status of [400, 401, 404, 408, 429, 431, 500, 502, 503, 504]) {
    const { head } = read(answer(new Refusal(status, "x"), undefined, false));
    strictEqual(head.status, status);
    ok(!head.startLine.endsWith(" Error") || status === 500, head.startLine);
  }
});

Deno.test("answer() has the lines of a refusal, and a challenge in each 401", () => {
  const lines = "Location: /a\r\nSet-Cookie: x=y\r\n";
  const moved = read(answer(new Refusal(303, "Go on", "", undefined, lines), request(), true));
  deepStrictEqual(
    [moved.head.status, moved.get("location"), moved.get("set-cookie")],
    [303, "/a", "x=y"],
  );
  strictEqual(moved.get("www-authenticate"), undefined);
  const refused = read(answer(new Refusal(401, "No"), request(), true));
  strictEqual(refused.get("www-authenticate"), 'ARP realm="visitor token"');
});
