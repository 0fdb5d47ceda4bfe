/**
 * Configuration of both programs as a whole: files, variables and flags together, what is wrong with
 * them, what comes of them, and secrets in files of their own.
 *
 * @module
 */

import { join } from "@std/path";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { HeldService } from "./raw_peers.ts";

const permissions = WHOLE_PROGRAM;
const SERVER = "../server/main.ts";
const CLIENT = "../client/main.ts";

/** Runs a program to its end. */
async function run(
  module: string,
  flags: readonly string[],
  allow: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  await using program = new Program(module, flags, allow, env);
  const { code } = await within(PATIENCE_MS, "an end", program.status());
  return { code, out: program.stdout, err: program.stderr };
}

/** Files for one test, in a folder that goes with it. */
async function files(content: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(content)) {
    await Deno.writeTextFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

peerTest({
  name: "--print-config shows each value and where it came from, and is a file that says the same",
  permissions,
}, async () => {
  await using folder = await files({
    "arps.toml": '# mine\nbind = "127.0.0.1"\nadmin-port = 17009\nallow-ports = ["20000-20010"]\n',
    "token": "hush-hush-hush\n",
  });
  const at = (name: string) => join(folder.path, name);
  const env = { ARPS_PUBLIC_PORT: "8080", ARP_LOG: "debug", ARP_AUTH_TOKEN: "hush-hush-hush" };
  const allow = [`--allow-read=${folder.path}`, `--allow-env=${Object.keys(env)}`];
  const flags = ["--config", at("arps.toml"), "--default-client", "my-secret-id", "--print-config"];
  const first = await run(SERVER, flags, allow, env);
  deepEqual([first.code, first.err], [0, ""]);
  ok(!/hush|my-secret-id/.test(first.out), first.out);
  const lines = first.out.split("\n");
  for (
    const line of [
      `bind = "127.0.0.1" # ${at("arps.toml")}:2`,
      `allow-ports = ["20000-20010"] # ${at("arps.toml")}:4`,
      "public-port = 8080 # ARPS_PUBLIC_PORT",
      'log-level = "debug" # ARP_LOG',
      "control-port = 17001 # default",
      "# auth-token = (not shown) # ARP_AUTH_TOKEN",
      "# default-client = (not shown) # --default-client",
    ]
  ) ok(lines.includes(line), `${line}\n${first.out}`);

  // In each form it is read again, and says the same.
  const values = (out: string) => JSON.parse(out);
  let before: unknown;
  for (const format of ["toml", "jsonc", "json"]) {
    const form = await run(SERVER, [...flags.slice(0, -1), `--print-config=${format}`], allow, env);
    await Deno.writeTextFile(at(`printed.${format}`), form.out);
    const again = ["--config", at(`printed.${format}`), "--print-config=json"];
    const { code, out, err } = await run(SERVER, again, allow);
    deepEqual([code, err], [0, ""], format);
    before ??= values(out);
    deepEqual(values(out), before, format);
    equal(values(out)["public-port"], 8080);
  }
});

peerTest(
  { name: "--print-config needs no permission, and starts nothing", permissions },
  async () => {
    for (const [module, flags] of [[SERVER, []], [CLIENT, ["--client-id", "x"]]] as const) {
      const { code, out, err } = await run(module, [...flags, "--print-config"]);
      deepEqual([code, err], [0, ""]);
      match(out, /^control-port = 17001 # default$/m);
    }
  },
);

peerTest({
  name: "all that is wrong is told at once: flags, variables and the file",
  permissions,
}, async () => {
  await using folder = await files({
    "arps.jsonc": '{\n  // one\n  "pubic-port": 1,\n  "pool-size": "many",\n}',
  });
  const file = join(folder.path, "arps.jsonc");
  const { code, out, err } = await run(
    SERVER,
    ["--config", file, "--publik-port=80", "--auth-token", "hush", "--heartbeat", "0"],
    [`--allow-read=${folder.path}`, "--allow-env=ARPS_GRACE"],
    { ARPS_GRACE: "a while" },
  );
  deepEqual([code, out], [2, ""]);
  deepEqual(err.split("\n").slice(0, -1).sort(), [
    "  --auth-token: expected 8 to 256 visible characters, found something else",
    '  --heartbeat: expected a number of seconds, 0.05 or more, found "0"',
    `  ${file}:3:3: "pubic-port" is no option; did you mean "public-port"?`,
    `  ${file}:4:3: "pool-size": expected a whole number, 0 to 1024, found "many"`,
    '  environment variable ARPS_GRACE: expected a number of seconds, 0 or more, found "a while"',
    "  unknown option '--publik-port'; did you mean --public-port?",
    "See arps --help.",
    "arps: 6 problems",
  ]);
});

peerTest({
  name: "what says more of something that is off is told where it stands",
  permissions,
}, async () => {
  await using folder = await files({
    "arps.toml": 'admin-bind = "::1"\ntls-proxy = false\n',
    "cert.toml": 'tls-cert = "c.pem"\ntls-key = "k.pem"\n',
  });
  const file = join(folder.path, "arps.toml");
  const variables = { ARPS_ADMIN_TLS: "true", ARPS_TLS_CONTROL: "off" };
  const allow = [`--allow-read=${folder.path}`, `--allow-env=${Object.keys(variables)}`];
  const all = ["--config", file, "--no-tls-public"];
  const { code, out, err } = await run(SERVER, all, allow, variables);
  deepEqual([code, out], [2, ""]);
  const cert = "expected --tls-cert as well, found none: without a certificate no port speaks TLS";
  const admin = "expected --admin-port as well, found none: without it there is no admin port";
  deepEqual(err.split("\n").slice(0, -1).sort(), [
    `  --tls-public: ${cert}`,
    `  ${file}:1:1: "admin-bind": ${admin}`,
    `  ${file}:2:1: "tls-proxy": ${cert}`,
    `  environment variable ARPS_ADMIN_TLS: ${admin}`,
    `  environment variable ARPS_ADMIN_TLS: ${cert}`,
    `  environment variable ARPS_TLS_CONTROL: ${cert}`,
    "arps: 6 problems",
  ]);
  // It may stand elsewhere.
  const known = ["--config", join(folder.path, "cert.toml"), "--no-tls-public", "--print-config"];
  const fine = await run(SERVER, [...known, "--admin-port", "1"], allow, variables);
  deepEqual([fine.code, fine.err], [0, ""]);
  match(fine.out, /^admin-tls = true # ARPS_ADMIN_TLS$/m);
});

peerTest({
  name: "what is wrong with a file is told in the order of its lines",
  permissions,
}, async () => {
  await using folder = await files({
    "arps": '# TOML\nheartbeat = "x"\n[arps]\n',
    "arps.toml": 'heartbeat = "x"\nnope = 1\nbind = 7\n',
  });
  const read = [`--allow-read=${folder.path}`];
  for (const [name, lines] of [["arps", [2, 3]], ["arps.toml", [1, 2, 3]]] as const) {
    const { code, err } = await run(SERVER, ["--config", join(folder.path, name)], read);
    equal(code, 2);
    const told = err.split("\n").map((line) => Number(/:(\d+):\d+: /.exec(line)?.[1] ?? 0));
    deepEqual(told.filter((line) => line > 0), lines, err);
  }
});

peerTest({
  name:
    "--print-config refuses what a start would refuse, but says also what is not enough for one",
  permissions,
}, async () => {
  const cases: [string, string[], RegExp | undefined][] = [
    [CLIENT, ["--tls-fingerprint", "ab".repeat(32)], /^arpc: --tls-fingerprint: expected --tls /],
    [CLIENT, ["--remote-port", "0", "--require-visitor-token"], /^arpc: --remote-port and --req/],
    [CLIENT, ["connect", "--listen", "1", "--stdio"], /^arpc connect: --listen and --stdio: /],
    [SERVER, ["--tls-cert", "c.pem"], /^arps: --tls-cert and --tls-key: expected both/],
    [
      SERVER,
      ["--admin-port", "17001", "--tls-key", "k"],
      /^arps: 2 problems\n.*17001 twice\n.*both/,
    ],
    [CLIENT, [], undefined],
    [CLIENT, ["connect"], undefined],
  ];
  await Promise.all(cases.map(async ([module, flags, expected]) => {
    const { code, out, err } = await run(module, [...flags, "--print-config"]);
    deepEqual([code, out === ""], expected === undefined ? [0, false] : [2, true], err);
    if (expected !== undefined) match(err, expected);
  }));
});

peerTest({
  name: "--check says whether options and files are good, or all that is wrong, and starts nothing",
  permissions,
}, async () => {
  const secret = "never-to-be-shown-42";
  await using folder = await files({
    "auth": `[[clients]]\nid = "${secret}"\nhash = "${secret}"\n`,
    "good": "clients = []\n",
    "broken.pem": `${secret}\n`,
  });
  const at = (name: string) => join(folder.path, name);
  const read = [`--allow-read=${folder.path}`];
  // A port that is taken does not matter: it may be by the server whose new options these are.
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fine = ["--check", "--control-port", `${taken.addr.port}`, "--auth-file", at("good")];
  const tls = ["--tls-cert", at("broken.pem"), "--tls-key", at("nope.pem")];
  const home = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];
  const good = [
    run(SERVER, fine, read),
    run("../server/launch.ts", fine, home),
    run(CLIENT, ["--check", "--local-port", "3000"]),
  ];
  for (const { code, out, err } of await Promise.all(good)) {
    deepEqual([code, err], [0, ""]);
    match(out, /^arp[sc]: configuration is good\n$/);
  }
  const [server, client] = await Promise.all([
    run(SERVER, [
      "--check",
      "--pool-size=x",
      ...tls,
      "--auth-file",
      at("auth"),
      "--log-file",
      at("no/log"),
    ], read),
    run(CLIENT, [
      "--check",
      "--tls",
      "--tls-ca",
      at("broken.pem"),
      "--visitor-key-file",
      at("good"),
    ], read),
  ]);
  deepEqual([server.code, server.out, client.code, client.out], [2, "", 2, ""]);
  const [count, ...lines] = server.err.trimEnd().split("\n");
  equal(count, "arps: 4 problems");
  for (
    const [nth, expected] of [
      /^ {2}--pool-size: expected a whole number/,
      /^ {2}--tls-key .*nope\.pem: cannot be read: No such file/,
      /auth:3:1: client 1: hash: expected a hash as "arps auth hash" prints it/,
      /^ {2}--log-file .*log: its folder cannot be used: No such file/,
    ].entries()
  ) match(lines[nth] ?? "", expected);
  match(
    client.err,
    /^arpc: 3 problems\n {2}--local-port: expected the port[^]*--tls-ca .*broken\.pem: .*\n.*Ed25519/,
  );
  ok(!(server.err + client.err).includes(secret));
});

peerTest({
  name: "variables that mean nothing are warned of by the launcher, without their values",
  permissions,
}, async () => {
  const env = {
    ARPS_POOLSIZE: "hush-hush-hush",
    ARPS_SERVICE_HOST: "10.0.0.1",
    ARPS_SELF_SIGNED: "false",
  };
  const warning = "arps: warning: environment variable ARPS_POOLSIZE is no option; " +
    "did you mean ARPS_POOL_SIZE?\n";
  const launcher = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];
  const launched = await run("../server/launch.ts", ["--print-permissions"], launcher, env);
  deepEqual([launched.code, launched.err], [0, warning]);
  // Who may read some of the environment cannot tell what else there is.
  const some = await run(SERVER, ["--print-permissions"], [`--allow-env=${Object.keys(env)}`], env);
  deepEqual([some.code, some.err], [0, ""]);
});

peerTest({ name: "a program and its words share one file", permissions }, async () => {
  await using folder = await files({
    "arpc.toml": 'local-port = 3000\nserver = "example.com"\nlisten = 5432\nserver-addr = "x.y"\n',
    "wrong.toml": "listne = 1\n",
  });
  const read = [`--allow-read=${folder.path}`];
  const config = ["--config", join(folder.path, "arpc.toml"), "--print-config=json"];
  const own = await run(CLIENT, config, read);
  equal(JSON.parse(own.out)["local-port"], 3000);
  const word = await run(CLIENT, ["connect", ...config], read);
  const { server, listen } = JSON.parse(word.out);
  deepEqual([server, listen], ["example.com:17003", "127.0.0.1:5432"]);
  const wrong = await run(CLIENT, ["connect", "--config", join(folder.path, "wrong.toml")], read);
  match(wrong.err, /wrong\.toml:1:1: "listne" is no option; did you mean "listen"\?/);
});

peerTest({
  name: "a secret comes from a file, which the launcher lets the program read, and nothing else",
  permissions,
}, async () => {
  await using folder = await files({ "token": "hush-hush-hush\n", "short": "hush\n" });
  const at = (name: string) => join(folder.path, name);
  const launcher = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];
  for (const env of [{ ARPS_AUTH_TOKEN_FILE: at("token") }, { ARP_AUTH_TOKEN_FILE: at("token") }]) {
    const { out } = await run("../server/launch.ts", ["--print-permissions"], launcher, env);
    match(out, new RegExp(`^--allow-read=${RegExp.escape(at("token"))}$`, "m"));
  }
  const short = await run(SERVER, ["--auth-token-file", at("short")], [
    `--allow-read=${at("short")}`,
  ]);
  equal(short.code, 2);
  match(short.err, /--auth-token-file .*short: expected 8 to 256 visible characters, found some/);
  const denied = await run(SERVER, ["--auth-token-file", at("token")]);
  match(denied.err, /--auth-token-file: cannot read .*token: Requires read access/);

  await using service = new HeldService();
  await using server = await startServer(["--auth-token-file", at("token")]);
  const client = { server, id: "app", port: service.port };
  await using _client = await startClient({
    ...client,
    flags: ["--auth-token-file", at("token")],
  });
  ok(!server.stderr.includes("hush"));
});

