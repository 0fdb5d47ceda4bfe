import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  type Command,
  DeadlineError,
  decodeFrame,
  type Dial,
  encodeFrame,
  encodeFrames,
  ProtocolError,
  RefusedError,
} from "@agentx/common";
import vectors from "../common/testdata/vectors.json" with { type: "json" };
import { FakeConn, readExactly } from "../common/testdata/conn.ts";
import { netTest, within } from "../common/testdata/gate.ts";
import { type ClientConfig, VERSION } from "./config.ts";
import { Link, type LinkEvents, ReplacedError } from "./link.ts";

const CONFIG: ClientConfig = {
  clientId: "my-service",
  aliases: [],
  serverAddr: "server.example",
  controlPort: 17001,
  proxyPort: 17002,
  localAddr: "127.0.0.1",
  localPort: 3000,
  remotePort: undefined,
  service: undefined,
  dbUser: undefined,
  authToken: undefined,
  requireVisitorToken: false,
  tls: undefined,
  autoReconnect: true,
  reconnectMax: 30_000,
  grace: 30_000,
};
const NEVER = new AbortController().signal;

/** A dialler that leads to that connection, wherever it is asked to go. */
const to = (conn: FakeConn): Dial => () => Promise.resolve(conn);

const welcome = (more: object = {}): Command =>
  ({ type: "RegisterResult", success: true, error: null, ...more }) as Command;

/** A link to a server that says these commands. */
async function open(...commands: Command[]): Promise<{ link: Link; conn: FakeConn }> {
  const conn = new FakeConn(encodeFrames(commands));
  return { link: await Link.open(CONFIG, NEVER, to(conn)), conn };
}

/** Events as a list of what happened. */
function record(): { events: LinkEvents; happened: unknown[] } {
  const happened: unknown[] = [];
  return {
    happened,
    events: {
      asked: ({ proxy_conn_id }) => happened.push(proxy_conn_id),
      draining: (seconds) => happened.push(["draining", seconds]),
    },
  };
}

/** What it told the server first, as JSON. */
function registered(conn: FakeConn): Record<string, unknown> {
  const text = new TextDecoder().decode(conn.writes[0]!.subarray(4));
  return (JSON.parse(text) as { Register: Record<string, unknown> }).Register;
}

Deno.test("open() dials the control port and registers in one write", async () => {
  const conn = new FakeConn(encodeFrame(welcome()));
  const dialled: unknown[] = [];
  using _link = await Link.open(CONFIG, NEVER, (address) => {
    dialled.push(address);
    return Promise.resolve(conn);
  });
  deepStrictEqual(dialled, [{ hostname: "server.example", port: 17001 }]);
  strictEqual(conn.writes.length, 1);
  const { client_id, version, client_version, aliases, auth } = registered(conn);
  deepStrictEqual({ client_id, version, client_version, aliases, auth }, {
    client_id: "my-service",
    version: 2,
    client_version: VERSION,
    aliases: undefined,
    auth: undefined,
  });
});

Deno.test("open() tells the aliases when there are some", async () => {
  const conn = new FakeConn(encodeFrame(welcome()));
  using _link = await Link.open({ ...CONFIG, aliases: ["alice", "bob"] }, NEVER, to(conn));
  deepStrictEqual(registered(conn).aliases, ["alice", "bob"]);
});

Deno.test("open() tells the token when there is one", async () => {
  const conn = new FakeConn(encodeFrame(welcome()));
  using _link = await Link.open({ ...CONFIG, authToken: "correct-horse" }, NEVER, to(conn));
  strictEqual(registered(conn).auth, "correct-horse");
});

Deno.test("open() tells of the service, and asks for a port, only where there is reason to", async () => {
  const conn = new FakeConn(encodeFrame(welcome()));
  const config = { ...CONFIG, remotePort: 0, dbUser: "alice" };
  const words = { service: "mysql", greeting: Uint8Array.of(1, 2, 255) };
  using link = await Link.open(config, NEVER, to(conn), () => Promise.resolve(words));
  strictEqual(link.declared, words);
  const { service, greeting, db_user, remote_port } = registered(conn);
  deepStrictEqual([service, greeting, db_user, remote_port], ["mysql", "AQL/", "alice", 0]);

  const plain = new FakeConn(encodeFrame(welcome()));
  using _link = await Link.open(CONFIG, NEVER, to(plain));
  deepStrictEqual(Object.keys(registered(plain)), [
    "client_id",
    "version",
    "client_version",
    "reuse",
  ]);
});

Deno.test("leave() ends the link in order: the server hears it, and ends it in turn", async () => {
  const { link, conn } = await open(welcome({ version: 2 }));
  const serving = link.serve(record().events);
  await link.leave();
  ok(conn.ended && !conn.closed);
  conn.end();
  await within(5000, "the end of serve()", serving);
  link[Symbol.dispose]();
  ok(conn.closed);
});

