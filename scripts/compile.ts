/**
 * Makes the stand-alone programs `arps-<target>` and `arpc-<target>` with `deno compile`, and the
 * file `SHA256SUMS` beside them. A target that fails does not keep the others from being made; the
 * script then ends with 1 and names it.
 *
 * ```sh
 * deno task compile                                    # both programs, all targets, into dist/
 * deno task compile --program arps --target x86_64-unknown-linux-gnu --out /tmp/out
 * ```
 *
 * `deno compile` downloads the runtime it embeds into once for each target. Where that is not
 * possible, `DENORT_BIN` names a runtime to use instead.
 *
 * @module
 */
import { V8_FLAGS } from "@agentx/common/cli";
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { dirname, join, resolve } from "@std/path";

/** The systems that a release is made for, as `deno compile --target` calls them. */
export const TARGETS = [
  "x86_64-pc-windows-msvc",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
] as const;

/** One of {@linkcode TARGETS}. */
export type Target = typeof TARGETS[number];

/** A program to compile. */
export interface Program {
  /** The first part of its file's name. */
  name: string;
  /** Its main module, relative to the project. */
  entry: string;
  /** The grants that are baked in, as flags of `deno compile`. */
  permissions: readonly string[];
  /** Files that it reads at run time, which no import leads to. */
  include: readonly string[];
}

/**
 * Both programs with what they may do at most. A binary cannot be started with other grants, so
 * these cover every mode; at start the program revokes what the chosen mode does not need.
 */
export const PROGRAMS: readonly Program[] = [
  {
    name: "arps",
    entry: "server/main.ts",
    permissions: [
      "--no-prompt",
      "--allow-net",
      "--allow-env=ARPS_*,ARP_*,NO_COLOR,OTEL_DENO_CONSOLE",
      // The configuration file and the log file may be anywhere.
      "--allow-read",
      "--allow-write",
    ],
    include: [],
  },
  {
    name: "arpc",
    entry: "client/main.ts",
    permissions: [
      "--no-prompt",
      "--allow-net",
      // Command mode starts the CLIs that it finds, and passes on what they need of its variables.
      "--allow-run",
      "--allow-env",
      "--allow-sys=hostname",
      "--allow-read",
      "--allow-write",
    ],
    include: [],
  },
];

/** Name of the file with the sums, in the format of `sha256sum -c`. */
export const SUMS_FILE = "SHA256SUMS";

/** What to compile, and how. */
export interface CompileOptions {
  /** The project's folder. */
  root: string;
  /** Where the programs go; made if it is missing. */
  out: string;
  programs?: readonly Program[];
  targets?: readonly Target[];
  /** Files and folders that stay out: see {@linkcode exclusions}. */
  exclude?: readonly string[];
  /** Variables for `deno compile` beside those of this process. */
  env?: Record<string, string>;
  /** Gets one line for each step. */
  log?: (line: string) => void;
  /** Runs `deno`; replaced in tests. */
  run?: (
    args: string[],
    options: { cwd: string; env: Record<string, string> },
  ) => Promise<{ success: boolean; stderr: string }>;
}

/** What {@linkcode compile} made and could not make, as file names. */
export interface CompileResult {
  made: string[];
  failed: string[];
}

/** The name of a compiled program. */
export function fileName(program: string, target: Target): string {
  return `${program}-${target}${target.includes("-windows-") ? ".exe" : ""}`;
}

/** Compiles every program for every target, and writes the sums of all that lies in `out`. */
export async function compile(options: CompileOptions): Promise<CompileResult> {
  const { root, out, programs = PROGRAMS, targets = TARGETS, log = () => {} } = options;
  const { run = deno, env = {}, exclude = [] } = options;
  await Deno.mkdir(out, { recursive: true });
  const jobs = targets.flatMap((target) => programs.map((program) => ({ program, target })));
  const result: CompileResult = { made: [], failed: [] };
  for (const [index, { program, target }] of jobs.entries()) {
    const file = fileName(program.name, target);
    const path = join(out, file);
    const step = `[${index + 1}/${jobs.length}] ${file}`;
    log(`${step} …`);
    const start = performance.now();
    // A program of an earlier run must not pass for one of this run when compiling fails.
    await Deno.remove(path).catch(ignoreNotFound);
    const { success, stderr } = await run(
      compileArguments(program, target, path, exclude),
      { cwd: root, env: { NO_COLOR: "1", ...env } },
    );
    const size = success
      ? await Deno.stat(path).then((info) => info.size, ignoreNotFound)
      : undefined;
    if (size === undefined) {
      result.failed.push(file);
      const reason = stderr.trim() || "deno compile said nothing, and made no file";
      log(`${step} failed:\n${reason.replaceAll(/^/gm, "    ")}`);
    } else {
      result.made.push(file);
      const seconds = (performance.now() - start) / 1000;
      log(`${step} ${(size / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s`);
    }
  }
  await writeSums(out);
  return result;
}

