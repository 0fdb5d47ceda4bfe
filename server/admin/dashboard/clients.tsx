/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * All clients: filter, order, and the way to each.
 *
 * @module
 */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ClientRow } from "../rows.ts";
import { Spark } from "./chart.tsx";
import { bytes, count, rate, span, words } from "./format.ts";
import { type Rates, useStore } from "./store.ts";

/** Rows that are drawn; more on demand. */
const PAGE_ROWS = 50;

/** What the table can be ordered by; the first order of each is the one that is wanted most. */
const ORDERS = {
  tag: { name: "Client", down: false, of: (row: ClientRow) => row.tag },
  since: { name: "Online for", down: true, of: (row: ClientRow) => row.since ?? 0 },
  visitors: { name: "Visitors", down: true, of: (row: ClientRow) => row.visitors },
  pool: { name: "Tunnels", down: true, of: (row: ClientRow) => row.pool.idle },
  rate: {
    name: "Traffic",
    down: true,
    of: (row: ClientRow) => row.down_bytes_per_second + row.up_bytes_per_second,
  },
  total: { name: "Total", down: true, of: (row: ClientRow) => row.down_bytes + row.up_bytes },
} as const;
type Order = keyof typeof ORDERS;

interface Choice {
  by: Order;
  down: boolean;
}

/** What the card needs to be told. */
export interface ClientsProps {
  onShow: (tag: string) => void;
  onKick: (tag: string) => void;
}

