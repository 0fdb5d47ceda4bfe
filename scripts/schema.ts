/**
 * Writes what is made of the tables of options: the JSON Schemas of both programs' configuration files,
 * from which editors complete and check them (`schemas/arps.schema.json`, `schemas/arpc.schema.json`),
 * and the page `docs/options.md`.
 *
 * ```sh
 * deno task schema
 * ```
 *
 * @module
 */
import { type Family, jsonSchema, type NamedOptions } from "@agentx/common/cli";
import { dirname, join } from "@std/path";
import { FAMILY as CLIENT } from "../client/program.ts";
import { FAMILY as SERVER } from "../server/program.ts";
import { optionsPage } from "./option_tables.ts";

/** The page of all options, relative to the project. */
export const OPTIONS_PAGE = "docs/options.md";

/** The schemas by file name, relative to the project. */
export function schemas(): Map<string, object> {
  return new Map([
    ["schemas/arps.schema.json", schema(SERVER)],
    ["schemas/arpc.schema.json", schema(CLIENT)],
  ]);
}

/** The text of a schema's file. */
export function textOf(schema: object): string {
  return JSON.stringify(schema, null, 2) + "\n";
}

/** The text of {@link OPTIONS_PAGE}. */
export function page(): string {
  return optionsPage([SERVER, CLIENT]);
}

function schema({ about: { name }, options, words }: Family): object {
  const tables: NamedOptions[] = [
    { name, options },
    ...words.map(({ about, options }) => ({ name: about.name, options })),
  ];
  return jsonSchema(`Configuration of ${name}`, tables);
}

if (import.meta.main) {
  const root = dirname(import.meta.dirname ?? ".");
  for (const [path, schema] of schemas()) {
    await Deno.mkdir(dirname(join(root, path)), { recursive: true });
    await Deno.writeTextFile(join(root, path), textOf(schema));
  }
  await Deno.writeTextFile(join(root, OPTIONS_PAGE), page());
}
