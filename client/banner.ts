/**
 * What a client shows once visitors can come: the URLs, and on a terminal a QR code of the first.
 *
 * @module
 */

/** Where it is shown. */
export interface Screen {
  /** Whether a person looks at it. */
  terminal: boolean;
  colour: boolean;
  /** Columns; a QR code that does not fit is left out. */
  columns: number;
}

/**
 * The text to print. Piped, it is one URL a line.
 *
 * @param urls at least one, web addresses first.
 * @param local the service that is exposed, `host:port`.
 */
export async function banner(
  urls: readonly string[],
  local: string,
  { terminal, colour, columns }: Screen,
): Promise<string> {
  if (!terminal) return urls.map((url) => url + "\n").join("");
  const strong = (text: string) => colour ? `\x1b[1;36m${text}\x1b[0m` : text;
  const faint = (text: string) => colour ? `\x1b[2m${text}\x1b[0m` : text;
  const lines = urls.map((url) => `  ${strong(url)}  ${faint("→ " + local)}`);
  const { renderUnicodeCompact } = await import("uqr");
  const code = renderUnicodeCompact(urls[0]!, { border: 1 }).split("\n");
  const fits = code.every((line) => line.length + 2 <= columns);
  return [
    "",
    ...lines,
    "",
    ...(fits ? [...code.map((line) => "  " + line), ""] : []),
    faint("  Anyone with a URL can visit. Ctrl-C stops."),
    "",
    "",
  ].join("\n");
}
