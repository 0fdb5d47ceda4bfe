/**
 * What command mode needs to know.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { type PortSet, UsageError, type Values } from "@agentx/common/cli";
import { isAbsolute, join, resolve } from "@std/path";
import type { COMMAND_OPTIONS } from "./options.ts";

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
  proxyPorts: PortSet;
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

/** Bytes of a KiB. */
export const KIB = 1024;
/** Bytes of a MiB. */
export const MIB = 1024 * KIB;

/** The limits of a client that was told nothing else. */
export const DEFAULT_LIMITS: Limits = {
  sessions: 8,
  body: 32 * MIB,
  prompt: MIB,
  output: 256 * MIB,
  queue: 32,
  approvalTimeout: 3600_000,
  idle: 300_000,
};

/** Where command mode finds itself. */
export interface Place {
  /** The user's home folder, if it is known. */
  home: string | undefined;
  /** The folder of the client's own state, if it is known. */
  stateFolder: string | undefined;
}

/**
 * The folders that command mode works in, as they were named.
 *
 * @throws {UsageError} when nothing says where they are.
 */
export function commandFolders(
  values: Pick<Values<typeof COMMAND_OPTIONS>, "state-dir" | "project-root">,
  place: Place,
): { home: string; stateFolder: string; roots: string[] } {
  const stateFolder = values["state-dir"] ?? place.stateFolder;
  const roots = values["project-root"].map((root) => untilde(root, place.home));
  if (stateFolder === undefined || place.home === undefined && roots.length === 0) {
    throw new UsageError(
      "--command-mode: expected to find your home folder in HOME, found none\n" +
        "Set HOME, or give both --state-dir and --project-root.",
    );
  }
  const home = place.home ?? roots[0]!;
  return {
    home,
    stateFolder: resolve(untilde(stateFolder, place.home)),
    roots: roots.length === 0 ? [home] : roots.map((root) => resolve(root)),
  };
}

/** A configuration file has no shell that knows what `~` is. */
function untilde(path: string, home: string | undefined): string {
  const match = /^~(?:[\\/](.*))?$/.exec(path);
  return match === null || home === undefined ? path : join(home, match[1] ?? "");
}

/**
 * The configuration that the options describe.
 *
 * @throws {UsageError} when a folder is not there, or no folder.
 */
export function commandConfig(
  values: Values<typeof COMMAND_OPTIONS>,
  place: Place,
): CommandConfig {
  const { home, stateFolder, roots } = commandFolders(values, place);
  return {
    home,
    stateFolder,
    projectRoots: roots.map(realFolder),
    apiKey: values["api-key"],
    corsOrigins: values["cors-origin"],
    allowBypass: values["allow-bypass"],
    enableFs: values["enable-fs"],
    mcpPort: values["enable-mcp"] ? values["mcp-port"] : undefined,
    proxyPorts: values["proxy-allow"],
    passEnv: values["pass-env"],
    limits: {
      ...DEFAULT_LIMITS,
      sessions: values["max-sessions"],
      body: values["max-body-mb"] * MIB,
      prompt: values["max-prompt-kb"] * KIB,
      output: values["max-output-mb"] * MIB,
      approvalTimeout: values["approval-timeout"] * 1000,
      idle: values["cli-idle"] * 1000,
    },
  };
}

/** @throws {UsageError} when it is not there, or no folder. */
function realFolder(path: string): string {
  let found: string;
  try {
    const real = Deno.realPathSync(path);
    if (isAbsolute(real) && Deno.statSync(real).isDirectory) return real;
    found = "something else";
  } catch (error) {
    found = error instanceof Deno.errors.NotFound ? "nothing" : reason(error);
  }
  throw new UsageError(`--project-root: expected a folder at ${path}, found ${found}`);
}
