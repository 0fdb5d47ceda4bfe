/**
 * Configuration files: TOML, or JSON with comments.
 *
 * @module
 */

import type { ParseError } from "jsonc-parser";
import { reason } from "../errors.ts";
import { type Options, type Source, UsageError } from "./options.ts";

/**
 * Reads a file whose keys are the names of options.
 *
 * @throws {UsageError} when it cannot be read, is not well-formed, or has a key that is no option.
 */
export async function configFile(path: string, options: Options): Promise<Source> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read --config ${path}: ${reason(error)}`);
  }
  const values = /\.toml$/i.test(path) ? await parseToml(path, text) : await parseJson(path, text);
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(options, key)) {
      throw new UsageError(
        `${path}: "${key}" is no option. It knows: ${Object.keys(options).join(", ")}`,
      );
    }
  }
  return {
    describe: (key) => `${path}: "${key}"`,
    get: (key) => Object.hasOwn(values, key) ? values[key] : undefined,
  };
}

async function parseToml(path: string, text: string): Promise<Record<string, unknown>> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not well-formed TOML: ${reason(error)}`);
  }
}

async function parseJson(path: string, text: string): Promise<Record<string, unknown>> {
  const { parse, printParseErrorCode } = await import("jsonc-parser");
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined) {
    const line = text.slice(0, first.offset).split("\n").length;
    throw new UsageError(
      `${path}:${line}: not well-formed JSON: ${printParseErrorCode(first.error)}`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`${path}: expected an object of options`);
  }
  return value as Record<string, unknown>;
}
