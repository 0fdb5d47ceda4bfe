/**
 * How things stand: all that a page that opens has to know, before it hears what changes.
 *
 * @module
 */

import type { Access } from "./access.ts";
import type { Monitor } from "./monitor.ts";
import { NUMBERS } from "./rows.ts";
import type { Sources } from "./served.ts";

/** Clients whose recent rates are told. */
const MAX_HISTORIES = 1000;
/** Seconds of them. */
const ROW_SECONDS = 60;
/** Visitors that have left, and events, that are told. */
const RECENT = 100;

/** What it is made of. */
export interface SnapshotDeps extends Sources {
  readonly access: Access;
  readonly monitor: Monitor;
  /** What clients need to register. */
  readonly needs: { readonly tls: boolean; readonly token: boolean };
}

/** As a stream begins. */
export function snapshot(
  { server, version, monitor, access, needs }: SnapshotDeps,
): unknown {
  const { stats, ports } = server;
  const clients = monitor.clients();
  const histories: Record<string, number[][]> = {};
  for (const { tag } of clients.slice(0, MAX_HISTORIES)) {
    const { up, down } = monitor.history(stats.accounts.find(tag), ROW_SECONDS);
    if (up.length > 0 || down.length > 0) histories[tag] = [up, down];
  }
  return {
    server: { version, since: stats.since, ports, needs_key: access.needsKey, clients_need: needs },
    second: monitor.second,
    history: monitor.history(),
    numbers: NUMBERS,
    clients,
    histories,
    visitors: monitor.recent().slice(0, RECENT),
    events: monitor.events().slice(0, RECENT),
    refusals: monitor.refusals(),
  };
}
