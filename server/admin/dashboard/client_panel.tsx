/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * All that is known of one client.
 *
 * @module
 */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ClientRow } from "../rows.ts";
import { get } from "./api.ts";
import { TrafficChart } from "./chart.tsx";
import { Dialog } from "./dialog.tsx";
import { bytes, clock, count, delay, rate, span, words } from "./format.ts";
import { type Rates, SECONDS, useStore } from "./store.ts";

type Details = ClientRow & { history: Rates };

/** A client, beside the page. */
export function ClientPanel({ row, onClose, onKick }: {
  row: ClientRow;
  onClose: () => void;
  onKick: (tag: string) => void;
}): JSX.Element {
  const { second } = useStore();
  const [details, setDetails] = useState<Details | undefined>();
  const now = second?.now ?? 0;
  useEffect(() => {
    let current = true;
    void get<Details>(`/api/clients/${row.tag.slice(1)}`).then(
      (found) => current && setDetails(found),
      () => {},
    );
    return () => current = false;
  }, [row.tag, now]);
  const shown = details?.tag === row.tag ? { ...details, ...row } : row;
  const departures = Object.entries(details?.departures ?? row.departures);
  return (
    <Dialog class="panel" label={`Client ${row.tag}`} onClose={onClose}>
      <div class="head">
        <h2 class="mono">{row.tag}</h2>
        <span class={row.online ? "pill good" : "pill"}>
          <i />
          {row.online ? "Online" : "Offline"}
        </span>
        <button type="button" class="quiet close" aria-label="Close" onClick={onClose}>✕</button>
      </div>
      <dl class="legend">
        <div>
          <dt>
            <i class="key down" />Down
          </dt>
          <dd>{rate(row.down_bytes_per_second)}</dd>
        </div>
        <div>
          <dt>
            <i class="key up" />Up
          </dt>
          <dd>{rate(row.up_bytes_per_second)}</dd>
        </div>
      </dl>
      <TrafficChart rates={padded(details?.history)} height={150} />
      <dl class="list">
        <Fact name="From">{row.peer ?? "—"}</Fact>
        <Fact name="Program">
          {row.online
            ? `arpc ${row.version ?? "of an old version"}, protocol ${row.generation}`
            : "—"}
        </Fact>
        <Fact name={row.online ? "Online for" : "Left"}>
          {row.online
            ? `${span(now - (row.since ?? now))}, since ${clock(row.since ?? now)}`
            : `${span(now - (row.left_at ?? now))} ago: ${words(row.left_why ?? "unknown")}`}
        </Fact>
        {row.service !== undefined && <Fact name="Service">{row.service}</Fact>}
        <Fact name="Aliases">{count(row.aliases)}</Fact>
        <Fact name="Visitors">{count(row.visitors)} now, {count(row.served)} before</Fact>
        <Fact name="Data">
          <span class="down">↓ {bytes(row.down_bytes)}</span>{" "}
          <span class="up">↑ {bytes(row.up_bytes)}</span>
        </Fact>
        <Fact name="Tunnels">
          {row.pool.idle} warm of {row.pool.target} wanted, {row.pool.asked} on their way
        </Fact>
        <Fact name="Waits">
          {shown.waited === 0 ? "nobody" : count(shown.waited)} had to wait
          {shown.waited > 0 && `, ${delay(shown.mean_wait_ms)} on average`}; {count(shown.warm)}
          {" "}
          found a warm tunnel
        </Fact>
        <Fact name="Stale tunnels">{count(shown.stale_tunnels)}</Fact>
        <Fact name="Registered">
          {count(row.registrations)} {row.registrations === 1 ? "time" : "times"}
          {departures.length > 0 && (
            <>
              ; left: {departures.map(([why, times]) => `${words(why)} ${times}×`).join(", ")}
            </>
          )}
        </Fact>
      </dl>
      {row.online && (
        <p class="actions">
          <button type="button" class="danger" onClick={() => onKick(row.tag)}>Kick…</button>
        </p>
      )}
    </Dialog>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function padded(rates: Rates = { up: [], down: [] }): Rates {
  const fill = (
    values: number[],
  ) => [...Array<number>(Math.max(0, SECONDS - values.length)).fill(0), ...values];
  return { up: fill(rates.up), down: fill(rates.down) };
}
