/**
 * Options of a program: one table gives the flags, the environment variables, the keys of the
 * configuration file and the JSON Schema of that, and one schema checks them all.
 *
 * @module
 */

import { z } from "zod";

/** One option. Its key in the table is the flag without the dashes. */
export interface Option<T = unknown> {
  /** One line for `--help`. */
  about: string;
  /** What its value is called in `--help`; none for a switch. */
  arg?: string;
  /** What a good value is, for the error about a bad one. */
  expects: string;
  /** A good value as a configuration file has it; a codec where the program wants another type. */
  schema: Schema<T>;
  /** What text says, before the schema checks that: flags and variables have nothing else. */
  fromText?: (text: string) => unknown;
  default?: T;
  /** What the flag means without a value, for one whose value may be left out. */
  alone?: string;
  /** May be given several times; in the environment the values are separated by commas. */
  list?: boolean;
  /** Its value must not be shown, not even in an error about it. */
  secret?: boolean;
  /** Its value is shown to whoever typed it, but not in what is passed on to others. */
  private?: boolean;
  /** The secret option whose value lies in the file of this name. */
  holds?: string;
  /** Without it something stands open: a variable of it that is empty is a mistake, as of a secret. */
  guards?: boolean;
  /** Says what to do with this run, and is no key of a configuration file. */
  once?: boolean;
  /** Options without which a value other than the default would be ignored, and what is then amiss. */
  needs?: Readonly<Record<string, string>>;
  /** Heading it stands under in `--help`. */
  group: string;
}

/**
 * Makes a schema. One takes more memory than its option does, and most options of a run have no value
 * to check, so it is made when there is one.
 */
export type Schema<T> = () => z.ZodType<T>;

/** The options of a program, by flag. */
// deno-lint-ignore no-explicit-any -- each option has a type of its own
export type Options = Record<string, Option<any>>;

/** An option that has a value in any case. */
export type WithDefault<T> = Option<T> & { default: T };

/** The values of a table of options; undefined where there is neither value nor default. */
export type Values<O extends Options> = {
  [K in keyof O]: O[K] extends { default: unknown } ? ValueOf<O[K]> : ValueOf<O[K]> | undefined;
};
type ValueOf<O> = O extends Option<infer T> ? T : never;

/** What all builders take. */
type Base =
  & Pick<Option, "about" | "group" | "secret" | "private" | "once" | "needs" | "guards">
  & { arg?: string };

/** Base with a default, and without one. */
type Given<T> = Base & { default: T };
type Free = Base & { default?: undefined };

/** A TCP port; 0 lets the system choose. */
export function port(base: Given<number>): WithDefault<number>;
export function port(base: Free): Option<number>;
export function port(base: Base & { default?: number | undefined }): Option<number> {
  const schema = () => z.int().min(0).max(65535);
  return option({ arg: "<port>", expects: "a port, 0 to 65535", schema, fromText: toNumber }, base);
}

/** A whole number. */
export function count(
  { min = 0, max = 1_000_000, ...base }: Given<number> & { min?: number; max?: number },
): WithDefault<number> {
  const schema = () => z.int().min(min).max(max);
  const expects = `a whole number, ${min} to ${max}`;
  return { arg: "<number>", expects, schema, fromText: toNumber, ...base };
}

/** A time in seconds. */
export function seconds(
  { min = 0, ...base }: Given<number> & { min?: number },
): WithDefault<number> {
  const schema = () => z.number().min(min).max(1e6);
  const expects = `a number of seconds, ${min} or more`;
  return { arg: "<seconds>", expects, schema, fromText: toNumber, ...base };
}

const BYTES = /^(\d+(?:\.\d+)?) ?([kKmMgG]i?)?[bB]?$/;
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/**
 * A number of bytes: `500000`, `500KB`, `10MB`, `64MiB`.
 *
 * @param min in bytes, as `max` is.
 */
export function size(
  { min = 0, max = Number.MAX_SAFE_INTEGER, ...base }: Given<number> & {
    min?: number;
    max?: number;
  },
): WithDefault<number> {
  const schema = () => {
    const bytes = z.int().min(min).max(max);
    return z.codec(z.union([bytes, z.string().regex(BYTES)]), bytes, {
      decode: (given) => {
        const [, digits, unit = ""] = BYTES.exec(String(given)) ?? [];
        return Math.round(Number(digits) * UNITS[unit.toLowerCase()]!);
      },
      encode: (bytes) => bytes,
    });
  };
  const expects = max === Number.MAX_SAFE_INTEGER
    ? "bytes, such as 500KB or 10MB"
    : `bytes, ${sizeOf(min)} to ${sizeOf(max)}`;
  return { arg: "<bytes>", expects, schema, ...base };
}

