/**
 * Files that come with prompts: `attachments/<session>/` in the state folder, until the session is
 * deleted.
 *
 * @module
 */

import { join } from "@std/path";
import type { z } from "@hono/zod-openapi";
import type { Attachment } from "../drivers/mod.ts";
import { Problem } from "../problem.ts";
import type { AttachmentInput } from "../schemas.ts";

/** Longest name on disk, in characters; what comes before it has room in any file system. */
const MAX_NAME = 60;

/** The attached files of one session. */
export class Attachments {
  readonly #folder: string;

  /** @param session its id, a UUID. */
  constructor(stateFolder: string, session: string) {
    this.#folder = join(stateFolder, "attachments", session);
  }

  /**
   * Writes the files of a prompt, which only their owner may read.
   *
   * @throws {Problem} 400 when one is no base64.
   */
  write(turn: number, inputs: readonly z.infer<typeof AttachmentInput>[]): Attachment[] {
    const files = inputs.map(({ name, media_type, data }, index) => ({
      name,
      mediaType: media_type,
      path: join(this.#folder, `${turn}-${index + 1}-${safeName(name)}`),
      bytes: bytesOf(data, index),
    }));
    if (files.length > 0) Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    return files.map(({ bytes, ...attachment }) => {
      // One of an earlier try may lie there; nothing that a link leads to is written.
      removeSync(attachment.path);
      Deno.writeFileSync(attachment.path, bytes, { createNew: true, mode: 0o600 });
      return attachment;
    });
  }

  /** Removes all files of the session. */
  async remove(): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/**
 * A name that is one on every system, and holds nothing that a shell or a CLI would take for more.
 * What stands before it makes it unique, and none of the names that Windows keeps for itself.
 */
export function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const safe = last.normalize("NFC").replaceAll(/[^\p{L}\p{M}\p{N}._-]+/gu, "_");
  const characters = [...safe.replace(/[._-]+$/, "")];
  // The end of a name says what kind of file it is.
  return characters.slice(-MAX_NAME).join("") || "file";
}

function bytesOf(data: string, index: number): Uint8Array {
  try {
    return Uint8Array.fromBase64(data);
  } catch {
    throw new Problem(400, `attachments[${index}].data: expected base64, found something else`);
  }
}

function removeSync(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
