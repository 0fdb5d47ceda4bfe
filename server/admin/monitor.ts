/**
 * Looks at the server once a second, and remembers for a while what it saw: rates, visitors that
 * left, and what happened to clients.
 *
 * @module
 */

import type { Client } from "../registry.ts";
import type { Account } from "../stats/account.ts";
import type { Happening } from "../stats.ts";
import { type RefusalRow, Refusals } from "./refusals.ts";
import { Ring } from "./ring.ts";
import {
  type ClientRow,
  clientRow,
  liveRow,
  type NumbersRow,
  numbersRow,
  type VisitorRow,
  visitorRow,
} from "./rows.ts";
import { online, processorSeconds, type Sources } from "./served.ts";
import { SECONDS, Track } from "./track.ts";

const EVERY_MS = 1000;
/** Visitors that left, and events, that are remembered. */
const VISITORS = 500;
const EVENTS = 200;
/** Of these, told in one second at most; the rest is seen by who asks for the list. */
const VISITORS_A_SECOND = 50;
const EVENTS_A_SECOND = 50;

/** Something that happened to a client, or to the server. */
export interface EventRow {
  nth: number;
  /** Milliseconds since 1970. */
  at: number;
  kind: Exclude<Happening["kind"], "visitor">;
  client?: string;
  peer?: string;
  why?: string;
  version?: string | undefined;
  seconds?: number;
}

/** The server in one second. */
export interface Second {
  now: number;
  clients: number;
  visitors: number;
  waiting: number;
  idle_tunnels: number;
  up_bytes: number;
  down_bytes: number;
  up_bytes_per_second: number;
  down_bytes_per_second: number;
  /** Visitors that have left since the start. */
  served: number;
  wait_p95_ms: number;
  event_loop_delay_ms: number;
  memory_bytes: number;
  /** Processor time used, of one processor. */
  cpu: number;
  draining: boolean;
  /** When the certificate in use expires, where there is one. */
  certificate_expires?: number;
  /** What its owner should know of that by now. */
  certificate_trouble?: string;
}

/** What is told each second; an empty list is left out. */
export interface Change {
  second: Second;
  /** Clients that came, left, or came again. */
  clients?: ClientRow[];
  /** Clients that are forgotten. */
  gone?: string[];
  /** Clients whose numbers changed. */
  numbers?: NumbersRow[];
  visitors?: VisitorRow[];
  events?: EventRow[];
  /** All that is refused, when any of it changed. */
  refusals?: RefusalRow[];
}

/** The server's recent past. */
export class Monitor implements Disposable {
  #total = new Track({ up: 0, down: 0 }, true);
  #tracks = new Map<Account, Track>();
  #visitors = new Ring<VisitorRow>(VISITORS);
  #events = new Ring<EventRow>(EVENTS);
  #refusals = new Refusals();
  #news: { visitors: VisitorRow[]; events: EventRow[] } = { visitors: [], events: [] };
  #nth = 0;
  #at = performance.now();
  #cpu = processorSeconds();
  #second: Second;
  #hearers = new Set<(change: Change) => void>();
  #stack = new DisposableStack();

  constructor(private readonly from: Sources) {
    this.#second = this.#look(1);
    const timer = setInterval(() => this.look(), EVERY_MS);
    this.#stack.defer(() => clearInterval(timer));
    this.#stack.use(from.server.stats.listen((what) => this.#happened(what)));
  }

