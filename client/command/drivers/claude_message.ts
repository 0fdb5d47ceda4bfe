/**
 * A prompt as a message to Claude Code.
 *
 * @module
 */

import type { Json } from "../events/mod.ts";
import type { Prompt } from "./mod.ts";

/** What the model takes as an image. */
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/**
 * The blocks of a message: images as they are, other files by their paths, and the text.
 *
 * @throws {Error} when an image cannot be read.
 */
export async function blocksOf({ text, attachments }: Prompt): Promise<Json[]> {
  const images = attachments.filter(({ mediaType }) => IMAGES.includes(mediaType));
  const blocks = await Promise.all(images.map(async ({ mediaType, path }): Promise<Json> => ({
    type: "image",
    source: {
      type: "base64",
      media_type: mediaType,
      data: (await Deno.readFile(path)).toBase64(),
    },
  })));
  const files = attachments.filter(({ mediaType }) => !IMAGES.includes(mediaType));
  return [...blocks, { type: "text", text: withFiles(text, files) }];
}

/** The text of a prompt, with the paths of its files. */
export function withFiles(text: string, files: Prompt["attachments"]): string {
  const lines = files.map(({ name, mediaType, path }) => `${name} (${mediaType}): ${path}`);
  return lines.length === 0 ? text : `${text}\n\nAttached files:\n${lines.join("\n")}`;
}
