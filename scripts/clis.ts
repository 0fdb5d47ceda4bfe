/**
 * Installs the AI coding CLIs that the tests run, pinned, into `.cache/clis` of the project, with a
 * Node.js new enough for them. Where some cannot be had it installs the others, names those in the
 * file `missing` there, and ends with 1. About 700 MB are fetched, and 1.8 GB written.
 *
 * ```sh
 * deno task clis
 * ```
 *
 * To renew the versions: change `package.json` in `scripts/clis/`, then `npm install --package-lock-only` there.
 *
 * @module
 */

import { delimiter, join } from "@std/path";

/** The package that each CLI comes with. */
const PACKAGES: Readonly<Record<string, string>> = {
  claude: "@anthropic-ai/claude-code",
  codex: "@openai/codex",
  gemini: "@google/gemini-cli",
  qwen: "@qwen-code/qwen-code",
  opencode: "opencode-ai",
  copilot: "@github/copilot",
};

/**
 * What puts the program for this system into its place. All other scripts of packages are left out:
 * they fetch and compile what the CLIs can do without.
 */
const SETUP: Readonly<Record<string, string>> = {
  claude: "@anthropic-ai/claude-code/install.cjs",
  opencode: "opencode-ai/postinstall.mjs",
};

/** For one CLI to say its version, in milliseconds; the first start unpacks some of them. */
const VERSION_MS = 60_000;

const HERE = join(import.meta.dirname!, "clis");
const FOLDER = join(HERE, "../../.cache/clis");
const MODULES = join(FOLDER, "node_modules");
const BIN = join(MODULES, ".bin");

if (import.meta.main) Deno.exit(await install() ? 0 : 1);

async function install(): Promise<boolean> {
  const lock = await Deno.readTextFile(join(HERE, "package-lock.json"));
  const done = join(FOLDER, "done");
  const absent = join(FOLDER, "missing");
  if (await Deno.readTextFile(done).catch(() => "") === lock) {
    say("The CLIs are installed already");
    return true;
  }
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const file of [done, absent]) await Deno.remove(file).catch(() => {});
  const names = Object.keys(PACKAGES);
  const started = performance.now();
  say(`Installing ${names.join(", ")} into ${FOLDER}`);
  if (!await fetchAll(names, lock)) {
    say("That failed: trying them one by one");
    const got: string[] = [];
    for (const name of names) {
      if (await fetchAll([...got, name], lock)) got.push(name);
    }
    await fetchAll(got, lock);
  }
  const versions = await Promise.all(names.map(setUp));
  names.forEach((name, i) => say(`${name}: ${versions[i] ?? "cannot be had here"}`));
  const missing = names.filter((_, i) => versions[i] === undefined);
  await Deno.writeTextFile(absent, missing.join(","));
  if (missing.length === 0) await Deno.writeTextFile(done, lock);
  say(`That took ${Math.round((performance.now() - started) / 1000)} s`);
  return missing.length === 0;
}

/** Makes the folder hold these and nothing else. */
async function fetchAll(
  names: readonly string[],
  lock: string,
): Promise<boolean> {
  const wanted = JSON.parse(
    await Deno.readTextFile(join(HERE, "package.json")),
  );
  const packages = names.map((name) => PACKAGES[name]);
  wanted.dependencies = Object.fromEntries(
    Object.entries(wanted.dependencies).filter(([name]) => packages.includes(name)),
  );
  await Deno.writeTextFile(
    join(FOLDER, "package.json"),
    JSON.stringify(wanted),
  );
  await Deno.writeTextFile(join(FOLDER, "package-lock.json"), lock);
  const quiet = [
    "--no-fund",
    "--no-audit",
    "--no-update-notifier",
    "--loglevel=error",
  ];
  const { success } = await new Deno.Command(
    Deno.build.os === "windows" ? "npm.cmd" : "npm",
    {
      args: ["install", "--ignore-scripts", "--prefer-offline", ...quiet],
      cwd: FOLDER,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    },
  ).output();
  return success;
}

/** Makes a CLI ready; its version, or undefined when it does not run. */
async function setUp(name: string): Promise<string | undefined> {
  const home = await Deno.makeTempDir();
  const run = async (program: string, args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(
      program,
      {
        args,
        env: {
          HOME: home,
          USERPROFILE: home,
          PATH: [BIN, Deno.env.get("PATH") ?? ""].join(delimiter),
          COPILOT_PKG_CACHE_HOME: join(FOLDER, "packages"),
        },
        stdin: "null",
        signal: AbortSignal.timeout(VERSION_MS),
      },
    ).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    if (!success) {
      throw new Error(`${program}: ${text(stderr) || text(stdout)}`);
    }
    return text(stdout);
  };
  try {
    const setup = SETUP[name];
    if (setup !== undefined) await run("node", [join(MODULES, setup)]);
    const version = await run(join(BIN, name), ["--version"]);
    return /\d+\.\d+\.\d+/.exec(version)?.[0];
  } catch (error) {
    say(String(error));
    return undefined;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

function say(line: string): void {
  // deno-lint-ignore no-console -- it is run by hand
  console.log(line);
}
