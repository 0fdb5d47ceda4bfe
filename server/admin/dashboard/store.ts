/**
 * What the page knows, and how it keeps up with the server.
 *
 * @module
 */

import { useEffect, useState } from "preact/hooks";
import type { EventRow, Second } from "../monitor.ts";
import type { RefusalRow } from "../refusals.ts";
import type { ClientRow, VisitorRow } from "../rows.ts";
import { Locked, watch } from "./api.ts";

/** Seconds of rates that are shown of the server, and of each client in the table. */
export const SECONDS = 180;
export const ROW_SECONDS = 60;
/** Visitors and events that are kept. */
const KEPT = 200;
/** Wait before the next try to reach the server, in milliseconds; doubles up to the maximum. */
const MIN_WAIT_MS = 1000;
const MAX_WAIT_MS = 15_000;

/** Rates of the last seconds, the oldest first. */
export interface Rates {
  up: number[];
  down: number[];
}

/** How the page stands with the server. */
export type Link =
  | { kind: "opening" }
  | { kind: "live" }
  /** The key is needed. */
  | { kind: "locked" }
  /** Tries again at that time. */
  | { kind: "lost"; until: number; why: string };

interface About {
  version: string;
  since: number;
  ports: Record<"control" | "proxy" | "public", { hostname: string; port: number }>;
  needs_key: boolean;
  clients_need: { tls: boolean; token: boolean };
}

interface Snapshot {
  server: About;
  second: Second;
  history: Rates;
  numbers: string[];
  clients: ClientRow[];
  histories: Record<string, [number[], number[]]>;
  visitors: VisitorRow[];
  events: EventRow[];
  refusals: RefusalRow[];
}

/** All that is shown. */
class Store {
  link: Link = { kind: "opening" };
  about: About | undefined;
  second: Second | undefined;
  history: Rates = { up: [], down: [] };
  clients: Map<string, ClientRow> = new Map();
  rates: Map<string, Rates> = new Map();
  visitors: VisitorRow[] = [];
  events: EventRow[] = [];
  refusals: RefusalRow[] = [];
  #names: string[] = [];
  #hearers = new Set<() => void>();
  #wake: () => void = () => {};

  /** Keeps up with the server until the page is closed. */
  async run(): Promise<never> {
    let wait = MIN_WAIT_MS;
    for (;;) {
      let why = "The server ended the connection.";
      const stop = new AbortController();
      try {
        await watch((event, data) => {
          wait = MIN_WAIT_MS;
          this.#hear(event, data);
        }, stop.signal);
      } catch (error) {
        if (error instanceof Locked) {
          this.about = undefined;
          this.#set({ kind: "locked" });
          await this.#woken(Infinity);
          continue;
        }
        why = error instanceof TypeError || (error as Error).name === "AbortError"
          ? "The server does not answer."
          : (error as Error).message;
      }
      stop.abort();
      this.#set({ kind: "lost", until: Date.now() + wait, why });
      await this.#woken(wait);
      wait = Math.min(wait * 2, MAX_WAIT_MS);
    }
  }

  /** Tries again now. */
  retry(): void {
    this.#wake();
  }

  /** Calls back when something changed. */
  subscribe(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  #woken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #set(link: Link): void {
    this.link = link;
    this.#tell();
  }

  #tell(): void {
    for (const hear of this.#hearers) hear();
  }

  #hear(event: string, data: unknown): void {
    switch (event) {
      case "snapshot":
        this.#begin(data as Snapshot);
        return this.#set({ kind: "live" });
      case "clients": {
        const { changed, gone } = data as { changed: ClientRow[]; gone: string[] };
        for (const row of changed) this.clients.set(row.tag, row);
        for (const tag of gone) {
          this.clients.delete(tag);
          this.rates.delete(tag);
        }
        return;
      }
      case "numbers":
        for (const row of data as [string, ...number[]][]) this.#numbers(row);
        return;
      case "visitors":
        this.visitors = [...(data as VisitorRow[]).reverse(), ...this.visitors].slice(0, KEPT);
        return;
      case "events":
        this.events = [...(data as EventRow[]).reverse(), ...this.events].slice(0, KEPT);
        return;
      case "refusals":
        this.refusals = data as RefusalRow[];
        return;
      // The last of each second.
      case "second":
        this.second = data as Second;
        push(this.history, this.second, SECONDS);
        for (const [tag, row] of this.clients) this.#rate(tag, row);
        this.#tell();
    }
  }

  #begin(snapshot: Snapshot): void {
    this.about = snapshot.server;
    this.second = snapshot.second;
    this.history = { up: padded(snapshot.history.up), down: padded(snapshot.history.down) };
    this.#names = snapshot.numbers;
    this.clients = new Map(snapshot.clients.map((row) => [row.tag, row]));
    this.rates = new Map(
      Object.entries(snapshot.histories).map(([tag, [up, down]]) => [
        tag,
        { up: padded(up, ROW_SECONDS), down: padded(down, ROW_SECONDS) },
      ]),
    );
    this.visitors = snapshot.visitors;
    this.events = snapshot.events;
    this.refusals = snapshot.refusals;
  }

  #numbers([tag, ...values]: [string, ...number[]]): void {
    const row = this.clients.get(tag);
    if (row === undefined) return;
    const pool = { ...row.pool } as Record<string, number>;
    const next = { ...row, pool } as Record<string, unknown>;
    for (const [nth, value] of values.entries()) {
      const name = this.#names[nth + 1]!;
      if (name in pool) pool[name] = value;
      else next[name] = value;
    }
    this.clients.set(tag, next as unknown as ClientRow);
  }

  /** A client that is quiet has no history until it speaks. */
  #rate(tag: string, row: ClientRow): void {
    const rates = this.rates.get(tag);
    if (rates !== undefined) return push(rates, row, ROW_SECONDS);
    if (row.up_bytes_per_second + row.down_bytes_per_second === 0) return;
    const fresh = { up: padded([], ROW_SECONDS), down: padded([], ROW_SECONDS) };
    push(fresh, row, ROW_SECONDS);
    this.rates.set(tag, fresh);
  }
}

function padded(values: readonly number[], size: number = SECONDS): number[] {
  return [...Array<number>(Math.max(0, size - values.length)).fill(0), ...values].slice(-size);
}

function push(
  rates: Rates,
  row: { up_bytes_per_second: number; down_bytes_per_second: number },
  size: number,
): void {
  rates.up = [...rates.up, row.up_bytes_per_second].slice(-size);
  rates.down = [...rates.down, row.down_bytes_per_second].slice(-size);
}

/** What the page knows. */
export const store: Store = new Store();

/** The store, for a component that is drawn again when it changes. */
export function useStore(): Store {
  const [, change] = useState(0);
  useEffect(() => store.subscribe(() => change((nth) => nth + 1)), []);
  return store;
}
