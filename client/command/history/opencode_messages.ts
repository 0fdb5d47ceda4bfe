/**
 * The messages of a session of opencode, in the shape of its own `opencode export`.
 *
 * @module
 */

import type { Transcript } from "./mod.ts";
import type { ReadDatabase, Value } from "./sqlite.ts";
import { type Json, object } from "./text.ts";
import { PAGE_BYTES } from "./transcript.ts";

/**
 * Some messages of a session, each with its parts.
 *
 * @returns fewer than asked for when they are large, but one in any case.
 */
export function messagesOf(
  db: ReadDatabase,
  sessionID: string,
  limit: number,
  offset: number,
): Pick<Transcript, "messages" | "total_messages" | "broken_lines"> {
  const messages: Json[] = [];
  let room = PAGE_BYTES;
  const rows = db.each(
    `SELECT id, data FROM message WHERE session_id = ? AND json_valid(data)
     ORDER BY time_created, id LIMIT ? OFFSET ?`,
    ...[sessionID, limit, offset],
  );
  for (const { id, data } of rows) {
    const parts: Json[] = [];
    for (
      const part of db.each(
        "SELECT id, data FROM part WHERE message_id = ? AND json_valid(data) ORDER BY id",
        `${id}`,
      )
    ) {
      room -= `${part.data}`.length;
      parts.push({ ...parsed(part.data), id: part.id, sessionID, messageID: id });
    }
    room -= `${data}`.length;
    if (room < 0 && messages.length > 0) break;
    messages.push({ info: { ...parsed(data), id, sessionID }, parts });
  }
  const [count] = db.all(
    `SELECT
       (SELECT count(*) FROM message WHERE session_id = ?1 AND json_valid(data)) AS total,
       (SELECT count(*) FROM message WHERE session_id = ?1 AND NOT json_valid(data)) +
       (SELECT count(*) FROM part WHERE session_id = ?1 AND NOT json_valid(data)) AS broken`,
    sessionID,
  );
  return {
    messages,
    total_messages: Number(count?.total ?? 0),
    broken_lines: Number(count?.broken ?? 0),
  };
}

function parsed(data: Value | undefined): Json {
  return object(JSON.parse(`${data}`)) ?? {};
}
