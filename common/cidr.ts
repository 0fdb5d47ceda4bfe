/**
 * Networks, as people write them: an address, or a CIDR block such as `192.0.2.0/24`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc4632#section-3.1 | RFC 4632 §3.1}
 * @module
 */

import { isIP } from "node:net";

/** A network. */
export interface Cidr {
  address: string;
  /** Length of the prefix. */
  bits: number;
  family: "ipv4" | "ipv6";
}

/** Reads a network; undefined for what is none. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text);
  const version = isIP(match?.[1] ?? "");
  if (match === null || version === 0) return undefined;
  const most = version === 6 ? 128 : 32;
  const bits = Number(match[2] ?? most);
  if (bits > most) return undefined;
  return { address: match[1]!, bits, family: version === 6 ? "ipv6" : "ipv4" };
}
