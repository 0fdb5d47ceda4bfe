/**
 * How attachments get to Gemini CLI, and to Qwen Code, which came of it: what stands behind an `@` is a
 * path, and they read it themselves.
 *
 * @module
 */

import { dirname } from "@std/path";
import type { Prompt } from "../drivers/mod.ts";
import type { Carried } from "../drivers/stream.ts";
import { option } from "./arguments.ts";

/** A prompt with the paths of its files, whose folders are made a part of the workspace. */
export function withPaths({ text, attachments }: Prompt): Carried {
  const folders = new Set(attachments.map(({ path }) => dirname(path)));
  const paths = attachments.map(({ path }) => `@${path.replaceAll(/[\s(){}[\]&;'"]/g, "\\$&")}`);
  return {
    args: option("--include-directories", ...folders),
    stdin: [text, ...paths].join("\n"),
  };
}
