/**
 * Finding clients by what is typed.
 *
 * @module
 */

import { useEffect, useState } from "preact/hooks";
import type { ClientRow } from "../rows.ts";

/** What may be a client's id. */
const CLIENT_ID = /^[A-Za-z0-9._~:@-]{1,128}$/;

/**
 * The tag of a client of that id: the first 8 hexadecimal digits of its SHA-256. It is made here, so
 * that the id, which is a secret, does not leave the page.
 */
export function useTagOf(id: string): string | undefined {
  const [found, setFound] = useState<{ id: string; tag: string } | undefined>();
  useEffect(() => {
    // Without TLS a browser has it for pages of its own machine alone.
    if (!CLIENT_ID.test(id) || crypto.subtle === undefined) return;
    let current = true;
    void crypto.subtle.digest("SHA-256", new TextEncoder().encode(id)).then((digest) => {
      const bytes = [...new Uint8Array(digest, 0, 4)];
      const tag = `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
      if (current) setFound({ id, tag });
    });
    return () => void (current = false);
  }, [id]);
  return found?.id === id ? found.tag : undefined;
}

/** Whether a client fits what is typed: its words, or its id, of which there is the tag. */
export function fits(row: ClientRow, typed: string, tagOfTyped: string | undefined): boolean {
  if (row.tag === tagOfTyped) return true;
  const { tag, comment, peer, version, service, left_why } = row;
  const text = [tag, comment, peer, version, service, left_why].join(" ").toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
