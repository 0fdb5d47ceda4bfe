/**
 * Environment variables as a source of options.
 *
 * @module
 */

import type { Options } from "./options.ts";
import type { Source } from "./resolve.ts";
import { nearest, UsageError } from "./usage.ts";

/** The variable of an option: `ARPS_CONTROL_PORT` for `control-port`. */
export function variable(prefix: string, key: string): string {
  return `${prefix}_${key.replaceAll("-", "_").toUpperCase()}`;
}

/** A variable's value if the program may read it; a question would be out of place. */
export function readVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}

/**
 * The environment, as far as the program may read it. An empty variable is none, as files for
 * containers have them; but of an option that shuts something it may be a secret that could not be
 * made, and nothing must stand open for that.
 *
 * @param options those that the program has.
 */
export function environment(
  prefix: string,
  aliases: Record<string, string> = {},
  options: Options = {},
): Source {
  const shuts = (key: string) => {
    const { secret = false, holds, guards = false } = options[key] ?? {};
    return secret || holds !== undefined || guards;
  };
  const named = (key: string) => {
    const own = variable(prefix, key);
    const alias = aliases[key];
    if (alias === undefined || readVariable(own) !== undefined) return own;
    return shuts(key) && isEmpty(own) ? own : alias;
  };
  return {
    describe: (key) => `environment variable ${named(key)}`,
    origin: named,
    get: (key) => {
      const name = named(key);
      if (shuts(key) && isEmpty(name)) {
        throw new UsageError(`environment variable ${name} is empty: give it a value, or unset it`);
      }
      return readVariable(name);
    },
  };
}

function isEmpty(name: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" && Deno.env.get(name) === "";
}

/** What Kubernetes sets in every container beside services named `arps` or `arps-admin`. */
const OF_A_SERVICE =
  /^[A-Z]+(?:_PORT|_(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?))$/;

/**
 * What to tell about variables that have a program's prefix and mean nothing to it; their values stay
 * out of it. Only who may read all of the environment can tell.
 *
 * @param known the options of the program and its words.
 */
export function strayVariables(prefix: string, known: Iterable<string>): string[] {
  if (Deno.permissions.querySync({ name: "env" }).state !== "granted") return [];
  const keys = [...known];
  const names = new Set(keys.map((key) => variable(prefix, key)));
  return Object.keys(Deno.env.toObject()).filter((name) =>
    name.startsWith(`${prefix}_`) && !names.has(name) && !OF_A_SERVICE.test(name)
  ).sort().map((name) => {
    const meant = nearest(name.slice(prefix.length), keys);
    return `environment variable ${name} is no option` +
      (meant === undefined ? "" : `; did you mean ${variable(prefix, meant)}?`);
  });
}
