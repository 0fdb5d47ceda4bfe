/**
 * Sets of ports, as options name them.
 *
 * @module
 */

import { z } from "zod";
import type { Option, WithDefault } from "./options.ts";

/** From and to, both included. */
type Range = readonly [first: number, last: number];

/** Ports, in order. */
export class PortSet implements Iterable<number> {
  readonly #ranges: readonly Range[];

  /** @param ranges in any order; they may overlap. */
  constructor(ranges: readonly Range[] = []) {
    const joined: [number, number][] = [];
    for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
      const before = joined.at(-1);
      if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
      else joined.push([first, last]);
    }
    this.#ranges = joined;
  }

  /** How many there are. */
  get size(): number {
    return this.#ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  /** Whether a port is one of them. */
  has(port: number): boolean {
    return this.#ranges.some(([first, last]) => first <= port && port <= last);
  }

  /** All of them, from the `nth` on and round to it again. */
  *from(nth: number): Generator<number> {
    const all = [...this];
    for (let i = 0; i < all.length; i++) yield all[(nth + i) % all.length]!;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [first, last] of this.#ranges) {
      for (let port = first; port <= last; port++) yield port;
    }
  }

  /** As the option is written. */
  toString(): string {
    return this.#ranges.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`)
      .join(",");
  }
}

/** Ports and ranges of them, any number of times. */
export function ports(
  base: Pick<Option, "about" | "group" | "once" | "needs">,
): WithDefault<PortSet> {
  return {
    arg: "<ports>",
    expects: "ports of 1 to 65535, or ranges such as 20000-20100",
    schema: portsSchema,
    default: new PortSet(),
    list: true,
    ...base,
  };
}

const RANGES = /^ *\d{1,5}(-\d{1,5})?( *, *\d{1,5}(-\d{1,5})?)* *$/;

function portsSchema(): z.ZodType<PortSet> {
  const item = z.union([z.int().min(1).max(65535), z.string().regex(RANGES)]);
  return z.codec(z.union([item, z.array(item)]), z.instanceof(PortSet), {
    decode: (given, context) => {
      const texts = [given].flat().flatMap((item) => String(item).split(","));
      const ranges = texts.map((item) => parseRange(item.trim()));
      if (ranges.every((range) => range !== undefined)) return new PortSet(ranges);
      context.issues.push({ code: "custom", input: given });
      return z.NEVER;
    },
    encode: (set) =>
      `${set}`.split(",").filter((item) => item !== "")
        .map((item) => item.includes("-") ? item : Number(item)),
  });
}

function parseRange(text: string): Range | undefined {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return first >= 1 && first <= last && last <= 65535 ? [first, last] : undefined;
}
