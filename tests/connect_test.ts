/**
 * `arpc connect` as its users meet it: options, standard input and output, refusals, ends.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "@std/path";
import { runStdio, startListening, to } from "./connect.ts";
import { Scratch } from "./daemons.ts";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { isRefused } from "./raw_peers.ts";
import { echo, RawService, Site, stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere signals do not reach programs. */
const os = ["linux", "darwin"] as const;
const MAIN = "../client/main.ts";

/** Runs `arpc` to its end. */
async function arpc(flags: readonly string[], env: Record<string, string> = {}) {
  const allow = Object.keys(env).map((name) => `--allow-env=${name}`);
  await using program = new Program(MAIN, flags, allow, env);
  const { code } = await within(PATIENCE_MS, "an end", program.status());
  return { code, out: program.stdout, err: program.stderr };
}

peerTest(
  { name: "connect: --help teaches, and arpc --help leads to it", permissions },
  async () => {
    const { code, out, err } = await arpc(["connect", "--help"]);
    deepEqual([code, err], [0, ""]);
    match(out, /^Usage: arpc connect /);
    for (const word of ["ProxyCommand=", "psql ", "redis-cli", "ARPC_TOKEN", "https://"]) {
      ok(out.includes(word), word);
    }
    ok(out.split("\n").every((line) => line.length <= 100), out);
    match((await arpc(["--help"])).out, /^Commands:\n {2}arpc connect {2,}\S/m);
    match((await arpc(["connect", "--version"])).out, /^\d+\.\d+\.\d+\n$/);
  },
);

peerTest(
  { name: "connect: bad options end with code 2 and say what was expected", permissions },
  async (t) => {
    const step = stepsOf(t);
    const good = ["--token", "app", "--server", "127.0.0.1"];
    const cases: [flags: string[], expected: RegExp, env?: Record<string, string>][] = [
      [
        [],
        /^arpc connect: --token: expected the id of the client to reach, found none\nFor example: arpc /,
      ],
      [
        ["--token", "app"],
        /^arpc connect: --server: expected the public port of arps as HOST:PORT, found/,
      ],
      [
        [...good, "--stdio", "--listen", "1"],
        /^arpc connect: --listen and --stdio: expected one of the two/,
      ],
      [["--server", "a b"], /^arpc connect: --server: expected HOST\[:PORT\], .* found "a b"/],
      [
        [...good, "--listen", "99999"],
        /^arpc connect: --listen: expected PORT or ADDRESS:PORT, .*"99999"/,
      ],
      [["--tokn", "app"], /^arpc connect: unknown option '--tokn'; did you mean --token\?/],
      [[...good, "app"], /^arpc connect: too many arguments.*\nSee arpc connect --help\.$/m],
      [good, /environment variable ARPC_LISTEN: expected PORT or/, { ARPC_LISTEN: "here" }],
    ];
    for (const [flags, expected, env] of cases) {
      await step([...flags, ...Object.keys(env ?? {})].join(" ") || "nothing", async () => {
        const { code, out, err } = await arpc(["connect", ...flags], env);
        match(err, expected);
        deepEqual([code, out], [2, ""]);
      });
    }
    await step("a token that is none is not repeated", async () => {
      const { code, err } = await arpc(["connect"], { ARPC_TOKEN: "my secret" });
      match(err, /^arpc connect: environment variable ARPC_TOKEN: expected 1 to 128 of/);
      ok(code === 2 && !err.includes("my secret"), err);
    });
  },
);

peerTest(
  { name: "connect: why it was refused, and never the token", permissions, os },
  async (t) => {
    const step = stepsOf(t);
    const SECRET = "hush-7";
    await using folder = new Scratch();
    const file = join(folder.path, "log");
    await using service = new RawService(async (wire) => {
      // No ARP server, but something that listens.
      await wire.until("\r\n\r\n");
      await wire.send("SSH-2.0-OpenSSH\r\n");
    });
    await using server = await startServer(["--log-level", "trace"]);
    const port = freePort();
    const flags = (...more: string[]) => [
      ...["--token", SECRET, "--log-level", "trace", "--log-file", file],
      ...more,
    ];
    const arps = ["--server", `127.0.0.1:${server.publicPort}`];
    const fails = async (expected: RegExp, ...more: string[]) => {
      const { code, out, err } = await runStdio(flags(...more), "");
      match(err, expected);
      deepEqual([code, out, err.split("\n").length], [1, "", 2], "one line");
      ok(!err.includes(SECRET), err);
    };
    await step(
      "503: nobody is there",
      () =>
        fails(
          /^arpc connect: Refused by \S+ with 503, No active clients available\. Start arpc/,
          ...arps,
        ),
    );
    await using _other = await startClient({ server, id: "other", port: service.port });
    await step(
      "404",
      () =>
        fails(
          /^arpc connect: Refused by \S+ with 404, Client '…' not found\. Check the token: /,
          ...arps,
        ),
    );
    await using _down = await startClient({ server, id: SECRET, port });
    await step("502", () =>
      fails(
        new RegExp(
          "^arpc connect: Refused by 127\\.0\\.0\\.1:\\d+ with 502, The local service cannot be reached\\. " +
            `local service 127\\.0\\.0\\.1:${port}: Connection refused`,
        ),
        ...arps,
      ));
    await step("no server", () =>
      fails(
        /^arpc connect: Cannot reach the server 127\.0\.0\.1:\d+: Connection refused$/m,
        ...["--server", `127.0.0.1:${freePort()}`],
      ));
    await step("no such host", () =>
      fails(
        /^arpc connect: Cannot reach the server nowhere\.invalid:17003: /,
        ...["--server", "nowhere.invalid"],
      ));
    await step("another port of the server", () =>
      fails(
        /^arpc connect: Refused by \S+ with 400, This port is for arpc\. Visitors use the public port\.$/m,
        ...["--server", `127.0.0.1:${server.controlPort}`],
      ));
    await step("no HTTP at all", () =>
      fails(
        /^arpc connect: No answer of arps from \S+: it does not speak HTTP; /,
        ...["--server", `127.0.0.1:${service.port}`],
      ));
    await step("a listener says so in its log, and goes on", async () => {
      await using local = await startListening(flags(...arps));
      for (const nth of [1, 2]) {
        using visitor = await Wire.dial(local.port);
        equal(await visitor.last(), "");
        const lines = await local.messages("Connection failed", nth);
        match(
          String(lines.at(-1)?.properties.why),
          /with 502, The local service cannot be reached/,
        );
      }
      ok(!(local.stderr + local.stdout).includes(SECRET));
      // What is not in the file yet is written when it ends.
      local.kill("SIGTERM");
      await within(PATIENCE_MS, "an end", local.status());
    });
    const log = await Deno.readTextFile(file);
    ok(log.includes("Connection failed"), log);
    for (const text of [log, server.stderr]) ok(!text.includes(SECRET), text);
  },
);

