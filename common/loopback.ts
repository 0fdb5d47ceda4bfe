/**
 * Addresses that lead to this machine, whatever the network.
 *
 * @module
 */

/** Whether a host, name or address, is this machine itself: RFC 1122, RFC 4291 and RFC 6761. */
export function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|\[?(?:::ffff:127(?:\.\d{1,3}){3}|::1)\]?|(?:.+\.)?localhost)$/i
    .test(host);
}
