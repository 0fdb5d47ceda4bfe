/**
 * Checks the arrows between the parts of the project, which no other tool knows: what each folder
 * may import, and which files have to stay free of sockets. Without arguments it checks the whole
 * project, prints one line per violation and ends with 1 if there was any.
 *
 * The imports come from `deno info`, so that bare names, `import type` and dynamic imports count
 * like the runtime counts them; names inside a file come from the linter's parser.
 *
 * ```sh
 * deno task arrows
 * ```
 *
 * @module
 */
import { dirname, join, relative, sep } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** One import statement. */
export interface Edge {
  /** The importing file, relative to the project, with forward slashes. */
  from: string;
  /** The imported file, likewise; or, for what is no file of the project, its URL. */
  to: string;
  /** The import as it was written. */
  specifier: string;
  /** Where, counted from 1. */
  line: number;
}

/** A broken arrow. */
export interface Violation {
  /** `file:line`, relative to the project. */
  where: string;
  /** What is wrong, and which rule it breaks. */
  what: string;
}

/** The packages, and what of the project each may import beside itself. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  common: [],
  server: ["common"],
  client: ["common"],
};

/** Where the pure part of the server lives, with what sniffers use of the protocols' own folders. */
const SNIFF = "server/sniff/";
/** What sniffers may reach besides common/ as a whole, and what is then bound as they are. */
const SNIFF_MAY_REACH = /^(?:server\/[a-z]+|common\/http)\//;

/** Files tested without a socket (`app.request()`), which therefore may not open one. */
const SOCKETLESS = ["client/command/app.ts"];
const SOCKET_MODULES = /^node:(net|tls|dgram|http|https|http2|dns)(\/|$)/;

/** Checks a project; an empty answer means that every arrow holds. */
export async function checkImports(root: string): Promise<Violation[]> {
  const files = await sourceFiles(root);
  const edges = await importsOf(root, files);
  const pure = purePart(files, edges);
  const socketless = SOCKETLESS.filter((file) => files.includes(file));
  const violations = edges.flatMap((edge) => {
    const what = judgeEdge(edge, pure);
    return what === undefined ? [] : [{ where: `${edge.from}:${edge.line}`, what }];
  });
  violations.push(
    ...await lintNames(root, "no-deno", pure, "a sniffer is a pure function over bytes"),
    ...await lintNames(root, "no-socket", socketless, "this file is tested without a socket"),
  );
  return violations.sort((a, b) => a.where.localeCompare(b.where, "en", { numeric: true }));
}

/** Says what is wrong with one import, given the files that must stay pure. */
export function judgeEdge(edge: Edge, pure: readonly string[] = []): string | undefined {
  const { from, to, specifier } = edge;
  const home = folder(from);
  const target = folder(to);
  const says = (rule: string) => `imports "${specifier}" (${to}): ${rule}`;
  const allowed = PACKAGES[home];
  const inside = !to.includes(":");
  if (inside && allowed !== undefined && target !== home && !allowed.includes(target)) {
    if (target === "tests" || target === "scripts") {
      return says(`nothing imports ${target}/ but tests and scripts themselves`);
    }
    return says(
      allowed.length === 0
        ? `${home}/ imports nothing of the project`
        : `of the project, ${home}/ imports only ${allowed.map((one) => `${one}/`).join(", ")}`,
    );
  }
  if (pure.includes(from) && !SNIFF_MAY_REACH.test(to) && !to.startsWith("common/")) {
    const reached = from.startsWith(SNIFF) ? "" : ", and sniffers use this file";
    return says(`sniffers import only common/ and the folders of protocols${reached}`);
  }
  if (SOCKETLESS.includes(from) && SOCKET_MODULES.test(to)) {
    return says("this file is tested without a socket");
  }
  return undefined;
}

/** The sniffers with the server's files that they reach, tests left out. */
function purePart(files: readonly string[], edges: readonly Edge[]): string[] {
  const found = new Set(files.filter((file) => file.startsWith(SNIFF) && !isTest(file)));
  // A set yields what is added to it while it is being walked: that walks the closure.
  for (const file of found) {
    for (const edge of edges) {
      if (edge.from === file && SNIFF_MAY_REACH.test(edge.to)) found.add(edge.to);
    }
  }
  return [...found];
}

