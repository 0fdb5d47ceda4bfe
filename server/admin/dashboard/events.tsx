/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * What happened to clients, and to the server.
 *
 * @module
 */

import type { JSX } from "preact";
import type { EventRow } from "../monitor.ts";
import { ClientName } from "./client_name.tsx";
import { clock, span, words } from "./format.ts";
import { useStore } from "./store.ts";

/** Events that are drawn. */
const ROWS = 80;

/** How each kind is marked, and said. */
const KINDS: Record<EventRow["kind"], { mark: string; say: (event: EventRow) => string }> = {
  registered: {
    mark: "good",
    say: ({ peer, version }) => `registered from ${peer}${version ? `, arpc ${version}` : ""}`,
  },
  left: { mark: "soft", say: ({ why = "" }) => `left: ${words(why)}` },
  refused: { mark: "bad", say: ({ peer, why }) => `from ${peer} was refused: ${why}` },
  tunnel_refused: { mark: "warn", say: ({ peer, why }) => `Tunnel from ${peer} refused: ${why}` },
  kicked: {
    mark: "warn",
    say: ({ seconds = 0 }) =>
      seconds === 0 ? "was kicked" : `was kicked, and banned for ${span(seconds * 1000)}`,
  },
  unbanned: { mark: "soft", say: () => "is banned no more" },
  draining: {
    mark: "warn",
    say: ({ seconds = 0 }) => `The server stops, within ${span(seconds * 1000)}`,
  },
};

/** The last of them first. */
export function Events({ onShow }: { onShow: (tag: string) => void }): JSX.Element {
  const { events } = useStore();
  if (events.length === 0) {
    return <p class="empty">Nothing has happened yet. Clients that come and go are noted here.</p>;
  }
  return (
    <ol class="events scroll" role="list" tabIndex={0} aria-labelledby="events">
      {events.slice(0, ROWS).map((event) => {
        const { mark, say } = KINDS[event.kind];
        const { client } = event;
        return (
          <li key={event.nth}>
            <i class={`mark ${mark}`} />
            <time>{clock(event.at)}</time>
            <span>
              {client !== undefined && <ClientName tag={client} onShow={onShow} />} {say(event)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
