/**
 * The files of projects, to be looked at: nothing here writes.
 *
 * @module
 */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "@hono/hono";
import { isAbsolute } from "@std/path";
import type { App, Deps } from "./app.ts";
import { locate, type Roots } from "./files/confine.ts";
import { FileContent, sendFile, showFile } from "./files/content.ts";
import { Folder, listFolder } from "./files/listing.ts";
import { wanted } from "./http/negotiate.ts";
import { Problem } from "./problem.ts";
import { integer, json, problems, SESSION_PATH } from "./routes/answers.ts";
import { found } from "./routes/found.ts";

const TAG = { tags: ["Files"] };

const path = (description: string) => z.string().min(1).max(4096).openapi({ description });
const flag = (otherwise: boolean, description: string) =>
  z.enum(["true", "false"]).default(otherwise ? "true" : "false").openapi({ description });

const LISTED = {
  hidden: flag(true, "Whether to list what starts with a dot"),
  limit: integer({ min: 1, max: 1000, otherwise: 500, description: "Most entries wanted" }),
  offset: integer({ min: 0, max: 1e9, otherwise: 0, description: "Entries to leave out first" }),
};
const SENT = { download: flag(false, "Whether a browser is to save it instead of showing it") };
const ABSOLUTE = "Absolute, below a --project-root";
const RELATIVE = "From the session's project folder on";

const FOLDER = {
  200: json(Folder, "The folder"),
  ...problems(403, 404, 422),
};
const FILE = {
  200: {
    description: "The file as it is; or as JSON, at most 1 MiB of it, when `Accept` asks for that",
    content: {
      "application/json": { schema: FileContent },
      "*/*": { schema: z.string().openapi({ format: "binary" }) },
    },
  },
  206: { description: "The part of it that `Range` asks for" },
  304: { description: "It is what `If-None-Match` names" },
  ...problems(403, 404, 416, 422),
};
const DESCRIPTION = "Only with --enable-fs. Links are followed as long as they lead to a place " +
  "below the same folders.";

const list = createRoute({
  method: "get",
  path: "/fs",
  ...TAG,
  summary: "List a folder",
  description: DESCRIPTION,
  request: {
    query: z.object({
      path: path(`${ABSOLUTE}; the first of these when it is missing`).optional(),
      ...LISTED,
    }),
  },
  responses: FOLDER,
});

const read = createRoute({
  method: "get",
  path: "/fs/file",
  ...TAG,
  summary: "Read a file",
  description: DESCRIPTION,
  request: { query: z.object({ path: path(ABSOLUTE), ...SENT }) },
  responses: FILE,
});

const listOfSession = createRoute({
  method: "get",
  path: "/sessions/{id}/fs",
  ...TAG,
  summary: "List a folder of a session's project",
  description: DESCRIPTION,
  request: {
    params: SESSION_PATH,
    query: z.object({
      path: path(`${RELATIVE}; that itself when it is missing`).optional(),
      ...LISTED,
    }),
  },
  responses: FOLDER,
});

const readOfSession = createRoute({
  method: "get",
  path: "/sessions/{id}/fs/file",
  ...TAG,
  summary: "Read a file of a session's project",
  description: DESCRIPTION,
  request: { params: SESSION_PATH, query: z.object({ path: path(RELATIVE), ...SENT }) },
  responses: FILE,
});

/** Adds the routes of files. */
export function fileRoutes(
  app: App,
  { config, sessions }: Pick<Deps, "config" | "sessions">,
): void {
  const all = (path: string | undefined): Roots => {
    allowed();
    if (path !== undefined && !isAbsolute(path)) {
      const errors = [{ field: "path", message: "Expected an absolute path" }];
      throw new Problem(400, "Missing or wrong: path", { errors });
    }
    return rootsOf(config.projectRoots);
  };
  const project = async (id: string): Promise<Roots> => {
    allowed();
    const { project_path } = found(sessions, id).info;
    // The roots may be others than when it was started.
    return [await locate(project_path, rootsOf(config.projectRoots))];
  };
  const allowed = () => {
    if (config.enableFs) return;
    throw new Problem(403, "Files are not served; arpc --enable-fs allows it");
  };

  app.openapi(list, async (c) => {
    const { path, hidden, ...page } = c.req.valid("query");
    const roots = all(path);
    const folder = await locate(path ?? roots[0], roots);
    return c.json(await listFolder(folder, roots, { ...page, hidden: hidden === "true" }), 200);
  });

  app.openapi(listOfSession, async (c) => {
    const { path, hidden, ...page } = c.req.valid("query");
    const roots = await project(c.req.valid("param").id);
    const folder = await locate(path ?? ".", roots);
    return c.json(await listFolder(folder, roots, { ...page, hidden: hidden === "true" }), 200);
  });

  app.openapi(read, async (c) => {
    const { path, download } = c.req.valid("query");
    return await answer(c, await locate(path, all(path)), download === "true");
  });

  app.openapi(readOfSession, async (c) => {
    const { path, download } = c.req.valid("query");
    const roots = await project(c.req.valid("param").id);
    return await answer(c, await locate(path, roots), download === "true");
  });
}

/** There is always one: the configuration sees to it. */
function rootsOf(folders: readonly string[]): Roots {
  const [first, ...rest] = folders;
  if (first === undefined) throw new Problem(403, "There is no --project-root to look at");
  return [first, ...rest];
}

/** The type is that of no answer: those of OpenAPI know JSON alone. */
async function answer(c: Context, real: string, download: boolean): Promise<never> {
  if (wanted(c.req.header("accept")) === "json") return c.json(await showFile(real), 200) as never;
  return await sendFile(real, {
    range: c.req.header("range"),
    ifRange: c.req.header("if-range"),
    ifNoneMatch: c.req.header("if-none-match"),
    download,
    headOnly: c.req.raw.method === "HEAD",
  }) as never;
}
