/**
 * Writes the JSON Schemas of both programs' configuration files, from which editors complete and
 * check them: `schemas/arps.schema.json` and `schemas/arpc.schema.json`.
 *
 * ```sh
 * deno task schema
 * ```
 *
 * @module
 */
import { jsonSchema, type NamedOptions, type Options, type Subcommand } from "@agentx/common/cli";
import { dirname, join } from "@std/path";
import { OPTIONS as CLIENT_OPTIONS } from "../client/config.ts";
import { SUBCOMMANDS as CLIENT_SUBCOMMANDS } from "../client/subcommands.ts";
import { OPTIONS as SERVER_OPTIONS } from "../server/config.ts";
import { SUBCOMMANDS as SERVER_SUBCOMMANDS } from "../server/subcommands.ts";

/** The schemas by file name, relative to the project. */
export function schemas(): Map<string, object> {
  return new Map([
    ["schemas/arps.schema.json", schema("arps", SERVER_OPTIONS, SERVER_SUBCOMMANDS)],
    ["schemas/arpc.schema.json", schema("arpc", CLIENT_OPTIONS, CLIENT_SUBCOMMANDS)],
  ]);
}

/** The text of a schema's file. */
export function textOf(schema: object): string {
  return JSON.stringify(schema, null, 2) + "\n";
}

function schema(name: string, options: Options, words: readonly Subcommand[]): object {
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
}
