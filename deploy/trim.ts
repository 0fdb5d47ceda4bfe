/**
 * Leaves of the import map of this folder what a program imports, so that its image holds no package
 * of other programs and of the tests. Versions stay those of the lock file.
 *
 * ```sh
 * deno run -A deploy/trim.ts server/main.ts
 * ```
 *
 * @module
 */

/** What `deno info --json` tells of a graph, as far as it matters here. */
interface Graph {
  modules: { dependencies?: { specifier: string }[] }[];
}

const [entry = ""] = Deno.args;
const decoder = new TextDecoder();

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function packages(): Promise<string[]> {
  return Object.keys(JSON.parse(await Deno.readTextFile("deno.lock")).npm ?? {});
}

const config = JSON.parse(await Deno.readTextFile("deno.json"));
// The lock file would have every package fetched before the first is looked at.
const graph: Graph = JSON.parse(await deno("info", "--json", "--no-lock", entry));
const used = new Set(
  graph.modules.flatMap(({ dependencies = [] }) => dependencies.map(({ specifier }) => specifier)),
);
config.imports = Object.fromEntries(
  Object.entries<string>(config.imports)
    .filter(([name, target]) => !target.startsWith("npm:") || used.has(name)),
);
await Deno.writeTextFile("deno.json", JSON.stringify(config, null, 2));
const locked = new Set(await packages());
await deno("cache", "--quiet", entry);
const strangers = (await packages()).filter((one) => !locked.has(one));
if (strangers.length > 0) throw new Error(`not in deno.lock: ${strangers.join(", ")}`);
