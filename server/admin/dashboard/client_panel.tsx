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
import { troubleOf } from "./trouble.ts";

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
  const trouble = troubleOf(row, now);
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
      {row.comment !== undefined && <p class="comment">{row.comment}</p>}
      {trouble !== undefined && (
        <p class={`trouble-line ${trouble.level}`}>
          <b>{trouble.word}</b>
          {trouble.says !== "" && `: ${trouble.says}`}
        </p>
      )}
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
          arpc {row.version ?? "of an unknown version"}
          {row.online && `, protocol ${row.generation}`}
        </Fact>
        <Fact name={row.online ? "Online for" : "Left"}>
          {row.online
            ? `${span(now - (row.since ?? now))}, since ${clock(row.since ?? now)}`
            : `${span(now - (row.left_at ?? now))} ago: ${words(row.left_why ?? "unknown")}`}
        </Fact>
        {row.service !== undefined && <Fact name="Service">{row.service}</Fact>}
        <Fact name="Aliases">{count(row.aliases)}</Fact>
        <Fact name="Visitors">
          {count(row.visitors)} now, {count(row.visitors + row.served)} in all
        </Fact>
        {row.failed + row.turned_away + row.limited > 0 && (
          <Fact name="Failed">
            {[
              [row.failed, "found the service unreachable"],
              [row.turned_away, "got no tunnel"],
              [row.limited, "were one too many"],
            ].filter(([times]) => times !== 0).map(([times, what]) =>
              `${count(Number(times))} ${what}`
            ).join(", ")}
          </Fact>
        )}
        <Fact name="Data">
          <span class="down">↓ {bytes(row.down_bytes)}</span>{" "}
          <span class="up">↑ {bytes(row.up_bytes)}</span>
        </Fact>
        <Fact name="Tunnels">
          {row.pool.idle} warm of {row.pool.target} wanted, {row.pool.asked} on their way
        </Fact>
        <Fact name="Waits">
          {row.waited === 0 ? "nobody" : count(row.waited)} had to wait
          {row.waited > 0 && `, ${delay(row.mean_wait_ms)} on average`}; {count(row.warm)}{" "}
          found a warm tunnel
        </Fact>
        <Fact name="Stale tunnels">{count(row.stale_tunnels)}</Fact>
        <Fact name="Registered">
          {row.registrations === 1 ? "once" : `${count(row.registrations)}×`}
          {departures.length > 0 && (
            <>
              ; left: {departures.map(([why, times]) => `${words(why)} ${times}×`).join(", ")}
            </>
          )}
        </Fact>
      </dl>
      <p class="actions">
        <button type="button" class="danger" onClick={() => onKick(row.tag)}>
          {row.online ? "Kick…" : "Ban…"}
        </button>
      </p>
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
