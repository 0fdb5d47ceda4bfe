/**
 * What was said in sessions, as resources: `arp://sessions/{id}`.
 *
 * @module
 */

import type { Message } from "../conversation.ts";
import { reason } from "@agentx/common";
import { found } from "../routes/found.ts";
import type { SessionInfo } from "../schemas.ts";
import type { McpDeps } from "./context.ts";
import { ErrorCode, McpError, type McpServer, ResourceTemplate } from "./sdk.ts";

/** Sessions that are listed, the newest. */
const LISTED = 100;
/** How long a transcript may get, in characters; the oldest messages are left out. */
const MAX_TRANSCRIPT = 256 * 1024;

/** Adds the resources. */
export function addTranscripts(server: McpServer, { sessions, conversations }: McpDeps): void {
  const template = new ResourceTemplate("arp://sessions/{id}", {
    list: () => ({
      resources: sessions.list({ limit: LISTED, offset: 0 }).items.map((info) => ({
        uri: `arp://sessions/${info.id}`,
        name: info.title,
        description: `${info.executor} in ${info.project_path}: ${info.status}`,
        mimeType: "text/markdown",
      })),
    }),
  });
  server.registerResource("transcript", template, {
    title: "Transcript of a session",
    description: "What a person and an AI coding CLI have said to each other",
    mimeType: "text/markdown",
  }, async (uri, { id }) => {
    try {
      const session = found(sessions, String(id));
      const { messages } = await conversations.of(session);
      const text = transcript(session.info, messages);
      return { contents: [{ uri: uri.href, mimeType: "text/markdown", text }] };
    } catch (error) {
      throw new McpError(ErrorCode.InvalidParams, reason(error));
    }
  });
}

function transcript(info: SessionInfo, messages: readonly Message[]): string {
  const parts: string[] = [];
  let size = 0;
  for (const { role, text } of messages.toReversed()) {
    const part = `## ${role === "user" ? "User" : info.executor}\n\n${text}\n`;
    size += part.length;
    if (size > MAX_TRANSCRIPT && parts.length > 0) {
      parts.push("(The messages before these are left out.)\n");
      break;
    }
    parts.push(part.slice(0, MAX_TRANSCRIPT));
  }
  const head = `# ${info.title}\n\n${info.executor} in ${info.project_path}: ${info.status}\n`;
  return [head, ...parts.reverse()].join("\n");
}
