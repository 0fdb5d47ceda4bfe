/**
 * The bench's own flags, parsed to one typed value. Pure: reads `args`, touches nothing else.
 * @module
 */
import { parseArgs } from "node:util";

/** What to run, and for how long. */
export interface Options {
  /** Figures to run; empty means all. */
  only: string[];
  /** Peers to run; empty means all. */
  peers: string[];
  /** Seconds of load in one sample. */
  seconds: number;
  /** Samples of each peer for a figure; the median is reported. */
  rounds: number;
  /** Fewer and shorter samples: to see that all works, not to quote. */
  quick: boolean;
  /** Where the result is written. */
  json: string;
  help: boolean;
}

/** One screen of help. */
export const USAGE = `deno task bench [options]

  --only NAME,..     figures to run (default: all)
  --peers NAME,..    peers to run (default: all)
  --seconds N        seconds of load in one sample (default: 3, --quick: 1)
  --rounds N         samples of each peer, median reported (default: 3, --quick: 1)
  --quick            fewer, shorter samples and smaller bursts
  --json FILE        where to write the result (default: bench-results.json)
  --help             this text
`;

/**
 * Reads the flags.
 * @throws {TypeError} on an unknown flag or a value out of range
 */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true, default: [] },
      peers: { type: "string", multiple: true, default: [] },
      seconds: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string", default: "bench-results.json" },
      help: { type: "boolean", default: false },
    },
  });
  return {
    only: names(values.only),
    peers: names(values.peers),
    seconds: positive("--seconds", values.seconds, values.quick ? 1 : 3),
    rounds: positive("--rounds", values.rounds, values.quick ? 1 : 3),
    quick: values.quick,
    json: values.json,
    help: values.help,
  };
}

/** Throws when `asked` holds a name that `known` does not, else returns those of `known` to run. */
export function choose<T extends { name: string }>(flag: string, asked: string[], known: T[]): T[] {
  const unknown = asked.filter((name) => !known.some((one) => one.name === name));
  if (unknown.length > 0) {
    const all = known.map((one) => one.name).join(", ");
    throw new TypeError(`Cannot read ${flag}: no ${unknown.join(", ")} among ${all}`);
  }
  return asked.length === 0 ? known : known.filter((one) => asked.includes(one.name));
}

function names(values: string[]): string[] {
  return values.flatMap((value) => value.split(",")).map((name) => name.trim()).filter(Boolean);
}

function positive(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new TypeError(`Cannot read ${flag}: expected a whole number from 1, got ${text}`);
  }
  return value;
}
