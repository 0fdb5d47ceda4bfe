import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { CLIENT_ID, type Command, formatCommand, parseCommand } from "./commands.ts";
import { ProtocolError } from "./errors.ts";

const NAMES = [
  "Register",
  "RegisterResult",
  "RequestNewProxyConn",
  "NewProxyConn",
  "Ping",
  "Pong",
  "StartProxy",
  "ProxyStarted",
  "Draining",
];
const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

/** What every command needs, so that one object suits all of them. */
const FIELDS = {
  client_id: "a",
  proxy_conn_id: "0",
  success: true,
  error: null,
};

Deno.test("parseCommand() knows no command by an inherited name", () => {
  for (const name of INHERITED) {
    throws(() => parseCommand(`{"${name}":{}}`), /its name is not known/);
  }
});

Deno.test("parseCommand() takes no field from a prototype", () => {
  throws(
    () => parseCommand('{"Register":{"__proto__":{"client_id":"a"}}}'),
    /"client_id" is missing/,
  );
  const command = parseCommand(
    '{"Register":{"client_id":"a","__proto__":{"auth":"b"},"constructor":1,"toString":"c"}}',
  );
  deepStrictEqual(command, { type: "Register", client_id: "a" });
  strictEqual(Object.getPrototypeOf(command), Object.prototype);
  strictEqual((command as { auth?: string }).auth, undefined);
});

Deno.test("parseCommand() drops unknown fields, whatever they are called and hold", () => {
  const known = new Set([
    ...["client_id", "version", "auth", "aliases", "remote_port", "service", "client_version"],
    ...["success", "error", "public_urls", "heartbeat_s", "proxy_conn_id", "server_addr"],
    ...["t", "visitor", "protocol", "tls", "grace_s", "reuse"],
  ]);
  const unknown = fc.oneof(fc.string(), fc.constantFrom(...INHERITED, "type"))
    .filter((name) => !known.has(name));
  fc.assert(fc.property(
    fc.constantFrom(...NAMES),
    fc.array(fc.tuple(unknown, fc.jsonValue()), { minLength: 1 }),
    (name, extras) => {
      const body = (pairs: [string, unknown][]) =>
        pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join();
      const plain = Object.entries(FIELDS);
      deepStrictEqual(
        parseCommand(`{"${name}":{${body([...extras, ...plain])}}}`),
        parseCommand(`{"${name}":{${body(plain)}}}`),
      );
    },
  ));
});

Deno.test("parseCommand() takes null for an optional field, and for no fields at all", () => {
  deepStrictEqual(parseCommand('{"Register":{"client_id":"a","auth":null,"aliases":null}}'), {
    type: "Register",
    client_id: "a",
  });
  deepStrictEqual(parseCommand('{"Ping":null}'), { type: "Ping" });
});

Deno.test("parseCommand() takes a refusal that gives no reason", () => {
  deepStrictEqual(parseCommand('{"RegisterResult":{"success":false}}'), {
    type: "RegisterResult",
    success: false,
    error: null,
  });
});

Deno.test("parseCommand() refuses a field of the wrong kind", () => {
  const wrong: [string, unknown][] = [
    ["Register", { client_id: null }],
    ["Register", { client_id: "a", version: "2" }],
    ["Register", { client_id: "a", aliases: "b" }],
    ["Register", { client_id: "a", aliases: ["b", 3] }],
    ["Register", { client_id: "a", auth: {} }],
    ["RegisterResult", { success: "true", error: null }],
    ["RegisterResult", { success: true, error: 3 }],
    ["RegisterResult", { error: null }],
    ["NewProxyConn", { proxy_conn_id: "0" }],
    ["NewProxyConn", { proxy_conn_id: 0, client_id: "a" }],
    ["Ping", { t: "1" }],
    ["StartProxy", { tls: 1 }],
    ["ProxyStarted", {}],
    ["Draining", { grace_s: [] }],
    ["Ping", []],
    ["Ping", "now"],
    ["Ping", 1],
  ];
  for (const [name, body] of wrong) {
    const json = JSON.stringify({ [name]: body });
    throws(() => parseCommand(json), (error) => {
      ok(error instanceof ProtocolError, json);
      ok(error.message.startsWith(`Cannot read ${name}: `), error.message);
      return true;
    });
  }
});

Deno.test("parseCommand() never quotes what it refuses, since it may be a secret", () => {
  const secret = "s3cret-of-mine";
  for (
    const json of [
      secret,
      `"${secret}"`,
      `{"${secret}":{}}`,
      `{"Register":{"client_id":["${secret}"]}}`,
      `{"Register":{"auth":"${secret}"}}`,
      `{"Register":{"client_id":"${secret}","version":"${secret}"}}`,
      `{"Register":"${secret}"}`,
      `{"Register":{},"${secret}":{}}`,
    ]
  ) {
    throws(
      () => parseCommand(json),
      (error) => error instanceof ProtocolError && !error.message.includes(secret),
      json,
    );
  }
});

Deno.test("parseCommand() throws nothing but ProtocolError for any text", () => {
  const nearly = fc.tuple(fc.constantFrom(...NAMES, ...INHERITED), fc.json())
    .map(([name, body]) => `{"${name}":${body}}`);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), nearly), (json) => {
    try {
      ok(NAMES.includes(parseCommand(json).type));
    } catch (error) {
      ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("parseCommand() stands 60,000 levels of nesting", () => {
  const deep = "[".repeat(60_000);
  throws(() => parseCommand(deep), ProtocolError);
  const valid = `{"Ping":{"x":${"[".repeat(30_000)}${"]".repeat(30_000)}}}`;
  deepStrictEqual(parseCommand(valid), { type: "Ping" });
});

Deno.test("formatCommand() keeps the order of the fields, as generation 1 wrote it", () => {
  strictEqual(
    formatCommand({ type: "NewProxyConn", proxy_conn_id: "f", client_id: "a" } as Command),
    '{"NewProxyConn":{"proxy_conn_id":"f","client_id":"a"}}',
  );
});

Deno.test("CLIENT_ID takes 1 to 128 of the allowed characters and nothing else", () => {
  for (const id of ["a", "my-app", "A.b_c~d:e@f-9", "x".repeat(128)]) ok(CLIENT_ID.test(id), id);
  for (const id of ["", "x".repeat(129), "a b", "a/b", "a\n", "\na", "é", "a?b", "a%41", "a=b"]) {
    ok(!CLIENT_ID.test(id), JSON.stringify(id));
  }
});