peerTest({
  name: "connect --listen prints its address alone, and ends when told to",
  permissions,
  os,
}, async (t) => {
  const step = stepsOf(t);
  await using service = echo();
  await using site = await Site.start({ app: service.port });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await step(signal, async () => {
      await using local = await startListening(to(site.server, "app"));
      equal(local.stdout, `127.0.0.1:${local.port}\n`);
      using visitor = await Wire.dial(local.port);
      await visitor.send("hello");
      equal(await visitor.take(5), "hello");
      local.kill(signal);
      equal((await within(PATIENCE_MS, "an end", local.status())).code, 0);
      equal(await visitor.last(), "");
      ok(await isRefused(local.port));
    });
  }
  await step("1: the port is taken", async () => {
    const listen = ["--listen", `127.0.0.1:${service.port}`];
    const { code, err } = await runStdio([...to(site.server, "app"), ...listen], "");
    equal(code, 1);
    match(
      err,
      /^arpc connect: Cannot listen on --listen 127\.0\.0\.1:\d+: another program uses it; /,
    );
  });
  await step("an address of one's own, IPv6", async () => {
    await using local = await startListening([...to(site.server, "app"), "--listen", "[::1]:0"]);
    equal(local.stdout, `[::1]:${local.port}\n`);
  });
});

peerTest(
  { name: "deno task client connect runs under the least it needs", permissions, os },
  async (t) => {
    const step = stepsOf(t);
    await using service = echo();
    await using site = await Site.start({ app: service.port });
    const task = async (flags: readonly string[], input: string) => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["task", "--quiet", "client", "connect", ...flags],
        cwd: new URL("../", import.meta.url),
        env: { NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(
        () => {},
      );
      const { code, stdout, stderr } = await within(PATIENCE_MS, "an end", child.output());
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
    };
    await step("standard input and output go through the launcher", async () => {
      deepEqual(await task(to(site.server, "app"), "hello"), { code: 0, out: "hello", err: "" });
    });
    await step("so does the exit code", async () => {
      equal((await task(to(site.server, "nope"), "")).code, 1);
      equal((await task([], "")).code, 2);
    });
    await step("--print-permissions", async () => {
      const flags = ["--token", "app", "--server", "example.com", "--print-permissions"];
      deepEqual(await task(flags, ""), {
        code: 0,
        out: "--allow-net=example.com:17003\n",
        err: "",
      });
      equal(
        (await task([...flags, "--listen", "5432", "--log-file", "/var/log/arpc/log"], "")).out,
        "--allow-net=example.com:17003,127.0.0.1:5432\n" +
          "--allow-read=/var/log/arpc\n--allow-write=/var/log/arpc\n",
      );
    });
  },
);

const script = peer("script", "apt-get install bsdutils");

peerTest({
  name: "connect --listen says on a terminal what it is for",
  permissions,
  peers: [script],
  os: ["linux"],
}, async () => {
  await using server = await startServer();
  const flags = [...to(server, "hush"), "--listen", "0"];
  const words = ["run", "--quiet", "--allow-net", new URL(MAIN, import.meta.url).href, "connect"];
  const command = [Deno.execPath(), ...words, ...flags].map((word) => `'${word}'`).join(" ");
  await using terminal = new Deno.Command(script.path, {
    args: ["-qec", command, "/dev/null"],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  let text = "";
  const typed = terminal.stdin.getWriter();
  const reading = (async () => {
    for await (const piece of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      // Ctrl-C, once there is all to see.
      if (/Listening/.test(text) && /Ctrl-C stops\.\r\n/.test(text) && !text.includes("^C")) {
        await typed.write(new Uint8Array([3])).catch(() => {});
      }
    }
  })();
  await within(PATIENCE_MS, "the end of a terminal", reading);
  await typed.close().catch(() => {});
  match(
    text,
    new RegExp(`^ {2}127\\.0\\.0\\.1:\\d+ {2}→ 127\\.0\\.0\\.1:${server.publicPort}\r$`, "m"),
  );
  match(text, / INF arpc\.connect: Stopped listening/);
  ok(!text.includes("hush"));
});
