import { ok, strictEqual } from "node:assert/strict";
import { Channel, Peek } from "@agentx/common";
import { HeadScanner, parseRequestHead } from "@agentx/common/http";
import { FakeConn } from "../common/testdata/conn.ts";
import { Greetings } from "./greetings.ts";
import { Registry } from "./registry.ts";
import { Visitor } from "./visitor.ts";

const POOL = { size: 0, max: 0, queue: 8, wait: 1000, maxIdle: 90_000 };

function head(...lines: string[]) {
  const text = ["GET / HTTP/1.1", "Host: proxy", ...lines, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

function visitor({ trusted = false } = {}): Visitor {
  return new Visitor(new FakeConn(), { hostname: "192.0.2.7", port: 5 }, trusted);
}

Deno.test("greet() speaks for a service that would speak first, and for no other", () => {
  const registry = new Registry(POOL, "replace");
  const greetings = new Greetings(registry, "db");
  const join = (client_id: string, service: string) => {
    const channel = new Channel(new Peek(new FakeConn()));
    registry.register({ type: "Register", client_id, version: 2, service }, "#", channel);
  };
  strictEqual(greetings.speaksFirst, false);
  strictEqual(greetings.greet(visitor()), undefined);
  join("mail", "smtp");
  strictEqual(greetings.speaksFirst, true);
  strictEqual(greetings.greet(visitor()), undefined, "nobody here speaks SMTP");
  join("db", "mysql");
  ok(greetings.greet(visitor())!.bytes.length > 0);
  strictEqual(greetings.fallbackSpeaksFirst, false, "it is greeted for");
  strictEqual(new Greetings(registry, "mail").fallbackSpeaksFirst, true);
  strictEqual(new Greetings(registry).fallbackSpeaksFirst, false);
});

Deno.test("mayBeBrowser() is true at an address where a browser opens connections", () => {
  const agent = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)";
  const page = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"];
  const scene = (service?: string) => {
    const registry = new Registry(POOL, "replace");
    const greetings = new Greetings(registry);
    if (service === undefined) return greetings;
    const channel = new Channel(new Peek(new FakeConn()));
    registry.register({ type: "Register", client_id: "db", version: 2, service }, "#", channel);
    return greetings;
  };
  const greetings = scene("mysql");
  const early = visitor();
  ok(!greetings.mayBeBrowser(early));
  for (const line of ["User-Agent: curl/8", "Accept: */*"]) {
    greetings.meet(head(line), visitor());
    ok(!greetings.mayBeBrowser(early), line);
  }
  greetings.meet(head(agent), visitor({ trusted: true }));
  ok(!greetings.mayBeBrowser(early), "a proxy");
  const first = visitor();
  greetings.meet(head(agent), first);
  ok(greetings.mayBeBrowser(early), "one that came before");
  ok(greetings.mayBeBrowser(visitor()), "one that comes after");
  const late = visitor();
  Object.assign(late, { since: performance.now() + 5000 });
  ok(!greetings.mayBeBrowser(late), "one that comes much later");
  const other = new Visitor(new FakeConn(), { hostname: "192.0.2.8", port: 5 }, false);
  ok(!greetings.mayBeBrowser(other), "one from elsewhere");
  // A page that polls opens nothing; going to another does.
  const tick = () => {
    const start = performance.now();
    while (performance.now() === start) { /* the clock is coarse */ }
    return performance.now();
  };
  Object.assign(late, { since: tick() + 3000 });
  tick();
  greetings.meet(head(agent), first);
  ok(!greetings.mayBeBrowser(late));
  greetings.meet(head(agent, ...page), first);
  ok(greetings.mayBeBrowser(late));
  const quiet = scene();
  quiet.meet(head(agent, ...page), visitor());
  ok(!quiet.mayBeBrowser(visitor()), "nobody would be greeted");
});
