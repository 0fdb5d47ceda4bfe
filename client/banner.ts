/**
 * What a client shows once visitors can come: the URLs, and on a terminal a QR code of the first; or,
 * where visitors need a token, the command that makes one.
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

/** What is shown. */
export interface Notice {
  /** At least one, web addresses first. */
  urls: readonly string[];
  /** The service that is exposed, `host:port`. */
  local: string;
  /** What makes a token, and its URL: where the URLs above open nothing without. */
  create?: string | undefined;
}

/** The text to print. Piped, it is one URL a line, or that command. */
export async function banner(
  { urls, local, create }: Notice,
  { terminal, colour, columns }: Screen,
): Promise<string> {
  if (!terminal) {
    return (create === undefined ? urls : [create]).map((line) => line + "\n").join("");
  }
  const strong = (text: string) => colour ? `\x1b[1;36m${text}\x1b[0m` : text;
  const faint = (text: string) => colour ? `\x1b[2m${text}\x1b[0m` : text;
  if (create !== undefined) {
    return [
      "",
      `  Visitors of ${local} need a token. This makes one, and prints what to open:`,
      "",
      `  ${strong(create)}`,
      "",
      faint("  Ctrl-C stops."),
      "",
      "",
    ].join("\n");
  }
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

/** What {@link createCommand} goes by. */
export interface CreateWords {
  clientId: string;
  /** `--visitor-key-file` */
  keyFile: string | undefined;
  /** Where visitors come, if `arpc token create` cannot know that. */
  url: string | undefined;
}

/** The command line that makes a visitor token for a client, as a shell takes it. */
export function createCommand({ clientId, keyFile, url }: CreateWords): string {
  const id = clientId.startsWith("-") ? `--client-id=${clientId}` : `--client-id ${word(clientId)}`;
  return [
    `arpc token create ${id}`,
    ...(keyFile === undefined ? [] : [`--visitor-key-file ${word(keyFile)}`]),
    ...(url === undefined ? [] : [`--url ${word(url)}`]),
  ].join(" ");
}

/** A word as shells read it: a `~` in front, which an id may have, would be a home folder. */
function word(text: string): string {
  return /^[\w.:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
