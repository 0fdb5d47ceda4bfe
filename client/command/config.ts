/**
 * What command mode needs to know.
 *
 * @module
 */

/** The configuration of command mode; times in milliseconds, sizes in bytes. */
export interface CommandConfig {
  /** `~/.arp-client`, with the database and what was attached. */
  stateFolder: string;
  /** The user's home folder. */
  home: string;
  /** Folders that projects must lie in; links resolved, each exists. */
  projectRoots: readonly string[];
  /** Who asks must know it; undefined when the token alone opens the API. */
  apiKey: string | undefined;
  /** Origins whose pages may use the API beside its own. */
  corsOrigins: readonly string[];
  allowBypass: boolean;
  enableFs: boolean;
  /** Port of the MCP server on loopback; undefined when there is none, 0 for any. */
  mcpPort: number | undefined;
  /** Ports that `/proxy` may reach; empty for all but those of well-known databases. */
  proxyPorts: readonly { from: number; to: number }[];
  /** Further variables that are passed on to CLIs. */
  passEnv: readonly string[];
  limits: Limits;
}

/** Bounds of command mode. */
export interface Limits {
  /** Sessions with a running or queued turn. */
  sessions: number;
  /** Of a request's body, attachments as base64 included. */
  body: number;
  /** Of one prompt, as UTF-8. */
  prompt: number;
  /** Of a session's kept output; the oldest goes first. */
  output: number;
  /** Follow-ups that wait in one session. */
  queue: number;
  approvalTimeout: number;
  /** How long a CLI that could take another turn is kept without one. */
  idle: number;
}

/** The limits of a client that was told nothing else. */
export const DEFAULT_LIMITS: Limits = {
  sessions: 8,
  body: 32 * 1024 * 1024,
  prompt: 1024 * 1024,
  output: 256 * 1024 * 1024,
  queue: 32,
  approvalTimeout: 3600_000,
  idle: 300_000,
};
