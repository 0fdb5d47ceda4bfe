/**
 * Who may register as what, as `--auth-file` says it: for each client id, or pattern of ids, the
 * slow hash of its token, and what comes with it.
 *
 * @module
 */

import { CLIENT_ID_EXPECTS, reason } from "@agentx/common";
import { inFileOrder, parseKeys, ports, type PortSet, UsageError } from "@agentx/common/cli";
import { z } from "zod";
import { globMatches } from "./glob.ts";
import { parseHash, type SlowHash } from "./scrypt.ts";

/** A client, or all those of a pattern. */
export interface Entry {
  /** A client id, or a pattern with `*`. */
  readonly id: string;
  /** Of its token; of several, while one takes the place of another. */
  readonly hashes: readonly SlowHash[];
  /** Names and patterns of what it may call itself besides. */
  readonly aliases: readonly string[];
  /** Ports of its own that it may ask for. */
  readonly ports: PortSet | undefined;
  /** For the owner of the server. */
  readonly comment: string | undefined;
  readonly disabled: boolean;
  /** From when on it is good no more, by `Date.now()`. */
  readonly expires: number;
  /** Where it stands in the file, from 1 on. */
  readonly nth: number;
  /** The line it begins in. */
  readonly line: number;
}

/** A file that is longer was not written by hand, and holds up the server that reads it. */
const MAX_BYTES = 16 * 2 ** 20;
/** Hashes of one entry: each is one more to try a wrong token on. */
const MAX_HASHES = 4;
/** Characters of a comment that are kept. */
const MAX_COMMENT = 80;
/** Mistakes that are told at a time. */
const MAX_PROBLEMS = 10;

const NAME = /^[A-Za-z0-9._~:@*-]{1,128}$/;

/** What a good value of each key is. */
const EXPECTS = {
  id: `a client id or a pattern such as team-*: ${CLIENT_ID_EXPECTS} *`,
  hash: `a hash as "arps auth hash" prints it, or a list of 1 to ${MAX_HASHES}`,
  aliases: "a list of names or patterns such as team-*",
  ports: 'ports such as "20000-20010", or a list of them',
  comment: "a text",
  disabled: "true or false",
  expires: 'a date or a time with its zone, such as "2027-01-31" or "2027-01-31T18:00:00Z"',
} as const;

const HASH = z.string().transform((text, context) => {
  const hash = parseHash(text);
  if (hash !== undefined) return hash;
  context.issues.push({ code: "custom", input: "" });
  return z.NEVER;
});

/** A date of TOML comes as a `Date`: its beginning, where this machine stands. */
const TIME = z.union([
  z.date(),
  z.iso.date().transform((date) => new Date(`${date}T00:00:00`)),
  z.iso.datetime({ offset: true }).transform((time) => new Date(time)),
]).refine((time) => time.getFullYear() >= 2000).transform((time) => time.getTime());

const NAMED = z.string().regex(NAME);

const FILE = z.strictObject({
  $schema: z.string().optional(),
  clients: z.array(z.strictObject({
    id: NAMED,
    hash: z.union([HASH, z.array(HASH).min(1).max(MAX_HASHES)]),
    aliases: z.array(NAMED).optional(),
    ports: ports({ about: "", group: "" }).schema().optional(),
    comment: z.string().optional(),
    disabled: z.boolean().optional(),
    expires: TIME.optional(),
  })),
});

/** All entries of a file. */
export class Entries {
  readonly #names = new Map<string, Entry>();
  readonly #patterns: Entry[] = [];

  constructor(readonly all: readonly Entry[]) {
    for (const entry of all) {
      if (entry.id.includes("*")) this.#patterns.push(entry);
      else this.#names.set(entry.id, entry);
    }
  }

  /** The one that speaks for a name: that of this very name, else the first pattern that fits. */
  find(name: string): Entry | undefined {
    return this.#names.get(name) ?? this.#patterns.find(({ id }) => globMatches(id, name));
  }

