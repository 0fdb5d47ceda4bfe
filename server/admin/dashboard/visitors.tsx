/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Visitors: those that have left lately, and those that are there.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { VisitorRow } from "../rows.ts";
import { get, post } from "./api.ts";
import { ClientName } from "./client_name.tsx";
import { bytes, clock, count, duration } from "./format.ts";
import { useStore } from "./store.ts";

/** Rows that are drawn. */
const ROWS = 60;

/** The card with visitors. */
export function Visitors({ onShow }: { onShow: (tag: string) => void }): JSX.Element {
  const { visitors, second, clients: known } = useStore();
  const [live, setLive] = useState<VisitorRow[] | undefined>();
  const [now, showNow] = useState(false);
  const [filter, setFilter] = useState("");
  useEffect(() => {
    if (!now) return;
    let current = true;
    void get<{ live: VisitorRow[] }>("/api/visitors").then(
      (found) => current && setLive(found.live),
      () => {},
    );
    return () => current = false;
  }, [now, second]);
  const wanted = filter.toLowerCase();
  const all = now ? live ?? [] : visitors;
  const rows = all.filter(({ address, protocol, clients, end = "" }) =>
    [address, protocol, ...clients, ...clients.map((tag) => known.get(tag)?.comment), end].join(" ")
      .toLowerCase().includes(wanted)
  ).slice(0, ROWS);
  return (
    <section class="card" aria-labelledby="visitors">
      <div class="head">
        <h2 id="visitors">Visitors</h2>
        <div class="tools">
          <div class="switch" role="group" aria-label="Which visitors">
            <button type="button" aria-pressed={!now} onClick={() => showNow(false)}>Recent</button>
            <button type="button" aria-pressed={now} onClick={() => showNow(true)}>Live</button>
          </div>
          <input
            type="search"
            placeholder="Filter"
            aria-label="Filter visitors by address, protocol, client or end"
            autocomplete="off"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
      </div>
      {rows.length === 0
        ? <p class="empty">{nothing(now, filter)}</p>
        : (
          <div class="table scroll" role="region" aria-labelledby="visitors" tabIndex={0}>
            <table role="table" class="visitors">
              <thead role="rowgroup">
                <tr role="row">
                  <th role="columnheader" scope="col">{now ? "Came" : "Left"}</th>
                  <th role="columnheader" scope="col">Address</th>
                  <th role="columnheader" scope="col">Client</th>
                  <th role="columnheader" scope="col">Data</th>
                  <th role="columnheader" scope="col">Stay</th>
                  <th role="columnheader" scope="col">Requests</th>
                  <th role="columnheader" scope="col">
                    {now ? <span class="hidden">Actions</span> : "End"}
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {rows.map((row) => <Row key={row.nth} row={row} onShow={onShow} />)}
              </tbody>
            </table>
          </div>
        )}
    </section>
  );
}

function Row(
  { row, onShow }: { row: VisitorRow; onShow: (tag: string) => void },
): JSX.Element {
  const { end } = row;
  const good = end === "done" || end === "drained";
  const [ending, setEnding] = useState(false);
  const kick = () => {
    setEnding(true);
    // One that has left meanwhile is what was wanted.
    void post(`/api/visitors/${row.nth}/kick`).catch(() => setEnding(false));
  };
  return (
    <tr role="row">
      <td role="cell" class="v-time">
        {clock(end === undefined ? row.since : row.since + row.ms)}
      </td>
      <td role="cell" class="v-from">
        {row.address}
        <span class="chip">{row.protocol}</span>
      </td>
      <td role="cell" class="v-client">
        {row.clients.length === 0
          ? <span class="soft">—</span>
          : row.clients.slice(0, 3).map((tag) => (
            <ClientName
              key={tag}
              tag={tag}
              onShow={onShow}
            />
          ))}
      </td>
      <td role="cell" class="v-data">
        <span class="down">↓ {bytes(row.down_bytes)}</span>{" "}
        <span class="up">↑ {bytes(row.up_bytes)}</span>
      </td>
      <td role="cell" class="v-stay">{duration(row.ms)}</td>
      <td role="cell" class="v-requests" data-unit={row.requests === 1 ? "request" : "requests"}>
        {row.requests === undefined ? <span class="soft">—</span> : count(row.requests)}
      </td>
      <td role="cell" class={good ? "v-end soft" : "v-end"}>
        {end ?? (
          <button
            type="button"
            class="small"
            disabled={ending}
            aria-label={`End the visit of ${row.address}`}
            onClick={kick}
          >
            End
          </button>
        )}
      </td>
    </tr>
  );
}

function nothing(now: boolean, filter: string): string {
  if (filter !== "") return `No visitor fits “${filter}”.`;
  return now
    ? "Nobody is here right now."
    : "No visitor has come yet. Open one of the URLs that arpc prints.";
}