/** The source files of the packages, relative to the root, with forward slashes. */
async function sourceFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string): Promise<void> => {
    for await (const entry of Deno.readDir(join(root, path))) {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory && entry.name !== "node_modules") await walk(child);
      else if (entry.isFile && /\.(ts|tsx|mts|js|mjs)$/.test(entry.name)) found.push(child);
    }
  };
  for (const name of Object.keys(PACKAGES)) await walk(name);
  return found.sort();
}

/** The part of `deno info --json` that is used here. */
interface ModuleGraph {
  modules: {
    specifier: string;
    dependencies?: {
      specifier: string;
      code?: Resolved;
      type?: Resolved;
    }[];
  }[];
}
interface Resolved {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

async function importsOf(root: string, files: readonly string[]): Promise<Edge[]> {
  const modules = new Map<string, ModuleGraph["modules"][number]>();
  // `deno info` takes one entry and its time for each, so an entry is made up that imports many;
  // not all, because Windows has a limit for the length of a command.
  for (let start = 0; start < files.length; start += 100) {
    const some = files.slice(start, start + 100).map((file) =>
      `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};`
    );
    const entry = `data:application/typescript,${encodeURIComponent(some.join(""))}`;
    // What a package or a remote module imports is not asked for, so nothing is fetched or locked.
    const quiet = ["--no-lock", "--no-npm", "--no-remote"];
    const graph = JSON.parse(await deno(root, ["info", "--json", ...quiet, entry])) as ModuleGraph;
    for (const module of graph.modules) modules.set(module.specifier, module);
  }
  return [...modules.values()].flatMap((module) => {
    const from = projectPath(root, module.specifier);
    if (from === undefined || !files.includes(from)) return [];
    return (module.dependencies ?? []).flatMap(({ specifier, code, type }) => {
      const resolved = code ?? type;
      if (resolved?.specifier === undefined) return [];
      const to = projectPath(root, resolved.specifier) ?? resolved.specifier;
      return [{ from, to, specifier, line: resolved.span.start.line + 1 }];
    });
  });
}

/** Runs one rule of the plugin beside this file over some files. */
async function lintNames(
  root: string,
  rule: string,
  files: readonly string[],
  why: string,
): Promise<Violation[]> {
  if (files.length === 0) return [];
  const config = fileURLToPath(import.meta.resolve("./check_imports_lint.json"));
  const paths = files.map((file) => join(root, file));
  const report = JSON.parse(
    await deno(root, ["lint", "--json", `--config=${config}`, ...paths]),
  ) as {
    diagnostics: {
      filename: string;
      code: string;
      message: string;
      range: { start: { line: number } };
    }[];
    errors: { file_path: string; message: string }[];
  };
  // A plugin's rules all run, whatever the configuration includes.
  const found = report.diagnostics.filter(({ code }) => code === `arrows/${rule}`);
  return [
    ...found.map(({ filename, message, range }) => ({
      where: `${projectPath(root, filename)}:${range.start.line}`,
      what: `${message}: ${why}`,
    })),
    ...report.errors.map(({ file_path, message }) => ({ where: file_path, what: message })),
  ];
}

async function deno(cwd: string, args: string[]): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  const text = new TextDecoder().decode(output.stdout);
  // `deno lint` ends with 1 when it has something to say; the JSON is what counts.
  if (text.trim() === "") {
    throw new Error(
      `Cannot run deno ${args[0]}: ${new TextDecoder().decode(output.stderr).trim()}`,
    );
  }
  return text;
}

/** A file URL (or path) as a path inside the project; undefined for anything else. */
function projectPath(root: string, url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = relative(root, fileURLToPath(url)).replaceAll(sep, "/");
  return path.startsWith("../") ? undefined : path;
}

function folder(path: string): string {
  return path.slice(0, path.indexOf("/"));
}

function isTest(path: string): boolean {
  return /_test\.tsx?$/.test(path);
}

if (import.meta.main) {
  const root = await Deno.realPath(dirname(import.meta.dirname ?? "."));
  const violations = await checkImports(root);
  const lines = violations.map(({ where, what }) => `${where}: ${what}\n`);
  lines.push(
    violations.length === 0
      ? "imports: every arrow holds\n"
      : `imports: ${violations.length} broken\n`,
  );
  await Deno.stdout.write(new TextEncoder().encode(lines.join("")));
  if (violations.length > 0) Deno.exit(1);
}
