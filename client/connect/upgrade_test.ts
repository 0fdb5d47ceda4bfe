import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { DeadlineError } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { netTest } from "../../common/testdata/gate.ts";
import type { Server } from "./options.ts";
import { reach, type ReachOptions } from "./upgrade.ts";

const SERVER: Server = { hostname: "example.com", port: 17003, tls: false };
const TOKEN = "s3cret";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ARP\r\n\r\n";
const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);

/** Reaches through a connection on which the server says these things. */
function reachBy(conn: FakeConn, options: ReachOptions = {}, server: Server = SERVER) {
  return reach(server, TOKEN, { dial: () => Promise.resolve(conn), ...options });
}

async function fails(conn: FakeConn, message: RegExp, options?: ReachOptions): Promise<Error> {
  let found: Error | undefined;
  await rejects(reachBy(conn, options), (error) => {
    ok(error instanceof Error);
    match(error.message, message);
    ok(!error.message.includes(TOKEN), "the token is nobody's business");
    found = error;
    return true;
  });
  ok(conn.closed);
  return found!;
}

function refusal(status: string, text: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

Deno.test("reach() asks for raw bytes, and hands over those that came with the answer", async () => {
  const conn = new FakeConn(bytes(SWITCHING + "220 hello\r\n"));
  const duplex = await reachBy(conn);
  const lines = decoder.decode(conn.written).split("\r\n");
  strictEqual(lines[0], "GET / HTTP/1.1");
  for (
    const line of [
      "Host: example.com:17003",
      "Connection: Upgrade",
      "Upgrade: arp",
      `X-ARP-Token: ${TOKEN}`,
      "Accept: text/plain",
    ]
  ) ok(lines.includes(line), line);
  deepStrictEqual(lines.slice(-2), ["", ""]);
  strictEqual(decoder.decode(duplex.source.bytes), "220 hello\r\n");
  await duplex.write(bytes("HELO"));
  ok(decoder.decode(conn.written).endsWith("\r\n\r\nHELO"));
  ok(!conn.closed);
});

Deno.test("reach() leaves the usual port out of Host, and brackets IPv6", async () => {
  const hostOf = async (server: Server) => {
    const conn = new FakeConn(bytes(SWITCHING));
    await reachBy(conn, {}, server);
    return /^Host: (.*)$/m.exec(decoder.decode(conn.written))?.[1]?.trim();
  };
  strictEqual(await hostOf({ hostname: "example.com", port: 443, tls: true }), "example.com");
  strictEqual(await hostOf({ hostname: "example.com", port: 80, tls: true }), "example.com:80");
  strictEqual(await hostOf({ hostname: "::1", port: 80, tls: false }), "[::1]");
});

Deno.test("reach() tells in the server's words why it was refused, without the token", async () => {
  await fails(
    new FakeConn(bytes(refusal("404 Not Found", `Client '${TOKEN}' not found\nCheck it.\n`))),
    /^Refused by example\.com:17003 with 404, Client '…' not found\. Check it\.$/,
  );
  await fails(
    new FakeConn(bytes(refusal("502 Bad Gateway", "The local service cannot be reached\nrefused"))),
    /with 502, The local service cannot be reached\. refused$/,
  );
  // One letter is a token, too, and no reason to take it out of every word.
  const conn = new FakeConn(bytes(refusal("503 x", "Client 'a' is far away")));
  await rejects(
    reach(SERVER, "a", { dial: () => Promise.resolve(conn) }),
    /with 503, Client '…' is far away$/,
  );
});

Deno.test("reach() says when the answer is none of arps, and what --server should be", async () => {
  const hint = "; --server is its public port, or a proxy in front of that$";
  const cases: [FakeConn, string][] = [
    [new FakeConn(bytes("SSH-2.0-OpenSSH\r\n")), "it does not speak HTTP"],
    [new FakeConn().end(), "it hung up instead of an answer"],
    [new FakeConn().fail(new Deno.errors.ConnectionReset("reset")), "reset"],
    [
      new FakeConn(bytes(SWITCHING.replace("ARP", "websocket"))),
      "it switched to another protocol than the one asked for",
    ],
    [
      new FakeConn(bytes(SWITCHING.replace("Connection: upgrade", "A: b"))),
      "it switched to another protocol than the one asked for",
    ],
  ];
  for (const [conn, why] of cases) {
    await fails(conn, new RegExp(`^No answer of arps from example\\.com:17003: ${why}${hint}`));
  }
});

Deno.test("reach() gives up at its deadlines", async () => {
  const { cause } = await fails(
    new FakeConn(bytes("HTTP/1.1 103 Early Hints\r\n\r\n")),
    /nothing came within 1 s/,
    { answerTimeout: 30 },
  );
  ok(cause instanceof DeadlineError);
  let timeout: number | undefined;
  const dial: ReachOptions["dial"] = (_, options) => {
    timeout = options.timeout;
    return Promise.reject(new DeadlineError("no answer within 0.05 s"));
  };
  await rejects(
    reach(SERVER, TOKEN, { dial, dialTimeout: 50 }),
    /^Error: Cannot reach the server example\.com:17003: no answer within 0\.05 s$/,
  );
  strictEqual(timeout, 50);
});

netTest("reach() gives up on a server that accepts and never answers", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server: Server = { hostname: "127.0.0.1", port: listener.addr.port, tls: false };
  const reaching = reach(server, TOKEN, { answerTimeout: 50 });
  const refused = rejects(
    reaching,
    /^Error: No answer of arps from 127\.0\.0\.1:\d+: nothing came within 1 s; /,
  );
  using conn = await listener.accept();
  await refused;
  // It hung up, and did not just stop to wait.
  const buffer = new Uint8Array(65536);
  while (await conn.read(buffer) !== null) { /* the request */ }
});

Deno.test("reach() gives up when told to", async () => {
  const stop = new AbortController();
  const conn = new FakeConn();
  conn.onWrite = () => stop.abort(new Error("told to"));
  await fails(conn, /told to/, { signal: stop.signal });
  const late = new FakeConn();
  await fails(late, /told to/, { signal: stop.signal });
  deepStrictEqual(late.writes, []);
});
