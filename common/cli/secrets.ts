/**
 * Secrets in files of their own, as Docker, Kubernetes and systemd hand them over: `--KEY-file FILE`,
 * a variable or a key of that name, for every option that is a secret.
 *
 * @module
 */

import { resolve as absolute } from "@std/path";
import { reason } from "../errors.ts";
import type { Options } from "./options.ts";
import type { Source } from "./resolve.ts";
import { UsageError } from "./usage.ts";

/** A file that is longer holds no secret. */
const MAX_BYTES = 64 * 1024;

/**
 * A source that has a secret also where it has only the file with it. So each source keeps its rank:
 * a file named by a flag goes over a secret in the environment.
 */
export function withSecretFiles(source: Source, options: Options): Source {
  const keys = new Map(
    Object.entries(options).flatMap(([key, { holds }]) =>
      holds === undefined ? [] : [[holds, key]]
    ),
  );
  const contents = new Map<string, string>();
  const pathOf = (secret: string) => {
    const key = keys.get(secret);
    const path = key === undefined ? undefined : source.get(key);
    return typeof path === "string" && path !== "" ? { key: key!, path } : undefined;
  };
  return {
    ...source,
    describe: (key) => {
      const file = source.get(key) === undefined ? pathOf(key) : undefined;
      return file === undefined
        ? source.describe(key)
        : `${source.describe(file.key)} ${file.path}`;
    },
    origin: (key) => {
      const file = source.get(key) === undefined ? pathOf(key) : undefined;
      return (source.origin ?? source.describe)(file?.key ?? key);
    },
    get: (key) => {
      const given = source.get(key);
      const file = pathOf(key);
      if (file === undefined) return given;
      const where = source.describe(file.key);
      if (given !== undefined) {
        throw new UsageError(
          `${source.describe(key)} and ${where}: expected one of the two, found both`,
        );
      }
      const content = contents.get(key) ?? readSecret(where, file.path);
      contents.set(key, content);
      return content;
    },
  };
}

/** The files that hold secrets, for the permissions of a run. */
export function secretFiles(options: Options, values: Record<string, unknown>): string[] {
  return Object.keys(options).filter((key) => options[key]?.holds !== undefined)
    .map((key) => values[key]).filter((path) => typeof path === "string")
    .map((path) => absolute(path));
}

/** The content but for the end of its line, which editors add; it may be empty. */
function readSecret(where: string, path: string): string {
  try {
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(MAX_BYTES + 1);
    let length = 0;
    for (let got; (got = file.readSync(buffer.subarray(length))) !== null && got > 0;) {
      length += got;
    }
    if (length > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
    return new TextDecoder().decode(buffer.subarray(0, length)).replace(/\r?\n$/, "");
  } catch (error) {
    throw new UsageError(`${where}: cannot read ${path}: ${reason(error)}`);
  }
}
