/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Sending a client away, and keeping it away.
 *
 * @module
 */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ClientRow } from "../rows.ts";
import { post } from "./api.ts";
import { Dialog } from "./dialog.tsx";
import { count } from "./format.ts";

/** For so many seconds it may not register again. */
const BANS: readonly [number, string][] = [
  [0, "at once"],
  [60, "after 1 minute"],
  [600, "after 10 minutes"],
  [3600, "after 1 hour"],
  [86400, "after 1 day"],
  [7 * 86400, "after 1 week"],
  [30 * 86400, "after 30 days"],
  [365 * 86400, "after 1 year"],
];

/** Asks whether it is meant, and does it. */
export function KickDialog(
  { row, tag, onClose }: { row: ClientRow | undefined; tag: string; onClose: () => void },
): JSX.Element {
  // It may leave or come while it is asked about, and the question stays the same.
  const [online] = useState(row?.online === true);
  const [ban, setBan] = useState(online ? 60 : 3600);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | undefined>();
  const visitors = row?.visitors ?? 0;
  const what = online ? "Kick" : "Ban";
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await post(`/api/clients/${tag.slice(1)}/kick`, { ban_s: ban });
      onClose();
    } catch (error) {
      setTrouble((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog class="ask" label={`${what} ${tag}`} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <h2>
          {what} <span class="mono">{tag}</span> {row?.comment}?
        </h2>
        <p>
          {online ? "Its link to this server ends" : "Visitors that it has left behind end"}
          {!online || visitors === 0
            ? ""
            : visitors === 1
            ? ", and so does the connection of its visitor"
            : `, and so do the connections of its ${count(visitors)} visitors`}.
        </p>
        <label class="field">
          It may come back
          <select
            value={ban}
            onChange={(event) => setBan(Number(event.currentTarget.value))}
          >
            {BANS.slice(online ? 0 : 1).map(([seconds, name]) => (
              <option key={seconds} value={seconds}>{name}</option>
            ))}
          </select>
        </label>
        <p class="hint soft small">
          A ban is listed under Bans, where it can be lifted. It ends when arps restarts.
        </p>
        <p class="trouble" role="alert">{trouble}</p>
        <p class="actions">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="danger" disabled={busy}>{what}</button>
        </p>
      </form>
    </Dialog>
  );
}
