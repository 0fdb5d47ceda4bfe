/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * What needs the owner's attention, above all else; nothing while all is well.
 *
 * @module
 */

import type { JSX } from "preact";
import { ClientName } from "./client_name.tsx";
import { count } from "./format.ts";
import { useStore } from "./store.ts";
import { serverTroubles, type Trouble, troubleOf } from "./trouble.ts";

/** Clients that are named of those with the same trouble. */
const NAMED = 4;

/** A line for each trouble, the worst first. */
export function Attention({ onShow, onTroubled }: {
  onShow: (tag: string) => void;
  onTroubled: () => void;
}): JSX.Element | null {
  const { clients, second, refusals } = useStore();
  const now = second?.now ?? 0;
  const byWord = new Map<string, { trouble: Trouble; tags: string[] }>();
  for (const row of clients.values()) {
    const trouble = troubleOf(row, now);
    if (trouble === undefined) continue;
    const same = byWord.get(trouble.word);
    if (same !== undefined) same.tags.push(row.tag);
    else byWord.set(trouble.word, { trouble, tags: [row.tag] });
  }
  const lines = [
    ...serverTroubles(second, refusals).map((trouble) => ({ trouble, tags: [] as string[] })),
    ...byWord.values(),
  ].sort((one, other) => rank(one.trouble) - rank(other.trouble));
  if (lines.length === 0) return null;
  return (
    <section class="attention" aria-label="Needs attention">
      <ul role="list">
        {lines.map(({ trouble: { level, word, says }, tags }) => (
          <li key={word} class={level}>
            <i class="sign" aria-hidden="true">!</i>
            <span>
              <b>{word}</b>
              {tags.length === 1 && <Names tags={tags} onShow={onShow} />}
              {tags.length > 1 && <Names tags={tags.slice(0, NAMED)} onShow={onShow} />}
              {tags.length <= 1 && says !== "" && <span class="says">{says}</span>}
              {tags.length > NAMED && (
                <button type="button" class="link" onClick={onTroubled}>
                  and {count(tags.length - NAMED)} more
                </button>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Names({ tags, onShow }: { tags: string[]; onShow: (tag: string) => void }): JSX.Element {
  return <>{tags.map((tag) => <ClientName key={tag} tag={tag} onShow={onShow} />)}</>;
}

function rank({ level }: Trouble): number {
  return level === "bad" ? 0 : 1;
}