  /** Calls `hear` each second with what is new, until disposed. */
  listen(hear: (change: Change) => void): Disposable {
    this.#hearers.add(hear);
    return { [Symbol.dispose]: () => void this.#hearers.delete(hear) };
  }

  /** How many listen. */
  get listeners(): number {
    return this.#hearers.size;
  }

  /** The server in the last second. */
  get second(): Second {
    return this.#second;
  }

  /** Bytes a second of the server, or of one client, the oldest first; empty when all were 0. */
  history(account?: Account, count: number = SECONDS): { up: number[]; down: number[] } {
    const track = account === undefined ? this.#total : this.#tracks.get(account);
    return { up: track?.ups.last(count) ?? [], down: track?.downs.last(count) ?? [] };
  }

  /** All clients that are known: online ones, and for a while those that left. */
  clients(): ClientRow[] {
    const { stats } = this.from.server;
    const clients = online(this.from.server);
    return Array.from(stats.accounts, (account) => this.#row(account, clients.get(account.tag)));
  }

  /** One of them. */
  client(tag: string): ClientRow | undefined {
    const account = this.from.server.stats.accounts.find(tag);
    return account && this.#row(account, online(this.from.server).get(tag));
  }

  /** Visitors that are there, the newest first; `count` at most. */
  live(count: number): VisitorRow[] {
    return [...this.from.server.visitors].slice(-count).reverse().map(liveRow);
  }

  /** Visitors that have left, the last first. */
  recent(): VisitorRow[] {
    return this.#visitors.items().reverse();
  }

  /** What happened, the last first. */
  events(): EventRow[] {
    return this.#events.items().reverse();
  }

  /** All that is refused, and how often. */
  refusals(): readonly RefusalRow[] {
    return this.#refusals.rows;
  }

  /** Looks now, and tells who listens. */
  look(): void {
    const now = performance.now();
    const seconds = Math.max(now - this.#at, 1) / 1000;
    this.#at = now;
    this.#second = this.#look(seconds);
    const { visitors, events } = this.#news;
    this.#news = { visitors: [], events: [] };
    const gone = this.#forget();
    const refusals = this.#refusals.look(this.from.server.stats) ? this.refusals() : [];
    if (this.#hearers.size === 0) return;
    const changed = { gone, ...this.#changed() };
    const change: Change = { second: this.#second };
    for (const [name, rows] of Object.entries({ ...changed, visitors, events, refusals })) {
      if (rows.length > 0) Object.assign(change, { [name]: rows });
    }
    for (const hear of this.#hearers) hear(change);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #row(account: Account, client: Client | undefined): ClientRow {
    const rates = this.#tracks.get(account) ?? { up: 0, down: 0 };
    // The owner may have written something else meanwhile.
    if (client !== undefined) account.comment = this.from.server.commentOf(client);
    return clientRow({ account, client, rates });
  }

  #look(seconds: number): Second {
    const { server, lag } = this.from;
    const { accounts, waits } = server.stats;
    const sum = { up: 0, down: 0 };
    const forgotten = accounts.forgotten.traffic;
    sum.up += forgotten.up;
    sum.down += forgotten.down;
    let served = accounts.forgotten.served;
    const clients = online(server);
    for (const account of accounts) {
      let track = this.#tracks.get(account);
      if (track === undefined) {
        this.#tracks.set(account, track = new Track(account.traffic, this.#second !== undefined));
      }
      track.look(account.traffic, seconds);
      track.lookAt(account, clients.get(account.tag)?.pool);
      sum.up += account.traffic.up;
      sum.down += account.traffic.down;
      served += account.served;
    }
    this.#total.look(sum, seconds);
    let visitors = 0;
    for (const _ of server.visitors) visitors++;
    let [waiting, idle] = [0, 0];
    for (const { pool } of server.clients) {
      waiting += pool.waiting;
      idle += pool.idle;
    }
    const cpu = processorSeconds();
    const used = (cpu - this.#cpu) / seconds;
    this.#cpu = cpu;
    return {
      now: Date.now(),
      clients: server.clients.size,
      visitors,
      waiting,
      idle_tunnels: idle,
      up_bytes: sum.up,
      down_bytes: sum.down,
      up_bytes_per_second: Math.round(this.#total.up),
      down_bytes_per_second: Math.round(this.#total.down),
      served,
      wait_p95_ms: Math.round(waits.quantile(.95) * 10_000) / 10,
      event_loop_delay_ms: Math.round(lag.takeWorst() * 10_000) / 10,
      memory_bytes: Deno.memoryUsage().rss,
      cpu: Math.round(used * 1000) / 1000,
      draining: server.draining,
      ...certificateOf(server),
    };
  }

  /** Forgets what the accounts have forgotten. */
  #forget(): string[] {
    const { accounts } = this.from.server.stats;
    const gone: string[] = [];
    for (const account of this.#tracks.keys()) {
      if (accounts.find(account.tag) === account) continue;
      this.#tracks.delete(account);
      gone.push(account.tag);
    }
    return gone;
  }

  /** What of the clients is new since this was asked last. */
  #changed(): { clients: ClientRow[]; numbers: NumbersRow[] } {
    const clients = online(this.from.server);
    const changed = { clients: [] as ClientRow[], numbers: [] as NumbersRow[] };
    for (const [account, track] of this.#tracks) {
      const client = clients.get(account.tag);
      const numbers = numbersRow({ account, client, rates: track });
      const text = numbers.join();
      if (client !== track.client || track.told === "") {
        changed.clients.push(this.#row(account, client));
      } else if (text !== track.told) changed.numbers.push(numbers);
      track.client = client;
      track.told = text;
    }
    return changed;
  }

  #happened(what: Happening): void {
    if (what.kind === "visitor") {
      const row = visitorRow(what.visitor);
      this.#visitors.push(row);
      if (this.#news.visitors.length < VISITORS_A_SECOND) this.#news.visitors.push(row);
      return;
    }
    const row: EventRow = { nth: ++this.#nth, at: Date.now(), ...what };
    this.#events.push(row);
    if (this.#news.events.length < EVENTS_A_SECOND) this.#news.events.push(row);
  }
}

function certificateOf(
  { expires, expiring }: Sources["server"],
): Pick<Second, "certificate_expires" | "certificate_trouble"> {
  const trouble = expiring?.();
  return {
    ...(expires === undefined ? {} : { certificate_expires: expires().getTime() }),
    ...(trouble === undefined ? {} : { certificate_trouble: trouble }),
  };
}
