/**
 * What the admin port knows of the server: nothing in here opens a socket or waits.
 *
 * @module
 */

import process from "node:process";
import type { Client } from "../registry.ts";
import type { Server } from "../server.ts";
import type { Lag } from "./lag.ts";

/** The parts of a running server that are looked at. */
export type Served = Pick<
  Server,
  | "bans"
  | "clients"
  | "commentOf"
  | "draining"
  | "endVisitor"
  | "expires"
  | "expiring"
  | "kick"
  | "liftBan"
  | "ports"
  | "stats"
  | "visitors"
>;

/** What metrics are read from. */
export interface Sources {
  readonly server: Served;
  readonly version: string;
  readonly lag: Lag;
}

/**
 * The clients online by their tags. Should two ids have one tag, which takes 32 bits to agree, the
 * later stands for both.
 */
export function online({ clients }: Pick<Served, "clients">): Map<string, Client> {
  const found = new Map<string, Client>();
  for (const client of clients) found.set(client.tag, client);
  return found;
}

/** Seconds of processor time that the program has used. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
