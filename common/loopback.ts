/**
 * Addresses that lead to this machine, whatever the network.
 *
 * @module
 */

/** 127.0.0.0/8, as it is and as the second half of an IPv6 address (which URLs spell in hex). */
const IPV4 = /^(?:::ffff:)?127(?:\.\d{1,3}){3}$|^::ffff:7f[\da-f]{2}:[\da-f]{1,4}$/i;
const NAME = /^(?:.+\.)?localhost$/i;

/**
 * Whether a host is this machine itself: RFC 1122, RFC 4291 and RFC 6761.
 *
 * @param host a name or an address, also as URLs have it: IPv6 in brackets, or a dot at the end.
 */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[([^\]]+)\]$|\.$/, "$1");
  return plain === "::1" || IPV4.test(plain) || NAME.test(plain);
}
