/**
 * What `git diff-tree --raw --numstat -z` prints.
 *
 * @see {@link https://git-scm.com/docs/git-diff-tree#_raw_output_format | git-diff-tree: raw format}
 * @module
 */

import { z } from "@hono/zod-openapi";

/** A file that is not as it was. */
export const ChangedFile = z.object({
  path: z.string().openapi({ description: "From the project folder on" }),
  from: z.string().nullable().openapi({ description: "What it was called before" }),
  status: z.enum(["added", "modified", "deleted", "renamed", "retyped"]).openapi({
    description: "`retyped`: a link where a file was, or the like",
  }),
  binary: z.boolean(),
  additions: z.int().nullable().openapi({ description: "Lines; none for binary files" }),
  deletions: z.int().nullable(),
}).openapi("ChangedFile");
/** See {@link ChangedFile}. */
export type ChangedFile = z.infer<typeof ChangedFile>;

const STATUS: Readonly<Record<string, ChangedFile["status"]>> = {
  A: "added",
  C: "added",
  D: "deleted",
  M: "modified",
  R: "renamed",
  T: "retyped",
};

/** The files, in git's order. Never throws: what ends in the middle of a file leaves that out. */
export function parseChanges(text: string): ChangedFile[] {
  const fields = text.split("\0");
  // What has no end is cut off.
  fields.pop();
  const files = new Map<string, ChangedFile>();
  let at = 0;
  while (at < fields.length) {
    const field = fields[at++]!;
    const raw = /^:\d+ \d+ \S+ \S+ ([A-Z])\d*$/.exec(field);
    const counts = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(field);
    if (raw !== null) {
      const renamed = raw[1] === "R" || raw[1] === "C";
      const from = renamed ? fields[at++] : undefined;
      const path = fields[at++];
      if (path === undefined) break;
      files.set(path, {
        path,
        from: raw[1] === "R" ? from ?? null : null,
        status: STATUS[raw[1]!] ?? "modified",
        binary: false,
        additions: null,
        deletions: null,
      });
    } else if (counts !== null) {
      const [, additions, deletions, name] = counts;
      // The two names of a renamed file follow.
      if (name === "") at++;
      const file = files.get(name === "" ? fields[at++] ?? "" : name!);
      if (file === undefined) continue;
      file.binary = additions === "-";
      file.additions = file.binary ? null : Number(additions);
      file.deletions = file.binary ? null : Number(deletions);
    }
  }
  return [...files.values()];
}