function compileArguments(
  program: Program,
  target: Target,
  output: string,
  exclude: readonly string[],
): string[] {
  return [
    "compile",
    "--quiet",
    // `deno check` has its own task, and would run here once for each target.
    "--no-check",
    // Otherwise every package of the lock file goes in, those of the tests among them.
    "--exclude-unused-npm",
    `--v8-flags=${V8_FLAGS.join(",")}`,
    ...program.permissions,
    ...program.include.map((path) => `--include=${path}`),
    ...exclude.map((path) => `--exclude=${path}`),
    `--target=${target}`,
    `--output=${output}`,
    program.entry,
  ];
}

/**
 * Data in packages that `deno compile` takes for modules: the tests of `bintrees`, which `prom-client`
 * brings along, have a file of a hundred thousand numbers, and as one expression that is more than
 * the parser has stack for.
 *
 * @returns their folders in the cache of packages.
 */
export async function exclusions(root: string): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: root });
  const { npmCache } = JSON.parse(new TextDecoder().decode((await command.output()).stdout));
  const found: string[] = [];
  for (const registry of await folders(npmCache)) {
    for (const version of await folders(join(registry, "bintrees"))) {
      found.push(join(version, "test"));
    }
  }
  return found;
}

/** The folders in a folder, none if it is not there. */
async function folders(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => join(path, name));
  } catch (error) {
    return ignoreNotFound(error) ?? [];
  }
}

/** Writes the sums of all programs in a folder, so that two runs for two targets add up. */
export async function writeSums(folder: string): Promise<void> {
  const known = new Set(
    PROGRAMS.flatMap(({ name }) => TARGETS.map((target) => fileName(name, target))),
  );
  const lines: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (known.has(name)) lines.push(`${await sha256(join(folder, name))}  ${name}\n`);
  }
  const byName = (a: string, b: string) => a.slice(64) < b.slice(64) ? -1 : 1;
  await Deno.writeTextFile(join(folder, SUMS_FILE), lines.sort(byName).join(""));
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

async function deno(
  args: string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<{ success: boolean; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), { ...options, args, stdout: "null" });
  const output = await command.output();
  return { success: output.success, stderr: new TextDecoder().decode(output.stderr) };
}

function ignoreNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

const HELP = `Usage: deno task compile [options]

Compiles arps and arpc into programs that need no Deno, and writes their ${SUMS_FILE}.

  --program NAME,…  which programs: ${PROGRAMS.map(({ name }) => name).join(", ")} (default: all)
  --target T,…      which systems (default: all):
${TARGETS.map((target) => `                      ${target}`).join("\n")}
  --out DIR         where to put them (default: dist)
  --help            this text

Deno downloads the runtime to embed into, once for each target. Without the network, set DENORT_BIN
to a runtime for the target (the program "denort" of the same version of Deno).
`;

/** Reads the command line; throws a TypeError that says what is wrong with it. */
export function parseCommandLine(
  args: string[],
): { help: boolean; out: string; programs: Program[]; targets: Target[] } {
  const { values } = parseArgs({
    args,
    options: {
      program: { type: "string", multiple: true, default: [] },
      target: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: "dist" },
      help: { type: "boolean", default: false },
    },
  });
  return {
    help: values.help,
    out: values.out,
    programs: choose("--program", values.program, PROGRAMS, ({ name }) => name),
    targets: choose("--target", values.target, TARGETS, (target) => target),
  };
}

function choose<T>(
  flag: string,
  wanted: string[],
  all: readonly T[],
  name: (one: T) => string,
): T[] {
  const names = wanted.flatMap((one) => one.split(",")).map((one) => one.trim());
  const unknown = names.find((one) => !all.some((known) => name(known) === one));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot use ${flag} "${unknown}": expected one of ${all.map(name).join(", ")}`,
    );
  }
  return all.filter((one) => names.length === 0 || names.includes(name(one)));
}

if (import.meta.main) {
  const encoder = new TextEncoder();
  const print = (line: string) => void Deno.stdout.writeSync(encoder.encode(`${line}\n`));
  const fail = (line: string, code: number): never => {
    Deno.stderr.writeSync(encoder.encode(`compile: ${line}\n`));
    Deno.exit(code);
  };
  const options = ((): ReturnType<typeof parseCommandLine> => {
    try {
      return parseCommandLine(Deno.args);
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error), 2);
    }
  })();
  if (options.help) {
    Deno.stdout.writeSync(encoder.encode(HELP));
  } else {
    const root = dirname(import.meta.dirname ?? ".");
    const { made, failed } = await compile({
      ...options,
      root,
      out: resolve(options.out),
      exclude: await exclusions(root),
      log: print,
    });
    print(`${made.length} made in ${options.out}/, sums in ${options.out}/${SUMS_FILE}`);
    if (failed.length > 0) fail(`${failed.length} failed: ${failed.join(", ")}`, 1);
  }
}
