/**
 * What a file holds: as it is, or as JSON for who wants to show it.
 *
 * @module
 */

import { getMimeType } from "@hono/hono/utils/mime";
import { z } from "@hono/zod-openapi";
import { basename } from "@std/path";
import { Buffer } from "node:buffer";
import { Problem, problemResponse } from "../problem.ts";
import { type OpenFile, openFile } from "./confine.ts";
import { isKnown, type Part, partOf, tagOf } from "./range.ts";

/** Most bytes of a file that JSON carries. */
const MAX_SHOWN = 1024 * 1024;
/** So many bytes tell whether a file is text. */
const SAMPLE_BYTES = 4096;
/** Bytes read at a time. */
const PIECE_BYTES = 64 * 1024;

/** Types of text, for which the name of a file is believed. */
const TEXT =
  /^(?:text\/|application\/(?:json|ld\+json|xml|xhtml\+xml|manifest\+json|rtf)\b|image\/svg)/;

/**
 * A page of a project may be looked at, but is a stranger here: it runs no scripts, sends nothing,
 * and is of no origin.
 */
const SANDBOX = "sandbox; default-src 'none'; img-src data:; media-src data:; " +
  "style-src 'unsafe-inline'; frame-ancestors 'none'";

/** A file, as the API shows it. */
export const FileContent = z.object({
  path: z.string(),
  size: z.int().openapi({ description: "Of the file, in bytes" }),
  modified_at: z.iso.datetime(),
  media_type: z.string(),
  encoding: z.enum(["utf-8", "base64"]),
  content: z.string(),
  truncated: z.boolean().openapi({
    description: `There is more than is shown, which is ${MAX_SHOWN} bytes; raw it comes whole`,
  }),
}).openapi("FileContent");
/** See {@link FileContent}. */
export type FileContent = z.infer<typeof FileContent>;

/** What of a request tells which part of a file it is for. */
export interface Wish {
  range: string | undefined;
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  /** Whether a browser is to save it. */
  download: boolean;
  /** Whether it is for the head alone. */
  headOnly: boolean;
}

/**
 * A file as JSON, cut off after 1 MiB.
 *
 * @param real the file, links resolved.
 * @throws {Problem} as {@link openFile} does.
 */
export async function showFile(real: string): Promise<FileContent> {
  const file = await openFile(real);
  try {
    const bytes = await readPart(file, { from: 0, to: Math.min(file.info.size, MAX_SHOWN) });
    const truncated = file.info.size > bytes.length;
    const text = decode(bytes, truncated);
    return {
      path: real,
      size: file.info.size,
      modified_at: file.info.mtime.toISOString(),
      media_type: mediaType(real, text !== undefined),
      encoding: text === undefined ? "base64" : "utf-8",
      content: text ?? bytes.toString("base64"),
      truncated,
    };
  } finally {
    await file.handle.close();
  }
}

/**
 * A file as it is, or a part of it.
 *
 * @param real the file, links resolved.
 * @throws {Problem} as {@link openFile} does.
 */
export async function sendFile(real: string, wish: Wish): Promise<Response> {
  const file = await openFile(real);
  let passedOn = false;
  try {
    const { info } = file;
    const tag = tagOf(info);
    const modified = info.mtime.toUTCString();
    const headers = new Headers({
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      "content-security-policy": SANDBOX,
      "etag": tag,
      "last-modified": modified,
    });
    if (isKnown(wish.ifNoneMatch, tag)) return new Response(null, { status: 304, headers });
    // A weak tag is no promise that the parts of a file fit together; its time is taken for one.
    const fits = wish.ifRange === undefined || wish.ifRange === modified;
    const part = fits ? partOf(wish.range, info.size) : undefined;
    if (part === "none") {
      headers.set("content-range", `bytes */${info.size}`);
      return problemResponse(new Problem(416, `The file has ${info.size} bytes`), headers);
    }
    const { from, to } = part ?? { from: 0, to: info.size };
    const sample = await readPart(file, { from: 0, to: Math.min(info.size, SAMPLE_BYTES) });
    headers.set(
      "content-type",
      mediaType(real, decode(sample, info.size > SAMPLE_BYTES) !== undefined),
    );
    headers.set("content-length", String(to - from));
    headers.set("content-disposition", disposition(basename(real), wish.download));
    if (part !== undefined) headers.set("content-range", `bytes ${from}-${to - 1}/${info.size}`);
    const status = part === undefined ? 200 : 206;
    if (wish.headOnly) return new Response(null, { status, headers });
    passedOn = true;
    return new Response(streamPart(file, { from, to }), { status, headers });
  } finally {
    if (!passedOn) await file.handle.close();
  }
}

async function readPart({ handle }: OpenFile, { from, to }: Part): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  let size = 0;
  while (size < bytes.length) {
    const { bytesRead } = await handle.read(bytes, size, bytes.length - size, from + size);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return bytes.subarray(0, size);
}

/** Closes the file when it has been read, or nobody wants more of it. */
function streamPart({ handle }: OpenFile, { from, to }: Part): ReadableStream<Uint8Array> {
  let at = from;
  const next = async () => {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, to - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw new Error("The file became shorter");
    at += bytesRead;
    return piece.subarray(0, bytesRead);
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        if (at < to) controller.enqueue(await next());
        if (at < to) return;
      } catch (error) {
        await handle.close();
        throw error;
      }
      await handle.close();
      controller.close();
    },
    cancel: () => handle.close(),
  }, { highWaterMark: 0 });
}

/** The text that the bytes are; undefined when they are none. */
function decode(bytes: Uint8Array, truncated: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  // The cut may have gone through a letter, of which there are up to four bytes.
  for (let left = 0; left <= (truncated ? Math.min(3, bytes.length) : 0); left++) {
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return decoder.decode(bytes.subarray(0, bytes.length - left));
    } catch { /* not here */ }
  }
  return undefined;
}

/** By the name, unless what is in the file belies it: `.ts` is not always a film. */
function mediaType(path: string, isText: boolean): string {
  const byName = getMimeType(path);
  if (isText && (byName === undefined || !TEXT.test(byName))) return "text/plain; charset=utf-8";
  return byName ?? "application/octet-stream";
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc6266 | RFC 6266: Content-Disposition} */
function disposition(name: string, download: boolean): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${download ? "attachment" : "inline"}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
