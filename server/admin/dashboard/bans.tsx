/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Clients that may not come back yet, and a way to let them.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, remove } from "./api.ts";
import { ClientName } from "./client_name.tsx";
import { span } from "./format.ts";
import { useStore } from "./store.ts";

/** A ban that is in force. */
export interface BanRow {
  tag: string;
  comment?: string;
  until: number;
}

/** Those in force, as they change. */
export function useBans(): [BanRow[], lift: (tag: string) => Promise<void>] {
  const { events, second } = useStore();
  const [bans, setBans] = useState<BanRow[]>([]);
  const [lifted, setLifted] = useState(0);
  const last = events.find(({ kind }) => kind === "kicked" || kind === "unbanned")?.nth;
  useEffect(() => {
    let current = true;
    void get<{ bans: BanRow[] }>("/api/bans").then(
      (found) => current && setBans(found.bans),
      () => {},
    );
    return () => void (current = false);
  }, [last, lifted]);
  const lift = async (tag: string) => {
    // One that has ended meanwhile is what was wanted.
    await remove(`/api/bans/${tag.slice(1)}`).catch(() => {});
    setLifted((times) => times + 1);
  };
  return [bans.filter(({ until }) => until > (second?.now ?? 0)), lift];
}

/** The one that ends first stands first. */
export function Bans({ bans, onLift, onShow }: {
  bans: readonly BanRow[];
  onLift: (tag: string) => Promise<void>;
  onShow: (tag: string) => void;
}): JSX.Element {
  const { clients, second } = useStore();
  if (bans.length === 0) {
    return <p class="empty">Nobody is banned. Who kicks a client can keep it away for a while.</p>;
  }
  return (
    <ol class="events bans scroll" role="list" tabIndex={0} aria-labelledby="events">
      {bans.map(({ tag, comment, until }) => (
        <li key={tag}>
          <i class="mark bad" />
          <span>
            <ClientName tag={tag} onShow={onShow} />
            {!clients.has(tag) && comment !== undefined && ` ${comment}`}
            <span class="soft small">{span(until - (second?.now ?? until))} left</span>
          </span>
          <button
            type="button"
            class="small"
            aria-label={`Lift the ban of ${tag}`}
            onClick={() => void onLift(tag)}
          >
            Lift
          </button>
        </li>
      ))}
    </ol>
  );
}
