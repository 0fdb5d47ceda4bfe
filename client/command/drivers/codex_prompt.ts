/**
 * How attachments get to Codex: images beside the words, other files by their paths among them.
 *
 * @module
 */

import type { Attachment, Prompt } from "./mod.ts";

/** The images of a prompt that models can see. */
export function imagesOf({ attachments }: Prompt): Attachment[] {
  return attachments.filter(isImage);
}

/** The words of a prompt, with the paths of the files that are no images. */
export function wordsOf({ text, attachments }: Prompt): string {
  const files = attachments.filter((one) => !isImage(one));
  if (files.length === 0) return text;
  return [text, "", "Attached files:", ...files.map(({ name, path }) => `- ${name}: ${path}`)]
    .join("\n");
}

function isImage({ mediaType }: Attachment): boolean {
  return /^image\/(png|jpeg|gif|webp)$/.test(mediaType);
}
