/**
 * A prompt as content blocks of the Agent Client Protocol.
 *
 * @see {@link https://agentclientprotocol.com/protocol/content | ACP: content}
 * @module
 */

import { pathToFileURL } from "node:url";
import { fields } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import type { Attachment, Prompt } from "./mod.ts";

/** Longest text that goes into a prompt itself, in bytes; a longer one is linked. */
const MAX_TEXT = 256 * 1024;

/**
 * The blocks of a prompt: the words, images as they are, short texts as further words, so that the
 * agent needs no leave to read them, and the rest as links. Not as embedded resources: Copilot CLI
 * takes only their paths, and Gemini CLI drops the images that come with one.
 *
 * @param capabilities what the agent takes, its `promptCapabilities`.
 * @throws {Error} when a file cannot be read.
 */
export async function promptBlocks(
  { text, attachments }: Prompt,
  capabilities: unknown,
): Promise<Json[]> {
  const images = fields(capabilities).image === true;
  const files = attachments.map((file) =>
    images && file.mediaType.startsWith("image/") ? asImage(file) : asFile(file)
  );
  return [{ type: "text", text }, ...await Promise.all(files)];
}

async function asImage({ mediaType, path }: Attachment): Promise<Json> {
  return { type: "image", mimeType: mediaType, data: (await Deno.readFile(path)).toBase64() };
}

async function asFile({ name, mediaType, path }: Attachment): Promise<Json> {
  const { size } = await Deno.stat(path);
  const text = size <= MAX_TEXT ? asText(await Deno.readFile(path)) : undefined;
  return text === undefined
    ? { type: "resource_link", uri: pathToFileURL(path).href, name, mimeType: mediaType, size }
    : { type: "text", text: `\n\nThe attached file ${name} (${path}):\n\n${text}` };
}

/** Undefined for what is no text. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
