/**
 * Arguments of CLIs. A value is always tied to its flag, so that none is taken for a flag itself, and
 * flags that take all the words that follow take no more than that.
 *
 * @module
 */

/** `--flag=value` for each value; nothing without any. */
export function option(flag: string, ...values: (string | undefined)[]): string[] {
  return values.flatMap((value) => value === undefined ? [] : [`${flag}=${value}`]);
}

/** Further arguments that have been checked, with each value tied to its flag. */
export function tied(extra: readonly string[]): string[] {
  const args: string[] = [];
  for (const word of extra) {
    if (word.startsWith("-")) args.push(word);
    else args.push(`${args.pop()}=${word}`);
  }
  return args;
}
