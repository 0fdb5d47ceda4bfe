/**
 * The driver for `codex app-server`: one process, one thread, one turn after another.
 *
 * @see {@link https://developers.openai.com/codex/app-server | Codex app-server}
 * @module
 */

import { reason } from "@agentx/common";
import { VERSION } from "../../config.ts";
import { fields, list, text } from "../events/fields.ts";
import type { Json } from "../events/mod.ts";
import { checkSandbox } from "./codex_sandbox.ts";
import { CodexThread } from "./codex_thread.ts";
import { EndedError, type JsonRpc } from "./jsonrpc.ts";
import { type Driver, type Host, StartError } from "./mod.ts";

/** How long a step of the start may take, in milliseconds. */
const START_MS = 60_000;

/** What a thread is started with, in the words of `thread/start`. */
export interface ThreadOptions {
  model?: string;
  approvalPolicy: "untrusted" | "on-request" | "never";
  sandbox: "read-only" | "workspace-write" | "danger-full-access";
  /** Settings that win over those of the user's file. */
  config: Readonly<Record<string, unknown>>;
  /** The id of the thread to go on with. */
  resume?: string;
  /** Go on with the newest thread of the folder. */
  resumeLast: boolean;
}

/** A driver that speaks with `codex app-server`. */
export function codexAppServerDriver(options: ThreadOptions): Driver {
  return async (program, host, signal) => {
    signal.throwIfAborted();
    const thread = new CodexThread(program, host);
    const stop = () => void thread.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const { id, settings } = await open(thread.rpc, program.cwd, host, options);
      thread.opened(id, settings);
      host.cliSession(id);
      signal.throwIfAborted();
      return thread;
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw asStartError(error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}

/** Opens a thread, new or not; returns its id, and what its turns have to be started with. */
async function open(
  rpc: JsonRpc,
  cwd: string,
  host: Host,
  options: ThreadOptions,
): Promise<{ id: string; settings: Json }> {
  await rpc.request("initialize", {
    clientInfo: { name: "arp", title: "ARP", version: VERSION },
    // What ends the commands of a cancelled turn belongs to it.
    capabilities: { experimentalApi: true, requestAttestation: false },
  }, START_MS);
  rpc.notify("initialized");
  const [settings, id] = await Promise.all([
    checkSandbox(rpc, options, host),
    openThread(rpc, cwd, options),
  ]);
  return { id, settings };
}

async function openThread(
  rpc: JsonRpc,
  cwd: string,
  { resumeLast, resume, ...settings }: ThreadOptions,
): Promise<string> {
  const threadId = resume ?? (resumeLast ? await newest(rpc, cwd) : undefined);
  // The user's file may name a model as the one who answers.
  const params = { cwd, approvalsReviewer: "user", ...settings };
  const opened = threadId === undefined
    ? await rpc.request("thread/start", params, START_MS)
    : await rpc.request("thread/resume", { threadId, excludeTurns: true, ...params }, START_MS);
  const id = text(fields(fields(opened).thread).id);
  if (id === "") throw new StartError("codex app-server opened a thread without an id");
  return id;
}

/** @throws {StartError} when there is none. */
async function newest(rpc: JsonRpc, cwd: string): Promise<string> {
  const found = await rpc.request("thread/list", {
    cwd,
    limit: 1,
    sortKey: "updated_at",
    sourceKinds: ["cli", "vscode", "exec", "appServer"],
  }, START_MS);
  const id = text(list(fields(found).data)[0]?.id);
  if (id === "") throw new StartError(`Codex has no session of ${cwd} to go on with`);
  return id;
}

function asStartError(error: unknown): StartError {
  if (error instanceof StartError) return error;
  const exit = error instanceof EndedError ? error.exit : undefined;
  return new StartError(`codex app-server: ${reason(error)}`, exit);
}
