/**
 * What a visitor is told that cannot go on, as its own tools show errors.
 *
 * @see {@link https://www.postgresql.org/docs/current/protocol-error-fields.html | PostgreSQL: Error and Notice Message Fields}
 * @module
 */

import type { Refusal } from "@agentx/common/http";

/** Codes that this server uses, of PostgreSQL's Appendix A. */
export const SQLSTATE = {
  /** `protocol_violation`: the packet is not one. */
  malformed: "08P01",
  /** `feature_not_supported`: what PostgreSQL says to a version of the protocol it does not know. */
  unsupported: "0A000",
  /** `invalid_authorization_specification`: whom it wants is missing, unknown or ambiguous. */
  identity: "28000",
  /** `connection_failure`: of class 08 the one that takes no side; the service cannot be reached. */
  service: "08006",
  /** `too_many_connections` */
  limit: "53300",
  /** `cannot_connect_now`: what PostgreSQL says while it starts; a later try may succeed. */
  later: "57P03",
} as const;

const BY_STATUS: Record<number, string> = {
  400: SQLSTATE.malformed,
  401: SQLSTATE.identity,
  404: SQLSTATE.identity,
  429: SQLSTATE.limit,
  502: SQLSTATE.service,
  503: SQLSTATE.later,
  504: SQLSTATE.later,
};

/** Longest message; a client's reason may be part of it. Some drivers take 30,000 bytes at most. */
const MAX_CHARS = 1000;

const encoder = new TextEncoder();

/** The `ErrorResponse` of a refusal. Tools show hints on lines of their own, so it is one message. */
export function refusalResponse({ status, message, hint }: Refusal): Uint8Array {
  const text = hint === "" ? message : `${message}. ${hint}`;
  return errorResponse(BY_STATUS[status] ?? SQLSTATE.service, text);
}

/** An `ErrorResponse` that ends the connection. */
export function errorResponse(sqlstate: string, message: string): Uint8Array {
  // deno-lint-ignore no-control-regex
  const line = message.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").slice(0, MAX_CHARS);
  const body = encoder.encode(`SFATAL\0VFATAL\0C${sqlstate}\0M${line}\0\0`);
  const packet = new Uint8Array(5 + body.length);
  packet[0] = 69; // "E"
  new DataView(packet.buffer).setUint32(1, 4 + body.length);
  packet.set(body, 5);
  return packet;
}
