/**
 * The tables of `sessions.db`, as the steps that lead to them.
 *
 * Texts are `TEXT` only where they cannot hold a NUL, at which SQLite's would end when read; times
 * are milliseconds since 1970.
 *
 * @module
 */

/**
 * What each version of the database adds to the one before, from an empty one on. A step that was
 * released is never changed: a new one is put behind it.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sessions (
    -- AUTOINCREMENT: the number of a deleted one is not used again, its chunks may still be there.
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    epoch TEXT NOT NULL,
    executor TEXT NOT NULL,
    driver TEXT NOT NULL,
    interactive INTEGER NOT NULL,
    status TEXT NOT NULL,
    -- A turn has begun whose completion is not in the log yet.
    busy INTEGER NOT NULL,
    title TEXT NOT NULL,
    prompt TEXT NOT NULL,
    project_path TEXT NOT NULL,
    model TEXT,
    permission_mode TEXT NOT NULL,
    allowed_tools TEXT NOT NULL,
    extra_args TEXT NOT NULL,
    resume TEXT,
    resume_last INTEGER NOT NULL,
    cli_session_id TEXT,
    -- By which the processes of its CLI are known; NULL while there are none.
    mark TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    turns INTEGER NOT NULL,
    exit_code INTEGER,
    reason TEXT
  ) STRICT;
  CREATE INDEX sessions_by_cli_session_id ON sessions (cli_session_id);
  CREATE INDEX sessions_by_status ON sessions (status);
  CREATE INDEX sessions_by_executor ON sessions (executor);
  CREATE INDEX sessions_by_project_path ON sessions (project_path);

  -- Lines of one kind that came at once: first, first + 1, …, separated by LF.
  CREATE TABLE chunks (
    session INTEGER NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- Bytes of all chunks of the session before this one, those included that are gone.
    start INTEGER NOT NULL,
    kind TEXT NOT NULL,
    lines BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX chunks_by_first ON chunks (session, first);

  -- Sessions that were deleted, whose chunks are being removed.
  CREATE TABLE gone (session INTEGER PRIMARY KEY) STRICT;

  -- Messages that wait for their turn.
  CREATE TABLE queue (
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (session, turn)
  ) STRICT;

  CREATE TABLE permissions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_id TEXT,
    status TEXT NOT NULL,
    -- The whole permission as JSON: nobody searches in the rest.
    permission TEXT NOT NULL
  ) STRICT;
  CREATE INDEX permissions_by_status ON permissions (status);
  CREATE INDEX permissions_by_session ON permissions (session_id, status);
  `,
];
