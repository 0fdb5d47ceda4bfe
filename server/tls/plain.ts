/**
 * What a connection to a port with TLS begins with: TLS, a question whether there is any, or
 * something that should have come by TLS, which is told so in its own words. No socket here.
 *
 * @module
 */

import { encodeFrame } from "@agentx/common";
import { header, Refusal, type RequestHead } from "@agentx/common/http";
import type { PortName } from "../config.ts";
import { refuseRequest } from "../http/refuse.ts";
import { errorResponse, SQLSTATE } from "../postgres/error.ts";
import { MAX_KEY_BYTES, MIN_KEY_BYTES } from "../postgres/session.ts";
import { sniffHttp } from "../sniff/http.ts";
import { LASTING_S } from "../registration_error.ts";
import { CANCEL_REQUEST, GSSENC_REQUEST, SSL_REQUEST } from "../sniff/postgres.ts";

/** The ports that may speak TLS. */
export type TlsPort = PortName | "admin";

/** What the first bytes are. */
export type Opening =
  | { kind: "tls" }
  /** More bytes will tell. */
  | { kind: "more" }
  /** It is answered, and goes on. */
  | { kind: "question"; size: number; reply: Uint8Array }
  /** It may do without TLS. */
  | { kind: "exempt" }
  /** It is told, if there are words for it, and turned away. */
  | { kind: "plain"; what: string; words?: Uint8Array };

const MORE: Opening = { kind: "more" };
/** The record type of a handshake, RFC 8446 §5.1. */
const HANDSHAKE = 22;
/** A length and a code. */
const REQUEST_BYTES = 8;
/** Most bytes of a request that is only told to come back; it is looked at anew for each piece. */
const MAX_HEAD = 8 * 1024;
/** Most of a request's target that is repeated to whoever sent it. */
const MAX_TARGET = 2000;

const S = new Uint8Array([83]);
const N = new Uint8Array([78]);

/** Looks at the first bytes on a port. */
export function opening(bytes: Uint8Array, port: TlsPort): Opening {
  const [first] = bytes;
  if (first === undefined) return MORE;
  if (first === HANDSHAKE) return { kind: "tls" };
  if (first === 0 && port !== "admin") return port === "public" ? postgres(bytes) : frame(port);
  const http = sniffHttp(bytes).kind;
  if (http === "more") return MORE;
  if (http === "http") return request(bytes, port);
  return { kind: "plain", what: "something unknown" };
}

/**
 * PostgreSQL asks, and then starts TLS on the same connection. `CancelRequest` tells nothing but the
 * key of a session, and libpq sends it in the clear.
 *
 * @see {@link https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL | PostgreSQL: SSL Session Encryption}
 */
function postgres(bytes: Uint8Array): Opening {
  if (bytes.length < REQUEST_BYTES) return MORE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, REQUEST_BYTES);
  const code = view.getUint32(4);
  const keyBytes = view.getUint32(0) - REQUEST_BYTES;
  if (code === CANCEL_REQUEST && keyBytes >= MIN_KEY_BYTES && keyBytes <= MAX_KEY_BYTES) {
    return { kind: "exempt" };
  }
  if (code === GSSENC_REQUEST) return { kind: "question", size: REQUEST_BYTES, reply: N };
  const what = "PostgreSQL";
  if (code === SSL_REQUEST) {
    if (bytes.length === REQUEST_BYTES) {
      return { kind: "question", size: REQUEST_BYTES, reply: S };
    }
    // Somebody in between may have put it there, to be taken for what came encrypted.
    const words = errorResponse(SQLSTATE.malformed, "Received unencrypted data after SSL request");
    return { kind: "plain", what: `${what} with more than its SSLRequest`, words };
  }
  const hint = "This server takes encrypted connections only: use sslmode=require or verify-full";
  return { kind: "plain", what, words: errorResponse(SQLSTATE.identity, hint) };
}

/** A client of ours. On the control port it is told what to do; a tunnel has nobody who reads. */
function frame(port: PortName): Opening {
  const what = "arpc without --tls, or with it off for this port";
  if (port !== "control") return { kind: "plain", what };
  const error = "this port speaks TLS: start arpc with --tls";
  return {
    kind: "plain",
    what,
    words: encodeFrame({ type: "RegisterResult", success: false, error, retry_s: LASTING_S }),
  };
}

function request(bytes: Uint8Array, port: TlsPort): Opening {
  const words = refuseRequest(
    bytes,
    MAX_HEAD,
    (head) =>
      port === "public" || port === "admin"
        ? new Refusal(400, "This port speaks HTTPS, and the request came as HTTP", advice(head))
        : new Refusal(400, "This port is for arpc, by TLS", "Visitors use the public port."),
  );
  return words === undefined ? MORE : { kind: "plain", what: "HTTP", words };
}

function advice(head: RequestHead): string {
  const host = header(head, "host") ?? "";
  if (!/^[A-Za-z0-9._:[\]-]{1,255}$/.test(host)) return "Use https:// instead of http://.";
  const { target } = head;
  const path = /^\/[\x21-\x7e]*$/.test(target) && target.length <= MAX_TARGET ? target : "/";
  return `Use https://${host}${path}`;
}
