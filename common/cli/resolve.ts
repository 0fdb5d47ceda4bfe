/**
 * From what was said, and where, to the values of all options.
 *
 * @module
 */

import type { Option, Options, Values } from "./options.ts";
import { UsageError, usageError } from "./usage.ts";

/** Where values come from, the strongest first. */
export interface Source {
  /** How an error names the value of a key. */
  describe(key: string): string;
  /** How `--print-config` says where the value of a key came from; as `describe` if it is absent. */
  origin?(key: string): string;
  /**
   * The value of a key, or undefined.
   *
   * @throws {UsageError} when it has one that cannot be had.
   */
  get(key: string): unknown;
  /** What is wrong with it whatever the options are: keys that are none. */
  readonly problems?: readonly string[];
}

/**
 * The value of every option, from the first source that has one, else its default.
 *
 * @throws {UsageError} with all that is wrong: each source, what it said and what was expected.
 */
export function resolve<O extends Options>(options: O, sources: readonly Source[]): Values<O> {
  const { values, problems } = check(options, sources);
  if (problems.length > 0) throw usageError(problems);
  return values;
}

/** As {@link resolve}, but returns what is wrong; where something is, the value is undefined. */
export function check<O extends Options>(
  options: O,
  sources: readonly Source[],
): { values: Values<O>; problems: string[] } {
  const values: Record<string, unknown> = {};
  const problems = sources.flatMap(({ problems = [] }) => problems);
  for (const [key, option] of Object.entries(options)) {
    try {
      const source = sourceOf(key, sources);
      const value = values[key] = source === undefined ? option.default : read(option, source, key);
      if (value !== option.default) {
        problems.push(...lacking(option, source!.describe(key), sources));
      }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(error.message);
    }
  }
  // A secret and the file for it may fail by the same variable.
  return { values: values as Values<O>, problems: [...new Set(problems)] };
}

/** What the option at `where` would do nothing without, and nobody gave. */
function lacking({ needs = {} }: Option, where: string, sources: readonly Source[]): string[] {
  return Object.entries(needs).filter(([key]) => sourceOf(key, sources) === undefined)
    .map(([key, why]) => `${where}: expected --${key} as well, found none: ${why}`);
}

/** The source that a value comes from; undefined where the default stands. */
export function sourceOf(key: string, sources: readonly Source[]): Source | undefined {
  return sources.find((source) => source.get(key) !== undefined);
}

function read<T>(option: Option<T>, source: Source, key: string): T {
  const given = source.get(key);
  const typed = typeof given === "string" ? option.fromText?.(given) ?? given : given;
  const result = option.schema().safeParse(typed);
  if (result.success) return result.data;
  // Of a list only the bad one is of interest.
  const [at] = result.error.issues[0]?.path ?? [];
  const bad = Array.isArray(typed) && typeof at === "number" ? typed[at] : given;
  const found = option.secret ? "something else" : shown(bad);
  throw new UsageError(`${source.describe(key)}: expected ${option.expects}, found ${found}`);
}

/** Characters of a bad value that are shown. */
const MAX_SHOWN = 200;

function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : JSON.stringify(value) ?? String(value);
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return withoutPassword(short);
}

/** A URL may hold one, and an error may end up in a log. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/@]*@/g, "//…@");
}
