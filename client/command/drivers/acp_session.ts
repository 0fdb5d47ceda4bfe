/**
 * How a session with an agent of the Agent Client Protocol is opened.
 *
 * @see {@link https://agentclientprotocol.com/protocol/session-setup | ACP: session setup}
 * @module
 */

import { reason } from "@agentx/common";
import { VERSION } from "../../config.ts";
import { fields, list, oneLine, text } from "../events/fields.ts";
import { type Json, parseLine } from "../events/mod.ts";
import { CODES, EndedError, type JsonRpc, RpcError } from "./jsonrpc.ts";
import { StartError } from "./mod.ts";

/** How long a step of the start may take, in milliseconds. */
const START_MS = 60_000;
/** ACP: the agent wants its user to log in. */
const AUTH_REQUIRED = -32000;

/** What a session is opened with. */
export interface AcpOptions {
  /** The agent, for people. */
  title: string;
  /** How to log in, one sentence. */
  login: string;
  /** The id of the session to go on with. */
  resume: string | undefined;
  /** Go on with the newest session of the folder. */
  resumeLast: boolean;
  /** The agent's id of a mode, where it has no argument for that. */
  mode?: string | undefined;
  /** The agent's id of a model, where it has no argument for that. */
  model?: string | undefined;
  /** The ids by which to load a session, in the order in which they are tried. */
  loadAs?: (id: string) => readonly string[];
  /**
   * Sessions without a turn that was completed, for agents that may keep nothing of one: what cannot be
   * loaded then begins anew.
   */
  unkept?: Set<string>;
  /** Says yes to all that is asked, for agents that cannot be started so. */
  approves?: boolean;
  /** Why a turn failed, for agents that say so only in their last words. */
  failure?: (lastWords: string) => string | undefined;
}

/** An open session. */
export interface Opened {
  /** What the agent calls it. */
  id: string;
  /** What a prompt may contain, its `promptCapabilities`. */
  prompts: unknown;
}

/** Asks the agent; its errors have become {@link StartError}s. */
type Call = (method: string, params: Json) => Promise<Json>;

/**
 * Opens a session.
 *
 * @param replay does what makes the agent send the history of the session, and returns when that is
 * over.
 * @throws {StartError} when the agent refuses, or cannot do that.
 */
export async function openSession(
  rpc: Pick<JsonRpc, "request">,
  cwd: string,
  options: AcpOptions,
  replay: (load: () => Promise<Json>) => Promise<Json>,
): Promise<Opened> {
  const call: Call = (method, params) =>
    rpc.request(method, params, START_MS).then(fields, (error) => {
      throw startError(error, method, options);
    });
  const can = await initialize(call, options);
  const old = options.resume ?? (options.resumeLast ? await newest(call, can, cwd, options) : "");
  const load: Call = (method, params) => replay(() => call(method, params));
  const session = old === ""
    ? await create(call, cwd, options)
    : await goOn(call, load, can, cwd, old, options);
  await choose(call, session, "mode", options.mode);
  await choose(call, session, "model", options.model);
  return { id: session.id, prompts: can.promptCapabilities };
}

/** Makes acquaintance; returns what the agent can do. */
async function initialize(call: Call, { title }: AcpOptions): Promise<Json> {
  const { protocolVersion, agentCapabilities } = await call("initialize", {
    protocolVersion: 1,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: "arpc", title: "ARP", version: VERSION },
  });
  if (protocolVersion === 1) return fields(agentCapabilities);
  throw new StartError(
    `${title} speaks version ${
      JSON.stringify(protocolVersion)
    } of the Agent Client Protocol, not 1`,
  );
}

/** A session's id, and what the agent said when it was opened. */
interface Session {
  id: string;
  offers: Json;
}

async function create(call: Call, cwd: string, { title }: AcpOptions): Promise<Session> {
  const offers = await call("session/new", { cwd, mcpServers: [] });
  const id = text(offers.sessionId);
  if (id === "") throw new StartError(`${title} gave its session no id`);
  return { id, offers };
}

/** Without a replay where the agent can do without. */
async function goOn(
  call: Call,
  load: Call,
  { loadSession, sessionCapabilities }: Json,
  cwd: string,
  old: string,
  options: AcpOptions,
): Promise<Session> {
  const { title, loadAs = (id) => [id], unkept } = options;
  const params = (sessionId: string) => ({ sessionId, cwd, mcpServers: [] });
  if (fields(sessionCapabilities).resume !== undefined) {
    return { id: old, offers: await call("session/resume", params(old)) };
  }
  if (loadSession !== true) {
    throw new StartError(`${title} cannot go on with a session; leave resume out`);
  }
  let refused: unknown;
  for (const id of loadAs(old)) {
    try {
      return { id, offers: await load("session/load", params(id)) };
    } catch (error) {
      refused = error;
    }
  }
  if (unkept?.has(old)) return await create(call, cwd, options);
  throw refused;
}

async function newest(
  call: Call,
  { sessionCapabilities }: Json,
  cwd: string,
  { title }: AcpOptions,
): Promise<string> {
  if (fields(sessionCapabilities).list === undefined) {
    throw new StartError(
      `${title} does not say which of its sessions is the newest; name one with resume`,
    );
  }
  const { sessions } = await call("session/list", { cwd });
  const ids = list(sessions).filter((one) => one.cwd === undefined || one.cwd === cwd)
    .toSorted((a, b) => timeOf(b) - timeOf(a))
    .map(({ sessionId }) => text(sessionId));
  if (ids[0]) return ids[0];
  throw new StartError(`${title} has no session of ${cwd} to go on with`);
}

function timeOf({ updatedAt }: Json): number {
  return Date.parse(text(updatedAt)) || 0;
}

async function choose(
  call: Call,
  { id, offers }: Session,
  what: "mode" | "model",
  value: string | undefined,
): Promise<void> {
  if (value === undefined) return;
  const option = list(offers.configOptions).find((one) => one.id === what);
  if (option?.currentValue === value) return;
  if (option !== undefined) {
    await call("session/set_config_option", { sessionId: id, configId: what, value });
  } else await call(`session/set_${what}`, { sessionId: id, [`${what}Id`]: value });
}

/** What an agent's error says, in one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof RpcError)) return reason(error);
  const { code, message, data } = error;
  const { details } = fields(data);
  // A model's error, as it came; its status is the code then.
  const inner = text(fields(parseLine(message)?.error).message);
  const words = text(details) || inner || message;
  return oneLine(code >= 400 && code < 600 ? `${code}: ${words}` : words, 600);
}

/** Whether the agent wants its user to log in. */
export function wantsLogin(error: unknown): boolean {
  return error instanceof RpcError && error.code === AUTH_REQUIRED;
}

function startError(error: unknown, method: string, { title, login }: AcpOptions): StartError {
  if (wantsLogin(error)) {
    return new StartError(`${title} is not logged in (${errorText(error)}). ${login}`);
  }
  if (error instanceof RpcError && error.code === CODES.methodNotFound) {
    return new StartError(`This version of ${title} cannot do that: it has no ${method}`);
  }
  const exit = error instanceof EndedError ? error.exit : undefined;
  return new StartError(`${title}, ${method}: ${errorText(error)}`, exit);
}
