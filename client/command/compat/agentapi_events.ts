/**
 * The events of coder/agentapi: a message each time it has grown, and the state when it changes.
 *
 * @module
 */

import { Conversation, type Message } from "../conversation.ts";
import type { Session } from "../sessions/session.ts";
import { statusOf } from "./agentapi.ts";

/** Least time between two rounds of events: each has the whole message again. In milliseconds. */
const PAUSE_MS = 100;
/** Time between two comments that keep a silent stream from being taken for a dead one. */
const HEARTBEAT_MS = 15_000;

/**
 * The events as the text of a stream, until the signal is aborted.
 *
 * @param exists whether the session is still there.
 */
export async function* agentEvents(
  session: Session,
  exists: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const { log } = session;
  const conversation = new Conversation(session);
  let next = 1;
  let status: string | undefined;
  while (!signal.aborted && exists()) {
    const changed = new Set<Message>();
    let error: string | undefined;
    for (const line of log.read(Math.max(next, log.first))) {
      const { message } = conversation.take(line);
      if (message !== undefined) changed.add(message);
      next = line.n + 1;
    }
    for (const message of changed) {
      const { id, role, text, time } = message;
      yield written("message_update", { id, role, message: text, time });
    }
    if (next <= log.last) continue;
    const now = statusOf(session);
    if (now.status !== status) {
      status = now.status;
      const { info } = session;
      if (status === "stable" && info.status === "failed") error = info.reason ?? "It has failed";
      yield written("status_change", { status, agent_type: now.agent_type });
    }
    if (error !== undefined) {
      const time = new Date().toISOString();
      yield written("agent_error", { message: error, level: "error", time });
    }
    if (await quiet(session, next - 1, signal)) yield ": still here\n\n";
    else await pause(PAUSE_MS, signal);
  }
}

function written(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Waits for a line, or for a change of the state. @returns whether nothing came for long. */
async function quiet(session: Session, last: number, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    over.abort();
  }, HEARTBEAT_MS);
  // What ends without a last line ends the waiting as well.
  if (session.running) session.idle().then(() => over.abort());
  await session.log.wait(last, until);
  clearTimeout(timer);
  over.abort();
  return late;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
