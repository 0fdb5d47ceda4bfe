/**
 * Where the tools of PostgreSQL leave room for a token, and the startup packet without it.
 *
 * @module
 */

import type { Parameter } from "./startup.ts";

/** In front of a token at the end of a name. */
const SUFFIX = "?token=";
/** A token among the options; `endpoint` is what users of Neon write. */
const OPTION = /^(?:token|endpoint)=([^]*)$/;
/**
 * Words of the options: a backslash keeps the character behind it from ending one. PostgreSQL's
 * `pg_split_opts` goes by `isspace()`, which is not JavaScript's `\s`.
 */
const WORD = /(?:\\[^]?|[^\\ \t-\r])+/g;

/** What {@link takeTokens} found. */
export interface Taken {
  /** As they were written; they need not be valid, nor the same. */
  tokens: readonly string[];
  /** The parameters without them. */
  parameters: readonly Parameter[];
}

/**
 * Takes the tokens out of `options` (`token=ID` or `endpoint=ID`), and off the end of `user` and
 * `database` (`?token=ID`). An option list that has become empty is left out, and so is an empty
 * database, for which PostgreSQL takes the name of the user.
 */
export function takeTokens(given: readonly Parameter[]): Taken {
  const tokens: string[] = [];
  const parameters: Parameter[] = [];
  for (const [name, value] of given) {
    const rest = name === "options"
      ? fromOptions(value, tokens)
      : name === "user" || name === "database"
      ? fromName(value, tokens)
      : value;
    const empty = rest === "" && (name === "database" || (name === "options" && value !== ""));
    if (!empty) parameters.push([name, rest]);
  }
  return { tokens, parameters };
}

function fromName(value: string, tokens: string[]): string {
  const at = value.lastIndexOf(SUFFIX);
  if (at < 0) return value;
  tokens.push(clean(value.slice(at + SUFFIX.length)));
  return value.slice(0, at);
}

function fromOptions(value: string, tokens: string[]): string {
  const words = value.match(WORD) ?? [];
  const kept = words.filter((word, nth) => {
    // Whatever stands behind -c is a setting of the server.
    if (words[nth - 1] === "-c") return true;
    const found = OPTION.exec(word.replace(/\\([^]?)/g, "$1"));
    if (found !== null) tokens.push(clean(found[1]!));
    return found === null;
  });
  return kept.length === words.length ? value : kept.join(" ");
}

/** `token=$(grep client-id ~/.arp-client/config)` gives `token=client-id=ID`. */
function clean(token: string): string {
  return token.replace(/^client-id=/i, "");
}
