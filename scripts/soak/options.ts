/**
 * The soak's flags. Pure: reads `args`, touches nothing else.
 * @module
 */
import { parseArgs } from "node:util";

/** What to run. */
export interface Options {
  /** How long load is given, in seconds. */
  seconds: number;
  /** Visitors at a time of each client. */
  visitors: number;
  /** Where the result is written; nowhere if undefined. */
  json: string | undefined;
  help: boolean;
}

/** One screen of help. */
export const USAGE = `deno task soak [options]

Real programs under random load and random faults. Ends with 1 if a byte was wrong, somebody was
harmed whom no fault concerned, a client did not come back, a program told of a bug, or holds more
and more. Needs openssl. Below some three minutes it is not judged whether anything grows.

  --minutes N        how long (default: 10); --hours N and --seconds N do the same
  --visitors N       visitors at a time of each client (default: 3)
  --json FILE        where to write the result as well
  --help             this text
`;

/**
 * Reads the flags.
 * @throws {TypeError} on an unknown flag or a value that is no positive number
 */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string" },
      minutes: { type: "string" },
      hours: { type: "string" },
      visitors: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const units = [["seconds", 1], ["minutes", 60], ["hours", 3600]] as const;
  const given = units.filter(([name]) => values[name] !== undefined);
  if (given.length > 1) throw new TypeError("Cannot read the time: it is given more than once");
  const [[name, unit] = ["minutes", 60] as const] = given;
  return {
    seconds: positive(name, values[name] ?? "10") * unit,
    visitors: Math.ceil(positive("visitors", values.visitors)),
    json: values.json,
    help: values.help,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new TypeError(`Cannot read --${name}: expected a number above 0, found ${text}`);
}
