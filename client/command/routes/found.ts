/**
 * The session that a path names.
 *
 * @module
 */

import { Problem } from "../problem.ts";
import type { Session } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";

/** @throws {Problem} 404 for an unknown id. */
export function found(sessions: Pick<Sessions, "find">, id: string): Session {
  const session = sessions.find(id);
  if (session === undefined) throw new Problem(404, `No session '${id.slice(0, 200)}'`);
  return session;
}
