/**
 * `KILL`, by which a program ends what runs on another connection of its own, such as the
 * command-line client at Ctrl-C. The number of that connection is one that the visitor was greeted
 * with, and which its service does not know.
 *
 * @see {@link https://dev.mysql.com/doc/refman/8.4/en/kill.html | MySQL: KILL}
 * @see {@link https://mariadb.com/kb/en/kill/ | MariaDB: KILL}
 * @see {@link https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_process_kill.html | MySQL: COM_PROCESS_KILL}
 * @module
 */

import { latin1, latin1Bytes } from "@agentx/common";
import { Reader, Writer } from "./bytes.ts";
import { HEADER_BYTES, readPacket } from "./packet.ts";

const COM_QUERY = 3;
const COM_PROCESS_KILL = 12;
/** In front of a statement where both ends know query attributes: there are none, in one set. */
const NO_ATTRIBUTES = "\0\x01";
/** Longest statement that is looked at, in bytes. */
const MAX_BYTES = 200;
/** Every number that a visitor may be greeted with is that long, and none of a service is longer. */
const DIGITS = 10;

/** Blanks and comments, and both ends of a comment that is a part of the statement. */
const GAP = String.raw`(?:[ \t\r\n\v\f]|/\*M?!(?:\d{5,6})?(?!\d)|/\*(?!M?!)(?:(?!\*/)[^])*\*/|\*/)`;
/** `KILL QUERY ID` takes a number of another kind. */
const KILL = new RegExp(
  String
    .raw`^(${GAP}*KILL(?:${GAP}+(?:HARD|SOFT|CONNECTION|QUERY))*${GAP}+)(\d{${DIGITS}})(?:${GAP}|;)*$`,
  "i",
);

/**
 * Puts the service's number in the place of the visitor's, if `bytes` begin with a command that
 * kills one. Nothing else changes, and no length.
 *
 * @returns the size of that command; 0 if there is none.
 * @param bytes what the visitor says first behind its login.
 * @param attributes whether both ends know query attributes.
 * @param find the service's number for one that a visitor was greeted with.
 */
export function redirectKill(
  bytes: Uint8Array,
  attributes: boolean,
  find: (thread: number) => number | undefined,
): number {
  const command = readPacket(bytes);
  // Commands cut in two or longer than usual are somebody's own, and not a program's.
  if (command === undefined || command === "too long" || command.nth !== 0) return 0;
  const { payload, size } = command;
  if (payload.length > MAX_BYTES) return 0;
  const put = (at: number, digits: Uint8Array) => {
    bytes.set(digits, HEADER_BYTES + at);
    return size;
  };
  if (payload[0] === COM_PROCESS_KILL && payload.length === 5) {
    const real = find(new Reader(payload.subarray(1)).int(4));
    if (real !== undefined) return put(1, new Writer().int(4, real).bytes);
  } else if (payload[0] === COM_QUERY) {
    const text = latin1(payload.subarray(1));
    const start = attributes ? NO_ATTRIBUTES : "";
    if (!text.startsWith(start)) return 0;
    const [, words, digits] = KILL.exec(text.slice(start.length)) ?? [];
    if (words === undefined) return 0;
    const real = find(Number(digits));
    // Zeros in front mean nothing to either server.
    const at = 1 + start.length + words.length;
    if (real !== undefined) return put(at, latin1Bytes(String(real).padStart(DIGITS, "0")));
  }
  return 0;
}
