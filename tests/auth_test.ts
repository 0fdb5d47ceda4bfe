/**
 * Who may register: `arps --auth-token`, `--auth-file`, and the programs `arps auth`.
 *
 * @module
 */

import { equal, match, notEqual, ok } from "node:assert/strict";
import { connect } from "node:net";
import { hashToken } from "../server/auth/scrypt.ts";
import {
  type LogLine,
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import {
  Download,
  frame,
  HeldService,
  LeftBehind,
  RawClient,
  readFrame,
  visit,
} from "./raw_peers.ts";
import { echo, httpService } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const SECRET = "correct-horse-battery";
const WRONG = "the --auth-token is wrong or not for this client id: ask the owner of the server";
const MISSING = "the server wants an --auth-token: ask its owner for one, and set ARP_AUTH_TOKEN";

const LIMITED = /^too many registrations from this address failed: it has to wait \d s$/;

/** The environment with a token. */
const knowing = (token: string) => ({ ARP_AUTH_TOKEN: token });

/** Fields of a registration. */
const fields = (auth: string, more: object = {}) => ({ version: 2, auth, ...more });

/** A service that nobody looks at. */
const QUIET = ["--service", "none"];

/** Why a client has no link. */
async function refusal(client: Program, from = 0): Promise<LogLine["properties"]> {
  return (await client.message("No link to the server", { from })).properties;
}

/** A folder that is gone after the test. */
async function folder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A file for `--auth-file`, with a way to change it. */
async function authFile(entries: string) {
  const place = await folder();
  const path = `${place.path}/auth.toml`;
  const write = (text: string) => Deno.writeTextFile(path, text);
  await write(entries);
  return { path, write, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

const entry = (id: string, hash: string, more = "") =>
  `[[clients]]\nid = "${id}"\nhash = "${hash}"\n${more}\n`;

/** Registers from another address of this machine; resolves with the answer and hangs up. */
async function registerFrom(
  localAddress: string,
  port: number,
  fields: Record<string, unknown>,
): Promise<{ success: boolean; error: string | null; retry_s?: number }> {
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  try {
    socket.write(frame(JSON.stringify({ Register: fields })));
    let text = "";
    for await (const piece of socket.setEncoding("latin1")) {
      text += piece;
      const length = text.charCodeAt(2) * 256 + text.charCodeAt(3);
      if (text.length >= 4 + length) return JSON.parse(text.slice(4, 4 + length)).RegisterResult;
    }
    throw new Error("the server hung up instead of an answer");
  } finally {
    socket.destroy();
  }
}

/** Runs `arps` with a word; what it is told comes by standard input. */
async function arps(
  args: readonly string[],
  input: string,
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const module = new URL("../server/main.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--allow-read", "--allow-env", module, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await within(PATIENCE_MS, args.join(" "), child.output());
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

peerTest({ name: "auth: the shared token, right, wrong and missing", permissions }, async (t) => {
  await using service = httpService(() => new Response("hello"));
  const { port } = service.addr;
  await using server = await startServer([], knowing(SECRET));
  await t.step("right: registered, and visited", async () => {
    await using client = await startClient({ server, id: "app", port, env: knowing(SECRET) });
    equal((await visit(server.publicPort, "/?token=app")).body, "hello");
    equal(client.stderr.includes(SECRET), false);
    if (Deno.build.os === "linux") {
      for (const { pid } of [server, client]) {
        const line = await Deno.readTextFile(`/proc/${pid}/cmdline`);
        ok(line.includes("main.ts") && !line.includes(SECRET), line);
      }
    }
  });
  const cases = [["wrong", knowing(SECRET + "!"), WRONG], ["missing", {}, MISSING]] as const;
  for (const [name, env, why] of cases) {
    await t.step(`${name}: told so, and asked again in five seconds or more`, async () => {
      const from = server.logs.length;
      const flags = [...QUIET, "--reconnect-interval", "0.1"];
      await using client = await startClient({ server, id: "app", port, env, flags, eager: true });
      const told = await refusal(client);
      equal(told.why, why);
      ok(Number(told.retry_s) >= 5 && Number(told.retry_s) <= 7.5, `${told.retry_s}`);
      // One of the client before may be read only now.
      const { properties } = await server.log(
        ({ message, properties }) => message === "Registration refused" && properties.why === why,
        { from },
      );
      match(String(properties.client), /^#[0-9a-f]{8}$/);
      match(String(properties.peer), /^127\.0\.0\.1:\d+$/);
    });
    await t.step(`${name}: the end, with --no-auto-reconnect`, async () => {
      const flags = [...QUIET, "--no-auto-reconnect"];
      await using client = await startClient({ server, id: "app", port, env, flags, eager: true });
      equal((await within(PATIENCE_MS, "an end", client.status())).code, 1);
      ok(client.stderr.includes(`refused the registration: ${why}`), client.stderr);
    });
  }
  await t.step("the first generation: refused in words it knows", async () => {
    using old = await Wire.dial(server.controlPort);
    await old.send(frame(`{"Register":{"client_id":"old"}}`));
    equal(
      await readFrame(old),
      `{"RegisterResult":{"success":false,"error":${JSON.stringify(MISSING)}}}`,
    );
    equal(await old.last(), "");
  });
  equal(server.stderr.includes(SECRET), false);
});

peerTest(
  { name: "auth: a frame too long, and one too late, come to nothing", permissions },
  async () => {
    await using server = await startServer(["--register-timeout", "0.3"], knowing(SECRET));
    using long = await Wire.dial(server.controlPort);
    await long.send("\0\x01\0\x01" + "x".repeat(100));
    equal(await long.last(), "");
    using late = await Wire.dial(server.controlPort);
    await late.send("\0\0\0\x27{");
    equal(await late.last(), "");
    using client = await RawClient.register(server, "app", fields(SECRET));
    equal(client.answer.success, true);
  },
);

peerTest(
  { name: "auth: nobody warned on loopback, everybody elsewhere", permissions },
  async () => {
    const warning =
      "Anybody who reaches the control port may register as anything: see --auth-token";
    const warned = ({ logs }: Program) => logs.filter(({ message }) => message === warning).length;
    await using near = await startServer();
    equal(warned(near), 0);
    await using far = await startServer(["--bind", "0.0.0.0"]);
    equal(warned(far), 1);
    const ports = ["--control-port=0", "--proxy-port=0", "--public-port=0"];
    await using blind = new Program("../server/main.ts", ports, ["--allow-net"], {});
    const { properties: told } = await blind.message(warning);
    equal(told.hint, "the environment is not read without --allow-env");
    // The launcher has read it.
    const launcher = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];
    await using launched = new Program("../server/launch.ts", ports, launcher, {});
    const { properties } = await launched.message(warning);
    equal(properties.hint, undefined);
    await launched.message("Server ready");
    if (Deno.build.os !== "windows") launched.kill("SIGTERM");
    await launched.status();
    // What ends the start at once is told alone.
    await using broken = new Program(
      "../server/main.ts",
      [
        ...["--tls-cert", "nope.pem", "--tls-key", "nope.pem"],
      ],
      ["--allow-read"],
      {},
    );
    equal((await broken.status()).code, 2);
    equal(warned(broken), 0);
    await using shut = await startServer(["--bind", "0.0.0.0"], knowing(SECRET));
    equal(warned(shut), 0);
  },
);

peerTest(
  { name: "auth: a token that goes out in the clear is warned of, once", permissions },
  async () => {
    await using client = await startClient({
      server: { controlPort: freePort(), proxyPort: freePort() },
      id: "app",
      port: 9,
      env: knowing(SECRET),
      flags: [...QUIET, "--server-addr", "0.0.0.0", "--reconnect-interval", "0.05"],
      eager: true,
    });
    await client.messages("No link to the server", 3);
    const message = "The --auth-token goes out without TLS: whoever is on the way can read it";
    equal((await client.messages(message, 1)).length, 1);
    equal(client.stderr.includes(SECRET), false);
  },
);

peerTest(
  { name: "auth: a file says who may have which names and ports", permissions },
  async (t) => {
    const [mine, other] = [freePort(), freePort()];
    const [alice, team] = await Promise.all([
      hashToken("token-of-alice"),
      hashToken("token-of-team"),
    ]);
    await using file = await authFile(
      entry("alice", alice, `aliases = ["shop", "shop-*"]\nports = "${mine}"`) +
        entry("team-*", team),
    );
    await using server = await startServer(
      ["--auth-file", file.path, "--allow-ports", `${mine},${other}`],
      knowing(SECRET),
    );
    const refused = (port: number) => `port ${port} is not among those that your token allows`;
    const cases: [string, string, object, string | null][] = [
      ["alice", "token-of-alice", { aliases: ["shop", "shop-2", "alice"] }, null],
      ["alice", "token-of-alice", { remote_port: mine }, null],
      ["alice", "token-of-alice", { remote_port: 0 }, null],
      ["alice", "token-of-alice", { remote_port: other }, refused(other)],
      [
        "alice",
        "token-of-alice",
        { aliases: ["shop", "team-1"] },
        "alias 2 of 2 is not among those that your token allows",
      ],
      ["alice", "token-of-team", {}, WRONG],
      ["team-1", "token-of-team", { aliases: ["team-2"] }, null],
      ["team-1", "token-of-alice", {}, WRONG],
      [
        "team-1",
        "token-of-team",
        { remote_port: 0 },
        `none of the ports ${
          [mine, other].sort((a, b) => a - b)
        } is among those that your token allows`,
      ],
      // Whoever is not in the file needs the shared token, and cannot be one of those who are.
      ["app", SECRET, { aliases: ["app-2"], remote_port: other }, null],
      ["app", "token-of-team", {}, WRONG],
      ["alice", SECRET, {}, WRONG],
      [
        "app",
        SECRET,
        { aliases: ["team-1"] },
        "alias 1 of 1 is not among those that your token allows",
      ],
    ];
    for (const [id, token, more, why] of cases) {
      await t.step(`${id} with ${token} and ${JSON.stringify(more)}`, async () => {
        using client = await RawClient.register(server, id, fields(token, more));
        if (why?.startsWith("none of the ports") && Math.abs(mine - other) === 1) {
          match(client.answer.error ?? "", /^none of the ports \S+ is among those/);
        } else equal(client.answer.error, why);
        equal(client.answer.success, why === null);
        if ("remote_port" in more && why === null) {
          const { remote_port } = client.answer as unknown as { remote_port: number };
          equal(remote_port, id === "app" ? other : mine);
        }
      });
    }
    for (const secret of [SECRET, "token-of-alice", "token-of-team", "alice", "team-1"]) {
      equal(server.stderr.includes(secret), false, `${secret} in the log`);
    }
  },
);

peerTest({
  name: "auth: a file that changes ends who may be here no more, and nobody else",
  permissions,
}, async (t) => {
  const [alice, bob, carol] = await Promise.all(
    ["token-of-alice", "token-of-bob", "token-of-carol"].map(hashToken),
  );
  const all = entry("alice", alice!) + entry("bob", bob!);
  await using file = await authFile(all);
  await using service = new HeldService();
  await using server = await startServer(["--auth-file", file.path]);
  const start = (id: string) =>
    startClient({ server, id, port: service.port, flags: QUIET, env: knowing(`token-of-${id}`) });
  await using stays = await start("bob");
  using download = await Download.begin(server.publicPort, "bob");
  const read = () =>
    server.message("Clients read anew from --auth-file", { from: server.logs.length });

  /** Changes the file, and tells the server where one can; elsewhere it looks by itself. */
  const write = async (text: string) => {
    await file.write(text);
    if (Deno.build.os !== "windows") server.kill("SIGHUP");
  };
  const changes: [string, string, string][] = [
    ["removed", entry("bob", bob!), WRONG],
    ["another token", entry("alice", carol!) + entry("bob", bob!), WRONG],
    [
      "disabled",
      entry("alice", alice!, "disabled = true") + entry("bob", bob!),
      "the owner of the server has disabled this client id",
    ],
    [
      "expired",
      entry("alice", alice!, "expires = 2020-01-01") + entry("bob", bob!),
      "the --auth-token has expired: ask the owner of the server for another",
    ],
  ];
  for (const [name, text, why] of changes) {
    await t.step(`${name}: told why and ended, with its visitors`, async () => {
      await using client = await start("alice");
      using visitor = await Download.begin(server.publicPort, "alice");
      const from = server.logs.length;
      // The first change it has to find by itself.
      await (name === "removed" ? file.write(text) : write(text));
      equal((await refusal(client)).why, why);
      const { properties } = await server.message("Client may be here no more", { from });
      match(String(properties.client), /^#[0-9a-f]{8}$/);
      equal(properties.why, why);
      const left = (line: LogLine) =>
        line.message === "Visitor left" && line.properties.end === "withdrawn";
      await server.log(left, { from });
      equal(await visitor.finishes(), false);
      equal(
        (await visit(server.publicPort, "/?token=alice")).start,
        "HTTP/1.1 503 Service Unavailable",
      );
    });
    await t.step(`${name}: taken back`, async () => {
      const again = read();
      await write(all);
      await again;
    });
  }
  await t.step("broken: all stays as it was, and the log says where", async () => {
    await using client = await start("alice");
    for (
      const [text, where] of [
        [all + "[[clients]]\nid = 3\n", "client 3: id: expected a client id or a pattern"],
        ["", "expected a list of clients"],
        ["[[clients]", "not well-formed TOML"],
      ]
    ) {
      const from = server.logs.length;
      await write(text!);
      const { properties } = await server.message(
        "The --auth-file is of no use: its clients stay as they were",
        { from },
      );
      ok(String(properties.why).startsWith(file.path), String(properties.why));
      ok(String(properties.why).includes(where!), String(properties.why));
    }
    const from = server.logs.length;
    await Deno.remove(file.path);
    const gone = await server.message(
      "The --auth-file is of no use: its clients stay as they were",
      { from },
    );
    match(String(gone.properties.why), /^Cannot read --auth-file /);
    using another = await RawClient.register(server, "alice", fields("token-of-alice"));
    equal(another.answer.success, true);
    equal((await within(PATIENCE_MS, "the replaced one", client.status())).code, 3);
  });
  await t.step("added: lets somebody in who was not", async () => {
    using before = await RawClient.register(server, "carol", fields("token-of-carol"));
    equal(before.answer.error, WRONG);
    const again = read();
    await write(all + entry("carol", carol!));
    await again;
    await using _carol = await start("carol");
  });
  await t.step("and all the while bob and his visitor were left alone", async () => {
    service.release();
    ok(await download.finishes());
    equal(stays.logs.filter(({ message }) => message === "No link to the server").length, 0);
  });
});

peerTest({
  name: "auth: who ended its link, but not its tunnels, is withdrawn with its visitors",
  permissions,
}, async () => {
  const [alice, bob] = await Promise.all(["token-of-alice", "token-of-bob"].map(hashToken));
  await using file = await authFile(entry("alice", alice!) + entry("bob", bob!));
  await using server = await startServer(["--auth-file", file.path]);
  const leave = async (id: string) => {
    const from = server.logs.length;
    using client = await RawClient.register(server, id, fields(`token-of-${id}`));
    const visitor = await LeftBehind.by(client, server.publicPort);
    await server.message("Client left", { from });
    return visitor;
  };
  using hers = await leave("alice");
  using his = await leave("bob");
  ok(await hers.goesOn() && await his.goesOn());
  await file.write(entry("bob", bob!));
  if (Deno.build.os !== "windows") server.kill("SIGHUP");
  equal(await hers.ends(), true);
  const { properties } = await server.message("Client that left may be here no more");
  equal(properties.why, WRONG);
  match(String(properties.client), /^#[0-9a-f]{8}$/);
  equal(await his.goesOn(), true);
});

peerTest(
  { name: "auth: who guesses is stopped, and nobody else is", permissions, os: ["linux"] },
  async (t) => {
    const alice = await hashToken("token-of-alice");
    await using file = await authFile(
      entry("alice", alice) + entry("team-*", await hashToken("token-of-team")),
    );
    await using server = await startServer(["--auth-file", file.path]);
    using before = await RawClient.register(server, "alice", fields("token-of-alice"));
    equal(before.answer.success, true);
    const port = server.controlPort;
    const guess = (from: string, auth: string, client_id = "alice") =>
      registerFrom(from, port, { client_id, version: 2, auth });
    await t.step("guesses one after another, and many at once", async () => {
      const start = performance.now();
      const errors: (string | null)[] = [];
      for (let at = 0; at < 5; at++) {
        errors.push((await guess("127.0.0.1", `guess-nr-${at}`)).error);
      }
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, at) => guess("127.0.0.1", `another-${at}`, `id-${at}`)),
      );
      errors.push(...answers.map(({ error }) => error));
      const wrong = errors.filter((error) => error === WRONG).length;
      // Refills by one in six seconds.
      const refilled = (performance.now() - start) / 6000;
      ok(wrong >= 10 && wrong <= 11 + Math.ceil(refilled), `${wrong}`);
      const limited = answers.filter(({ error }) => LIMITED.test(error ?? ""));
      equal(limited.length + wrong, 65);
      ok(limited.every(({ retry_s }) => retry_s! >= 1 && retry_s! <= 6));
    });
    await t.step("then refused at once, the right token of another id too", async () => {
      await server.message("Too many failed registrations: the address has to wait");
      // Another one may have become free meanwhile, in six seconds.
      let error: string | null = null;
      for (let at = 0; at < 10 && !LIMITED.test(error ?? ""); at++) {
        ({ error } = await guess("127.0.0.1", `more-guesses-${at}`));
      }
      match(error ?? "", LIMITED);
      ({ error } = await guess("127.0.0.1", "token-of-team", "team-1"));
      match(error ?? "", LIMITED);
    });
    await t.step("not so whoever was let in from there before", async () => {
      using again = await RawClient.register(server, "alice", fields("token-of-alice"));
      equal(again.answer.success, true);
    });
    await t.step("nor another address", async () => {
      equal((await guess("127.0.0.2", "token-of-team", "team-1")).success, true);
    });
    equal(server.stderr.includes("guess"), false);
  },
);

peerTest({
  name: "auth: beside a client nobody guesses any faster, and the client comes back",
  permissions,
}, async () => {
  await using file = await authFile(entry("alice", await hashToken("token-of-alice")));
  await using server = await startServer(["--auth-file", file.path], knowing(SECRET));
  const known = [["alice", "token-of-alice"], ["app", SECRET]] as const;
  const register = (id: string, token: string) => RawClient.register(server, id, fields(token));
  for (const [id, token] of known) {
    using client = await register(id, token);
    equal(client.answer.success, true);
  }
  let over = false;
  let guesses = 0;
  const lucky = Promise.withResolvers<void>();
  let found = false;
  const start = performance.now();
  const guessers = known.map(async ([id, token]) => {
    for (let nth = 1; !over; nth++) {
      guesses++;
      // Once one could try so many in a moment.
      using one = await register(id, nth === 40 ? token : `guess-nr-${nth}`);
      found ||= one.answer.success;
      if (found) lucky.resolve();
    }
  });
  await server.message("Too many failed registrations: the address has to wait");
  await Promise.all(known.map(async ([id, token]) => {
    const left = performance.now();
    using client = await register(id, token);
    equal(client.answer.error, null);
    // One is before it in its line, and so in the other; a client would wait for ten seconds.
    const seconds = (performance.now() - left) / 1000;
    ok(seconds < 9, `${id}: ${seconds} s`);
  }));
  await Promise.race([lucky.promise, new Promise((resolve) => setTimeout(resolve, 3000))]);
  over = true;
  await Promise.all(guessers);
  equal(found, false);
  // Ten looks and eleven hashes at once, then one each second and one in six; two were under way.
  const most = 21 + (performance.now() - start) / 1000 * (1 + 1 / 6) + 2;
  ok(guesses <= most, `${guesses} guesses, ${most} expected`);
  for (const secret of [SECRET, "token-of-alice", "guess"]) ok(!server.stderr.includes(secret));
});

peerTest(
  { name: "auth: visitors are served while tokens are hashed", permissions, os: ["linux"] },
  async () => {
    await using file = await authFile(entry("app", await hashToken(SECRET)));
    await using service = httpService(() => new Response("hello"));
    await using server = await startServer(["--auth-file", file.path]);
    await using _client = await startClient({
      server,
      id: "app",
      port: service.addr.port,
      env: knowing(SECRET),
    });
    let over = false;
    const guesses = Promise.all(
      Array.from(
        { length: 20 },
        (_, at) =>
          registerFrom(`127.0.0.${2 + at % 2}`, server.controlPort, {
            client_id: "app",
            version: 2,
            auth: `guess-nr-${at}`,
          }),
      ),
    ).finally(() => over = true);
    let visitors = 0;
    for (; !over; visitors++) {
      equal((await visit(server.publicPort, "/?token=app")).body, "hello");
    }
    const busy = "the server has too many tokens to check at once";
    const answers = await guesses;
    ok(answers.every(({ error }) => error === WRONG || error === busy));
    // One after the other, a visitor would wait for several hashes.
    const hashed = answers.filter(({ error }) => error === WRONG).length;
    ok(hashed > 0 && visitors > 2 * hashed, `${visitors} visitors beside ${hashed} hashes`);
  },
);

peerTest({ name: "auth: a herd of one entry is let in at once", permissions }, async () => {
  await using file = await authFile(entry("team-*", await hashToken(SECRET)));
  await using server = await startServer(["--auth-file", file.path]);
  const start = performance.now();
  const herd = await Promise.all(
    Array.from(
      { length: 200 },
      (_, at) => RawClient.register(server, `team-${at}`, fields(SECRET)),
    ),
  );
  const took = performance.now() - start;
  try {
    equal(herd.filter(({ answer }) => answer.success).length, 200);
    // 200 hashes would take longer, and more than 100 may not wait for one.
    ok(took < 10_000, `${took} ms`);
  } finally {
    for (const client of herd) client[Symbol.dispose]();
  }
});

peerTest({ name: "auth: arps auth hash and check, as a user has them", permissions }, async (t) => {
  await using place = await folder();
  const path = `${place.path}/auth.toml`;
  const file = ["--auth-file", path];
  let token = "";
  await t.step("hash --generate makes an entry and shows the token beside it", async () => {
    const flags = ["--id", "team-*", "--alias", "shop", "--ports", "20000-20010"];
    const more = ["--comment", `"us" and them`, "--expires", "2099-01-31"];
    const made = await arps(["auth", "hash", "--generate", ...flags, ...more], "");
    equal(made.code, 0, made.stderr);
    await Deno.writeTextFile(path, made.stdout);
    token = made.stderr.trimEnd().split("\n").at(-1)!;
    match(token, /^arp_[A-Za-z0-9_-]{43}$/);
    equal(made.stdout.includes(token), false);
    const again = await arps(["auth", "hash", "--generate"], "");
    notEqual(again.stderr, made.stderr);
  });
  await t.step("check says what is there, and who would be let in", async () => {
    const whole = await arps(["auth", "check", ...file], "");
    equal(whole.stdout, `${path}: 1 client, 1 of them for patterns of ids\n`, whole.stderr);
    const who = ["auth", "check", ...file, "--client-id"];
    const right = await arps([...who, "team-1", "--alias", "shop"], `${token}\n`);
    equal(right.code, 0, right.stderr);
    match(
      right.stdout,
      /^team-1: let in by client 1 of the file, "team-\*" in line \d+; aliases: shop; ports: 20000-20010$/m,
    );
    const byEnv = await arps([...who, "team-1"], "", knowing(token));
    equal(byEnv.code, 0, byEnv.stderr);
    const cases: [string[], string, RegExp][] = [
      [
        ["team-1"],
        "wrong-token",
        /^arps auth check: not let in by client 1 of the file, "team-\*" in line \d+: the token is another one$/m,
      ],
      [["bob"], token, /^arps auth check: not let in: no client of the file stands for this id$/m],
      [["team-1", "--alias", "x"], token, /: alias 1 of 1 is not among those/],
      [["team-1", "--remote-port", "22"], token, /: port 22 is not among those/],
    ];
    for (const [args, secret, why] of cases) {
      const { code, stderr } = await arps([...who, ...args], secret);
      equal(code, 1);
      match(stderr, why);
    }
  });
  await t.step("a server uses the file, and a client the token", async () => {
    await using service = echo();
    await using server = await startServer(file);
    const env = knowing(token);
    await using client = await startClient({ server, id: "team-1", port: service.port, env });
    for (const { stderr } of [server, client]) equal(stderr.includes(token), false);
  });
  await t.step("hash takes a token from a pipe, for an entry in JSON", async () => {
    const { code, stdout } = await arps(
      ["auth", "hash", "--id", "a", "--format", "json"],
      `${SECRET}\r\n`,
    );
    equal(code, 0);
    await Deno.writeTextFile(`${path}.json`, `{"clients": [${stdout}]}`);
    const check = ["auth", "check", "--auth-file", `${path}.json`, "--client-id", "a"];
    equal((await arps(check, SECRET)).code, 0);
  });
  await t.step("mistakes end with 2, and quote no token", async () => {
    await Deno.writeTextFile(path, `[[clients]]\nid = "a"\nhash = "${SECRET}"\n`);
    const cases: [string[], string, RegExp][] = [
      [
        ["auth", "check", ...file],
        "",
        /client 1: hash: expected a hash as "arps auth hash" prints it/,
      ],
      [["auth", "check"], "", /--auth-file: expected the file, found none/],
      [["auth", "check", "--auth-file", `${path}.none`], "", /Cannot read --auth-file/],
      [["auth", "hash"], "short", /token: expected 8 to 256 visible characters of ASCII, found 5/],
      [["auth", "hash"], "", /found nothing/],
      [["auth", "hash"], `${SECRET}\n${SECRET}\n`, /found spaces, further lines or other/],
      [["auth", "hash", "--ports", "22"], SECRET, /--ports: expected --id as well, found none/],
      [["auth", "hash", "--auth-token", SECRET], "", /unknown option '--auth-token'/],
      [["auth"], "", /auth: expected (one of )?hash, check after it/],
    ];
    for (const [args, input, why] of cases) {
      const { code, stderr } = await arps(args, input);
      equal(code, 2, stderr);
      match(stderr, why);
      equal(stderr.includes(SECRET), false, stderr);
    }
  });
  await t.step("a server does not start with such a file", async () => {
    await rejectsStart(file, /client 1: hash: expected a hash as/);
    await rejectsStart(["--auth-file", `${path}.none`], /Cannot read --auth-file/);
  });
});

async function rejectsStart(flags: string[], why: RegExp): Promise<void> {
  const error = await startServer(flags).then(
    (server) => server[Symbol.asyncDispose]().then(() => undefined),
    (error: unknown) => error,
  );
  ok(error instanceof Error, "the server started");
  match(error.message, why);
}
