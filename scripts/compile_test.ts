import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join } from "@std/path";
import { variable } from "@agentx/common/cli";
import { OPTIONS as CLIENT_OPTIONS } from "../client/options.ts";
import { USER_VARIABLES } from "../client/identity.ts";
import { HOME_VARIABLES } from "../client/state.ts";
import { OPTIONS as SERVER_OPTIONS } from "../server/options.ts";
import { peer, peerTest } from "../tests/peers.ts";
import {
  compile,
  exclusions,
  fileName,
  parseCommandLine,
  PROGRAMS,
  SUMS_FILE,
  TARGETS,
  writeSums,
} from "./compile.ts";

const ROOT = dirname(import.meta.dirname ?? ".");
const files: Deno.PermissionDescriptor[] = [{ name: "read" }, { name: "write" }];

Deno.test("fileName() is arps-<target>, with .exe for Windows alone", () => {
  deepStrictEqual(TARGETS.map((target) => fileName("arps", target)), [
    "arps-x86_64-pc-windows-msvc.exe",
    "arps-x86_64-apple-darwin",
    "arps-aarch64-apple-darwin",
    "arps-x86_64-unknown-linux-gnu",
    "arps-aarch64-unknown-linux-gnu",
  ]);
});

Deno.test("parseCommandLine() takes everything by default and lists with commas", () => {
  deepStrictEqual(parseCommandLine([]), {
    help: false,
    out: "dist",
    programs: [...PROGRAMS],
    targets: [...TARGETS],
  });
  const { programs, targets } = parseCommandLine([
    "--program=arpc",
    "--target",
    "aarch64-apple-darwin,x86_64-apple-darwin",
  ]);
  deepStrictEqual(programs.map(({ name }) => name), ["arpc"]);
  deepStrictEqual(targets, ["x86_64-apple-darwin", "aarch64-apple-darwin"]);
});

Deno.test("parseCommandLine() names a bad value and what was expected", () => {
  throws(() => parseCommandLine(["--target", "vax"]), /--target "vax": expected one of x86_64-pc/);
  throws(() => parseCommandLine(["--program", "arpx"]), /"arpx": expected one of arps, arpc/);
  throws(() => parseCommandLine(["--no-such-flag"]), /--no-such-flag/);
});

peerTest(
  { name: "compile() goes on after a failure and names it", permissions: files },
  async () => {
    await inTemporaryFolder(async (out) => {
      const stale = join(out, fileName("arps", "x86_64-apple-darwin"));
      await Deno.writeTextFile(stale, "made by an earlier run");
      const lines: string[] = [];
      const result = await compile({
        root: ROOT,
        out,
        targets: ["x86_64-apple-darwin", "x86_64-pc-windows-msvc"],
        log: (line) => lines.push(line),
        run: async (args) => {
          const output = args.find((arg) => arg.startsWith("--output="))?.slice(9) ?? "";
          if (output === stale) return { success: false, stderr: "error: no such runtime\n" };
          await Deno.writeTextFile(output, output);
          return { success: true, stderr: "" };
        },
      });
      deepStrictEqual(result, {
        made: [
          "arpc-x86_64-apple-darwin",
          "arps-x86_64-pc-windows-msvc.exe",
          "arpc-x86_64-pc-windows-msvc.exe",
        ],
        failed: ["arps-x86_64-apple-darwin"],
      });
      ok(lines.includes("[1/4] arps-x86_64-apple-darwin failed:\n    error: no such runtime"));
      await rejects(Deno.stat(stale), Deno.errors.NotFound);
      const sums = await Deno.readTextFile(join(out, SUMS_FILE));
      deepStrictEqual(sums.trim().split("\n").map((line) => line.slice(66)), result.made.sort());
    });
  },
);

peerTest(
  { name: "a program that exits 0 without a file has failed", permissions: files },
  async () => {
    await inTemporaryFolder(async (out) => {
      const { failed } = await compile({
        root: ROOT,
        out,
        programs: PROGRAMS.slice(0, 1),
        targets: ["aarch64-apple-darwin"],
        run: () => Promise.resolve({ success: true, stderr: "" }),
      });
      deepStrictEqual(failed, ["arps-aarch64-apple-darwin"]);
    });
  },
);

const sha256sum = peer("sha256sum", "apt-get install coreutils");
peerTest(
  { name: "sha256sum -c accepts the sums", os: ["linux"], peers: [sha256sum], permissions: files },
  async () => {
    await inTemporaryFolder(async (out) => {
      await Deno.writeTextFile(join(out, fileName("arps", "aarch64-apple-darwin")), "abc");
      await Deno.writeFile(
        join(out, fileName("arpc", "x86_64-pc-windows-msvc")),
        new Uint8Array(3e5),
      );
      await Deno.writeTextFile(join(out, "notes.txt"), "no program");
      await writeSums(out);
      const checked = await new Deno.Command(sha256sum.path, {
        args: ["--strict", "-c", SUMS_FILE],
        cwd: out,
      }).output();
      strictEqual(
        new TextDecoder().decode(checked.stdout),
        "arpc-x86_64-pc-windows-msvc.exe: OK\narps-aarch64-apple-darwin: OK\n",
      );
      ok(checked.success);
    });
  },
);

/**
 * What follows embeds into the running `deno` in place of the runtime that a release embeds into,
 * because that one has to be downloaded. It shows that the module graphs, the version and the
 * grants go in. The files it makes are no working programs, and none is started here.
 */
const embed = {
  os: ["linux"] as const,
  permissions: [...files, { name: "run", command: Deno.execPath() }] as const,
};

