/**
 * As much of YAML as a CLI writes into a file of plain facts.
 *
 * @module
 */

const ENTRY = /^([A-Za-z_][\w-]*):(?:[ \t]+(.*?))?[ \t]*$/;

/**
 * Reads the one-line values at the top level of a YAML document: plain, in single or in double
 * quotes. All else, lists and blocks among it, is left out.
 */
export function flatYaml(yaml: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of yaml.split(/\r?\n/)) {
    const [, key, written] = ENTRY.exec(line) ?? [];
    const value = written ? scalar(written) : undefined;
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  return values;
}

function scalar(written: string): string | undefined {
  if (written.startsWith('"')) {
    try {
      const value: unknown = JSON.parse(written);
      return typeof value === "string" ? value : undefined;
    } catch {
      return undefined;
    }
  }
  if (written.startsWith("'")) {
    return /^'(?:[^']|'')*'$/.test(written)
      ? written.slice(1, -1).replaceAll("''", "'")
      : undefined;
  }
  return /^[|>[{&*!%@`#]/.test(written) ? undefined : written.replace(/\s#.*$/, "");
}
