/**
 * Values that fit a JSON schema, as far as CLIs use it: for tools that insist on more than a test
 * cares for, and for questions that want JSON as their answer.
 *
 * @module
 */

/** A JSON schema, or Gemini's dialect of it, which writes types in capitals. */
export interface Schema {
  type?: string | readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  minimum?: number;
  minItems?: number;
}

/** The smallest value that fits; of an object only what it requires. */
export function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice !== undefined) return sample(choice);
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  switch (type?.toLowerCase()) {
    case "boolean":
      return false;
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "null":
      return null;
    case "array":
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items ?? {}));
    case "string":
      return "stub";
    default:
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sample(schema.properties?.[name] ?? {})]),
      );
  }
}