  /**
   * Whether clients of an entry may call themselves so. What another entry speaks for must be
   * named in full: a pattern does not take it away.
   */
  mayUse(entry: Entry, alias: string): boolean {
    if (entry.aliases.includes(alias)) return true;
    const owner = this.find(alias);
    return (owner === undefined || owner === entry) &&
      entry.aliases.some((pattern) => globMatches(pattern, alias));
  }
}

/**
 * Reads a file, TOML or JSONC.
 *
 * @throws {UsageError} that names the file and the line, the client by its place, the key, and what is
 * expected.
 */
export async function readEntries(path: string): Promise<Entries> {
  return parseEntries(path, await readText(path));
}

/** {@link readEntries} of its content. */
export async function parseEntries(path: string, text: string): Promise<Entries> {
  const keys = await parseKeys(path, text);
  const found = FILE.safeParse(Object.fromEntries(keys.map(({ key, value }) => [key, value])));
  const place = (of: readonly PropertyKey[]) =>
    keys.find(({ key }) => key === of[0])?.within(of.slice(1)) ?? { line: 1, column: 1 };
  const at = (of: readonly PropertyKey[], what: string) => {
    const { line, column } = place(of);
    return `${path}:${line}:${column}: ${what}`;
  };
  if (!found.success) {
    throw mistakes(found.error.issues.map((issue) => at(placeOf(issue), describe(issue))));
  }
  const entries = found.data.clients.map((client, nth): Entry => ({
    id: client.id,
    hashes: [client.hash].flat(),
    aliases: client.aliases ?? [client.id],
    ports: client.ports,
    comment: client.comment?.slice(0, MAX_COMMENT).trim() || undefined,
    disabled: client.disabled ?? false,
    expires: client.expires ?? Infinity,
    nth: nth + 1,
    line: place(["clients", nth]).line,
  }));
  const first = new Map<string, Entry>();
  const twice = entries.flatMap((entry) => {
    const { id, nth } = entry;
    const before = first.get(id);
    if (before === undefined) first.set(id, entry);
    if (before === undefined) return [];
    const where = `client ${before.nth}, in line ${before.line},`;
    return [at(["clients", nth - 1, "id"], `client ${nth}: id: ${where} has the same`)];
  });
  if (twice.length > 0) throw mistakes(twice);
  return new Entries(entries);
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) throw new Error(`expected at most ${MAX_BYTES} bytes, found ${size}`);
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read --auth-file ${path}: ${reason(error)}`);
  }
}

function mistakes(problems: readonly string[]): UsageError {
  const shown = inFileOrder(problems).slice(0, MAX_PROBLEMS);
  const more = problems.length - shown.length;
  return new UsageError([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("\n"));
}

/** Where it is wrong: of keys that are none, the first. */
function placeOf({ code, path, ...issue }: z.core.$ZodIssue): readonly PropertyKey[] {
  if (code !== "unrecognized_keys") return path;
  return [...path, (issue as z.core.$ZodIssueUnrecognizedKeys).keys[0]!];
}

/** What is wrong, without the value: it may be a token in the place of its hash. */
function describe({ code, path, ...issue }: z.core.$ZodIssue): string {
  const [top, nth, key] = path;
  const where = nth === undefined ? "" : `client ${Number(nth) + 1}: `;
  if (code === "unrecognized_keys") {
    const known = top === undefined ? ["clients"] : Object.keys(EXPECTS);
    const keys = (issue as z.core.$ZodIssueUnrecognizedKeys).keys;
    return `${where}"${keys.join('", "').slice(0, 80)}" is no key of it; known: ${
      known.join(", ")
    }`;
  }
  if (key === undefined) {
    return nth === undefined
      ? 'expected a list of clients, [[clients]] in TOML or "clients": [ ] in JSON'
      : `${where}expected a client with ${Object.keys(EXPECTS).join(", ")}`;
  }
  return `${where}${String(key)}: expected ${EXPECTS[key as keyof typeof EXPECTS]}`;
}
