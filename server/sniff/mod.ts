/**
 * What does this visitor speak? One file per protocol, each a pure function over the bytes seen so
 * far; a new protocol is one file and one line in {@link SNIFFERS}.
 *
 * @module
 */

import { sniffHttp } from "./http.ts";

/** What a sniffer makes of the first bytes. */
export type Verdict =
  /** It is something else, whatever comes. */
  | { kind: "no" }
  /** It could be; more bytes will tell. */
  | { kind: "more" }
  /** HTTP, which brings a token in each request. */
  | { kind: "http" }
  /** A protocol that named its client at once, and is relayed raw from its first byte. */
  | { kind: "raw"; protocol: string; token: string };

/** Must neither throw nor look beyond `bytes`. */
export type Sniffer = (bytes: Uint8Array) => Verdict;

/** Asked in this order. */
const SNIFFERS: readonly Sniffer[] = [sniffHttp];

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