Deno.test("generation tells an old server from a new one", async () => {
  const generation = async (more: object) => (await open(welcome(more))).link.generation;
  strictEqual(await generation({}), 1);
  strictEqual(await generation({ version: 1 }), 1);
  strictEqual(await generation({ version: 2 }), 2);
  strictEqual(await generation({ version: 3 }), 2);
});

Deno.test("open() throws the server's reason when it is refused, and closes", async () => {
  for (const error of ["client_id is invalid", null]) {
    const conn = new FakeConn(encodeFrame({ type: "RegisterResult", success: false, error }));
    await rejects(
      Link.open(CONFIG, NEVER, to(conn)),
      (thrown) => thrown instanceof RefusedError && thrown.message === (error ?? "no reason given"),
    );
    ok(conn.closed);
  }
});

Deno.test("open() throws on a server that speaks something else, and closes", async () => {
  const garbage: Uint8Array[] = [
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"),
    new TextEncoder().encode("SSH-2.0-OpenSSH\r\n"),
    new Uint8Array(100),
    encodeFrame({ type: "Ping" }),
    encodeFrame({ type: "RequestNewProxyConn", proxy_conn_id: "0" }),
    ...vectors.refused.map(({ frame }) => Uint8Array.fromHex(frame)),
  ];
  for (const bytes of garbage) {
    const conn = new FakeConn(bytes);
    await rejects(Link.open(CONFIG, NEVER, to(conn)), ProtocolError);
    ok(conn.closed);
  }
});

Deno.test("open() throws when the server hangs up", async () => {
  const conn = new FakeConn().end();
  await rejects(Link.open(CONFIG, NEVER, to(conn)), /hung up/);
  ok(conn.closed);
});

Deno.test("open() ends with its signal while a server stays silent", async () => {
  const conn = new FakeConn();
  const stop = new AbortController();
  const opening = Link.open(CONFIG, stop.signal, to(conn));
  conn.onWrite = () => stop.abort();
  await rejects(within(5000, "the end of open()", opening));
  ok(conn.closed);
});

Deno.test("open() gives a silent server ten seconds", async () => {
  const real = globalThis.setTimeout;
  const waits: (number | undefined)[] = [];
  // Time passes at once.
  globalThis.setTimeout = ((run: () => void, ms?: number) => {
    waits.push(ms);
    return real(run, 0);
  }) as typeof setTimeout;
  try {
    const conn = new FakeConn();
    await rejects(Link.open(CONFIG, NEVER, to(conn)), DeadlineError);
    ok(conn.closed);
  } finally {
    globalThis.setTimeout = real;
  }
  deepStrictEqual(waits, [10_000]);
});

Deno.test("open() passes on why the server could not be dialled", async () => {
  const refused = new Deno.errors.ConnectionRefused("Connection refused");
  await rejects(Link.open(CONFIG, NEVER, () => Promise.reject(refused)), refused);
});

Deno.test("serve() reports what the server wants until the link ends", async () => {
  const { link, conn } = await open(
    welcome({ version: 2 }),
    { type: "RequestNewProxyConn", proxy_conn_id: "a" },
    { type: "RequestNewProxyConn", proxy_conn_id: "b" },
    { type: "Draining", grace_s: 30 },
    { type: "Draining" },
  );
  using _ = link;
  const { events, happened } = record();
  const serving = link.serve(events);
  conn.end();
  await serving;
  deepStrictEqual(happened, ["a", "b", ["draining", 30], ["draining", undefined]]);
});

Deno.test("serve() says so when another registration took the id", async () => {
  const { link } = await open(
    welcome({ version: 2 }),
    { type: "RegisterResult", success: false, error: "replaced" },
  );
  using _ = link;
  await rejects(link.serve(record().events), ReplacedError);
});

Deno.test("serve() says so when the server wants this client no more, and for how long", async () => {
  const { link } = await open(
    welcome({ version: 2 }),
    { type: "RegisterResult", success: false, error: "disabled", retry_s: 5 },
  );
  using _ = link;
  await rejects(link.serve(record().events), (error) => {
    ok(error instanceof RefusedError);
    deepStrictEqual([error.message, error.retryAfter], ["disabled", 5]);
    return true;
  });
});

Deno.test("serve() throws on a command that no server sends, and on a bad frame", async () => {
  for (
    const command of [
      { type: "Register", client_id: "a" },
      { type: "NewProxyConn", proxy_conn_id: "0", client_id: "a" },
      { type: "StartProxy" },
    ] as Command[]
  ) {
    const { link } = await open(welcome({ version: 2 }), command);
    using _ = link;
    await rejects(link.serve(record().events), ProtocolError);
  }
  const { link, conn } = await open(welcome({ version: 2 }));
  using _ = link;
  conn.push(new Uint8Array(4));
  await rejects(link.serve(record().events), ProtocolError);
});

