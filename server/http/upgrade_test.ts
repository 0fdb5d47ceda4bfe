import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { HeadScanner, parseRequestHead, Refusal, type RequestHead } from "@agentx/common/http";
import { rawMatch, wantsRaw } from "./upgrade.ts";

const decoder = new TextDecoder();

function request(lines: string[], version = "1.1"): RequestHead {
  const text = [`GET / HTTP/${version}`, "Host: test", ...lines, "", ""].join("\r\n");
  const bytes = new TextEncoder().encode(text);
  return parseRequestHead(bytes, new HeadScanner().scan(bytes)!);
}

Deno.test("wantsRaw() finds arp among protocols, in whatever case and over several lines", () => {
  for (
    const lines of [
      ["Connection: Upgrade", "Upgrade: arp"],
      ["connection: keep-alive, UPGRADE", "UPGRADE: ARP"],
      ["Connection: keep-alive", "Connection: upgrade", "Upgrade: h2c, arp"],
      ["Upgrade: h2c", "Upgrade: Arp", "Connection: upgrade"],
    ]
  ) ok(wantsRaw(request(lines)), lines.join());
});

Deno.test("wantsRaw() leaves other upgrades, and those that no Connection names, to the service", () => {
  for (
    const lines of [
      [],
      ["Connection: Upgrade"],
      ["Upgrade: arp"],
      ["Connection: keep-alive", "Upgrade: arp"],
      ["Connection: Upgrade", "Upgrade: websocket"],
      ["Connection: Upgrade", "Upgrade: arp/2"],
      ["Connection: Upgrade", "Upgrade: xarp"],
      ["Connection: Upgrade", "X-Upgrade: arp"],
    ]
  ) ok(!wantsRaw(request(lines)), lines.join());
});

Deno.test("wantsRaw() ignores an upgrade of HTTP/1.0, as RFC 9110 §7.8 demands", () => {
  ok(!wantsRaw(request(["Connection: Upgrade", "Upgrade: arp"], "1.0")));
});

Deno.test("rawMatch() keeps the head from the service, and answers in HTTP", () => {
  const head = request(["Connection: Upgrade", "Upgrade: arp"]);
  const client = { id: "app", service: undefined, greeting: undefined, dbUser: undefined };
  const found = rawMatch(head, client);
  deepStrictEqual(
    [found.kind, found.protocol, found.to, found.size],
    ["raw", "arp", { client }, head.size],
  );
  strictEqual(found.head?.({} as never).length, 0);
  match(
    decoder.decode(found.accepted),
    /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: arp\r\n\r\n$/,
  );
  const words = decoder.decode(found.refuse?.(new Refusal(502, "No service", "It is down.")));
  match(words, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  match(words, /\r\nConnection: close\r\n/);
  match(words, /\r\n\r\nNo service\nIt is down\.\n$/);
});
