import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { delimiter, join } from "@std/path";
import { testWith, within } from "../../../common/testdata/gate.ts";
import { findProgram } from "./find.ts";
import type { Executor } from "./mod.ts";
import { Probe } from "./probe.ts";

const UNIX = Deno.build.os !== "windows";

/** Registers a test with a folder for programs. */
function folderTest(name: string, fn: (folder: string) => Promise<void>): void {
  const test = async () => {
    const folder = await Deno.makeTempDir({ prefix: "arp-probe-" });
    try {
      await fn(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  if (UNIX) {
    testWith([{ name: "run" }, { name: "read" }, { name: "write" }, { name: "env" }], name, test);
  } else Deno.test({ name: `${name} [skipped: needs a Unix shell]`, ignore: true, fn: test });
}

/** As package managers do: a new file takes the place of the old one. */
async function install(path: string, script: string): Promise<void> {
  const draft = `${path}.new`;
  await Deno.writeTextFile(draft, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await Deno.rename(draft, path);
}

/** An executor whose program, of a name that nobody else has, lies at the path. */
function executorFor(path: string): Executor {
  const name = path.split("/").at(-1)!;
  return { name, program: name, install: `install ${name}`, env: [] } as unknown as Executor;
}

/** With the folder in `PATH`, which all tests of this process share: the names are unique. */
async function inPath<T>(folder: string, fn: () => Promise<T>): Promise<T> {
  Deno.env.set("PATH", [folder, Deno.env.get("PATH")].join(delimiter));
  try {
    return await fn();
  } finally {
    const folders = Deno.env.get("PATH")!.split(delimiter);
    Deno.env.set("PATH", folders.filter((one) => one !== folder).join(delimiter));
  }
}

folderTest("findProgram() takes the first that can be run, by its own name", async (folder) => {
  const folders = ["empty", "text", "sub", "first", "second"].map((name) => join(folder, name));
  await Promise.all(folders.map((one) => Deno.mkdir(one)));
  await Deno.writeTextFile(join(folder, "text/cli"), "no program", { mode: 0o644 });
  await Deno.mkdir(join(folder, "sub/cli"));
  await install(join(folder, "second/cli"), "exit 0");
  await install(join(folder, "target"), "exit 0");
  await Deno.symlink(join(folder, "target"), join(folder, "first/cli"));
  const path = ["", ".", "relative", ...folders].join(delimiter);
  strictEqual(findProgram("cli", path), join(folder, "first/cli"));
  strictEqual(findProgram("cli", folders.slice(0, 3).join(delimiter)), undefined);
  strictEqual(findProgram("cli", ""), undefined);
});

folderTest("a CLI tells its version and its flags", async (folder) => {
  const path = join(folder, "arp-probe-plain");
  await install(
    path,
    'echo "cli version 1.22.333-beta (Some CLI)"; echo "  -p, --print <x>  --no-x=y" >&2',
  );
  await inPath(folder, async () => {
    const { installed, error } = await new Probe().look(executorFor(path));
    strictEqual(error, undefined);
    deepStrictEqual([installed?.path, installed?.version], [path, "1.22.333-beta"]);
    const flags = ["-p", "--print", "--no-x", "--pri", "--x", "-n", "print"];
    deepStrictEqual(flags.filter((flag) => installed?.has(flag)), ["-p", "--print", "--no-x"]);
  });
});

folderTest(
  "a CLI is asked once, however many want to know, and again when it is new",
  async (folder) => {
    const path = join(folder, "arp-probe-new");
    const asked = join(folder, "asked");
    const script = (version: string) => `echo $1 >> ${asked}; sleep 0.2; echo ${version}`;
    await install(path, script("1.0.0"));
    await inPath(folder, async () => {
      const probe = new Probe();
      const executor = executorFor(path);
      const all = await Promise.all([1, 2, 3].map(() => probe.installed(executor)));
      deepStrictEqual(all.map((one) => one?.version), ["1.0.0", "1.0.0", "1.0.0"]);
      await probe.installed(executor);
      strictEqual((await Deno.readTextFile(asked)).trim().split("\n").length, 2);
      await install(path, script("2.0.0"));
      strictEqual((await probe.installed(executor))?.version, "2.0.0");
      await Deno.remove(path);
      const { error } = await probe.look(executor);
      strictEqual(error, "arp-probe-new is not in PATH; install it: install arp-probe-new");
    });
  },
);

folderTest(
  "a CLI that hangs, fails or is no program is told of, and left alone",
  async (folder) => {
    const cases: [name: string, script: string, error: RegExp][] = [
      ["arp-probe-hung", "echo 1.0.0; sleep 60", /--version did not end within 0.5 s$/],
      [
        "arp-probe-bad",
        "echo needs Node 22 >&2; exit 1",
        /exit code 1; the last it said: needs Node 22$/,
      ],
      ["arp-probe-crash", "kill -9 $$", /signal SIGKILL/],
    ];
    await inPath(folder, async () => {
      for (const [name, script, expected] of cases) {
        const path = join(folder, name);
        await install(path, script);
        const found = await within(15_000, name, new Probe([], [], 500).look(executorFor(path)));
        strictEqual(found.installed, undefined);
        strictEqual(found.path, path);
        match(found.error!, expected);
      }
      const path = join(folder, "arp-probe-none");
      await Deno.writeTextFile(path, "#!/no/such/interpreter\n", { mode: 0o755 });
      const { error } = await new Probe().look(executorFor(path));
      match(error!, /Cannot start .*No such file or directory/);
    });
  },
);

folderTest("a flood of an answer does no harm", async (folder) => {
  const path = join(folder, "arp-probe-flood");
  await install(path, "echo 3.2.1; yes --flag | head -c 20000000");
  await inPath(folder, async () => {
    const installed = await new Probe().installed(executorFor(path));
    ok(installed?.version === "3.2.1" && installed.has("--flag"));
  });
});

Deno.test({
  name: "without permissions nothing is found, and nothing is thrown",
  permissions: "none",
  fn: async () => {
    const { error } = await new Probe().look(executorFor("/bin/sh"));
    match(error!, /sh is not in PATH/);
  },
});