Deno.test("serve() returns when the link is disposed", async () => {
  const { link } = await open(welcome({ version: 2 }));
  const serving = link.serve(record().events);
  link[Symbol.dispose]();
  await within(5000, "the end of serve()", serving);
});

/** The intervals that serving such a server sets, in milliseconds. */
async function intervals(more: object): Promise<(number | undefined)[]> {
  const { link, conn } = await open(welcome(more));
  const real = globalThis.setInterval;
  const set: (number | undefined)[] = [];
  globalThis.setInterval = ((run: () => void, ms?: number) => {
    set.push(ms);
    return real(run, 1e6);
  }) as typeof setInterval;
  try {
    const serving = link.serve(record().events);
    conn.end();
    await serving;
  } finally {
    globalThis.setInterval = real;
    link[Symbol.dispose]();
  }
  return set;
}

Deno.test("serve() beats as the new server wishes, and not at all for an old one", async () => {
  deepStrictEqual(await intervals({ version: 2, heartbeat_s: 3 }), [3000]);
  deepStrictEqual(await intervals({ version: 2 }), [15_000]);
  deepStrictEqual(await intervals({}), []);
});

Deno.test("serve() beats within reason, whatever the server wishes", async () => {
  for (const heartbeat_s of [0, -1, 1e-9, 1e10, Number.MAX_VALUE]) {
    const [ms] = await intervals({ version: 2, heartbeat_s });
    // A timer beyond 2^31 - 1 ms fires at once, and so again and again.
    ok(ms! >= 50 && ms! <= 3_600_000, `${heartbeat_s} s gave ${ms} ms`);
  }
});

netTest(
  "a first generation server, written from the vectors, gets along with this client",
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const config = { ...CONFIG, serverAddr: "127.0.0.1", controlPort: listener.addr.port };
    const frame = (name: string) =>
      Uint8Array.fromHex(vectors.written.find(({ command }) => command.type === name)!.frame);
    const server = async () => {
      using conn = await listener.accept();
      const size = new DataView((await readExactly(conn, 4)).buffer).getUint32(0);
      const text = new TextDecoder().decode(await readExactly(conn, size));
      // It reads the one field it knows, and passes over the others.
      ok(text.startsWith('{"Register":{"client_id":"my-service"'), text);
      await conn.write(frame("RegisterResult"));
      await conn.write(frame("RequestNewProxyConn"));
    };
    const serving = server();
    using link = await Link.open(config, NEVER);
    strictEqual(link.generation, 1);
    const { events, happened } = record();
    await within(5000, "the end of the link", link.serve(events));
    deepStrictEqual(happened, ["0"]);
    await serving;
  },
);

/** All that it told the server. */
function said(conn: FakeConn): Command[] {
  const commands: Command[] = [];
  for (let bytes = conn.written; bytes.length > 0;) {
    const { command, size } = decodeFrame(bytes)!;
    commands.push(command);
    bytes = bytes.subarray(size);
  }
  return commands;
}

Deno.test("open() tells the key of visitor tokens, and those that were taken back", async () => {
  const ids = Array.from({ length: 1500 }, (_, nth) => `${nth}`.padStart(64, "0"));
  const tokens = { key: "k".repeat(43), revoked: () => ids };
  const conn = new FakeConn(encodeFrame(welcome({ version: 2, visitor_tokens: true })));
  const config = { ...CONFIG, requireVisitorToken: true };
  using link = await Link.open(config, NEVER, to(conn), undefined, tokens);
  link.revoke([...ids, "one-more"]);
  link.revoke(["one-more"]);
  await link.leave();
  const [first, ...later] = said(conn);
  ok(first?.type === "Register");
  deepStrictEqual([first.visitor_key, first.require_token], [tokens.key, true]);
  const more = later.flatMap((command) => command.type === "RevokeTokens" ? command.ids : []);
  deepStrictEqual([...first.revoked ?? [], ...more], [...ids, "one-more"]);
});

Deno.test("a server that knows nothing of visitor tokens is not told of them again", async () => {
  const tokens = { key: "k".repeat(43), revoked: () => ["a"] };
  const conn = new FakeConn(encodeFrame(welcome({ version: 2 })));
  using link = await Link.open(CONFIG, NEVER, to(conn), undefined, tokens);
  link.revoke(["a", "b"]);
  await link.leave();
  deepStrictEqual(said(conn).map(({ type }) => type), ["Register"]);
  const none = new FakeConn(encodeFrame(welcome({ version: 2, visitor_tokens: true })));
  const without = { key: undefined, revoked: () => ["a"] };
  using _link = await Link.open(CONFIG, NEVER, to(none), undefined, without);
  const { visitor_key, require_token, revoked } = registered(none);
  deepStrictEqual([visitor_key, require_token, revoked], [undefined, undefined, undefined]);
});
