/**
 * What the programs may do, and that they may do no more: the permissions they ask for, those that
 * are left after their start, and the launchers that grant them.
 *
 * @module
 */

import { permissionFlags, readOptions } from "@agentx/common/cli";
import { join } from "@std/path";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { CONNECT_OPTIONS } from "../client/connect/options.ts";
import { CONNECT, connectPermissions } from "../client/connect/program.ts";
import * as client from "../client/program.ts";
import * as server from "../server/program.ts";
import { PATIENCE_MS, Program, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { eventually, HeldService, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere signals do not reach programs. */
const os = ["linux", "darwin"] as const;
const ROOT = new URL("../", import.meta.url);
const PORTS = ["--control-port", "0", "--proxy-port", "0", "--public-port", "0"];

/** Runs to the end. */
async function run(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** A module that needs no file. */
function inline(source: string): string {
  return `data:application/javascript,${encodeURIComponent(source)}`;
}

/** What a program could want to do; each prints its name if it is let. */
const ATTEMPTS: Record<string, string> = {
  "read a file": `Deno.readTextFileSync("/etc/passwd")`,
  "read its own source": `Deno.readTextFileSync("server/main.ts")`,
  "list a folder": `[...Deno.readDirSync("/")]`,
  "write a file": `Deno.writeTextFileSync("/tmp/arp-permissions-test", "x")`,
  "write beside its source": `Deno.writeTextFileSync("permissions-test", "x")`,
  "read a variable": `Deno.env.get("PATH")`,
  "read all variables": `Deno.env.toObject()`,
  "run a program": `new Deno.Command("true").outputSync()`,
  "run itself": `new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync()`,
  "ask for the host name": `Deno.hostname()`,
  "ask for the addresses": `Deno.networkInterfaces()`,
  "load a library": `Deno.dlopen("/lib/libc.so", {})`,
  "reach another host": `await Deno.connect({ hostname: "127.0.0.9", port: 9 })`,
  "listen elsewhere": `Deno.listen({ hostname: "127.0.0.9", port: 0 }).close()`,
};

/** Which {@link ATTEMPTS} a set of permissions does not deny. */
async function allowed(flags: readonly string[]): Promise<string[]> {
  const tries = Object.entries(ATTEMPTS).map(([name, code]) => `
    try { ${code}; console.log(${JSON.stringify(name)}); }
    catch (error) { if (error.name !== "NotCapable") console.log(${JSON.stringify(name)}); }
  `);
  const args = ["run", "--quiet", "--no-prompt", ...flags, inline(tries.join(""))];
  const { code, out, err } = await run(args);
  equal(code, 0, err);
  return out.split("\n").filter((line) => line !== "");
}

/** The permissions that a server asks for with these flags. */
async function ofServer(...flags: string[]): Promise<string[]> {
  const request = await server.readRequest(flags);
  ok(request.kind === "run");
  return permissionFlags(server.permissions(request.values));
}

/** The permissions that a client asks for with these flags. */
async function ofClient(...flags: string[]): Promise<string[]> {
  const request = await client.readRequest(flags);
  ok(request.kind === "run");
  return permissionFlags(await client.permissions(request.values));
}

/** The permissions that `arpc connect` asks for with these flags. */
async function ofConnect(...flags: string[]): Promise<string[]> {
  const request = await readOptions(CONNECT.about, CONNECT_OPTIONS, ["--token", "app", ...flags]);
  ok(request.kind === "run");
  return permissionFlags(connectPermissions(request.values));
}

peerTest(
  { name: "the probes of what is denied do find what is allowed", permissions, os },
  async () => {
    deepEqual(
      (await allowed(["-A"])).filter((name) => !/itself|elsewhere|another host/.test(name)),
      Object.keys(ATTEMPTS).filter((name) => !/itself|elsewhere|another host/.test(name)),
    );
    await Deno.remove(new URL("permissions-test", ROOT));
    await Deno.remove("/tmp/arp-permissions-test");
  },
);

peerTest({ name: "a server needs its ports and nothing else", permissions, os }, async () => {
  deepEqual(await allowed(await ofServer()), []);
  deepEqual(await allowed(await ofServer("--bind", "127.0.0.1", ...PORTS)), []);
});

peerTest({ name: "a client needs its hosts, its id and its folder", permissions, os }, async () => {
  deepEqual(await allowed(await ofClient("--local-port", "3000")), ["ask for the host name"]);
});

peerTest({
  name: "arpc connect needs its server, and the port it listens on if any",
  permissions,
  os,
}, async () => {
  deepEqual(await allowed(await ofConnect("--server", "127.0.0.1")), []);
  deepEqual(await allowed(await ofConnect("--server", "https://localhost", "--listen", "0")), []);
});

peerTest({ name: "--allow-net alone runs the server", permissions }, async () => {
  await using arps = new Program("../server/main.ts", [], [], {}, {
    args: ["run", "--no-prompt", "--allow-net", "arps", "--bind", "127.0.0.1", ...PORTS],
    cwd: ROOT,
  });
  await arps.message("Server ready");
});

peerTest({ name: "--allow-net alone runs the client", permissions }, async () => {
  await using service = new HeldService();
  await using arps = await startServer();
  await using arpc = new Program("../client/main.ts", [], [], {}, {
    args: [
      ...["run", "--no-prompt", "--allow-net", "arpc", "--client-id", "app"],
      ...["--control-port", `${arps.controlPort}`, "--proxy-port", `${arps.proxyPort}`],
      ...["--local-port", `${service.port}`],
    ],
    cwd: ROOT,
  });
  await arpc.message("Registered");
  equal((await visit(arps.publicPort, "/?token=app")).body, "hello");
});

/** Tells, at the first call of a function of `Deno`, which permissions are left. */
function spy(name: "listen" | "connect"): string {
  return inline(`
    const original = Deno.${name};
    Deno.${name} = (...args) => {
      Deno.${name} = original;
      const kinds = ["run", "ffi", "write", "read", "env", "sys", "net"];
      const left = kinds.filter((name) => Deno.permissions.querySync({ name }).state !== "prompt" &&
        Deno.permissions.querySync({ name }).state !== "denied");
      console.log("left: " + left.join(" "));
      return original(...args);
    };
  `);
}

peerTest({
  name: "with all permissions, all but the needed are given up before the first connection",
  permissions,
}, async (t) => {
  const step = stepsOf(t);
  const folder = await Deno.makeTempDir();
  try {
    const log = ["--log-file", join(folder, "log")];
    for (const [flags, left] of [[[], "net"], [log, "write read net"]] as const) {
      await step(`arps ${flags[0] ?? ""}`, async () => {
        const spied = ["-A", "--preload", spy("listen")];
        await using arps = new Program("../server/main.ts", [...PORTS, ...flags], spied, {});
        await arps.message("Server ready");
        equal(arps.stdout, `left: ${left}\n`);
      });
      await step(`arpc ${flags[0] ?? ""}`, async () => {
        const spied = ["-A", "--preload", spy("connect")];
        const all = ["--control-port", `${freePort()}`, "--local-port", "1", ...flags];
        await using arpc = new Program("../client/main.ts", all, spied, { HOME: folder });
        await arpc.message("No link to the server");
        equal(arpc.stdout, `left: ${left}\n`);
      });
      await step(`arpc connect ${flags[0] ?? ""}`, async () => {
        const spied = ["-A", "--preload", spy("connect")];
        const all = ["--token", "app", "--server", `127.0.0.1:${freePort()}`, ...flags];
        await using arpc = new Program("../client/main.ts", ["connect", ...all], spied, {});
        equal((await within(PATIENCE_MS, "an end", arpc.status())).code, 1);
        equal(arpc.stdout, `left: ${left}\n`);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

peerTest(
  { name: "revokeAllBut() leaves what it is told to and nothing else", permissions },
  async () => {
    const module = new URL("../common/cli/launch.ts", import.meta.url).href;
    const { out, err } = await run([
      "run",
      "--config",
      "deno.json",
      "-A",
      inline(`
    const { revokeAllBut } = await import(${JSON.stringify(module)});
    await revokeAllBut("net", "read");
    for (const name of ["run", "ffi", "write", "read", "env", "sys", "net"]) {
      if (Deno.permissions.querySync({ name }).state === "granted") console.log(name);
    }
  `),
    ]);
    equal(out, "read\nnet\n", err);
  },
);

peerTest(
  { name: "--print-permissions prints the set, a flag a line", permissions, os },
  async (t) => {
    const step = stepsOf(t);
    const HOME = "/home/someone";
    // Whoever runs the tests has variables of their own; `env -i` of every launcher.
    const print = async (task: string, ...flags: string[]) => {
      const { code, out, err } = await run([
        "task",
        "--quiet",
        task,
        ...flags,
        "--print-permissions",
      ], {
        HOME,
        USER: "",
        LOGNAME: "",
        USERNAME: "",
        USERPROFILE: "",
      });
      equal(code, 0, err);
      return out;
    };
    await step("server", async () => {
      equal(
        await print("server"),
        "--allow-net=0.0.0.0:17001,0.0.0.0:17002,0.0.0.0:17003\n--allow-env=ARP_AUTH_TOKEN\n",
      );
    });
    await step("server with flags", async () => {
      equal(
        await print(
          "server",
          "--bind",
          "::1",
          "--public-port",
          "8080",
          "--log-file",
          "/var/log/arps/log",
        ),
        "--allow-net=[::1]:17001,[::1]:17002,[::1]:8080\n" +
          "--allow-read=/var/log/arps\n--allow-write=/var/log/arps\n",
      );
    });
    const ids = "/etc/machine-id,/var/lib/dbus/machine-id,/etc/hostid,/etc/os-release";
    await step("client", async () => {
      equal(
        await print("client", "--server-addr", "example.com", "--local-port", "3000"),
        "--allow-net=example.com:17001,example.com:17002,127.0.0.1:3000\n--allow-sys=hostname\n" +
          `--allow-env=HOME\n--allow-read=${ids},${HOME}/.arp-client\n` +
          `--allow-write=${HOME}/.arp-client\n`,
      );
    });
    await step("client without a port to expose", async () => {
      const { code, out, err } = await run(["task", "--quiet", "client", "--print-permissions"], {
        HOME,
      });
      equal(code, 2, out);
      match(err, /^arpc: --local-port: expected the port/);
    });
  },
);

/** `deno task NAME`, in a process group of its own, as in a terminal. */
function task(name: string, flags: readonly string[], env: Record<string, string> = {}): Program {
  return new Program("", [], [], env, {
    args: ["task", "--quiet", name, ...flags],
    cwd: ROOT,
    detached: true,
  });
}

/** Ends whatever is left of a group, if a test failed. */
function endGroup(program: Program): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        Deno.kill(-program.pid, "SIGKILL");
      } catch { /* all ended */ }
      await program.status();
    },
  };
}

/** Whether a process group has no process left. */
function isGone(group: number): boolean {
  try {
    Deno.kill(-group, "SIGCONT");
    return false;
  } catch {
    return true;
  }
}

peerTest({ name: "deno task server and client run until Ctrl-C", permissions, os }, async () => {
  await using service = new HeldService();
  const folder = await Deno.makeTempDir();
  const ports = [freePort(), freePort(), freePort()].map(String);
  const [control, proxy, visitors] = ports;
  const flags = ["--control-port", control!, "--proxy-port", proxy!];
  try {
    const arps = task("server", ["--bind", "127.0.0.1", "--public-port", visitors!, ...flags]);
    await using _arps = endGroup(arps);
    await arps.message("Server ready");
    const arpc = task(
      "client",
      ["--client-id", "app", "--local-port", `${service.port}`, ...flags],
      {
        HOME: folder,
      },
    );
    await using _arpc = endGroup(arpc);
    await arpc.message("Registered");
    equal((await visit(Number(visitors), "/?token=app")).body, "hello");
    // A terminal sends it to the whole group.
    for (
      const [program, farewell] of [[arpc, "Client stopped"], [arps, "Server stopped"]] as const
    ) {
      Deno.kill(-program.pid, "SIGINT");
      await program.message(farewell);
      await within(PATIENCE_MS, "the end of the task", program.status());
      await eventually("no process left", () => isGone(program.pid));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The launchers, as the tasks of `deno.json` start them. */
const LAUNCHER = ["--allow-run", "--allow-env", "--allow-read", "--allow-sys=hostname"];

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  peerTest({ name: `a launcher passes ${signal} on and waits`, permissions, os }, async () => {
    await using arps = new Program(
      "../server/launch.ts",
      ["--bind", "127.0.0.1", ...PORTS],
      LAUNCHER,
      {},
    );
    await arps.message("Server ready");
    arps.kill(signal);
    equal((await within(PATIENCE_MS, "an end", arps.status())).code, 0);
    equal(arps.logs.at(-1)?.message, "Server stopped");
  });
}

peerTest({ name: "a launcher passes the exit code through", permissions }, async (t) => {
  const step = stepsOf(t);
  const launch = async (module: string, ...flags: string[]) => {
    await using program = new Program(module, flags, LAUNCHER, { HOME: "", USERPROFILE: "" });
    const { code } = await within(PATIENCE_MS, "an end", program.status());
    return { code, err: program.stderr };
  };
  await step("2: a bad flag", async () => {
    const { code, err } = await launch("../client/launch.ts", "--nope");
    equal(code, 2);
    match(err, /unknown option '--nope'/);
  });
  await step("2: no port to expose", async () => {
    const { code, err } = await launch("../client/launch.ts");
    equal(code, 2);
    match(err, /^arpc: --local-port: expected the port of the service to expose/);
  });
  await step("2: same ports", async () => {
    const { code, err } = await launch("../server/launch.ts", "--control-port", "17003");
    equal(code, 2);
    match(err, /^arps: --control-port and --public-port: expected two ports/);
  });
  await step("1: no server", async () => {
    const { code, err } = await launch(
      "../client/launch.ts",
      ...["--local-port", "1", "--control-port", `${freePort()}`, "--no-auto-reconnect"],
    );
    equal(code, 1);
    match(err, /^arpc: Server .* cannot be reached/m);
  });
  await step("0: --help", async () => {
    equal((await launch("../server/launch.ts", "--help")).code, 0);
    equal((await launch("../client/launch.ts", "--help")).code, 0);
  });
});
