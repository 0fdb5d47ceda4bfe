import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { resolve, type Source, UsageError } from "@agentx/common/cli";
import { serverConfig } from "./config.ts";
import { OPTIONS } from "./options.ts";

function config(given: Record<string, unknown>) {
  const flags: Source = { describe: (key) => `--${key}`, get: (key) => given[key] };
  return serverConfig(resolve(OPTIONS, [flags]));
}

function refuses(given: Record<string, unknown>, message: RegExp): void {
  throws(() => config(given), (error) => {
    ok(error instanceof UsageError, String(error));
    match(error.message, message);
    return true;
  });
}

Deno.test("serverConfig() has the defaults of the first generation, and the limits", () => {
  const { controlPort, proxyPort, publicPort, poolSize, ...others } = config({});
  deepStrictEqual([controlPort, proxyPort, publicPort, poolSize], [17001, 17002, 17003, 1]);
  strictEqual(others.bind, "0.0.0.0");
  strictEqual(others.onDuplicate, "replace");
  strictEqual(others.maxPoolSize, 32);
  strictEqual(others.queueSize, 256);
  strictEqual(others.headTimeout, 10_000);
  strictEqual(others.registerTimeout, 10_000);
  strictEqual(others.idleTimeout, 0);
  strictEqual(others.httpIdleTimeout, 3_600_000);
  strictEqual(others.heartbeatSeconds, 15);
  strictEqual(others.graceSeconds, 30);
});

Deno.test("serverConfig() refuses a port given twice, but lets the system choose several", () => {
  refuses(
    { "control-port": "5000", "public-port": "5000" },
    /^--control-port and --public-port: expected two ports, found 5000 twice$/,
  );
  refuses({ "proxy-port": "17001" }, /^--control-port and --proxy-port: /);
  const { controlPort, proxyPort, publicPort } = config({
    "control-port": "0",
    "proxy-port": "0",
    "public-port": "0",
  });
  deepStrictEqual([controlPort, proxyPort, publicPort], [0, 0, 0]);
});

Deno.test("serverConfig() gives out no ports unless told to, and none of its own", () => {
  strictEqual(config({}).allowPorts.size, 0);
  strictEqual(
    `${config({ "allow-ports": ["20000-20100,30000"] }).allowPorts}`,
    "20000-20100,30000",
  );
  refuses(
    { "allow-ports": ["17000-17010"] },
    /--allow-ports and --control-port: expected different ports, found 17001 in both$/m,
  );
  refuses(
    { "allow-ports": ["5000"], "public-port": "5000" },
    /^--allow-ports and --public-port: /,
  );
  refuses({ "allow-ports": ["20100-20000"] }, /^--allow-ports: expected ports of 1 to 65535, or/);
});

Deno.test("serverConfig() takes the proxies it trusts as a set of addresses", () => {
  const { trustedProxies } = config({ "trusted-proxies": ["10.0.0.1", "::1"] });
  deepStrictEqual([...trustedProxies], ["10.0.0.1", "::1"]);
  refuses({ "trusted-proxies": ["proxy.example"] }, /expected an IP address/);
});

Deno.test("a domain or public URL that is none is refused", () => {
  for (const domain of ["http://a.example", "a/b", "a:80", "*.a.example"]) {
    refuses({ domain }, /^--domain: expected a domain name/);
  }
  for (const url of ["a.example", "ftp://a.example", "http://a.example/path", "http://"]) {
    refuses({ "public-url": url }, /^--public-url: expected http\(s\):\/\/HOST\[:PORT\]/);
  }
  strictEqual(
    config({ "public-url": "https://a.example:8443" }).publicUrl,
    "https://a.example:8443",
  );
});

Deno.test("a heartbeat or timeout of nothing is refused", () => {
  for (const key of ["heartbeat", "head-timeout", "register-timeout"]) {
    refuses({ [key]: "0" }, /expected a number of seconds, 0\.05 or more/);
  }
});

Deno.test("a head is limited to 1 to 64 KiB", () => {
  strictEqual(config({}).maxHead, 65536);
  strictEqual(config({ "max-head": "16KiB" }).maxHead, 16384);
  for (const size of ["0", "1000", "65537", "1MB"]) {
    refuses({ "max-head": size }, /^--max-head: expected bytes, 1KiB to 64KiB, found "\d/);
  }
});

Deno.test("what says more of TLS or the admin port is refused without it", () => {
  const admin = { "admin-port": "0" };
  const tls = { "tls-cert": "c.pem", "tls-key": "k.pem" };
  for (const port of ["control", "proxy", "public"]) {
    const found = new RegExp(`^--tls-${port}: expected --tls-cert as well, found none: `);
    refuses({ [`tls-${port}`]: "false" }, found);
    strictEqual(config({ ...tls, [`tls-${port}`]: "false" }).tls?.ports[port as "proxy"], false);
    strictEqual(config({ [`tls-${port}`]: "true" }).tls, undefined);
  }
  const noPort = /--admin-(?:bind|tls): expected --admin-port as well, found none: /;
  refuses({ "admin-bind": "::1" }, noPort);
  refuses({ ...tls, "admin-tls": "true" }, noPort);
  refuses(
    { ...admin, "admin-tls": "true" },
    /^--admin-tls: expected --tls-cert as well, found none/,
  );
  refuses({ "admin-tls": "true" }, /^2 problems\n.*--admin-port.*\n.*--tls-cert/);
  // Nobody is to be told off for what is so anyway.
  strictEqual(config({ "admin-tls": "false", "admin-bind": "127.0.0.1" }).admin, undefined);
  strictEqual(config({ ...admin, ...tls }).admin?.tls, false);
  strictEqual(config({ ...admin, ...tls, "admin-tls": "yes" }).admin?.tls, true);
});

Deno.test("an admin port that others can reach is refused without a key", () => {
  const admin = (bind: string) => ({ "admin-port": "0", "admin-bind": bind });
  for (const bind of ["0.0.0.0", "::", "192.0.2.1", "127.evil.example"]) {
    refuses(admin(bind), /^--admin-bind .*: expected --admin-key as well, found none: /);
  }
  for (const bind of ["127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost"]) {
    strictEqual(config(admin(bind)).admin?.bind, bind);
  }
});

Deno.test("every option says what it is for and what it expects", () => {
  for (const [key, { about, expects, group }] of Object.entries(OPTIONS)) {
    ok(about.length > 5 && expects.length > 3 && group.length > 3, key);
    match(key, /^[a-z]+(-[a-z]+)*$/);
  }
});
