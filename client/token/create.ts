/**
 * `arpc token create`.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { UsageError, type Values } from "@agentx/common/cli";
import { parseCidr } from "@agentx/common/cidr";
import { pathSegments } from "@agentx/common/visitor-token";
import { readState } from "../state.ts";
import { keyFile, signingKey } from "./key.ts";
import { type Facts, type Issued, Ledger, ledgerFile } from "./ledger.ts";
import { type CREATE_OPTIONS, DEFAULT_TTL_S } from "./options.ts";
import { limitsOf, moment, print, tokenFolder } from "./show.ts";
import { newId, sign } from "./sign.ts";

type CreateValues = Values<typeof CREATE_OPTIONS>;

/** A token that was made. */
interface Made {
  token: string;
  /** Where visitors were last found by the id it is for. */
  site: string | undefined;
  /** Whether it can be listed, and taken back by itself. */
  kept: boolean;
}

/**
 * Makes a token and prints its URL, or the token where no server is known: alone on standard output,
 * with a word about it beside that on a terminal.
 *
 * @throws {UsageError} on limits that cannot be kept.
 */
export async function runCreate(values: CreateValues): Promise<void> {
  if (values.bare && values.url !== undefined) {
    throw new UsageError("--bare and --url: expected one of the two, found both");
  }
  const file = values["visitor-key-file"];
  const folder = tokenFolder(file);
  const last = readState(folder).get("client-id");
  const lastId = typeof last === "string" ? last : undefined;
  const issued = issue(values, lastId, Math.floor(Date.now() / 1000));
  const made = await make(folder, file, issued);
  const base = values.bare ? undefined : values.url ?? made.site;
  const url = base === undefined ? undefined : urlOf(base, issued, made.token);
  if (values.json) {
    const { id, expires } = issued;
    const until = new Date(expires * 1000).toISOString();
    print(JSON.stringify({ id, token: made.token, url, expires: until }));
  } else print(url ?? made.token);
  if (!made.kept) {
    tell("It is written down nowhere here: until it expires, only a new key takes it back.");
  }
  if (!Deno.stdout.isTerminal() && !Deno.stderr.isTerminal()) return;
  tell(about(issued, made.kept));
  if (url === undefined && !values.bare) {
    tell(
      `No arpc was online as ${issued.client} here: for a link, add --url http(s)://HOST[:PORT]`,
    );
  }
}

/** All of it in a line. */
function about(issued: Issued, kept: boolean): string {
  const limits = limitsOf(issued);
  return `For ${issued.client}${limits === "" ? "" : `, ${limits}`}, until ` +
    `${moment(issued.expires)}.` + (kept ? ` Take it back: arpc token revoke ${issued.id}` : "");
}

function tell(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
}

/**
 * The token that the options ask for.
 *
 * @param lastId client id of the last run.
 * @param now seconds since 1970.
 */
export function issue(values: CreateValues, lastId: string | undefined, now: number): Issued {
  const client = values["client-id"] ?? lastId;
  if (client === undefined) {
    throw new UsageError(
      "--client-id: expected the id of the client to visit, found none, and no arpc ran here yet",
    );
  }
  const path = values.path.map(pathOf);
  const method = values.method.map((one) => one.toUpperCase());
  const wrong = values.ip.find((one) => parseCidr(one) === undefined);
  if (wrong !== undefined) {
    throw new UsageError(`--ip: expected an address or a CIDR block, found "${wrong}"`);
  }
  return {
    id: newId(),
    client,
    ...(values.label === undefined ? {} : { label: values.label }),
    made: now,
    expires: now + (values.ttl ?? DEFAULT_TTL_S),
    ...(path.length === 0 ? {} : { path }),
    ...(method.length === 0 ? {} : { method }),
    ...(values.ip.length === 0 ? {} : { ip: values.ip }),
    ...(values.uses === 0 ? {} : { uses: values.uses }),
  };
}

/** The path as browsers send it. */
function pathOf(text: string): string {
  const plain = text.replace(/[^\x21-\x7e]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
  if (pathSegments(plain) !== undefined) return new URL(plain, "http://host").pathname;
  throw new UsageError(
    `--path: expected a path without "..", "//" or encoded slashes, found "${text}"`,
  );
}

/**
 * Signs a token and enters it.
 *
 * @param folder of the state; undefined where none is known.
 * @param file with the key, if it is another than that of the folder.
 */
async function make(
  folder: string | undefined,
  file: string | undefined,
  issued: Issued,
): Promise<Made> {
  using ledger = await openLedger(folder, file !== undefined);
  const key = await signingKey(file ?? keyFile(folder!));
  const token = await sign(issued, key);
  const facts: Facts | undefined = ledger?.read();
  // Whoever uses a key in a file of its own knows it from there.
  const known = file !== undefined || facts?.key === key.x;
  ledger?.add(...(known ? [] : [{ key: key.x }]), { token: issued });
  return { token, site: facts?.urls.get(issued.client), kept: ledger !== undefined };
}

/** The ledger; undefined where it cannot be had and the key does not depend on it. */
async function openLedger(
  folder: string | undefined,
  dispensable: boolean,
): Promise<Ledger | undefined> {
  try {
    if (folder !== undefined) return await Ledger.open(folder);
  } catch (error) {
    if (!dispensable) {
      throw new Error(
        `Cannot write ${ledgerFile(folder!)}: ${reason(error)}\n` +
          "Make that folder one to write in (in a container: a volume), or name a key that lies " +
          "elsewhere by --visitor-key-file.",
        { cause: error },
      );
    }
  }
  return undefined;
}

/** Where a visitor goes with it. */
function urlOf(base: string, { path }: Issued, token: string): string {
  const root = base.replace(/\/+$/, "");
  return `${root}${path?.[0] ?? "/"}?token=${token}`;
}
