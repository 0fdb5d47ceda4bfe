/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * The name of a client, and the way to it.
 *
 * @module
 */

import type { JSX } from "preact";
import { store } from "./store.ts";

/** Its tag, and what the owner calls it; a link while there is anything to show. */
export function ClientName(
  { tag, onShow }: { tag: string; onShow: (tag: string) => void },
): JSX.Element {
  const row = store.clients.get(tag);
  if (row === undefined) return <span class="mono">{tag}</span>;
  return (
    <button type="button" class="link" onClick={() => onShow(tag)}>
      <span class="mono">{tag}</span>
      {row.comment !== undefined && ` ${row.comment}`}
    </button>
  );
}
