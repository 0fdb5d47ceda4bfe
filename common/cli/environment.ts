/**
 * Environment variables as a source of options.
 *
 * @module
 */

import type { Source } from "./resolve.ts";

/** The variable of an option: `ARPS_CONTROL_PORT` for `control-port`. */
export function variable(prefix: string, key: string): string {
  return `${prefix}_${key.replaceAll("-", "_").toUpperCase()}`;
}

/** A variable's value if the program may read it; a question would be out of place. */
export function readVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/** The environment, as far as the program may read it. */
export function environment(prefix: string, aliases: Record<string, string> = {}): Source {
  const named = (key: string) => {
    const own = variable(prefix, key);
    const alias = aliases[key];
    return alias !== undefined && readVariable(own) === undefined ? alias : own;
  };
  return {
    describe: (key) => `environment variable ${named(key)}`,
    origin: named,
    get: (key) => readVariable(named(key)),
  };
}