/** The card with all clients. */
export function Clients({ onShow, onKick }: ClientsProps): JSX.Element {
  const { clients, rates, second } = useStore();
  const [filter, setFilter] = useState("");
  const [offline, setOffline] = useState(true);
  const [order, setOrder] = useState<Choice>({ by: "total", down: true });
  const [limit, setLimit] = useState(PAGE_ROWS);
  const all = [...clients.values()];
  const rows = useMemo(
    () => choose(all, filter, offline, order),
    [second, filter, offline, order, clients.size],
  );
  const gone = all.filter((row) => !row.online).length;
  return (
    <section class="card" aria-labelledby="clients">
      <div class="head">
        <h2 id="clients">
          Clients <span class="badge">{count(all.length - gone)}</span>
        </h2>
        <div class="tools">
          {gone > 0 && (
            <label class="check">
              <input
                type="checkbox"
                checked={offline}
                onChange={(event) => setOffline(event.currentTarget.checked)}
              />
              <span>{count(gone)} offline</span>
            </label>
          )}
          <input
            type="search"
            placeholder="Filter"
            aria-label="Filter clients by tag, address, version or service"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          <label class="order">
            <span class="soft">Order</span>
            <select
              value={order.by}
              onChange={(event) => {
                const by = event.currentTarget.value as Order;
                setOrder({ by, down: ORDERS[by].down });
              }}
            >
              {Object.entries(ORDERS).map(([by, { name }]) => (
                <option key={by} value={by}>{name}</option>
              ))}
            </select>
          </label>
        </div>
      </div>
      {all.length === 0 ? <NoClients /> : rows.length === 0
        ? (
          <p class="empty">
            {filter === "" ? "No client is online." : `No client fits “${filter}”.`}{" "}
            {filter !== "" && (
              <button
                type="button"
                class="link"
                onClick={() => setFilter("")}
              >
                Show all
              </button>
            )}
          </p>
        )
        : (
          <div class="table" role="region" aria-labelledby="clients" tabIndex={-1}>
            <table role="table" class="clients">
              <thead role="rowgroup">
                <tr role="row">
                  {Object.keys(ORDERS).map((by) => (
                    <Heading key={by} by={by as Order} order={order} onOrder={setOrder} />
                  ))}
                  <th role="columnheader" scope="col">
                    <span class="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody role="rowgroup">
                {rows.slice(0, limit).map((row) => (
                  <Row
                    key={row.tag}
                    row={row}
                    rates={rates.get(row.tag)}
                    now={second?.now ?? 0}
                    onShow={onShow}
                    onKick={onKick}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      {rows.length > limit && (
        <p class="more">
          <button type="button" onClick={() => setLimit(limit + 4 * PAGE_ROWS)}>
            Show more
          </button>
          <span class="soft small">{count(limit)} of {count(rows.length)}</span>
        </p>
      )}
    </section>
  );
}

function choose(
  all: readonly ClientRow[],
  filter: string,
  offline: boolean,
  { by, down }: Choice,
): ClientRow[] {
  const wanted = filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const { of } = ORDERS[by];
  return all
    .filter((row) => offline || row.online)
    .filter(({ tag, peer, version, service, left_why }) => {
      const text = `${tag} ${peer ?? ""} ${version ?? ""} ${service ?? ""} ${left_why ?? ""}`;
      return wanted.every((word) => text.toLowerCase().includes(word));
    })
    .sort((a, b) => {
      if (a.online !== b.online) return a.online ? -1 : 1;
      const [one, two] = [of(a), of(b)];
      const less = one < two ? -1 : one > two ? 1 : 0;
      return (down ? -less : less) || (a.tag < b.tag ? -1 : 1);
    });
}

function Heading(
  { by, order, onOrder }: { by: Order; order: Choice; onOrder: (order: Choice) => void },
): JSX.Element {
  const on = order.by === by;
  const { name, down } = ORDERS[by];
  return (
    <th
      role="columnheader"
      scope="col"
      class={`c-${by}`}
      aria-sort={on ? order.down ? "descending" : "ascending" : "none"}
    >
      <button
        type="button"
        class={on ? "sort on" : "sort"}
        onClick={() => onOrder({ by, down: on ? !order.down : down })}
      >
        {name}
        <span aria-hidden="true">{on ? order.down ? "↓" : "↑" : ""}</span>
      </button>
    </th>
  );
}

function Row(
  { row, rates, now, onShow, onKick }: ClientsProps & {
    row: ClientRow;
    rates: Rates | undefined;
    now: number;
  },
): JSX.Element {
  const { tag, online, pool } = row;
  return (
    <tr role="row" class={online ? "" : "off"}>
      <th role="rowheader" scope="row" class="c-tag">
        <button
          type="button"
          class="tag"
          aria-label={`${tag}, ${online ? "online" : "offline"}: details`}
          onClick={() => onShow(tag)}
        >
          <i class={online ? "state on" : "state"} />
          {tag}
        </button>
        <span class="soft small">
          {row.service !== undefined && <span class="chip">{row.service}</span>}
          {online ? row.peer : words(row.left_why ?? "")}
        </span>
      </th>
      <td role="cell" class="c-since">
        {online ? span(now - (row.since ?? now)) : `left ${span(now - (row.left_at ?? now))} ago`}
        <span class="soft small">
          {row.registrations > 1 ? `${count(row.registrations)} times` : row.version ?? "old arpc"}
        </span>
      </td>
      <td role="cell" class="c-visitors">
        {count(row.visitors)}
        <span class="soft small">{count(row.served)} before</span>
      </td>
      <td role="cell" class="c-pool">
        <span title="warm, of those wanted">{pool.idle}/{pool.target}</span>
        <span class={pool.waiting > 0 ? "bad small" : "soft small"}>
          {pool.waiting > 0 ? `${count(pool.waiting)} wait` : "warm"}
        </span>
      </td>
      <td role="cell" class="c-rate">
        <span class="rates">
          <Spark rates={rates} />
          <span>
            <span class={row.down_bytes_per_second > 0 ? "down" : "still"}>
              ↓ {rate(row.down_bytes_per_second)}
            </span>
            <span class={row.up_bytes_per_second > 0 ? "up" : "still"}>
              ↑ {rate(row.up_bytes_per_second)}
            </span>
          </span>
        </span>
      </td>
      <td role="cell" class="c-total">{bytes(row.down_bytes + row.up_bytes)}</td>
      <td role="cell" class="c-do">
        {online && (
          <button
            type="button"
            class="quiet small"
            aria-label={`Kick ${tag}`}
            onClick={() => onKick(tag)}
          >
            Kick
          </button>
        )}
      </td>
    </tr>
  );
}

function NoClients(): JSX.Element {
  const { about } = useStore();
  const { control, proxy } = about!.ports;
  const { tls, token } = about!.clients_need;
  const flags = [
    control.port === 17001 ? "" : ` --control-port ${control.port}`,
    proxy.port === 17002 ? "" : ` --proxy-port ${proxy.port}`,
    tls ? " --tls" : "",
  ].join("");
  return (
    <div class="empty">
      <p>
        <b>No client is online yet.</b>
      </p>
      <p>Start one beside the service that should be reached, for example on port 8080:</p>
      <pre><code>{token ? "ARP_AUTH_TOKEN=… " : ""}arpc --server-addr {location.hostname}{flags} --local-port 8080</code></pre>
      <p class="soft small">
        It appears here as soon as it has registered, under the tag that it logs.
      </p>
    </div>
  );
}
