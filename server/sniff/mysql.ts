/**
 * MySQL and MariaDB: the server speaks first, so a visitor that waits for it is greeted in the place
 * of all services online, and says in its answer which one it wants.
 *
 * @module
 */

import { Refusal } from "@agentx/common/http";
import { CAN, can, choice } from "../mysql/capabilities.ts";
import { formatGreeting, type Greeting } from "../mysql/greeting.ts";
import { redirectKill } from "../mysql/kill.ts";
import { Login } from "../mysql/login.ts";
import { offer } from "../mysql/offer.ts";
import { CODE, type Code, errPacket, oldErrPacket } from "../mysql/outcome.ts";
import { packet, readPacket } from "../mysql/packet.ts";
import { programOf } from "../mysql/program.ts";
import { parseResponse } from "../mysql/response.ts";
import { Threads } from "../mysql/threads.ts";
import { takeToken } from "../mysql/token.ts";
import type { Destination, Greeter, Verdict } from "./mod.ts";

const PROTOCOL = "mysql";
/** Length of an `SSLRequest`, which is a `HandshakeResponse` without names. */
const SSL_REQUEST_BYTES = 32;
const EMPTY = new Uint8Array(0);

/** For a visitor that names no client. */
const HOW_TO_NAME =
  'Add the client\'s token to the database ("?token=CLIENT-ID" or "mydb?token=CLIENT-ID") or to the user ("root?token=CLIENT-ID").';

/** What a visitor was greeted with, and where. */
export interface Greeted {
  offered: Greeting;
  /** Where its connection's number is kept. */
  threads: Threads;
  /** Its address; undefined where many have the same. */
  address: string | undefined;
}

/** Greets visitors of MySQL and MariaDB. */
export function mysqlGreeter(): Greeter {
  const threads = new Threads();
  return {
    service: PROTOCOL,
    greet: (greetings, address) => {
      const offered = offer(greetings, threads.fresh());
      return {
        bytes: packet(0, formatGreeting(offered)),
        sniff: (bytes) => sniffResponse(bytes, { offered, threads, address }),
      };
    },
  };
}

/** Recognises the answer to a greeting. */
export function sniffResponse(bytes: Uint8Array, { offered, threads, address }: Greeted): Verdict {
  const first = readPacket(bytes);
  if (first === undefined) return { kind: "more" };
  if (first === "too long") {
    return reject(1, CODE.NET_PACKET_TOO_LARGE, "The answer to the greeting is too long");
  }
  const { nth, payload, size } = first;
  if (nth !== 1) {
    return reject(nth, CODE.NET_PACKETS_OUT_OF_ORDER, "The answer to the greeting is out of order");
  }
  const said = { flags: (payload[0] ?? 0) + (payload[1] ?? 0) * 0x100 };
  if (!can(said, CAN.protocol41)) {
    const why = "This MySQL client is too old: it speaks the protocol of MySQL 4.0";
    return {
      kind: "reject",
      protocol: PROTOCOL,
      why,
      reply: oldErrPacket(nth + 1, CODE.NOT_SUPPORTED_AUTH_MODE, why),
    };
  }
  if (can(said, CAN.ssl) && payload.length === SSL_REQUEST_BYTES) {
    const why = "There is no TLS here: connect without it (--skip-ssl, or --ssl-mode=DISABLED)";
    return reject(nth, CODE.HANDSHAKE_ERROR, why);
  }
  const response = parseResponse(payload);
  if (response === undefined || !can(response, CAN.secureConnection)) {
    return reject(nth, CODE.HANDSHAKE_ERROR, "The answer to the greeting is malformed");
  }
  const names = takeToken(response.user, response.database);
  if (typeof names === "string") return reject(nth, CODE.ACCESS_DENIED_ERROR, names);
  const { user, database, token } = names;
  const chosen = choice(response, offered);
  const flags = database === "" ? chosen.flags & ~CAN.connectWithDb : chosen.flags;
  const login = new Login({ ...response, ...chosen, user, database, flags: flags >>> 0 });
  const session = address === undefined
    ? undefined
    : programOf({ user, attributes: response.attributes }, address);
  const to: Destination = token === undefined ? withoutToken(session, database) : { token };
  // Beside its other session, and without the token that opened that, it may end what runs there.
  const killsOnly = to !== undefined && "beside" in to;
  return {
    kind: "raw",
    protocol: PROTOCOL,
    to,
    size,
    // The service gets an answer to its own greeting.
    head: () => EMPTY,
    handshake: async (visitor, service, facts) => {
      const thread = await login.run(visitor, service, facts);
      if (thread === undefined) return;
      const entry = threads.enter(offered.thread, facts.id, thread);
      const attributes = can(chosen, CAN.queryAttributes);
      return {
        session,
        hear: (bytes) => {
          const size = redirectKill(bytes, attributes, (ours) => threads.find(ours, facts.id));
          if (killsOnly) bytes.fill(0, size);
          return killsOnly;
        },
        [Symbol.dispose]: () => entry[Symbol.dispose](),
      };
    },
    // MySQL itself notices only once it has something to say.
    leaves: true,
    refuse: (refusal) =>
      login.refuse(
        token === undefined && refusal.status === 404
          ? new Refusal(404, "No client was named", HOW_TO_NAME)
          : refusal,
      ),
  };
}

/** Without a database it may be the one that the command-line client opens at Ctrl-C. */
function withoutToken(session: string | undefined, database: string): Destination {
  return session === undefined || database !== "" ? undefined : { beside: session };
}

function reject(nth: number, code: Code, why: string): Verdict {
  return { kind: "reject", protocol: PROTOCOL, why, reply: errPacket(nth + 1, code, why) };
}