/** Bytes as one would write them: 65536 is 64KiB. */
function sizeOf(bytes: number): string {
  const [unit, factor] = ([["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const)
    .find(([, factor]) => bytes >= factor && bytes % factor === 0) ?? ["", 1];
  return `${bytes / factor}${unit}`;
}

/** The form of a text, and what that is called. */
interface Form {
  pattern?: RegExp;
  expects?: string;
}

/** Text, perhaps of a certain form. */
export function text(base: Given<string> & Form): WithDefault<string>;
export function text(base: Free & Form): Option<string>;
export function text(
  { pattern, expects = "some text", ...base }: Base & Form & { default?: string | undefined },
): Option<string> {
  return option({ arg: "<text>", expects, schema: () => textOf(pattern) }, base);
}

/** Text of a certain form, any number of times. */
export function list(
  { pattern, expects = "some text", ...base }: Base & Form,
): WithDefault<string[]> {
  const fromText = (text: string) =>
    text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  const schema = () => z.array(textOf(pattern));
  return { arg: "<text>", expects, schema, fromText, default: [], list: true, ...base };
}

/** One of some words. */
export function choice<const T extends string>(
  base: Given<NoInfer<T>> & { choices: readonly T[] },
): WithDefault<T>;
export function choice<const T extends string>(base: Free & { choices: readonly T[] }): Option<T>;
export function choice<const T extends string>(
  { choices, ...base }: Base & { choices: readonly T[]; default?: T | undefined },
): Option<T> {
  const expects = `one of ${choices.join(", ")}`;
  return option({ arg: `<${choices.join("|")}>`, expects, schema: () => z.enum(choices) }, base);
}

const WORDS: Readonly<Record<string, boolean>> = {
  __proto__: null as never,
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

/** On or off; `--no-NAME` is off. */
export function toggle(base: Given<boolean>): WithDefault<boolean> {
  const fromText = (text: string) => WORDS[text] ?? text;
  return { expects: "true or false", schema: () => z.boolean(), fromText, ...base };
}

/**
 * What a program reads out of text of a certain form.
 *
 * @param pattern of the text, as far as one can say it; editors know it from the JSON Schema.
 * @param read the value; undefined refuses the text.
 * @param write the text of a value.
 * @param number a number that a file may have in place of its digits.
 */
export function textCodec<T>(
  pattern: RegExp,
  read: (text: string) => T | undefined,
  write: (value: T) => string,
  number?: () => z.ZodType<number, number>,
): Schema<T> {
  return () => {
    const text = z.string().regex(pattern);
    const given: z.ZodType<string | number, string | number> = number === undefined
      ? text
      : z.union([number(), text]);
    return z.codec(given, z.custom<T>((value) => value !== undefined), {
      decode: (given) => read(String(given)) as T,
      encode: write,
    });
  };
}

/** The form of a token or key: what fits into a header, and is not guessed at the first try. */
export const SECRET = /^[\x21-\x7e]{8,256}$/;
/** {@link SECRET} in words. */
export const SECRET_EXPECTS = "8 to 256 visible characters";

/** A token or key, which is never shown; {@link secretFile} is the other way to say it. */
export function secretText(base: Free): Option<string> {
  return text({ ...base, pattern: SECRET, expects: SECRET_EXPECTS, secret: true });
}

/** The file that holds a secret: nothing of it is in the list of processes or the environment. */
export function secretFile(holds: string, group: string): Option<string> {
  const base = text({ about: `file with what --${holds} would say`, arg: "<file>", group });
  return { ...base, holds };
}

function textOf(pattern: RegExp | undefined): z.ZodString {
  return pattern === undefined ? z.string().min(1) : z.string().regex(pattern);
}

function toNumber(text: string): unknown {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Joins the two, an absent default left absent. */
function option<T>(
  kind: Pick<Option<T>, "arg" | "expects" | "schema" | "fromText">,
  { default: fallback, ...base }: Base & { default?: T | undefined },
): Option<T> {
  return { ...kind, ...base, ...(fallback === undefined ? {} : { default: fallback }) };
}
