/**
 * What the API takes and gives, as schemas: the types, the checks and the OpenAPI document all come
 * from here.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";

/** Where a session stands. */
export const SessionStatus = z.enum(["running", "completed", "failed", "cancelled", "interrupted"])
  .openapi("SessionStatus", {
    description: "`interrupted`: arpc ended while it ran; a message goes on with it.",
  });
/** See {@link SessionStatus}. */
export type SessionStatus = z.infer<typeof SessionStatus>;

const time = (description: string) =>
  z.iso.datetime().openapi({ description, example: "2026-01-31T12:00:00.000Z" });

/** A session as the API shows it. */
export const SessionInfo = z.object({
  id: z.uuid(),
  executor: z.string(),
  driver: z.string(),
  status: SessionStatus,
  title: z.string(),
  prompt: z.string().openapi({ description: "The first prompt, its first 1000 characters" }),
  project_path: z.string(),
  model: z.string().nullable(),
  permission_mode: z.string(),
  cli_session_id: z.string().nullable().openapi({ description: "The CLI's own id, once known" }),
  created_at: time("When it was created"),
  updated_at: time("When something last happened in it"),
  ended_at: time("When its last turn ended").nullable(),
  turns: z.int().openapi({ description: "Turns begun" }),
  queued: z.int().openapi({ description: "Follow-ups that wait" }),
  pending_permissions: z.int(),
  epoch: z.string().openapi({ description: "First part of the ids of its stream" }),
  first_line: z.int().openapi({ description: "Oldest line that is kept, counted from 1" }),
  total_lines: z.int(),
  exit_code: z.int().nullable(),
  reason: z.string().nullable().openapi({ description: "Why it failed or was cut short" }),
}).openapi("Session");
/** See {@link SessionInfo}. */
export type SessionInfo = z.infer<typeof SessionInfo>;

/** A file that comes with a prompt. */
export const AttachmentInput = z.object({
  name: z.string().min(1).max(200),
  media_type: z.string().regex(/^[\w.+-]+\/[\w.+-]+$/).max(100),
  data: z.base64().openapi({
    description: "The bytes, as base64",
    pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
  }),
}).openapi("Attachment");

const prompt = z.string().min(1).openapi({ description: "What the CLI is to do" });

const tools = z.array(z.string().min(1).max(2000)).max(1000);

/** Names between commas; those within parentheses belong to a name: `Bash(ls a,b),Read`. */
function splitTools(text: string): string[] {
  const names = text.match(/(?:[^,(]|\([^)]*\)?)+/g) ?? [];
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

/** What a new session takes. */
export const CreateSession = z.object({
  executor: z.string().min(1).default("claude").openapi({
    description: "One of those of `GET /api/executors`",
    example: "claude",
  }),
  prompt,
  project_path: z.string().min(1).optional().openapi({
    description: "Folder to work in; it must exist below a --project-root (default: the first one)",
  }),
  model: z.string().min(1).max(200).optional(),
  permission_mode: z.string().min(1).max(50).optional().openapi({
    description: "One of the executor's `modes`",
  }),
  allowed_tools: z.union([tools, z.string().max(2000).transform(splitTools).pipe(tools)])
    .optional().openapi({
      anyOf: [
        { type: "array", items: { type: "string", minLength: 1, maxLength: 2000 }, maxItems: 1000 },
        { type: "string", maxLength: 2000 },
      ],
      description: "Tools that need no approval; also as one text with commas",
      example: ["Read", "Bash(git log:*)"],
    }),
  resume: z.string().min(1).max(200).optional().openapi({
    description: "The id of a session to go on with: the CLI's own id, or one of this API",
  }),
  resume_last: z.boolean().optional().openapi({
    description: "Go on with the CLI's newest session in this folder",
  }),
  interactive: z.boolean().optional().openapi({
    description: "Speak with the CLI in the way that has approvals (default: where it has one)",
  }),
  title: z.string().min(1).max(200).optional(),
  extra_args: z.array(z.string().max(4096)).max(50).optional().openapi({
    description: "Further arguments of the CLI, of those the executor allows",
  }),
  attachments: z.array(AttachmentInput).max(20).optional(),
}).openapi("CreateSession");
/** See {@link CreateSession}. */
export type CreateSession = z.infer<typeof CreateSession>;

/** A follow-up. */
export const SendMessage = z.object({
  prompt,
  attachments: z.array(AttachmentInput).max(20).optional(),
}).openapi("SendMessage");
/** See {@link SendMessage}. */
export type SendMessage = z.infer<typeof SendMessage>;

/** A question of a CLI. */
export const Permission = z.object({
  id: z.uuid(),
  session_id: z.uuid().nullable(),
  status: z.enum(["pending", "approved", "denied", "expired", "cancelled"]),
  toolName: z.string(),
  title: z.string(),
  toolInput: z.unknown(),
  toolCallId: z.string().nullable(),
  scopes: z.array(z.enum(["once", "session", "always"])),
  editable: z.boolean(),
  suggestions: z.unknown(),
  created_at: time("When it was asked"),
  expires_at: time("When it will be denied"),
  decided_at: time("When it was answered").nullable(),
  scope: z.enum(["once", "session", "always"]).nullable(),
  modifiedInput: z.unknown(),
  denyReason: z.string().nullable(),
}).openapi("Permission");
/** See {@link Permission}. */
export type Permission = z.infer<typeof Permission>;

/** The answer to a question of a CLI. */
export const Decision = z.object({
  action: z.enum(["approve", "deny"]),
  scope: z.enum(["once", "session", "always"]).optional(),
  modifiedInput: z.unknown().optional(),
  denyReason: z.string().max(4000).optional(),
}).openapi("Decision");
/** See {@link Decision}. */
export type Decision = z.infer<typeof Decision>;
