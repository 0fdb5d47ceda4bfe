/**
 * Options of a program: one table gives the flags, the environment variables and the keys of the
 * configuration file, and one parser checks all three.
 *
 * @module
 */

/** One option. Its key in the table is the flag without the dashes. */
export interface Option<T = unknown> {
  /** One line for `--help`. */
  about: string;
  /** What its value is called in `--help`; none for a switch. */
  arg?: string;
  /** What a good value is, for the error about a bad one. */
  expects: string;
  /** Checks and converts a value, be it text (flag, environment) or typed (file). */
  parse: (value: unknown) => T | undefined;
  default?: T;
  /** May be given several times; in the environment the values are separated by commas. */
  list?: boolean;
  /** Its value must not be shown. */
  secret?: boolean;
  /** Heading it stands under in `--help`. */
  group: string;
}

/** The options of a program, by flag. */
// deno-lint-ignore no-explicit-any -- each option has a type of its own
export type Options = Record<string, Option<any>>;

/** The values of a table of options; undefined where there is neither value nor default. */
export type Values<O extends Options> = {
  [K in keyof O]: O[K] extends { default: infer D extends ValueOf<O[K]> }
    ? D extends undefined ? ValueOf<O[K]> | undefined : ValueOf<O[K]>
    : ValueOf<O[K]> | undefined;
};
type ValueOf<O> = O extends Option<infer T> ? T : never;

/** Where values come from, the strongest first. */
export interface Source {
  /** How an error names the value of a key. */
  describe(key: string): string;
  /** The value of a key, or undefined. */
  get(key: string): unknown;
}

/** Bad flags, variables or files: the user's to mend. Ends a program with exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads a number, also when it comes as text. */
function number(
  min: number,
  max: number,
  fraction: boolean,
): (value: unknown) => number | undefined {
  return (value) => {
    const text = typeof value === "string" && /^\d+(\.\d+)?$/.test(value);
    const found = text ? Number(value) : value;
    if (typeof found !== "number" || !(found >= min && found <= max)) return undefined;
    return fraction || Number.isInteger(found) ? found : undefined;
  };
}

type Base = Pick<Option, "about" | "group"> & { arg?: string };

/** A TCP port; 0 lets the system choose. */
export function port<D extends number | undefined>(
  base: Base & { default?: D },
): Option<number> & { default: D } {
  const expects = "a port, 0 to 65535";
  return { arg: "<port>", expects, parse: number(0, 65535, false), ...base } as never;
}

/** A whole number. */
export function count<D extends number>(
  { min = 0, max = 1_000_000, ...base }: Base & { default: D; min?: number; max?: number },
): Option<number> & { default: number } {
  const expects = `a whole number, ${min} to ${max}`;
  return { arg: "<number>", expects, parse: number(min, max, false), ...base };
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/** A number of bytes: `500000`, `500KB`, `10MB`, `64MiB`. */
export function size(base: Base & { default: number }): Option<number> & { default: number } {
  const parse = (value: unknown) => {
    const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmg]i?)?b?$/i.exec(String(value)) ?? [];
    const bytes = Number(digits) * UNITS[unit.toLowerCase()]!;
    return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
  };
  return { arg: "<bytes>", expects: "bytes, such as 500KB or 10MB", parse, ...base };
}

/** A time in seconds. */
export function seconds(
  { min = 0, ...base }: Base & { default: number; min?: number },
): Option<number> & { default: number } {
  const expects = `a number of seconds, ${min} or more`;
  return { arg: "<seconds>", expects, parse: number(min, 1e6, true), ...base };
}

/** Text, perhaps of a certain form. */
export function text<D extends string | undefined = undefined>(
  { pattern = /./, expects = "some text", ...base }: Base & {
    default?: D;
    pattern?: RegExp;
    expects?: string;
  },
): Option<string> & { default: D } {
  const parse = (value: unknown) =>
    typeof value === "string" && pattern.test(value) ? value : undefined;
  return { arg: "<text>", expects, parse, ...base } as never;
}

/** Text of a certain form, any number of times. */
export function list(
  { pattern = /./, expects = "some text", ...base }: Base & { pattern?: RegExp; expects?: string },
): Option<string[]> & { default: string[] } {
  const parse = (value: unknown) => {
    const items = typeof value === "string"
      ? value.split(",").map((item) => item.trim()).filter((item) => item !== "")
      : value;
    const good = Array.isArray(items) &&
      items.every((item) => typeof item === "string" && pattern.test(item));
    return good ? items : undefined;
  };
  return { arg: "<text>", expects, parse, default: [], list: true, ...base };
}

/** One of some words. */
export function choice<const T extends string, D extends T>(
  { choices, ...base }: Base & { choices: readonly T[]; default: D },
): Option<T> & { default: T } {
  const expects = `one of ${choices.join(", ")}`;
  const parse = (value: unknown) => choices.find((word) => word === value);
  return { arg: `<${choices.join("|")}>`, expects, parse, ...base };
}

const WORDS_FOR_YES: ReadonlySet<unknown> = new Set(["true", "1", "yes", "on"]);
const WORDS_FOR_NO: ReadonlySet<unknown> = new Set(["false", "0", "no", "off"]);

/** On or off; `--no-NAME` is off. */
export function toggle(base: Base & { default: boolean }): Option<boolean> & { default: boolean } {
  const parse = (value: unknown) => {
    if (typeof value === "boolean") return value;
    if (WORDS_FOR_YES.has(value)) return true;
    return WORDS_FOR_NO.has(value) ? false : undefined;
  };
  return { expects: "true or false", parse, ...base };
}

/**
 * The value of every option, from the first source that has one, else its default.
 *
 * @throws {UsageError} that names the source, what it found and what it expected.
 */
export function resolve<O extends Options>(options: O, sources: readonly Source[]): Values<O> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(options)) {
    const source = sources.find((source) => source.get(key) !== undefined);
    if (source === undefined) {
      values[key] = option.default;
      continue;
    }
    const given = source.get(key);
    const parsed: unknown = option.parse(given);
    if (parsed === undefined) {
      const found = option.secret ? "something else" : withoutPassword(JSON.stringify(given));
      throw new UsageError(`${source.describe(key)}: expected ${option.expects}, found ${found}`);
    }
    values[key] = parsed;
  }
  return values as Values<O>;
}

/** A URL may hold one, and an error may end up in a log. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/@]*@/g, "//…@");
}

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
    get: (key) => readVariable(named(key)),
  };
}