peerTest({ ...embed, name: "deno compile embeds the modules and the version" }, async () => {
  await inTemporaryFolder(async (root) => {
    const version = "7.8.9-embedded";
    await writeProject(root, {
      "deno.json": `{ "workspace": ["./common", "./server"] }`,
      "common/deno.json": `{ "name": "@agentx/common", "exports": "./mod.ts" }`,
      "common/mod.ts": `export const greeting = "a line of common";`,
      "server/deno.json":
        `{ "name": "@agentx/arps", "version": "${version}", "exports": "./main.ts" }`,
      "server/main.ts": `import { greeting } from "@agentx/common";
        import config from "./deno.json" with { type: "json" };
        Deno.stdout.writeSync(new TextEncoder().encode(greeting + config.version));`,
      "server/unused.ts": `export const unused = "a line that nothing imports";`,
    });
    const made = await embedInto(root, "arps", join(root, "dist"));
    ok(made.includes(`"version": "${version}"`));
    ok(made.includes(`"a line of common"`));
    ok(!made.includes("a line that nothing imports"));
  });
});

Deno.test("every variable that a program reads is among the grants", () => {
  const readBy: Record<string, string[]> = {
    arps: [
      ...Object.keys(SERVER_OPTIONS).map((key) => variable("ARPS", key)),
      ...["ARP_LOG", "ARP_AUTH_TOKEN", "ARP_AUTH_TOKEN_FILE"],
    ],
    arpc: [
      ...Object.keys(CLIENT_OPTIONS).map((key) => variable("ARPC", key)),
      ...["ARP_LOG", ...HOME_VARIABLES, ...USER_VARIABLES],
    ],
  };
  for (const { name, permissions } of PROGRAMS) {
    if (permissions.includes("--allow-env")) continue;
    const flag = permissions.find((one) => one.startsWith("--allow-env=")) ?? "";
    const granted = flag.slice("--allow-env=".length).split(",");
    const covers = (one: string) => (pattern: string) =>
      pattern.endsWith("*") ? one.startsWith(pattern.slice(0, -1)) : one === pattern;
    const missing = readBy[name]?.filter((one) => !granted.some(covers(one)));
    deepStrictEqual(missing, [], name);
  }
});

peerTest(
  { ...embed, name: "the server may start no programs, the client may, and neither may prompt" },
  async () => {
    await inTemporaryFolder(async (root) => {
      await writeProject(root, {
        "deno.json": "{}",
        "server/main.ts": "export {};",
        "client/main.ts": "export {};",
      });
      const arps = grants(await embedInto(root, "arps", root));
      deepStrictEqual([arps.prompt, arps.allow_net, arps.allow_run], [false, [], null]);
      deepStrictEqual(arps.allow_env, ["ARPS_*", "ARP_*", "NO_COLOR", "OTEL_DENO_CONSOLE"]);
      const arpc = grants(await embedInto(root, "arpc", root));
      deepStrictEqual([arpc.prompt, arpc.allow_run, arpc.allow_sys], [false, [], ["hostname"]]);
    });
  },
);

/** What is read as text, some of it only when it is wanted. */
const ASSETS: Record<string, string[]> = {
  arps: ["server/admin/dashboard.js", "server/admin/dashboard/style/small.css"],
  arpc: ["client/command/console/page.js", "client/command/docs/page.html"],
};

for (const { name, entry } of PROGRAMS) {
  peerTest({ ...embed, name: `${name} of this project is embedded whole` }, async () => {
    await inTemporaryFolder(async (out) => {
      const source = await Deno.readTextFile(join(ROOT, entry));
      const { version } = JSON.parse(await Deno.readTextFile(join(ROOT, entry, "../deno.json")));
      const made = await embedInto(ROOT, name, out);
      ok(made.includes(`"version": "${version}"`), "no version");
      ok(made.includes(source), `no ${entry}`);
      ok(
        made.includes(await Deno.readTextFile(join(ROOT, "common/frame.ts"))),
        "no common/frame.ts",
      );
      ok(!made.includes("playwright-core@1"), "a package of the tests went in");
      for (const asset of ASSETS[name] ?? []) {
        ok(made.includes(Buffer.from(await Deno.readFile(join(ROOT, asset)))), `no ${asset}`);
      }
    });
  });
}

/** Compiles one program of a project for this system, and reads what came out. */
async function embedInto(root: string, name: string, out: string): Promise<Buffer> {
  const target = TARGETS.find((one) => one === Deno.build.target);
  if (target === undefined) throw new Error(`Cannot compile here: no target ${Deno.build.target}`);
  const lines: string[] = [];
  const { made } = await compile({
    root,
    out,
    programs: PROGRAMS.filter((program) => program.name === name),
    targets: [target],
    env: { DENORT_BIN: Deno.execPath() },
    exclude: root === ROOT ? await exclusions(root) : [],
    log: (line) => lines.push(line),
  });
  deepStrictEqual(made, [fileName(name, target)], lines.join("\n"));
  return Buffer.from(await Deno.readFile(join(out, fileName(name, target))));
}

/** The permissions that a compiled program carries: a list of scopes, empty for all, or null. */
function grants(program: Buffer): Record<string, unknown> {
  const start = program.lastIndexOf('"permissions":{');
  const end = program.indexOf("}", start);
  return JSON.parse(program.subarray(start + '"permissions":'.length, end + 1).toString());
}

async function writeProject(root: string, content: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(content)) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), text);
  }
}

async function inTemporaryFolder(fn: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "arp-compile-" });
  try {
    await fn(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
