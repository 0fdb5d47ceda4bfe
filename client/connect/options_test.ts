import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { resolve, UsageError, type Values } from "@agentx/common/cli";
import { CONNECT_OPTIONS, connectConfig, formatServer } from "./options.ts";

/** The values of these options and of all others their defaults. */
function values(given: Record<string, unknown>): Values<typeof CONNECT_OPTIONS> {
  return resolve(CONNECT_OPTIONS, [{
    describe: (key) => `--${key}`,
    get: (key) => given[key],
  }]);
}

function config(given: Record<string, unknown>) {
  return connectConfig(values({ token: "app", server: "example.com", ...given }));
}

function refuses(given: Record<string, unknown>, message: RegExp): void {
  throws(() => connectConfig(values(given)), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    return true;
  });
}

Deno.test("--server is a host with a port or without, or a URL of a proxy", () => {
  const cases: [string, hostname: string, port: number, tls: boolean, shown: string][] = [
    ["example.com", "example.com", 17003, false, "example.com:17003"],
    ["example.com:80", "example.com", 80, false, "example.com:80"],
    ["192.0.2.7", "192.0.2.7", 17003, false, "192.0.2.7:17003"],
    ["[::1]:17004", "::1", 17004, false, "[::1]:17004"],
    ["[2001:db8::1]", "2001:db8::1", 17003, false, "[2001:db8::1]:17003"],
    ["http://example.com", "example.com", 80, false, "example.com:80"],
    ["http://example.com:17003/", "example.com", 17003, false, "example.com:17003"],
    ["https://example.com", "example.com", 443, true, "https://example.com:443"],
    ["HTTPS://[::1]:8443/", "::1", 8443, true, "https://[::1]:8443"],
  ];
  for (const [server, hostname, port, tls, shown] of cases) {
    const found = config({ server }).server;
    deepStrictEqual(found, { hostname, port, tls }, server);
    strictEqual(formatServer(found), shown);
  }
});

Deno.test("--server is nothing else", () => {
  const bad = [
    ...["", ":17003", "example.com:", "example.com:0", "example.com:65536", "example.com:http"],
    ...["::1", "::1:17003", "[::1", "[example.com]:1", "ftp://example.com", "//example.com"],
    ...["https://example.com/path", "https://example.com/?token=app", "https://me@example.com"],
    ...["two words", "example.com\r\nX: y", 17003, ["example.com"]],
  ];
  for (const server of bad) {
    refuses({ token: "app", server }, /^--server: expected HOST\[:PORT\], .* found /);
  }
});

Deno.test("--listen is a port, with an address in front of it or without", () => {
  const cases: [string | number, hostname: string, port: number][] = [
    ["5432", "127.0.0.1", 5432],
    [5432, "127.0.0.1", 5432],
    ["0", "127.0.0.1", 0],
    ["0.0.0.0:5432", "0.0.0.0", 5432],
    ["localhost:0", "localhost", 0],
    ["[::]:5432", "::", 5432],
  ];
  for (const [listen, hostname, port] of cases) {
    deepStrictEqual(config({ listen }).listen, { hostname, port }, String(listen));
  }
  for (const listen of ["", "-1", "65536", ":5432", "::1:5432", "localhost", "1.5", 1.5, true]) {
    refuses({ listen }, /^--listen: expected PORT or ADDRESS:PORT, .* found /);
  }
});

Deno.test("standard input and output are the default", () => {
  strictEqual(config({}).listen, undefined);
  strictEqual(config({ stdio: true }).listen, undefined);
  deepStrictEqual(config({ listen: "1", stdio: false }).listen, { hostname: "127.0.0.1", port: 1 });
});

Deno.test("connectConfig() says what is missing, and what contradicts what", () => {
  refuses({ server: "example.com" }, /^--token: expected the id .* found none\nFor example: arpc/);
  refuses({ token: "app" }, /^--server: expected the public port .* found none\nFor example: arpc/);
  refuses(
    { token: "app", server: "example.com", stdio: true, listen: "1" },
    /^--listen and --stdio: expected one of the two, found both\n/,
  );
});

Deno.test("an error about a bad token does not repeat it", () => {
  refuses(
    { token: "my secret", server: "x" },
    /^--token: expected 1 to 128 of .*, found something/,
  );
  throws(() => values({ token: "my secret" }), (error) => !String(error).includes("my secret"));
});
