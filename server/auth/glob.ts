/**
 * Patterns of names: `team-*`.
 *
 * @module
 */

/**
 * Whether a name fits a pattern, in which each `*` stands for any characters, or none. Takes at most
 * their two lengths multiplied, whatever the pattern: a regular expression could take for ever.
 */
export function globMatches(pattern: string, name: string): boolean {
  let [p, n] = [0, 0];
  /** Where to go on if what follows the last star does not fit: the star takes one more then. */
  let [star, taken] = [-1, 0];
  while (n < name.length) {
    if (pattern[p] === "*") [star, taken] = [p++, n];
    else if (pattern[p] === name[n]) [p, n] = [p + 1, n + 1];
    else if (star >= 0) [p, n] = [star + 1, ++taken];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
