/**
 * What does this visitor speak, and for whom? One file per protocol; a new one is a file and a line
 * in {@link SNIFFERS}, or in {@link GREETERS} if its server speaks first.
 *
 * @module
 */

import type { Duplex } from "@agentx/common";
import type { Refusal } from "@agentx/common/http";
import { sniffHttp } from "./http.ts";
import { mysqlGreeter } from "./mysql.ts";
import { sniffPostgres } from "./postgres.ts";
import { sniffTls } from "./tls.ts";

/** What a sniffer makes of the first bytes. */
export type Verdict =
  /** It is something else, whatever comes. */
  | { kind: "no" }
  /** It could be; more bytes will tell. */
  | { kind: "more" }
  /** HTTP, which brings a token in each request. */
  | { kind: "http" }
  /** It asks something before it says what it wants, such as whether there is TLS. */
  | { kind: "reply"; reply: Uint8Array; size: number }
  /** It is this protocol, used wrongly. */
  | { kind: "reject"; protocol: string; why: string; reply: Uint8Array }
  | Match;

/**
 * Where a visitor wants to go: to the client of a token; to the one that has a certain session;
 * to the one that has such a session, for those who ask for little; to one that it was let in to
 * already; or, if it did not say, to `--default-client`.
 */
export type Destination =
  | {
    token: string;
    /** What it means where case means nothing, tried after it. */
    folded?: string;
    /** It may mean something else. */
    vague?: boolean;
  }
  | { session: string }
  | { beside: string }
  | { client: ServiceFacts }
  | undefined;

/** What a protocol may know of the client it leads to. */
export interface ServiceFacts {
  /** The client's id. */
  readonly id: string;
  /** What its service speaks, if that speaks first. */
  readonly service: string | undefined;
  /** The service's first bytes then, as last seen. */
  greeting: Uint8Array | undefined;
  /** Database user of visitors that name none. */
  readonly dbUser: string | undefined;
}

/** A protocol that is relayed as raw bytes once its client is known. */
export interface Match {
  kind: "raw";
  protocol: string;
  to: Destination;
  /** How many of the bytes seen are its head; they are held until the client reached its service. */
  size: number;
  /** The head as the service gets it; as it came if absent. */
  head?: (facts: ServiceFacts) => Uint8Array;
  /** Told to the visitor once the service is reached. */
  accepted?: Uint8Array;
  /** Told to the visitor before it is turned away; nothing if absent. */
  refuse?: (refusal: Refusal) => Uint8Array;
  /**
   * What has to be said between both before their bytes can flow. It is given a deadline by the
   * caller, who closes both ends.
   *
   * @throws {Refusal} to turn the visitor away.
   */
  handshake?: (visitor: Duplex, service: Duplex, facts: ServiceFacts) => Promise<Talk | void>;
  /** Looks at what the service says. */
  watch?: () => ReplyWatch;
  /** A visitor that ends its side has left, and does not wait for what the service still says. */
  leaves?: boolean;
}

/** What a handshake has left to do; disposed with the visitor. */
export interface Talk extends Disposable {
  /** The key of the session: a {@link Destination} for later visitors as long as it lives. */
  readonly session: string | undefined;
  /** The visitor's next bytes, which may be changed in place; false when it has seen enough. */
  hear(bytes: Uint8Array): boolean;
}

/** Looks for the key of a session in a service's bytes, without holding any back. */
export interface ReplyWatch {
  /** The next bytes; false when it has seen enough. */
  see(bytes: Uint8Array): boolean;
  /** The session, if it saw one: a {@link Destination} for later visitors as long as it lives. */
  readonly session: string | undefined;
}

/** Must neither throw nor look beyond `bytes`. */
export type Sniffer = (bytes: Uint8Array) => Verdict;

/** A protocol in which the server speaks first: its visitors wait to be greeted. */
export interface Greeter {
  /** The services it speaks for, as clients name them. */
  service: string;
  /**
   * How to greet a visitor that may want any of these services.
   *
   * @param greetings their own greetings; undefined for one that is not known.
   * @param address the visitor's; undefined where it tells nothing.
   */
  greet(greetings: readonly (Uint8Array | undefined)[], address: string | undefined): Greeting;
}

/** What a silent visitor is told, and how to understand its answer. */
export interface Greeting {
  bytes: Uint8Array;
  sniff: Sniffer;
}

/** Asked in this order. */
const SNIFFERS: readonly Sniffer[] = [sniffHttp, sniffPostgres, sniffTls];

/** For visitors that stay silent while a client with such a service is online. */
export const GREETERS: readonly (() => Greeter)[] = [mysqlGreeter];

/** The first match; `more` while one is still possible, `no` when none is. */
export function sniff(bytes: Uint8Array): Verdict {
  let verdict: Verdict = { kind: "no" };
  for (const sniffer of SNIFFERS) {
    const found = sniffer(bytes);
    if (found.kind === "more") verdict = found;
    else if (found.kind !== "no") return found;
  }
  return verdict;
}
