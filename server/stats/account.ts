/**
 * What is counted of one client, over all of its registrations: a link that is lost and comes back
 * is the same client, and its totals go on.
 *
 * @module
 */

import type { Traffic } from "@agentx/common";
import { type Histogram, Tally } from "./tally.ts";

/** Why a visitor got no tunnel. */
export type NoTunnel = "queue_full" | "timeout" | "offline";

/** What all clients together wait for. */
export interface Waits {
  /** Of visitors that found no warm tunnel and got one later. */
  readonly waits: Histogram;
  /** How visitors came to a tunnel, or why not. */
  readonly takes: Tally;
}

/** The numbers that only ever grow. */
const COUNTERS = [
  "registrations",
  "served",
  "warm",
  "waited",
  "waitedSeconds",
  "turnedAway",
  "limited",
  "failed",
  "opened",
  "reused",
  "lost",
  "stale",
] as const;

/** What a client said of itself when it registered last. */
export interface Introduction {
  readonly peer: string;
  readonly version: string | undefined;
  readonly service?: string | undefined;
}

/** Numbers of one client, or of several that were added up. */
export class Account {
  /** Bytes of its visitors, live. */
  readonly traffic: Traffic = { up: 0, down: 0 };
  /** Why its links ended, and how often. */
  readonly left: Tally = new Tally();
  registrations = 0;
  /** Visitors that have left. */
  served = 0;
  /** Visitors that found a warm tunnel; that had to wait, and for how long; that got none. */
  warm = 0;
  waited = 0;
  waitedSeconds = 0;
  turnedAway = 0;
  /** Visitors that were one too many for it. */
  limited = 0;
  /** Visitors that met no service, or one that says nothing of use (502). */
  failed = 0;
  /** How many of them since it last served one. */
  failing = 0;
  /** When the last of each was, by `Date.now()`; 0 before there was one. */
  turnedAwayAt = 0;
  limitedAt = 0;
  failedAt = 0;
  /** Tunnels that came when they were asked for. */
  opened = 0;
  /** Tunnels that came back from one visitor for another. */
  reused = 0;
  /** Idle tunnels that the client, or the network, ended. */
  lost = 0;
  /** Tunnels that proved dead when a visitor had got them, so that it needed another. */
  stale = 0;
  /** Registrations that are online; more than one only if two ids have one tag. */
  online = 0;
  /** When the last of them ended, by `Date.now()`, and why. */
  leftAt = 0;
  leftWhy: string | undefined;
  /** When it was not let in last, and why. */
  refusedAt = 0;
  refusedWhy: string | undefined;
  /** Stays when it leaves. */
  last: Introduction | undefined;
  /** What the owner of the server calls it. */
  comment: string | undefined;

  /**
   * @param tag names the client as logs do.
   * @param label what names it in metrics, where there is room for so many only.
   */
  constructor(readonly tag: string, readonly label: string, private readonly all?: Waits) {}

  /** A link of it ended. */
  leave(why: string, now: number = Date.now()): void {
    this.left.add(why);
    this.online--;
    this.leftAt = now;
    this.leftWhy = why;
  }

  /** A visitor got a tunnel after so many milliseconds; 0 if one was warm. */
  took(ms: number): void {
    if (ms === 0) {
      this.warm++;
      this.all?.takes.add("warm");
      return;
    }
    this.waited++;
    this.waitedSeconds += ms / 1000;
    this.all?.takes.add("waited");
    this.all?.waits.observe(ms / 1000);
  }

  /** A visitor got no tunnel. */
  gaveUp(why: NoTunnel): void {
    this.turnedAway++;
    this.turnedAwayAt = Date.now();
    this.all?.takes.add(why);
  }

  /** A visitor was one too many. */
  limit(now: number = Date.now()): void {
    this.limited++;
    this.limitedAt = now;
  }

  /** A visitor met no service. */
  fail(now: number = Date.now()): void {
    this.failed++;
    this.failing++;
    this.failedAt = now;
  }

  /** Its service serves a visitor. */
  serve(): void {
    this.failing = 0;
  }

  /** Adds the numbers of another, which is then forgotten. */
  absorb(other: Account): void {
    this.traffic.up += other.traffic.up;
    this.traffic.down += other.traffic.down;
    for (const name of COUNTERS) this[name] += other[name];
    for (const [[why = ""], count] of other.left) this.left.add(why, count);
  }
}
