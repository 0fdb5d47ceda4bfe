/**
 * What two ends can do, as bits: a server offers, a client chooses of that.
 *
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html | MySQL: Capabilities Flags}
 * @see {@link https://mariadb.com/kb/en/connection/#capabilities | MariaDB: Connecting, Capabilities}
 * @module
 */

/** The bits that something here depends on. */
export const CAN = {
  /**
   * `CLIENT_LONG_PASSWORD` to MySQL, where it is always set. MariaDB calls it `CLIENT_MYSQL` and
   * leaves it unset to say that its own capabilities stand in bytes that MySQL keeps for later.
   */
  mysql: 1,
  longFlag: 1 << 2,
  connectWithDb: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  transactions: 1 << 13,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  psMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  connectAttrs: 1 << 20,
  lenencAuth: 1 << 21,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  optionalMetadata: 1 << 25,
  zstd: 1 << 26,
  queryAttributes: 1 << 27,
} as const;

/** Of MariaDB's own: `MARIADB_CLIENT_PROGRESS`, messages in between that a server may leave out. */
const PROGRESS = 1;

/** What nobody here can do: between the visitor and the service, the bytes must stay readable. */
export const NEVER = CAN.ssl | CAN.compress | CAN.zstd;

/** What the visitor's login needs of a greeting, whatever else it may offer. */
export const ALWAYS = CAN.protocol41 | CAN.secureConnection | CAN.pluginAuth | CAN.connectWithDb |
  CAN.connectAttrs | CAN.longFlag | CAN.transactions;

/** What any server of the last fifteen years can do; for a greeting when no service's is known. */
export const MODEST = CAN.mysql | ALWAYS | CAN.multiStatements | CAN.multiResults |
  CAN.psMultiResults;

/** What changes the packets after the login: both ends must go by the same. */
const FORMATS = CAN.sessionTrack | CAN.deprecateEof | CAN.optionalMetadata | CAN.queryAttributes;

/** Capabilities of one end. */
export interface Capabilities {
  /** The bits above, as an unsigned number. */
  flags: number;
  /** MariaDB's own, likewise; 0 where {@link CAN.mysql} is set. */
  extended: number;
}

/** Whether all of `bits` are set. */
export function can({ flags }: Pick<Capabilities, "flags">, bits: number): boolean {
  return (flags & bits) === bits;
}

/** What all have; MariaDB's own only if all are MariaDB. */
export function common(all: readonly Capabilities[]): Capabilities {
  const everyone = (pick: (one: Capabilities) => number) =>
    all.reduce((bits, one) => bits & pick(one), -1) >>> 0;
  const isMysql = all.some((one) => can(one, CAN.mysql));
  return {
    flags: (everyone(({ flags }) => flags) & ~CAN.mysql | (isMysql ? CAN.mysql : 0)) >>> 0,
    extended: isMysql ? 0 : everyone(({ extended }) => extended),
  };
}

/**
 * What a client chose of what it was offered. Some name all that they know, offered or not, and go by
 * what both named. Bit 0 stays as the client said it: it tells how to read MariaDB's own.
 */
export function choice(client: Capabilities, offered: Capabilities): Capabilities {
  const bit0 = client.flags & CAN.mysql;
  const flags = client.flags & offered.flags & ~NEVER | bit0;
  const extended = bit0 === 0 ? client.extended & offered.extended : 0;
  return { flags: flags >>> 0, extended: extended >>> 0 };
}

/** Whether a client that made this choice would misread a service that offers no more than that. */
export function misreads(chosen: Capabilities, service: Capabilities): boolean {
  return (chosen.flags & FORMATS & ~service.flags) !== 0 ||
    (chosen.extended & ~PROGRESS & ~service.extended) !== 0;
}
