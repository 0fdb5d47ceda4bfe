/**
 * Which part of a file a request is for, and whether its sender has it already.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-13 | RFC 9110 §13 and §14}
 * @module
 */

/** From the first byte on, up to but without the last. */
export interface Part {
  from: number;
  to: number;
}

/**
 * The part that a `Range` asks for; undefined for all of it, as when it asks for several or in other
 * units, and `"none"` when there is no such part.
 */
export function partOf(range: string | undefined, size: number): Part | "none" | undefined {
  const match = /^bytes=[ \t]*([0-9]{0,15})-([0-9]{0,15})[ \t]*$/i.exec(range ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const count = Math.min(Number(last), size);
    return count === 0 ? "none" : { from: size - count, to: size };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return undefined;
  if (from >= size) return "none";
  return { from, to: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/** A name for what a file holds: another one once it was written. Weak, as clocks are coarse. */
export function tagOf(info: { size: number; mtimeMs: number }): string {
  return `W/"${Math.floor(info.mtimeMs * 1000).toString(36)}-${info.size.toString(36)}"`;
}

/** Whether `If-None-Match` names the tag. */
export function isKnown(noneMatch: string | undefined, tag: string): boolean {
  if (noneMatch === undefined) return false;
  if (noneMatch.trim() === "*") return true;
  const opaque = (one: string) => one.trim().replace(/^W\//, "");
  return noneMatch.split(",").some((one) => opaque(one) === opaque(tag));
}
