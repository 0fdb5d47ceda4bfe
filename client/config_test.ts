import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { resolve, type Source, UsageError } from "@agentx/common/cli";
import { clientConfig } from "./config.ts";
import { OPTIONS } from "./options.ts";

function config(given: Record<string, unknown>, fallback = () => "made-up") {
  const flags: Source = { describe: (key) => `--${key}`, get: (key) => given[key] };
  return clientConfig(resolve(OPTIONS, [flags]), fallback);
}

function refuses(given: Record<string, unknown>, message: RegExp): void {
  throws(() => config(given), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    return true;
  });
}

Deno.test("clientConfig() has the defaults of the first generation", () => {
  deepStrictEqual(config({ "local-port": "3000" }), {
    clientId: "made-up",
    aliases: [],
    serverAddr: "127.0.0.1",
    authToken: undefined,
    requireVisitorToken: false,
    tls: undefined,
    controlPort: 17001,
    proxyPort: 17002,
    localAddr: "127.0.0.1",
    localPort: 3000,
    remotePort: undefined,
    service: undefined,
    dbUser: undefined,
    autoReconnect: true,
    reconnectMax: 30_000,
    grace: 30_000,
  });
});

Deno.test("clientConfig() takes what is given, and then makes up no id", () => {
  const given = {
    "local-port": "3000",
    "client-id": "my-app",
    "alias": ["alice", "bob"],
    "auto-reconnect": "false",
    "reconnect-interval": "0.5",
  };
  const made = config(given, () => {
    throw new Error("the machine must not be asked");
  });
  strictEqual(made.clientId, "my-app");
  deepStrictEqual(made.aliases, ["alice", "bob"]);
  strictEqual(made.autoReconnect, false);
  strictEqual(made.reconnectMax, 500);
});

Deno.test("clientConfig() asks for the local port, with an example", () => {
  const message = /^--local-port: expected the port .*, found none\n.*arpc .*--local-port 3000/;
  refuses({}, message);
  refuses({ "local-port": "0" }, message);
});

Deno.test("an id outside the grammar is refused, and so is an alias", () => {
  for (const id of ["a b", "a/b", "", "x".repeat(129), "中"]) {
    refuses({ "local-port": "1", "client-id": id }, /^--client-id: expected 1 to 128 of A-Z/);
  }
  refuses({ "local-port": "1", "alias": ["good", "b/d"] }, /^--alias: expected 1 to 128 of A-Z/);
});

Deno.test("a server address with a scheme or a path is refused", () => {
  for (const address of ["http://a.example", "a.example/x", "a b", "user@host"]) {
    refuses({ "local-port": "1", "server-addr": address }, /^--server-addr: expected a host name/);
  }
  strictEqual(config({ "local-port": "1", "server-addr": "::1" }).serverAddr, "::1");
});

Deno.test("a server address with a port is refused, with the flags that take it", () => {
  const hint = /^--server-addr: expected a host .* --control-port and --proxy-port, found "/;
  const wrong = [
    "localhost:7000",
    "192.0.2.1:7000",
    "a.example:7000:17001",
    "[::1]:7000",
    "a:",
    ":1",
  ];
  for (const address of wrong) refuses({ "local-port": "1", "server-addr": address }, hint);
  for (const address of ["2001:db8::1", "::", "::ffff:192.0.2.1", "a_b.example", "10.0.0.1"]) {
    strictEqual(config({ "local-port": "1", "server-addr": address }).serverAddr, address);
  }
});

Deno.test("every option says what it is for and what it expects", () => {
  for (const [key, { about, expects, group }] of Object.entries(OPTIONS)) {
    ok(about.length > 5 && expects.length > 3 && group.length > 3, key);
    match(key, /^[a-z]+(-[a-z]+)*$/);
  }
});
