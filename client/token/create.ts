/**
 * `arpc token create`.
 *
 * @module
 */

import { UsageError, type Values } from "@agentx/common/cli";
import { parseCidr } from "@agentx/common/cidr";
import { pathSegments } from "@agentx/common/visitor-token";
import { readState } from "../state.ts";
import { signingKey } from "./key.ts";
import { type Issued, Ledger } from "./ledger.ts";
import type { CREATE_OPTIONS } from "./options.ts";
import { limitsOf, moment, print, tokenFolder } from "./show.ts";
import { newId, sign } from "./sign.ts";

type CreateValues = Values<typeof CREATE_OPTIONS>;

/**
 * Makes a token and prints it: alone where it goes to a program, with a word about it on a terminal.
 *
 * @throws {UsageError} on limits that cannot be kept.
 */
export async function runCreate(values: CreateValues): Promise<void> {
  const folder = tokenFolder();
  const last = readState(folder).get("client-id");
  const lastId = typeof last === "string" ? last : undefined;
  const issued = issue(values, lastId, Math.floor(Date.now() / 1000));
  const token = await keep(folder, issued);
  const url = values.url === undefined ? undefined : urlOf(values.url, issued, token);
  if (values.json) {
    const { id, expires } = issued;
    const until = new Date(expires * 1000).toISOString();
    return print(JSON.stringify({ id, token, url, expires: until }));
  }
  print(url ?? token);
  if (!Deno.stdout.isTerminal()) return;
  const limits = limitsOf(issued);
  const words = `Good until ${moment(issued.expires)}${limits === "" ? "" : `, for ${limits}`}.\n` +
    `Take it back with: arpc token revoke ${issued.id}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(words));
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
    expires: now + values.ttl,
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

/** Signs a token and enters it. */
async function keep(folder: string, issued: Issued): Promise<string> {
  using ledger = await Ledger.open(folder);
  const key = await signingKey(folder);
  const token = await sign(issued, key);
  const known = ledger.read().key === key.x;
  ledger.add(...(known ? [] : [{ key: key.x }]), { token: issued });
  return token;
}

/** Where a visitor goes with it. */
function urlOf(base: string, { path }: Issued, token: string): string {
  const root = base.replace(/\/+$/, "");
  return `${root}${path?.[0] ?? "/"}?token=${token}`;
}
