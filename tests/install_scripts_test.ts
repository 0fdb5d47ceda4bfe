/**
 * The install scripts on their staging roots, with the programs that know what they write: a shell
 * linter, systemd's own checker, a reader of property lists, a linter of workflows. Nothing of the
 * system is touched, and no root is needed.
 *
 * @module
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { configFile, resolve, V8_FLAGS } from "@agentx/common/cli";
import { dirname, join } from "@std/path";
import { serverConfig } from "../server/config.ts";
import { OPTIONS as SERVER_OPTIONS } from "../server/options.ts";
import { peer, peerTest } from "./peers.ts";

const ROOT = dirname(import.meta.dirname ?? ".");
const SERVER = join(ROOT, "scripts/install_server.sh");
const CLIENT = join(ROOT, "scripts/install_client.sh");

const sh = peer("sh", "part of every system");
const shellcheck = peer("shellcheck", "apt-get install shellcheck");
const analyze = peer("systemd-analyze", "apt-get install systemd");
const python = peer("python3", "apt-get install python3");
const actionlint = peer(
  "actionlint",
  "GOBIN=$PWD/.cache/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
);

/** What every test of a script needs. */
const staged = {
  os: ["linux", "darwin"] as const,
  peers: [sh],
  permissions: [{ name: "read" }, { name: "write" }, { name: "env" }] as const,
};
/** What the tests of the unit need in addition. */
const withSystemd = { ...staged, os: ["linux"] as const, peers: [sh, analyze] };

// ------------------------------------------------------------------------------------- linters

peerTest({ ...staged, name: "shellcheck accepts the scripts", peers: [shellcheck] }, async () => {
  const result = await run(shellcheck.path, [
    "--severity=style",
    SERVER,
    CLIENT,
    join(ROOT, "deploy/arpc.sh"),
  ]);
  strictEqual(result.text, "");
});

peerTest(
  {
    name: "actionlint accepts the workflows",
    peers: [actionlint],
    permissions: staged.permissions,
  },
  async () => {
    const result = await run(actionlint.path, ["-no-color"], { cwd: ROOT });
    strictEqual(result.text, "");
    strictEqual(result.code, 0);
  },
);

peerTest({ ...staged, name: "the scripts give the programs the same V8 flags" }, async () => {
  const flags = `--v8-flags=${V8_FLAGS.join(",")}`;
  for (const script of [SERVER, CLIENT]) ok((await Deno.readTextFile(script)).includes(flags));
});

// -------------------------------------------------------------------------------------- server

