/**
 * The command lines of both programs: what they print, refuse, read and leave behind.
 *
 * @module
 */

import { join } from "@std/path";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { findProgram, parseFlags } from "@agentx/common/cli";
import { FAMILY as CLIENT_FAMILY } from "../client/program.ts";
import { FAMILY as SERVER_FAMILY } from "../server/program.ts";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { eventually, frame, HeldService, readFrame, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { status, Wire } from "./http_wire.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const SERVER = "../server/main.ts";
const CLIENT = "../client/main.ts";

/** What a program that ends on its own said. */
interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs a program to its end. */
async function run(
  module: string,
  flags: readonly string[],
  { env = {}, allow = [] }: { env?: Record<string, string>; allow?: readonly string[] } = {},
): Promise<Outcome> {
  await using program = new Program(module, flags, allow, env);
  const { code } = await within(PATIENCE_MS, "an end", program.status());
  return { code, out: program.stdout, err: program.stderr };
}

/** A folder for one test. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(files: Record<string, string> = {}): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir());
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(folder.at(name), text);
    }
    return folder;
  }

  at(...name: string[]): string {
    return join(this.path, ...name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

peerTest({ name: "--help and --version need no permission at all", permissions }, async () => {
  const programs = [[SERVER, "arps", "--public-port"], [CLIENT, "arpc", "--local-port"]] as const;
  for (const [module, name, flag] of programs) {
    for (const help of ["--help", "-h"]) {
      const { code, out, err } = await run(module, [help]);
      deepEqual([code, err], [0, ""]);
      match(out, new RegExp(`^Usage: ${name} `));
      match(out, new RegExp(`^  ${flag} <port> .*\\S`, "m"));
      match(out, new RegExp(`^  \\$ ${name} `, "m"));
      // Nobody knows how wide what reads a pipe is.
      ok(out.split("\n").every((line) => line.length <= 80), out);
    }
    for (const version of ["--version", "-V"]) {
      const { code, out, err } = await run(module, [version]);
      deepEqual([code, err], [0, ""]);
      match(out, /^\d+\.\d+\.\d+\n$/);
    }
  }
});

peerTest(
  { name: "help and version are words as well, and every word has its help", permissions },
  async (t) => {
    const step = stepsOf(t);
    const cases: [string, string[], RegExp][] = [
      [SERVER, ["help"], /^Usage: arps \[options\]\n/],
      [SERVER, ["auth", "--help"], /^Usage: arps auth <command>\n[^]*^ {2}arps auth hash +makes/m],
      [SERVER, ["auth", "help"], /^Usage: arps auth <command>\n/],
      [SERVER, ["help", "auth"], /^Usage: arps auth <command>\n/],
      [SERVER, ["help", "cert"], /^Usage: arps cert \[options\]\n/],
      [SERVER, ["--help", "cert"], /^Usage: arps cert \[options\]\n/],
      [SERVER, ["cert", "help"], /^Usage: arps cert \[options\]\n/],
      [
        SERVER,
        ["auth", "check", "-h"],
        /arps auth check exits with 0 if a server can use the file,/,
      ],
      [SERVER, ["version"], /^\d+\.\d+\.\d+\n$/],
      [
        CLIENT,
        ["token", "--help"],
        /^Usage: arpc token <command>\n[^]*^ {2}arpc token list +lists/m,
      ],
      [
        CLIENT,
        ["token", "create", "--help"],
        /\(default: 1d\)[^]* exits with 0 when all went well,/,
      ],
      [CLIENT, ["token", "revoke", "--help"], /^Usage: arpc token revoke \[options\] <which>\n/],
      [CLIENT, ["help"], /^arpc exits with 0 after a clean stop, .* 3 when\nits id/m],
      [CLIENT, ["version"], /^\d+\.\d+\.\d+\n$/],
    ];
    await step("what is asked for", async () => {
      await Promise.all(cases.map(async ([module, args, expected]) => {
        const { code, out, err } = await run(module, args);
        deepEqual([code, err], [0, ""], args.join(" "));
        match(out, expected);
      }));
    });
    await step("a group without a word", async () => {
      for (const [module, name] of [[SERVER, "arps auth"], [CLIENT, "arpc token"]] as const) {
        const { code, out, err } = await run(module, [name.split(" ")[1]!]);
        deepEqual([code, out], [2, ""]);
        match(err, new RegExp(`^${name}: expected one of .*, found nothing\n\nUsage: ${name} `));
      }
    });
  },
);

const script = peer("script", "apt-get install bsdutils");

for (const columns of [60, 80, 120]) {
  Deno.test(`every --help fits into ${columns} columns`, () => {
    for (const family of [SERVER_FAMILY, CLIENT_FAMILY]) {
      const groups = Object.keys(family.groups ?? {}).map((word) => findProgram(family, [word]));
      const all = [
        family,
        ...family.words,
        ...groups.map((asked) => ({ ...asked, options: {} })),
      ].flatMap((one) => "about" in one ? [one] : []);
      equal(all.length, 1 + family.words.length + groups.length);
      for (const { about, options } of all) {
        const line = parseFlags(about, options, ["--help"], () => columns);
        ok(line.kind === "print");
        deepEqual(line.text.split("\n").filter((text) => text.length > columns), [], about.name);
      }
    }
  });
}

peerTest({
  name: "--help fits the terminal it is read on",
  permissions,
  peers: [script],
  os: ["linux"],
}, async () => {
  const help = async (columns: number) => {
    const module = new URL(CLIENT, import.meta.url).href;
    const command = `'${Deno.execPath()}' run --quiet --no-prompt '${module}' --help`;
    const { stdout } = await new Deno.Command(script.path, {
      args: ["-qec", `stty cols ${columns} rows 60; ${command}`, "/dev/null"],
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const lines = new TextDecoder().decode(stdout).replaceAll("\r", "").split("\n");
    ok(lines.some((line) => line.startsWith("Usage: arpc ")), lines.join("\n"));
    return Math.max(...lines.map((line) => line.length));
  };
  // All the room is used, but no more than is good to read.
  const widest = await Promise.all([60, 90, 200].map(help));
  for (const [at, most] of [60, 90, 100].entries()) {
    ok(widest[at]! <= most && widest[at]! > most - 10, `${widest}`);
  }
});

const BAD: [string, readonly string[], RegExp, Record<string, string>?][] = [
  [SERVER, ["--nope"], /^arps: unknown option '--nope'\nSee arps --help\.$/m],
  [SERVER, ["17001"], /^arps: too many arguments/],
  [SERVER, ["tokne"], /^arps: unknown command 'tokne'; did you mean arpc token\?$/m],
  [SERVER, ["auth", "hsah"], /^arps auth: unknown command 'hsah'; did you mean arps auth hash\?$/m],
  [SERVER, ["cert"], /^arps cert: expected either --self-signed or --fingerprint/],
  [SERVER, ["--reuse-port=yes"], /^arps: option '--reuse-port' takes no value$/m],
  [CLIENT, ["http", "3000"], /^arpc: unknown command 'http'; it is arpc --local-port 3000$/m],
  [
    CLIENT,
    ["tcp", "22"],
    /^arpc: unknown command 'tcp'; it is arpc --local-port 22, and --remote-port 0 /,
  ],
  [CLIENT, ["token", "create", "--ip", "x"], /^arpc token create: --ip: expected an address/],
  [SERVER, ["--bind"], /^arps: option '--bind <address>' argument missing/],
  [SERVER, ["--public-port", "http"], /--public-port: expected a port, 0 to 65535, found "http"/],
  [SERVER, ["--public-port", "65536"], /--public-port: expected a port, 0 to 65535, found "65536"/],
  [SERVER, ["--pool-size=-1"], /--pool-size: expected a whole number, 0 to 1024, found "-1"/],
  [SERVER, ["--heartbeat", "0"], /--heartbeat: expected a number of seconds, 0\.05 or more/],
  [SERVER, ["--log-level", "loud"], /--log-level: expected one of trace, .*, found "loud"/],
  [SERVER, ["--on-duplicate", "both"], /--on-duplicate: expected one of replace, reject/],
  [SERVER, ["--public-url", "example.com"], /--public-url: expected http\(s\):\/\/HOST/],
  [SERVER, ["--proxy-port", "17003"], /--proxy-port and --public-port: expected two ports/],
  [SERVER, [], /environment variable ARPS_POOL_SIZE: expected a whole/, { ARPS_POOL_SIZE: "many" }],
  [SERVER, [], /environment variable ARP_LOG: expected one of/, { ARP_LOG: "loud" }],
  [CLIENT, [], /^arpc: --local-port: expected the port of the service to expose, found none/],
  [CLIENT, ["--local-port", "0"], /^arpc: --local-port: expected the port/],
  [CLIENT, ["--client-id", "my app"], /--client-id: expected 1 to 128 of .*, found "my app"/],
  [CLIENT, ["--client-id", ""], /--client-id: expected 1 to 128 of/],
  [CLIENT, ["--alias", "ok", "--alias", "a/b"], /--alias: expected 1 to 128 of/],
  [CLIENT, ["--server-addr", "host:1/x"], /--server-addr: expected a host name or address/],
  [CLIENT, ["--auto-reconnect=false"], /^arpc: .*--auto-reconnect/],
];

peerTest(
  { name: "bad options end with code 2 and say which, and what was expected", permissions },
  async (t) => {
    const step = stepsOf(t);
    for (const [module, flags, expected, env = {}] of BAD) {
      await step([module, ...flags, ...Object.keys(env)].join(" "), async () => {
        const allow = Object.keys(env).map((name) => `--allow-env=${name}`);
        const { code, out, err } = await run(module, flags, { env, allow });
        match(err, expected);
        deepEqual([code, out], [2, ""]);
        ok(!err.includes("    at "), "a stack trace is for nobody here");
      });
    }
  },
);

peerTest(
  { name: "--config: errors name the file, the key and what was expected", permissions },
  async (t) => {
    await using folder = await Folder.make({
      "unknown.toml": "publik-port = 8080\n",
      "value.toml": `pool-size = "many"\n`,
      "kind.jsonc": `{ "bind": 7 }`,
      "broken.toml": "public-port = \n",
      "broken.jsonc": `{\n  // a comment\n  "bind": \n}`,
      "list.jsonc": "[]",
    });
    const step = stepsOf(t);
    const cases: [string, RegExp][] = [
      [
        "unknown.toml",
        /unknown\.toml:1:1: "publik-port" is no option; did you mean "public-port"\?/,
      ],
      ["value.toml", /value\.toml:1:1: "pool-size": expected a whole number, .* found "many"/],
      ["kind.jsonc", /kind\.jsonc:1:3: "bind": expected some text, found 7/],
      ["broken.toml", /broken\.toml:\d:\d+: not well-formed TOML/],
      ["broken.jsonc", /broken\.jsonc:4:1: not well-formed JSON/],
      ["list.jsonc", /list\.jsonc: expected an object of options/],
      ["missing.toml", /Cannot read --config .*missing\.toml: /],
    ];
    for (const [name, expected] of cases) {
      await step(name, async () => {
        const allow = [`--allow-read=${folder.path}`];
        const { code, err } = await run(SERVER, ["--config", folder.at(name)], { allow });
        match(err, expected);
        equal(code, 2);
      });
    }
  },
);

peerTest({
  name: "flags win over variables, those over the file, that over the defaults",
  permissions,
}, async (t) => {
  const [one, two, three] = [freePort(), freePort(), freePort()];
  await using folder = await Folder.make({
    "arps.toml":
      `bind = "127.0.0.1"\ncontrol-port = 0\nproxy-port = ${one}\npublic-port = ${one}\n`,
    "arps.jsonc": `{
      // the same in other words
      "bind": "127.0.0.1", "control-port": 0, "proxy-port": ${one}, "public-port": ${one},
    }`,
  });
  const env = { ARPS_PROXY_PORT: `${two}`, ARPS_PUBLIC_PORT: `${two}` };
  const step = stepsOf(t);
  for (const name of ["arps.toml", "arps.jsonc"]) {
    await step(name, async () => {
      const flags = ["--config", folder.at(name), "--public-port", `${three}`];
      const launcher = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];
      await using server = new Program("../server/launch.ts", flags, launcher, env);
      const { properties } = await server.message("Server ready");
      match(String(properties.control), /^127\.0\.0\.1:\d+$/);
      equal(properties.proxy, `127.0.0.1:${two}`);
      equal(properties.public, `127.0.0.1:${three}`);
      if (Deno.build.os !== "windows") server.kill("SIGTERM");
      await within(PATIENCE_MS, "an end", server.status());
    });
  }
  await step("ARPS_CONFIG names the file", async () => {
    const { out } = await run(SERVER, ["--print-permissions", "--public-port", `${three}`], {
      env: { ARPS_CONFIG: folder.at("arps.toml") },
      allow: ["--allow-env=ARPS_CONFIG", `--allow-read=${folder.path}`],
    });
    match(out, new RegExp(`^--allow-net=127\\.0\\.0\\.1,127\\.0\\.0\\.1:${one}`));
  });
});

peerTest({
  name: "~/.arp-client/config keeps the id for the next run, and other lines",
  permissions,
}, async (t) => {
  await using home = await Folder.make();
  await using service = new HeldService();
  await using server = await startServer();
  const path = home.at(".arp-client", "config");
  const client = (id?: string, flags: readonly string[] = []) =>
    startClient({
      server,
      port: service.port,
      flags,
      env: { HOME: home.path },
      ...(id === undefined ? {} : { id }),
    });
  const step = stepsOf(t);
  await step("is written", async () => {
    await using _client = await client("first");
    equal(await Deno.readTextFile(path), "client-id=first\n");
    if (Deno.build.os !== "windows") {
      equal((await Deno.stat(path)).mode! & 0o777, 0o600);
      equal((await Deno.stat(home.at(".arp-client"))).mode! & 0o777, 0o700);
    }
  });
  await step("is the default of the next run", async () => {
    await using _client = await client();
    equal((await visit(server.publicPort, "/?token=first")).body, "hello");
  });
  await step("gives way to a flag, and learns from it", async () => {
    await Deno.writeTextFile(path, "# mine\nclient-id = old\r\n\nalias=kept\nnew-option=1\n");
    await using _client = await client("second");
    equal(await Deno.readTextFile(path), "client-id=second\n# mine\n\nalias=kept\nnew-option=1\n");
    // Other lines are defaults, too.
    equal((await visit(server.publicPort, "/?token=kept")).body, "hello");
    const found = (await Deno.readTextFile(path)).split("\n").filter((line) =>
      line.includes("client-id")
    );
    deepEqual(found, ["client-id=second"]);
    // As in: curl "http://…/?token=$(grep client-id ~/.arp-client/config)"
    equal((await visit(server.publicPort, `/?token=${found[0]}`)).body, "hello");
    const left = [...Deno.readDirSync(home.at(".arp-client"))].map(({ name }) => name).sort();
    deepEqual(left, ["config", "visitor-tokens.jsonl"]);
  });
  await step("is an error that names it, when it cannot be used", async () => {
    await Deno.writeTextFile(path, "client-id=not an id\n");
    const { code, err } = await run(CLIENT, ["--local-port", "1"], {
      env: { HOME: home.path },
      allow: ["--allow-env=HOME", `--allow-read=${home.path}`],
    });
    match(err, /\.arp-client.config: "client-id": expected 1 to 128/);
    equal(code, 2);
  });
  await step("is done without, where it cannot be written", async () => {
    await Deno.remove(home.at(".arp-client"), { recursive: true });
    await Deno.writeTextFile(home.at(".arp-client"), "no folder");
    await using client = await startClient({
      server,
      id: "third",
      port: service.port,
      env: { HOME: home.path },
    });
    const { level } = await client.message("Cannot keep the client id");
    equal(level, "WARN");
    equal((await visit(server.publicPort, "/?token=third")).body, "hello");
  });
});

peerTest({ name: "a machine has one default id", permissions }, async () => {
  await using service = new HeldService();
  await using server = await startServer();
  const urls: string[] = [];
  for (let run = 0; run < 2; run++) {
    // Nothing is left of the run before.
    await using home = await Folder.make();
    const env = { HOME: home.path };
    await using client = await startClient({ server, port: service.port, env });
    await printed(client, 1);
    urls.push(client.stdout);
    const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    match(
      client.stdout,
      new RegExp(`^http://127\\.0\\.0\\.1:${server.publicPort}/\\?token=${uuid}\n$`),
    );
  }
  equal(urls[0], urls[1]);
});

/** Resolves when a program printed so many lines. */
async function printed(program: Program, lines: number): Promise<void> {
  await eventually(`${lines} lines`, () => program.stdout.split("\n").length > lines);
}

peerTest(
  { name: "piped, a client prints its URLs, one a line, and they work", permissions },
  async (t) => {
    await using service = new HeldService();
    const step = stepsOf(t);
    const urlsOf = async (serverFlags: readonly string[]) => {
      const server = await startServer(serverFlags);
      const flags = ["--alias", "alice", "--alias", "b:b"];
      await using client = await startClient({ server, id: "app", port: service.port, flags });
      await printed(client, 3);
      const urls = client.stdout.trimEnd().split("\n");
      return { server, urls };
    };
    await step("by the name the server was dialled by", async () => {
      const { server, urls } = await urlsOf([]);
      await using _server = server;
      const base = `http://127.0.0.1:${server.publicPort}/?token=`;
      deepEqual(urls, [base + "app", base + "alice", base + "b%3Ab"]);
    });
    await step("--domain", async () => {
      const { server, urls } = await urlsOf(["--domain", "example.test"]);
      await using _server = server;
      const port = server.publicPort;
      deepEqual(urls, [
        `http://app.example.test:${port}/`,
        `http://alice.example.test:${port}/`,
        `http://example.test:${port}/?token=b%3Ab`,
      ]);
    });
    await step("--public-url", async () => {
      const { server, urls } = await urlsOf(["--public-url", "https://tunnel.example.test"]);
      await using _server = server;
      const base = "https://tunnel.example.test/?token=";
      deepEqual(urls, [base + "app", base + "alice", base + "b%3Ab"]);
    });
    await step("visitors find it there", async () => {
      await using server = await startServer();
      await using client = await startClient({ server, id: "b:b", port: service.port });
      await printed(client, 1);
      const url = new URL(client.stdout);
      const answer = await visit(Number(url.port), url.pathname + url.search);
      deepEqual([status(answer), answer.body], [200, "hello"]);
    });
  },
);

peerTest({ name: "URLs are printed once, and again when they change", permissions }, async () => {
  using control = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = await startClient({
    server: { controlPort: control.addr.port, proxyPort: 1 },
    id: "app",
    port: 1,
    flags: ["--reconnect-interval", "0.1"],
    eager: true,
  });
  for (const url of ["http://0.0.0.0:1/a", "http://0.0.0.0:1/a", "http://0.0.0.0:1/b"]) {
    using wire = new Wire(await within(PATIENCE_MS, "a client", control.accept()));
    await readFrame(wire);
    const result = { success: true, error: null, version: 2, public_urls: [url] };
    await wire.send(frame(JSON.stringify({ RegisterResult: result })));
  }
  await client.messages("Registered", 3);
  await printed(client, 2);
  equal(client.stdout, "http://127.0.0.1:1/a\nhttp://127.0.0.1:1/b\n");
});

/** What a client shows on a terminal of so many columns, from its start to its end. */
async function onTerminal(columns: number, env: Record<string, string>): Promise<string> {
  using control = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const flags = [
    ...["--client-id", "app", "--local-port", "3000", "--no-auto-reconnect"],
    ...["--control-port", `${control.addr.port}`],
  ];
  const module = new URL(CLIENT, import.meta.url).href;
  const command = [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-net",
    module,
    ...flags,
  ]
    .map((word) => `'${word}'`).join(" ");
  await using terminal = new Deno.Command(script.path, {
    args: ["-qec", `stty cols ${columns} rows 60; ${command}`, "/dev/null"],
    stdin: "null",
    stdout: "piped",
    env,
  }).spawn();
  using wire = new Wire(await within(PATIENCE_MS, "a client", control.accept()));
  await readFrame(wire);
  const urls = ["http://0.0.0.0:7/?token=app"];
  const result = { success: true, error: null, version: 2, public_urls: urls };
  await wire.send(frame(JSON.stringify({ RegisterResult: result })));
  let text = "";
  const reading = (async () => {
    for await (const piece of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      // All is shown that there is to see; without its server the client ends.
      if (text.includes("Ctrl-C stops.")) wire[Symbol.dispose]();
    }
  })();
  await within(PATIENCE_MS, "the end of a terminal", reading);
  return text.replaceAll("\r\n", "\n");
}

peerTest({
  name: "on a terminal it shows a QR code, and logs as text",
  permissions,
  peers: [script],
  os: ["linux"],
}, async (t) => {
  const step = stepsOf(t);
  await step("without colours", async () => {
    const text = await onTerminal(100, { NO_COLOR: "1" });
    match(text, /^ {2}http:\/\/127\.0\.0\.1:7\/\?token=app {2}→ 127\.0\.0\.1:3000$/m);
    match(text, /[▀▄█]{5}/);
    match(text, /^\d\d:\d\d:\d\d\.\d+ INF arpc: Registered server=127\.0\.0\.1:\d+ generation=2$/m);
    match(text, /^arpc: Server .* cannot be reached: the server ended the link$/m);
    ok(!text.includes("\x1b"), "an escape in spite of NO_COLOR");
    ok(!text.includes('{"'), "JSON is for programs");
  });
  await step("in colours", async () => {
    ok((await onTerminal(100, { NO_COLOR: "", TERM: "xterm" })).includes("\x1b[1;36mhttp:"));
  });
  await step("too narrow for the code", async () => {
    const text = await onTerminal(20, { NO_COLOR: "1" });
    match(text, /http:\/\/127\.0\.0\.1:7/);
    ok(!/[▀▄█]/.test(text));
  });
});
