/**
 * The options of a program as a JSON Schema, from which editors complete and check its files.
 *
 * @module
 */

import { z } from "zod";
import type { Option, Options } from "./options.ts";

/** A table, and the command whose it is. */
export interface NamedOptions {
  name: string;
  options: Options;
}

/**
 * The schema of a configuration file: draft 7, which the most editors know.
 *
 * A value is described as one writes it in a file. A program also takes numbers and switches in
 * quotes, as variables have them; an editor that marks those does no harm.
 *
 * @param title of the schema.
 * @param tables the program, and its words; where two have a key, the first describes it.
 */
export function jsonSchema(title: string, tables: readonly NamedOptions[]): object {
  const properties: Record<string, unknown> = {
    $schema: { description: "where this schema is, for editors", type: "string" },
  };
  for (const [at, { name, options }] of tables.entries()) {
    for (const [key, option] of Object.entries(options)) {
      if (option.once || Object.hasOwn(properties, key)) continue;
      properties[key] = property(option, at === 0 ? "" : `${name}: `);
    }
  }
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title,
    description: `Options of ${tables.map(({ name }) => name).join(", ")}`,
    type: "object",
    properties,
    additionalProperties: false,
  };
}

function property(
  { about, expects, schema, list = false, default: fallback }: Option,
  prefix: string,
): object {
  const { $schema: _, ...form } = z.toJSONSchema(schema(), { io: "input", target: "draft-7" });
  return {
    description: prefix + about + (hasPattern(form) ? ` (${expects})` : ""),
    ...(list ? withRow(form) : form),
    ...(fallback === undefined ? {} : { default: z.encode(schema(), fallback) }),
  };
}

/** A list may be text as well: a single one needs no brackets, and commas part more of them. */
function withRow(form: { items?: unknown }): object {
  const { pattern = "" } = (form.items ?? {}) as { pattern?: string };
  const [, one] = /^\^(.*)\$$/.exec(pattern) ?? [];
  if (one === undefined) return form;
  const row = `^(?:${one})(?:\\s*,\\s*(?:${one}))*$`;
  return { anyOf: [form, { type: "string", pattern: row }] };
}

/** Whether it has a form that only an expert can read. */
function hasPattern(form: object): boolean {
  return JSON.stringify(form).includes('"pattern":');
}
