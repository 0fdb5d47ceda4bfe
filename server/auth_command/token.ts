/**
 * Where tokens come from: the terminal, a pipe, or chance.
 *
 * @module
 */

import { SECRET, SECRET_EXPECTS, UsageError, write } from "@agentx/common/cli";
import { randomSecret } from "@agentx/common/secret";

/** More than a token, its line's end included, could ever need. */
const MAX_INPUT = 4096;

const [CTRL_C, CTRL_D, BACKSPACE, DELETE, RETURN, LINE_FEED] = [3, 4, 8, 127, 13, 10];

/** A token that nobody guesses; programs that look for leaked secrets know it by its beginning. */
export function makeToken(): string {
  return `arp_${randomSecret()}`;
}

/**
 * A token from standard input: typed without being shown, or the one line of a pipe.
 *
 * @throws {UsageError} when it is none; what it was is not told.
 */
export async function readToken(): Promise<string> {
  const text = Deno.stdin.isTerminal() ? await typed("Token: ") : await piped();
  return checkToken(text.replace(/\r?\n$/, ""));
}

/** @throws {UsageError} when a text is no token. */
export function checkToken(text: string): string {
  if (SECRET.test(text)) return text;
  const found = text === ""
    ? "nothing"
    : /^[\x21-\x7e]*$/.test(text)
    ? `${text.length} of them`
    : "spaces, further lines or other characters";
  throw new UsageError(`token: expected ${SECRET_EXPECTS} of ASCII, found ${found}`);
}

async function piped(): Promise<string> {
  const buffer = new Uint8Array(MAX_INPUT);
  let length = 0;
  for (let got; (got = await Deno.stdin.read(buffer.subarray(length))) !== null && got > 0;) {
    length += got;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

async function typed(question: string): Promise<string> {
  const say = (text: string) => write(Deno.stderr, text);
  say(question);
  Deno.stdin.setRaw(true);
  try {
    const buffer = new Uint8Array(MAX_INPUT);
    for (let text = "";;) {
      const got = await Deno.stdin.read(buffer);
      if (got === null) return text;
      for (const byte of buffer.subarray(0, got)) {
        if (byte === RETURN || byte === LINE_FEED || byte === CTRL_D) return text;
        if (byte === CTRL_C) throw new Error("interrupted");
        if (byte === BACKSPACE || byte === DELETE) text = text.slice(0, -1);
        else text += String.fromCharCode(byte);
      }
    }
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}
