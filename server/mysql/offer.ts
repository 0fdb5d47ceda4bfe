/**
 * The greeting of a visitor whose service is not known yet: what all services online have in common.
 *
 * @module
 */

import { ALWAYS, CAN, can, common, MODEST, NEVER } from "./capabilities.ts";
import { type Greeting, parseGreeting } from "./greeting.ts";
import { readPacket } from "./packet.ts";

/** How the visitor logs in at first; it is asked again with the service's own plugin and scramble. */
export const NATIVE = "mysql_native_password";
const SCRAMBLE_BYTES = 20;
/** `utf8mb4_general_ci`, which every server knows. */
const UTF8MB4 = 45;
/** `SERVER_STATUS_AUTOCOMMIT` */
const AUTOCOMMIT = 2;
/** What a server may call itself; it is shown on terminals. */
const VERSION = /^[\x20-\x7e]{1,60}$/;
/** For services that are not known; drivers choose their first statements by it. */
const MODEST_VERSION = "5.7.0";

/**
 * The greeting that fits all services.
 *
 * @param greetings their own, as whole packets; a service without a usable one can do little.
 * @param thread the visitor's number: what its connection has at the service is not known yet, and
 * a client that sends `KILL` with any number would hit somebody else.
 */
export function offer(greetings: readonly (Uint8Array | undefined)[], thread: number): Greeting {
  const known = greetings.flatMap((bytes) => bytes && usable(bytes) || []);
  const all = known.length > 0 && known.length === greetings.length;
  const { flags, extended } = common(all ? known : [...known, { flags: MODEST, extended: 0 }]);
  const [charset = UTF8MB4, ...others] = new Set(known.map((one) => one.charset));
  return {
    version: versionFor(known),
    thread,
    scramble: scramble(),
    // Clients of others must be able to log in, whatever one service says that it can do.
    flags: (flags & ~NEVER | ALWAYS) >>> 0,
    extended,
    charset: others.length === 0 ? charset : UTF8MB4,
    status: AUTOCOMMIT,
    plugin: NATIVE,
  };
}

function usable(bytes: Uint8Array): Greeting | undefined {
  const first = readPacket(bytes);
  if (first === undefined || first === "too long" || first.nth !== 0) return undefined;
  const greeting = parseGreeting(first.payload);
  return greeting !== undefined && can(greeting, CAN.protocol41) ? greeting : undefined;
}

/** Theirs if all agree; else the oldest, of MySQL if there is one: its clients expect the least. */
function versionFor(known: readonly Greeting[]): string {
  const named = known.filter(({ version }) => VERSION.test(version));
  const mysql = named.filter((one) => can(one, CAN.mysql) && !/mariadb/i.test(one.version));
  const versions = (mysql.length > 0 ? mysql : named).map(({ version }) => version);
  const [oldest = MODEST_VERSION] = versions.sort((a, b) => age(a) - age(b));
  return oldest;
}

/** A number to compare by. MariaDB puts `5.5.5-` in front, for the replication of old MySQL. */
function age(version: string): number {
  const [, major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(version.replace(/^5\.5\.5-(?=\d)/, ""))?.map(Number) ?? [];
  return (major * 1000 + minor) * 1000 + (patch || 0);
}

/** Noise without a zero, which would end it. Nobody's password is ever checked with it. */
function scramble(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SCRAMBLE_BYTES)).map((byte) => 1 + byte % 127);
}
