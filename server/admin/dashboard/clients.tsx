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
import { Command } from "./copy.tsx";
import { fits, useTagOf } from "./filter.ts";
import { bytes, count, rate, span, words } from "./format.ts";
import { type Rates, useStore } from "./store.ts";
import { troubleOf } from "./trouble.ts";

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

/** What a row needs to be told. */
export interface RowProps {
  onShow: (tag: string) => void;
  onKick: (tag: string) => void;
}

/** What the card does besides. */
export interface ClientsProps extends RowProps {
  /** Whether only clients in trouble are shown. */
  troubled: boolean;
  onTroubled: (only: boolean) => void;
}

/** The card with all clients. */
export function Clients({ onShow, onKick, troubled, onTroubled }: ClientsProps): JSX.Element {
  const { clients, rates, second } = useStore();
  const [filter, setFilter] = useState("");
  const [offline, setOffline] = useState(true);
  const [order, setOrder] = useState<Choice>({ by: "total", down: true });
  const [limit, setLimit] = useState(PAGE_ROWS);
  const typed = filter.trim();
  const tagOfTyped = useTagOf(typed);
  const now = second?.now ?? 0;
  const all = [...clients.values()];
  const inTrouble = all.filter((row) => troubleOf(row, now) !== undefined);
  const rows = useMemo(
    () =>
      sorted(
        (troubled ? inTrouble : all)
          .filter((row) => offline || troubled || row.online)
          .filter((row) => typed === "" || fits(row, typed, tagOfTyped)),
        order,
      ),
    [second, typed, tagOfTyped, offline, troubled, order, clients.size],
  );
  const gone = all.filter((row) => !row.online).length;
  const showAll = () => {
    setFilter("");
    onTroubled(false);
    setOffline(true);
  };
  return (
    <section class="card" aria-labelledby="clients">
      <div class="head">
        <h2 id="clients">
          Clients <span class="badge">{count(all.length - gone)}</span>
        </h2>
        <div class="tools">
          {(troubled || inTrouble.length > 0) && (
            <label class="check">
              <input
                type="checkbox"
                checked={troubled}
                onChange={(event) => onTroubled(event.currentTarget.checked)}
              />
              <span>Only {count(inTrouble.length)} in trouble</span>
            </label>
          )}
          {gone > 0 && !troubled && (
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
            placeholder="Filter or id"
            aria-label="Filter clients by id, tag, comment, address, version or service"
            autocomplete="off"
            spellcheck={false}
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
            {typed !== ""
              ? `No client fits “${typed}”.`
              : troubled
              ? "No client is in trouble."
              : "No client is online."}{" "}
            <button type="button" class="link" onClick={showAll}>Show all</button>
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
                    now={now}
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

function sorted(rows: ClientRow[], { by, down }: Choice): ClientRow[] {
  const { of } = ORDERS[by];
  return rows.sort((a, b) => {
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
  { row, rates, now, onShow, onKick }: RowProps & {
    row: ClientRow;
    rates: Rates | undefined;
    now: number;
  },
): JSX.Element {
  const { tag, online, pool, version, registrations } = row;
  const trouble = troubleOf(row, now);
  const state = online ? trouble?.level ?? "on" : "";
  const moves = rates !== undefined && [...rates.up, ...rates.down].some((rate) => rate > 0);
  const told = [online ? "online" : "offline", trouble?.word.toLowerCase()];
  return (
    <tr role="row" class={online ? "" : "off"}>
      <th role="rowheader" scope="row" class="c-tag">
        <button
          type="button"
          class="tag"
          aria-label={`${[tag, row.comment, ...told].filter(Boolean).join(", ")}: details`}
          onClick={() => onShow(tag)}
        >
          <i class={`state ${state}`} />
          <span class="mono">{tag}</span>
          {row.comment !== undefined && <span class="comment">{row.comment}</span>}
        </button>
        {trouble === undefined
          ? (
            <span class="soft small">
              {row.service !== undefined && <span class="chip">{row.service}</span>}
              {online ? row.peer : words(row.left_why ?? "")}
            </span>
          )
          : (
            <span class="small" title={trouble.says}>
              <b class={trouble.level}>{trouble.word}</b> <span class="soft">{trouble.says}</span>
            </span>
          )}
      </th>
      <td role="cell" class="c-since">
        {online ? span(now - (row.since ?? now)) : `left ${span(now - (row.left_at ?? now))} ago`}
        <span class="soft small">
          {[
            version,
            registrations > 1 ? `registered ${count(registrations)}×` : undefined,
          ].filter(Boolean).join(", ") || "registered once"}
        </span>
      </td>
      <td role="cell" class="c-visitors">
        {count(row.visitors)}
        <span class="soft small">{count(row.visitors + row.served)} in all</span>
      </td>
      <td role="cell" class="c-pool">
        {online ? `${pool.idle} of ${pool.target}` : "—"}
        <span class={pool.waiting > 0 ? "bad small" : "soft small"}>
          {pool.waiting > 0 ? `${count(pool.waiting)} wait` : online ? "warm" : ""}
        </span>
      </td>
      <td role="cell" class={moves ? "c-rate" : "c-rate quiet"}>
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
        <button
          type="button"
          class="small"
          aria-label={`${online ? "Kick" : "Ban"} ${tag}`}
          onClick={() => onKick(tag)}
        >
          {online ? "Kick" : "Ban"}
        </button>
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
      <Command
        text={`${
          token ? "ARP_AUTH_TOKEN=… " : ""
        }arpc --server-addr ${location.hostname}${flags} --local-port 8080`}
      />
      <p class="soft small">
        It appears here as soon as it has registered, under the tag that it logs.
      </p>
    </div>
  );
}