peerTest({
  name: "no program runs open because the variable of its secret is empty",
  permissions,
}, async () => {
  const client = ["--local-port", "9"];
  const cases: [string, string, string[]][] = [
    [SERVER, "ARP_AUTH_TOKEN", []],
    [SERVER, "ARPS_AUTH_TOKEN", []],
    [SERVER, "ARP_AUTH_TOKEN_FILE", []],
    [SERVER, "ARPS_AUTH_FILE", []],
    [SERVER, "ARPS_ADMIN_KEY", ["--admin-port", "0"]],
    [SERVER, "ARPS_REQUIRE_VISITOR_TOKEN", []],
    [CLIENT, "ARP_AUTH_TOKEN", client],
    [CLIENT, "ARP_API_KEY", ["--command-mode"]],
    [CLIENT, "ARPC_REQUIRE_VISITOR_TOKEN", client],
    [CLIENT, "ARPC_TOKEN", ["connect", "--server", "localhost:9", "--listen", "0"]],
    ["../server/launch.ts", "ARP_AUTH_TOKEN", []],
    ["../client/launch.ts", "ARP_API_KEY", ["--command-mode"]],
  ];
  await Promise.all(cases.map(async ([module, name, flags]) => {
    const allow = module.endsWith("launch.ts")
      ? ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"]
      : [`--allow-env=${name}`];
    const { code, err } = await run(module, [...flags, "--print-config"], allow, { [name]: "" });
    equal(code, 2, `${module} ${name}: ${err}`);
    const why = `environment variable ${name} is empty: give it a value, or unset it`;
    ok(err.includes(`: ${why}\n`), err);
  }));
  // Where nothing stands open for it, as files for containers have them.
  const env = { ARPS_DOMAIN: "", ARPS_TLS_CERT: "" };
  const allow = [`--allow-env=${Object.keys(env)}`];
  equal((await run(SERVER, ["--print-config"], allow, env)).code, 0);
});

peerTest({
  name: "SIGHUP ends no server, whether it has files to read again or not",
  permissions,
  os: ["linux", "darwin"],
}, async () => {
  await using server = await startServer();
  server.kill("SIGHUP");
  server.kill("SIGTERM");
  const status = await within(PATIENCE_MS, "an end", server.status());
  deepEqual([status.code, status.signal], [0, null]);
  await server.message("Server stopped");
});
