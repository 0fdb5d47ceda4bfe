/**
 * `arpc token list`.
 *
 * @module
 */

import type { Values } from "@agentx/common/cli";
import { type Facts, ledgerFile, readFacts } from "./ledger.ts";
import type { LIST_OPTIONS } from "./options.ts";
import { limitsOf, moment, print, tokenFolder } from "./show.ts";

/** Prints the tokens, the newest last. */
export function runList({ all, json }: Values<typeof LIST_OPTIONS>): void {
  const now = Date.now() / 1000;
  const facts = readLedger(ledgerFile(tokenFolder()));
  const tokens = [...facts.tokens.values()].filter(({ expires }) => all || expires > now);
  const state = (id: string, expires: number) =>
    facts.revoked.has(id) ? "revoked" : expires <= now ? "expired" : "good";
  if (json) {
    const time = (seconds: number) => new Date(seconds * 1000).toISOString();
    const rows = tokens.map(({ made, expires, ...token }) => ({
      ...token,
      made: time(made),
      expires: time(expires),
      state: state(token.id, expires),
    }));
    return print(JSON.stringify(rows, null, 2));
  }
  if (tokens.length === 0) return print("No visitor tokens. Make one with: arpc token create");
  const rows = tokens.map((token) => [
    token.id,
    token.label ?? "",
    token.client,
    moment(token.expires),
    state(token.id, token.expires),
    limitsOf(token),
  ]);
  print(table([["ID", "LABEL", "CLIENT", "EXPIRES", "STATE", "LIMITS"], ...rows]));
}

function readLedger(path: string): Facts {
  try {
    return readFacts(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return readFacts("");
    throw error;
  }
}

function table(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  "))
    .map((line) => line.trimEnd()).join("\n");
}