peerTest({ ...staged, name: "install_server.sh writes program, settings and unit" }, async () => {
  await using stage = await Stage.create();
  const result = await stage.server();
  strictEqual(result.code, 0, result.text);
  deepStrictEqual(await stage.files(), [
    "640 etc/arp/arps.toml",
    "644 etc/systemd/system/arps.service",
    "755 opt/arp/lib/arps/arps",
  ]);
  const settings = await stage.read("etc/arp/arps.toml");
  match(settings, /^control-port = 17001\nproxy-port = 17002\npublic-port = 17003\n/m);
  const unit = await stage.read("etc/systemd/system/arps.service");
  match(unit, /^ExecStart=\/opt\/arp\/lib\/arps\/arps$/m);
  match(unit, /^Environment=ARPS_CONFIG=\/etc\/arp\/arps\.toml$/m);
  match(unit, /^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
  match(unit, /^CapabilityBoundingSet=$/m);
  ok(!unit.includes("AmbientCapabilities="), "no capability without a low port");
});

peerTest(
  { ...staged, name: "install_server.sh run again changes nothing and says so" },
  async () => {
    await using stage = await Stage.create();
    await stage.server("--domain", "tunnel.example.com");
    const before = await stage.times();
    for (const args of [[], ["--domain=tunnel.example.com", "--public-port=17003"]]) {
      const result = await stage.server(...args);
      match(result.text, /nothing changed\n$/);
      deepStrictEqual(await stage.times(), before);
    }
  },
);

peerTest({ ...staged, name: "install_server.sh keeps what was edited by hand" }, async () => {
  await using stage = await Stage.create();
  await stage.server();
  const edited = (await stage.read("etc/arp/arps.toml"))
    .replace("pool-size = 1", "pool-size = 9 # enough")
    .replace("control-port = 17001", "control-port=443 # like HTTPS") +
    "# mine\ngrace = 120.5\n";
  await stage.write("etc/arp/arps.toml", edited);
  const result = await stage.server("--public-port", "80", "--domain=tunnel.example.org");
  match(result.text, /wrote \/etc\/arp\/arps\.toml\nwrote \/etc\/systemd\/system\/arps\.service\n/);
  strictEqual(
    await stage.read("etc/arp/arps.toml"),
    edited.replace("public-port = 17003", "public-port = 80")
      .replace(/^#domain = .*$/m, 'domain = "tunnel.example.org"'),
  );
  const unit = await stage.read("etc/systemd/system/arps.service");
  match(unit, /^CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_S/m);
  match(unit, /^TimeoutStopSec=130$/m);

  await stage.write("etc/arp/arps.toml", edited.replace("443", "17_003"));
  const clash = await stage.server();
  strictEqual(clash.code, 2);
  match(clash.text, /the control port and the public port are both 17003: they must differ/);
});

peerTest(
  { ...staged, name: "install_server.sh goes on with the variables of before" },
  async () => {
    await using stage = await Stage.create();
    const before = 'ARPS_CONTROL_PORT="443"\nARPS_PUBLIC_PORT=8080\nARPS_GRACE=60\n';
    await stage.write("etc/arp/arps.env", before);
    await stage.server("--public-port=80", "--pool-size", "3");
    // What stands there wins over the file, so it is changed there.
    strictEqual(await stage.read("etc/arp/arps.env"), before.replace("=8080", "=80"));
    match(await stage.read("etc/arp/arps.toml"), /^public-port = 17003\npool-size = 3$/m);
    const unit = await stage.read("etc/systemd/system/arps.service");
    match(unit, /^EnvironmentFile=-\/etc\/arp\/arps\.env$/m);
    match(unit, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
    match(unit, /^TimeoutStopSec=70$/m);
    match((await stage.server()).text, /nothing changed/);
  },
);

peerTest(
  { ...staged, name: "arps takes what install_server.sh writes, with every example" },
  async () => {
    await using stage = await Stage.create();
    await stage.server("--bind", "::1", "--domain=tunnel.example.com");
    const path = join(stage.path, "etc/arp/arps.toml");
    const text = await Deno.readTextFile(path);
    for (const toml of [text, text.replaceAll(/^#(?=[a-z-]+ = )/gm, "")]) {
      // Nothing is read here that is only there on a real system.
      await Deno.writeTextFile(path, toml.replace(/^auth-token-file = .*$/m, ""));
      const config = serverConfig(
        resolve(SERVER_OPTIONS, [await configFile(path, SERVER_OPTIONS)]),
      );
      strictEqual(config.domain, "tunnel.example.com");
    }
  },
);

peerTest({ ...staged, name: "install_server.sh --dry-run writes nothing" }, async () => {
  await using stage = await Stage.create();
  const result = await stage.server("--dry-run");
  match(result.text, /would write \/etc\/arp\/arps\.toml/);
  match(result.text, /nothing was changed/);
  deepStrictEqual(await stage.files(), []);
  await stage.server();
  await stage.write("etc/arp/arps.toml", 'auth-token = "hush"\npool-size = 1\n');
  const shown = await stage.server("--dry-run", "--pool-size", "2");
  match(shown.text, /-pool-size = 1\n {4}\+pool-size = 2/);
  ok(!shown.text.includes("hush"), "a secret is shown");
});

peerTest(
  { ...staged, name: "install_server.sh --dry-run tells also where no systemd runs" },
  async () => {
    const here = await exists("/run/systemd/system");
    for (const more of [[], ["--uninstall"]]) {
      const { code, text } = await run(sh.path, [
        SERVER,
        "--dry-run",
        "--deno",
        Deno.execPath(),
        ...more,
      ]);
      strictEqual(code, 0, text);
      match(text, /nothing (?:was )?changed/);
      strictEqual(/^systemd does not run here: this is what would be done/.test(text), !here, text);
    }
  },
);

peerTest(
  { ...staged, name: "install_server.sh --uninstall leaves settings, --purge nothing" },
  async () => {
    await using stage = await Stage.create();
    await stage.server("--prefix", "/srv/tunnel");
    const looked = await stage.server("--uninstall", "--dry-run");
    match(looked.text, /would remove \/srv\/tunnel\/lib\/arps\n/);
    const result = await stage.run(SERVER, "--uninstall");
    match(result.text, /kept \/etc\/arp\/arps\.toml/);
    deepStrictEqual(await stage.files(), ["640 etc/arp/arps.toml"]);
    await stage.run(SERVER, "--uninstall", "--purge");
    deepStrictEqual(await stage.entries(), []);
    match((await stage.run(SERVER, "--uninstall")).text, /not installed: nothing changed/);
  },
);

peerTest({ ...staged, name: "install_server.sh moves to another prefix" }, async () => {
  await using stage = await Stage.create();
  await stage.server();
  await stage.server("--prefix=/srv/tunnel");
  ok((await stage.files()).includes("755 srv/tunnel/lib/arps/arps"));
  ok(!(await stage.entries()).includes("opt"));
  match((await stage.server()).text, /nothing changed/);
});

peerTest(
  { ...staged, name: "install_server.sh refuses bad options, and writes nothing" },
  async (t) => {
    await using stage = await Stage.create();
    for (
      const [args, message] of [
        [["--public-port", "web"], /--public-port: a port is a number from 1 to 65535, not 'web'/],
        [["--public-port", "0"], /--public-port: a port is a number/],
        [["--control-port=65536"], /--control-port: a port is a number/],
        [["--proxy-port=17003"], /the proxy port and the public port are both 17003/],
        [["--pool-size", "many"], /--pool-size: a number is expected/],
        [["--bind", "a b"], /--bind: an address is expected/],
        [["--domain", "a/b"], /--domain: a host name is expected/],
        [["--domain"], /--domain needs a value/],
        [["--prefix", "here"], /--prefix: 'here' is not an absolute path/],
        [["--prefix", "/opt/../etc"], /--prefix: cannot use the folder/],
        [["--prefix", "/"], /--prefix: cannot use the folder/],
        [["--deno", "/usr/bin/deno"], /--binary and --deno exclude each other/],
        [["--purge"], /--purge goes with --uninstall/],
        [["--ports", "1"], /unknown option: --ports/],
      ] as const
    ) {
      await t.step(args.join(" "), async () => {
        const result = await stage.server(...args);
        strictEqual(result.code, 2, result.text);
        match(result.text, message);
        match(result.text, /--help/);
        deepStrictEqual(await stage.files(), []);
      });
    }
  },
);

peerTest(
  { ...staged, name: "install_server.sh without systemd or root says what to do" },
  async () => {
    // Where both are at hand it would really install, so this looks at the refusal only.
    if (await exists("/run/systemd/system") && Deno.uid() === 0) return;
    const result = await run(sh.path, [SERVER]);
    strictEqual(result.code, 1);
    match(result.text, /deno task server|with sudo/);
  },
);

peerTest({ ...staged, name: "the help of both scripts teaches" }, async () => {
  for (const script of [SERVER, CLIENT]) {
    const result = await run(sh.path, [script, "--help"]);
    strictEqual(result.code, 0);
    match(result.text, /^Usage: [\s\S]*--uninstall[\s\S]*Examples\n {2}/);
  }
});

const withDeno = {
  ...staged,
  permissions: [...staged.permissions, { name: "run", command: Deno.execPath() }] as const,
};

peerTest({
  ...withDeno,
  name: "install_server.sh installs a checkout, and its command starts arps",
}, async () => {
  await using stage = await Stage.create();
  const script = await stage.checkout(SERVER);
  const install = ["--deno", Deno.execPath(), "--bind", "127.0.0.9"];
  const result = await stage.run(script, ...install);
  strictEqual(result.code, 0, result.text);
  match((await stage.run(script, ...install)).text, /nothing changed/);
  const installed = (await stage.files()).filter((file) => file.includes(" opt/"));
  ok(!installed.some((file) => file.endsWith("_test.ts")), "tests were installed");

  const command = /^ExecStart=(.*)$/m.exec(await stage.read("etc/systemd/system/arps.service"))
    ?.[1];
  const [program = "", ...args] = (command ?? "").replaceAll("/opt/arp/", `${stage.path}/opt/arp/`)
    .split(" ");
  const started = await run(program.startsWith(stage.path) ? program : Deno.execPath(), args, {
    clearEnv: true,
    env: { DENO_DIR: join(stage.path, "opt/arp/lib/arps/deno_dir"), ARPS_BIND: "127.0.0.9" },
  });
  strictEqual(started.text, "bind 127.0.0.9, write denied\n");

  await stage.write("source/server/main.ts", "export {};\n");
  match((await stage.run(script, ...install)).text, /copied the sources/);
});

peerTest({ ...withSystemd, name: "systemd accepts the server's unit" }, async (t) => {
  await using stage = await Stage.create();
  for (const port of ["17003", "443"]) {
    await t.step(`with public port ${port}`, async () => {
      await stage.server("--public-port", port);
      await stage.addTargets("etc/systemd/system");
      await stage.write("bin/kill", "stands in");
      await Deno.chmod(join(stage.path, "bin/kill"), 0o755);
      const result = await run(analyze.path, ["verify", `--root=${stage.path}`, "arps.service"]);
      strictEqual(result.text, "");
      strictEqual(result.code, 0);
    });
  }
});

peerTest({
  ...withSystemd,
  name:
    "systemd accepts the unit of which two share their ports, and it is kept in as the other is",
}, async () => {
  await using stage = await Stage.create();
  await stage.server();
  await stage.addTargets("etc/systemd/system");
  await stage.write("bin/kill", "stands in");
  await Deno.chmod(join(stage.path, "bin/kill"), 0o755);
  const unit = await Deno.readTextFile(join(ROOT, "deploy/arps@.service"));
  await stage.write("etc/systemd/system/arps@.service", unit);
  const result = await run(analyze.path, ["verify", `--root=${stage.path}`, "arps@a.service"]);
  deepStrictEqual(result, { code: 0, text: "" });
  const settings = (text: string) => text.split("\n").filter((line) => /^[A-Z]\w+=/.test(line));
  const other = settings(await stage.read("etc/systemd/system/arps.service"));
  const own = settings(unit);
  deepStrictEqual(own.filter((line) => !other.includes(line)), [
    "Description=ARP server (reverse tunnel), %i",
    "Conflicts=arps.service",
    "SyslogIdentifier=arps-%i",
    "ExecStart=/opt/arp/lib/arps/arps --reuse-port",
  ]);
  deepStrictEqual(other.filter((line) => !own.includes(line)), [
    "Description=ARP server (reverse tunnel)",
    "SyslogIdentifier=arps",
    "ExecStart=/opt/arp/lib/arps/arps",
    "Prefix=/opt/arp",
  ]);
});

peerTest(
  { ...withSystemd, name: "systemd rates the server's unit as well protected" },
  async () => {
    await using stage = await Stage.create();
    await stage.server();
    const result = await run(analyze.path, [
      "security",
      "--offline=true",
      `--root=${stage.path}`,
      // Tenths of points of exposure; ten points are a service without any protection.
      "--threshold=20",
      "--no-pager",
      "arps.service",
    ]);
    strictEqual(result.code, 0, result.text);
  },
);

// -------------------------------------------------------------------------------------- client

const OPTIONS = [
  "--server-addr",
  "tunnel.example.com",
  "--local-port=3000",
  "--client-id",
  "my-app",
];

peerTest({ ...staged, name: "install_client.sh keeps every option out of the unit" }, async () => {
  await using stage = await Stage.create();
  const secrets = [
    "--auth-token",
    "h|u&s$h",
    "--alias",
    "one",
    "--alias=two",
    "--no-auto-reconnect",
    ...["--remote-port=0", "--service", "mysql"],
  ];
  const result = await stage.client(...OPTIONS, ...secrets);
  strictEqual(result.code, 0, result.text);
  deepStrictEqual(await stage.files(), [
    "600 home/me/.config/arp/arpc.env",
    "644 home/me/.config/systemd/user/arpc.service",
    "755 home/me/.local/share/arp/arpc/arpc",
  ]);
  const settings = await stage.read("home/me/.config/arp/arpc.env");
  deepStrictEqual(settings.split("\n").filter((line) => line.startsWith("ARPC_")), [
    "ARPC_SERVER_ADDR='tunnel.example.com'",
    "ARPC_LOCAL_PORT='3000'",
    "ARPC_CLIENT_ID='my-app'",
    "ARPC_AUTH_TOKEN='h|u&s$h'",
    "ARPC_ALIAS='one,two'",
    "ARPC_AUTO_RECONNECT='false'",
    "ARPC_REMOTE_PORT='0'",
    "ARPC_SERVICE='mysql'",
  ]);
  const unit = await stage.read("home/me/.config/systemd/user/arpc.service");
  match(unit, /^ExecStart=\/home\/me\/\.local\/share\/arp\/arpc\/arpc$/m);
  match(unit, /^RestartPreventExitStatus=2 3$/m);
  match(unit, /^EnvironmentFile=\/home\/me\/\.config\/arp\/arpc\.env$/m);
  match((await stage.client()).text, /nothing changed/);
  match((await stage.client(...OPTIONS, ...secrets)).text, /nothing changed/);
});

peerTest({ ...staged, name: "install_client.sh installs several clients by name" }, async () => {
  await using stage = await Stage.create();
  await stage.client(...OPTIONS);
  await stage.client("--name", "ai", "--server-addr", "h", "--command-mode");
  const settings = await stage.read("home/me/.config/arp/arpc-ai.env");
  match(settings, /^ARPC_COMMAND_MODE='true'\nARPC_CLIENT_ID='[0-9a-f]{32}'\nPATH='.+'$/m);
  const unit = await stage.read("home/me/.config/systemd/user/arpc-ai.service");
  ok(!unit.includes("NoNewPrivileges"), "the CLIs of command mode are bound by a sandbox");

  const kept = await stage.run(CLIENT, "--manager=systemd", "--uninstall", "--purge");
  match(kept.text, /kept .*arpc, which other clients use/);
  deepStrictEqual(await stage.files(), [
    "600 home/me/.config/arp/arpc-ai.env",
    "644 home/me/.config/systemd/user/arpc-ai.service",
    "755 home/me/.local/share/arp/arpc/arpc",
  ]);
  await stage.run(CLIENT, "--manager=systemd", "--name=ai", "--uninstall", "--purge");
  deepStrictEqual(await stage.entries(), []);
});

peerTest(
  { ...staged, name: "install_client.sh refuses bad options, and writes nothing" },
  async (t) => {
    await using stage = await Stage.create();
    for (
      const [args, message] of [
        [["--local-port", "80"], /which server\? Give --server-addr HOST/],
        [["--server-addr", "h"], /what should be reached\? Give --local-port N/],
        [["--server-addr", "h", "--local-port", "http"], /--local-port: a port is a number/],
        [["--server-addr", "h", "--local-port", "0"], /--local-port: a port is a number/],
        [["--server-addr", "h", "--proxy-port=70000"], /--proxy-port: a port is a number/],
        [[...OPTIONS, "--alias", "it's"], /--alias: quotes, .* cannot be stored/],
        [[...OPTIONS, "--name", "a/b"], /--name: letters, digits/],
        [[...OPTIONS, "more"], /unknown argument: more/],
        [[...OPTIONS, "--purge"], /--purge goes with --uninstall/],
      ] as const
    ) {
      await t.step(args.join(" "), async () => {
        const result = await stage.client(...args);
        strictEqual(result.code, 2, result.text);
        match(result.text, message);
        deepStrictEqual(await stage.files(), []);
      });
    }
  },
);

peerTest({
  ...withDeno,
  name: "install_client.sh installs a checkout, and runs arpc with what it needs alone",
}, async () => {
  await using stage = await Stage.create();
  const script = await stage.checkout(CLIENT);
  const install = ["--manager=systemd", "--deno", Deno.execPath(), ...OPTIONS];
  const result = await stage.run(script, ...install);
  strictEqual(result.code, 0, result.text);
  match((await stage.run(script, ...install)).text, /nothing changed/);
  const unit = await stage.read("home/me/.config/systemd/user/arpc.service");
  const runner = "home/me/.local/share/arp/arpc/run.sh";
  ok(unit.includes(`\nExecStart=/bin/sh /${runner}\n`));
  const text = await stage.read(runner);
  await stage.write(runner, text.replaceAll("'/home", `'${stage.path}/home`));
  const started = await run(sh.path, [join(stage.path, runner)], {
    env: { ARPC_CLIENT_ID: "my-app", ARPC_ALIAS: "none of its business" },
  });
  strictEqual(started.text, "ARPC_CLIENT_ID granted, ARPC_ALIAS prompt\n");
});

peerTest({ ...withSystemd, name: "systemd accepts the client's unit" }, async () => {
  await using stage = await Stage.create();
  await stage.client(...OPTIONS);
  // Units of a user cannot be verified below a root, so this one is made to start what is there.
  const unit = await stage.read("home/me/.config/systemd/user/arpc.service");
  await stage.write(
    "units/arpc.service",
    unit.replaceAll("=/home/me", `=${stage.path}/home/me`),
  );
  await stage.addTargets("units");
  const result = await run(analyze.path, [
    "verify",
    "--user",
    join(stage.path, "units/arpc.service"),
  ], {
    env: { XDG_RUNTIME_DIR: stage.path, SYSTEMD_UNIT_PATH: join(stage.path, "units") },
  });
  strictEqual(result.text, "");
  strictEqual(result.code, 0);
});

peerTest(
  { ...staged, name: "install_client.sh writes a launchd agent", peers: [sh, python] },
  async () => {
    await using stage = await Stage.create("home/m e");
    const args = [...OPTIONS, "--manager", "launchd", "--name", "web", "--grace=5"];
    const result = await stage.client(...args);
    strictEqual(result.code, 0, result.text);
    deepStrictEqual(await stage.files(), [
      "600 home/m e/.config/arp/arpc-web.env",
      "644 home/m e/Library/LaunchAgents/agentx.arpc-web.plist",
      "755 home/m e/.local/share/arp/arpc/arpc",
      "755 home/m e/.local/share/arp/arpc/run.sh",
    ]);
    const plist = join(stage.path, "home/m e/Library/LaunchAgents/agentx.arpc-web.plist");
    const parsed = await run(python.path, [
      "-c",
      "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))",
      plist,
    ]);
    deepStrictEqual(JSON.parse(parsed.text), {
      Label: "agentx.arpc-web",
      ProgramArguments: [
        "/bin/sh",
        "/home/m e/.local/share/arp/arpc/run.sh",
        "/home/m e/.config/arp/arpc-web.env",
      ],
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 5,
      ExitTimeOut: 15,
      ProcessType: "Adaptive",
      StandardOutPath: "/home/m e/Library/Logs/arpc-web.log",
      StandardErrorPath: "/home/m e/Library/Logs/arpc-web.log",
    });
    match((await stage.client(...args)).text, /nothing changed/);
    await stage.run(CLIENT, "--manager=launchd", "--name=web", "--uninstall", "--purge");
    deepStrictEqual(await stage.entries(), []);
  },
);

peerTest(
  { ...staged, name: "the launchd runner passes settings, signals and statuses on" },
  async (t) => {
    await using stage = await Stage.create();
    await stage.client(...OPTIONS, "--manager=launchd");
    const program = "home/me/.local/share/arp/arpc/";
    const runner = (await stage.read(`${program}run.sh`)).replaceAll(
      "'/home",
      `'${stage.path}/home`,
    );
    const settings = join(stage.path, "home/me/.config/arp/arpc.env");
    await stage.write(`${program}run.sh`, runner);
    const start = [join(stage.path, program, "run.sh"), settings];

    for (const [status, expected] of [[0, 0], [1, 1], [2, 0], [3, 0], [9, 9]] as const) {
      await t.step(`status ${status} becomes ${expected}`, async () => {
        await stage.write(`${program}arpc`, `#!/bin/sh\necho "$ARPC_CLIENT_ID"\nexit ${status}\n`);
        deepStrictEqual(await run(sh.path, start), { code: expected, text: "my-app\n" });
      });
    }
    await t.step("SIGTERM reaches arpc, which is waited for", async () => {
      await stage.write(
        `${program}arpc`,
        "#!/bin/sh\ntrap 'echo drained; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done\n",
      );
      const child = new Deno.Command(sh.path, { args: start, stdout: "piped" }).spawn();
      let text = "";
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text === "ready\n") child.kill("SIGTERM");
      }
      strictEqual(text, "ready\ndrained\n");
      strictEqual((await child.status).code, 0);
    });
  },
);

// ------------------------------------------------------------------------------------- helpers

/** A staging root, removed at the end, with a home folder and a program to install. */
class Stage implements AsyncDisposable {
  /** Its full path. */
  readonly path: string;
  readonly #home: string;

  private constructor(path: string, home: string) {
    this.path = path;
    this.#home = home;
  }

  static async create(home = "home/me"): Promise<Stage> {
    const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "arp-stage-" }));
    await Deno.mkdir(`${path}.in`);
    await Deno.writeTextFile(`${path}.in/program`, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    return new Stage(path, `/${home}`);
  }

  /** Runs a script on this root. */
  run(script: string, ...args: string[]): Promise<Result> {
    return run(sh.path, [script, `--root=${this.path}`, ...args], {
      env: { HOME: this.#home, XDG_CONFIG_HOME: "", XDG_DATA_HOME: "" },
    });
  }

  server(...args: string[]): Promise<Result> {
    return this.run(SERVER, `--binary=${this.path}.in/program`, ...args);
  }

  client(...args: string[]): Promise<Result> {
    const service = args.some((arg) => arg.startsWith("--manager")) ? [] : ["--manager=systemd"];
    return this.run(CLIENT, `--binary=${this.path}.in/program`, ...service, ...args);
  }

  /** Makes a small checkout below the root around an install script, and returns that. */
  async checkout(script: string): Promise<string> {
    const files: Record<string, string> = {
      "deno.json": `{ "workspace": ["./common", "./server", "./client"] }`,
      "common/deno.json": `{ "name": "@agentx/common", "exports": "./mod.ts" }`,
      "common/mod.ts": `export const bind = () => Deno.env.get("ARPS_BIND");`,
      "server/deno.json": `{ "name": "@agentx/arps", "exports": "./main.ts" }`,
      "server/main.ts": `import { bind } from "@agentx/common";
        const write = Deno.permissions.querySync({ name: "write", path: "/etc/arp" }).state;
        const can = write === "granted" ? "granted" : "denied";
        Deno.stdout.writeSync(new TextEncoder().encode(\`bind \${bind()}, write \${can}\\n\`));`,
      "server/main_test.ts": "throw new Error();",
      "client/deno.json": `{ "name": "@agentx/arpc", "exports": "./main.ts" }`,
      "client/launch.ts": `Deno.stdout.writeSync(new TextEncoder().encode(
        "--allow-env=ARPC_CLIENT_ID\\n--allow-read=/a folder\\n"));`,
      "client/main.ts": `const lines = ["ARPC_CLIENT_ID", "ARPC_ALIAS"].map((variable) =>
          \`\${variable} \${Deno.permissions.querySync({ name: "env", variable }).state}\`);
        Deno.stdout.writeSync(new TextEncoder().encode(lines.join(", ") + "\\n"));`,
      "scripts/install.sh": await Deno.readTextFile(script),
    };
    for (const [path, text] of Object.entries(files)) await this.write(`source/${path}`, text);
    return join(this.path, "source/scripts/install.sh");
  }

  /** Adds the targets that units refer to, which a staging root does not have. */
  async addTargets(folder: string): Promise<void> {
    for (
      const name of ["basic", "sysinit", "shutdown", "network-online", "multi-user", "default"]
    ) {
      const text = "[Unit]\nDescription=stands in\nDefaultDependencies=no\n";
      await this.write(`${folder}/${name}.target`, text);
    }
  }

  read(path: string): Promise<string> {
    return Deno.readTextFile(join(this.path, path));
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(dirname(join(this.path, path)), { recursive: true });
    await Deno.writeTextFile(join(this.path, path), text);
  }

  /** Every file with its mode, sorted by path. */
  async files(): Promise<string[]> {
    const found = await this.#walk();
    return found.map(({ path, mode }) => `${(mode & 0o777).toString(8)} ${path}`).sort();
  }

  /** When each file was last written. */
  async times(): Promise<Record<string, number>> {
    return Object.fromEntries((await this.#walk()).map(({ path, time }) => [path, time]));
  }

  /** What lies at the top. */
  async entries(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.path))).map(({ name }) => name).sort();
  }

  async #walk(folder = ""): Promise<{ path: string; mode: number; time: number }[]> {
    const found: { path: string; mode: number; time: number }[] = [];
    for await (const { name, isDirectory } of Deno.readDir(join(this.path, folder))) {
      const path = join(folder, name);
      if (isDirectory) found.push(...await this.#walk(path));
      else {
        const { mode, mtime } = await Deno.stat(join(this.path, path));
        found.push({ path, mode: mode ?? 0, time: mtime?.getTime() ?? 0 });
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
    await Deno.remove(`${this.path}.in`, { recursive: true });
  }
}

interface Result {
  code: number;
  /** Both outputs, the normal one first. */
  text: string;
}

async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
