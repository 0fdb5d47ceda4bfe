/**
 * Which addresses count as one.
 *
 * @module
 */

import type { Address, Conn } from "@agentx/common";

/** IPv4 within IPv6, as a dual-stack listener shows its peers; RFC 4291 §2.5.5.2. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** An address without the prefix that makes an IPv4 address one of IPv6. */
export function plainAddress(address: string): string {
  return address.replace(MAPPED, "");
}

/** The other end of a connection, an IPv4 peer of a dual-stack listener as what it is. */
export function peerOf({ remoteAddr }: Pick<Conn, "remoteAddr">): Address {
  return { hostname: plainAddress(remoteAddr.hostname), port: remoteAddr.port };
}

/**
 * What limits per address go by: an IPv4 address, or the first 64 bits of an IPv6 address. A single
 * machine has all the addresses behind those, and changes them as it likes (RFC 8981).
 *
 * @param address in any spelling that a system uses, with or without a zone.
 */
export function addressKey(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [before = "", after] = plain.replace(/%.*$/, "").split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  // An IPv4 address at the end stands for two groups.
  const known = head.length + tail.length + (tail.at(-1)?.includes(".") ? 1 : 0);
  const groups = [...head, ...Array<string>(Math.max(0, 8 - known)).fill("0"), ...tail];
  return groups.slice(0, 4).map((group) => (parseInt(group, 16) || 0).toString(16)).join(":") +
    "::/64";
}
