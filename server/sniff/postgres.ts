/**
 * PostgreSQL: a length and a code, which the visitor sends first.
 *
 * @see {@link https://www.postgresql.org/docs/current/protocol-message-formats.html | PostgreSQL: Message Formats}
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS, latin1 } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { isVisitorToken } from "@agentx/common/visitor-token";
import { awaitAnswer } from "../postgres/answer.ts";
import { errorResponse, refusalResponse, SQLSTATE } from "../postgres/error.ts";
import { KeyWatch, MAX_KEY_BYTES, MIN_KEY_BYTES, sessionOf } from "../postgres/session.ts";
import { encodeStartup, parseStartup, type Startup } from "../postgres/startup.ts";
import { takeTokens } from "../postgres/token.ts";
import type { ServiceFacts, Verdict } from "./mod.ts";

/** Code of the request in place of a version. */
export const CANCEL_REQUEST = 80877102;
/** Code of the request in place of a version. */
export const SSL_REQUEST = 80877103;
/** Code of the request in place of a version. */
export const GSSENC_REQUEST = 80877104;
/** The codes above have this where others have their major version. */
const REQUESTS = CANCEL_REQUEST >>> 16;

/** Longest startup packet, PostgreSQL's own limit. */
const MAX_STARTUP_BYTES = 10_000;
const HEADER_BYTES = 8;

/** "N": go on without. */
const WITHOUT = new Uint8Array([78]);
/** User of visitors that name none, if the client does not say. */
const DEFAULT_USER = "postgres";

const NO_TOKEN = new Refusal(
  404,
  "No client token",
  "Add ?token=CLIENT-ID to the user name, or set PGOPTIONS=token=CLIENT-ID.",
);

/** Recognises a startup packet, and the requests that may stand in its place or in front of it. */
export function sniffPostgres(bytes: Uint8Array): Verdict {
  if (!couldBe(bytes)) return { kind: "no" };
  if (bytes.length < HEADER_BYTES) return { kind: "more" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const length = view.getUint32(0);
  const code = view.getUint32(4);
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) {
    if (length !== HEADER_BYTES) return { kind: "no" };
    return { kind: "reply", reply: WITHOUT, size: HEADER_BYTES };
  }
  if (code === CANCEL_REQUEST) {
    const keyBytes = length - HEADER_BYTES;
    if (keyBytes < MIN_KEY_BYTES || keyBytes > MAX_KEY_BYTES) return { kind: "no" };
    if (bytes.length < length) return { kind: "more" };
    const session = sessionOf(bytes.subarray(HEADER_BYTES, length));
    // No words of refusal: PostgreSQL has none either, so that nobody learns whose keys are good.
    return { kind: "raw", protocol: "postgres", to: { session }, size: length };
  }
  if (code >>> 16 === REQUESTS || length < HEADER_BYTES) return { kind: "no" };
  if (code >>> 16 !== 3) {
    return reject(SQLSTATE.unsupported, "Protocol 2 is not supported: use protocol 3");
  }
  if (length > MAX_STARTUP_BYTES) {
    return reject(
      SQLSTATE.malformed,
      `The startup packet is longer than ${MAX_STARTUP_BYTES} bytes`,
    );
  }
  if (bytes.length < length) return { kind: "more" };
  const startup = parseStartup(bytes.subarray(0, length));
  return startup === undefined
    ? reject(SQLSTATE.malformed, "The startup packet is malformed")
    : match(startup, length);
}

/**
 * Whether these first bytes fit, as far as they go. Other protocols begin with a zero as well, so
 * the length has to be below 64 KiB, too long as that is, for an answer in PostgreSQL's words.
 */
function couldBe(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, , , high, low] = bytes;
  if (first !== 0 || second !== 0) return false;
  if (high === undefined) return true;
  if (high === REQUESTS >>> 8) return low === undefined || low === (REQUESTS & 0xff);
  return high === 0 && (low === undefined || low === 2 || low === 3);
}

function match({ version, parameters }: Startup, size: number): Verdict {
  const taken = takeTokens(parameters);
  const [token, ...others] = taken.tokens;
  if (taken.tokens.some((one) => !CLIENT_ID.test(one) && !isVisitorToken(one))) {
    const form = `use ${CLIENT_ID_EXPECTS}`;
    return reject(SQLSTATE.identity, `The client token is not valid: ${form}`);
  }
  if (others.some((other) => other !== token)) {
    const where = "name one client, in the user, the database or the options";
    return reject(SQLSTATE.identity, `There are different client tokens: ${where}`);
  }
  return {
    kind: "raw",
    protocol: "postgres",
    to: token === undefined ? undefined : { token },
    size,
    head: (facts) => encodeStartup({ version, parameters: withUser(taken.parameters, facts) }),
    refuse: (refusal) => {
      const unnamed = token === undefined && refusal.status === 404;
      return refusalResponse(unnamed ? NO_TOKEN : refusal);
    },
    handshake: awaitAnswer,
    watch: () => new KeyWatch(),
    // PostgreSQL itself does not notice while a query runs, which may be for hours.
    leaves: true,
  };
}

/** The parameters with a user: PostgreSQL insists on one. */
function withUser(
  parameters: Startup["parameters"],
  { dbUser = DEFAULT_USER }: ServiceFacts,
): Startup["parameters"] {
  const user = latin1(new TextEncoder().encode(dbUser));
  if (!parameters.some(([name]) => name === "user")) return [["user", user], ...parameters];
  return parameters.map(([name, value]) => [name, name === "user" && value === "" ? user : value]);
}

function reject(sqlstate: string, why: string): Verdict {
  return { kind: "reject", protocol: "postgres", why, reply: errorResponse(sqlstate, why) };
}
