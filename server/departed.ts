/**
 * Clients that are registered no more, for an owner who wants them gone altogether: whoever ends its
 * link may still have visitors, by tunnels that stay, and names to come back by.
 *
 * @module
 */

import type { Grant } from "./auth/mod.ts";
import type { Client } from "./registry.ts";

/** How long one without visitors is remembered, in milliseconds, and how many of them are. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_MAX = 1000;

/** What is left of a client. */
export interface Departed {
  readonly id: string;
  readonly tag: string;
  /** Its id and aliases. */
  readonly tokens: readonly string[];
  /** Address of its control connection. */
  readonly peer: string;
  /** What it was allowed, while it has visitors by that. */
  leave: Leave | undefined;
  /** When it left, or had a visitor last, by `performance.now()`. */
  at: number;
}

/** By what the visitors of a client are here. */
export interface Leave {
  readonly client: Pick<Client, "visitors">;
  readonly grant: Grant;
  /** That it had of its own. */
  readonly port: number | undefined;
}

/** Those that left, by id. Those with visitors stay as long as these do, the others for a while. */
export class DepartedClients {
  #byId = new Map<string, Departed>();

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /**
   * A client has left, the only one of its id.
   *
   * @param leave by what its visitors may stay; undefined if they may not.
   */
  add(
    { id, tag, tokens, peer }: Pick<Client, "id" | "tag" | "tokens" | "peer">,
    leave: Leave | undefined,
    now: number = performance.now(),
  ): void {
    this.#byId.delete(id); // the latest stands last
    this.#byId.set(id, { id, tag, tokens, peer, leave, at: now });
  }

  /** An id is registered again. */
  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** Those of a tag. */
  of(tag: string): Departed[] {
    return [...this.#byId.values()].filter((departed) => departed.tag === tag);
  }

  /** Those whose visitors may be here no more, with the reason; each is told of once. */
  withdrawn(): [Departed, string][] {
    const found: [Departed, string][] = [];
    for (const departed of this.#byId.values()) {
      const why = departed.leave?.grant.withdrawn(departed.leave.port);
      if (why === undefined) continue;
      departed.leave = undefined;
      found.push([departed, why]);
    }
    return found;
  }

  /** Every second or so: forgets those without visitors that left long ago, or are too many. */
  expire(now: number = performance.now()): void {
    const idle: Departed[] = [];
    for (const departed of this.#byId.values()) {
      if ((departed.leave?.client.visitors ?? 0) > 0) {
        departed.at = now;
        continue;
      }
      departed.leave = undefined;
      idle.push(departed);
    }
    for (const [nth, { id, at }] of idle.entries()) {
      if (nth < idle.length - REMEMBER_MAX || now - at > REMEMBER_MS) this.#byId.delete(id);
    }
  }
}
