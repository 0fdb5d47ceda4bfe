/**
 * Claude Code's permission prompt, for one that runs elsewhere: `--permission-prompt-tool
 * mcp__NAME__approval_prompt`. Its answer is a text with JSON in it, which Claude Code reads:
 * `{"behavior":"allow","updatedInput":…}` or `{"behavior":"deny","message":…}`. It waits as long as
 * it takes.
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import type { Answer } from "../drivers/mod.ts";
import { askFromElsewhere } from "../elsewhere.ts";
import { attempt, type Extra, goneSignal, type McpDeps, namedSession } from "./context.ts";
import { Progress } from "./progress.ts";
import type { CallToolResult, McpServer } from "./sdk.ts";

/** As Claude Code sends it. */
const INPUT = {
  tool_name: z.string().min(1).max(200).describe("The tool that wants to be used"),
  input: z.record(z.string(), z.unknown()).describe("What the tool would be given"),
  tool_use_id: z.string().max(200).optional().describe("The id of the call"),
};

/** Adds the tool. */
export function addApproval(server: McpServer, deps: McpDeps): void {
  server.registerTool("approval_prompt", {
    title: "Ask a person",
    description: "Asks a person whether a tool may be used, and waits for the answer. " +
      "For Claude Code's --permission-prompt-tool.",
    inputSchema: INPUT,
    annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
  }, ({ tool_name, input, tool_use_id }, extra) =>
    attempt(async () => {
      const named = namedSession(extra);
      const { permission, answer } = askFromElsewhere(
        deps.approvals,
        named === undefined ? undefined : deps.sessions.find(named)?.id,
        {
          tool: tool_name,
          input,
          scopes: ["once", "session"],
          ...(tool_use_id === undefined ? {} : { toolCallId: tool_use_id }),
        },
        goneSignal(extra),
      );
      return await answered(extra, permission.title, answer, tool_name, input);
    }));
}

async function answered(
  extra: Extra,
  title: string,
  answer: Promise<Answer>,
  tool: string,
  input: Record<string, unknown>,
): Promise<CallToolResult> {
  using _progress = new Progress(extra, `Waits for a person: ${title}`);
  return text(contract(await answer, tool, input));
}

/** The answer as Claude Code wants it. */
function contract(answer: Answer, toolName: string, input: Record<string, unknown>): object {
  if (answer.action === "deny") {
    return { behavior: "deny", message: answer.reason ?? "A person has denied this" };
  }
  const updatedInput = answer.modifiedInput ?? input;
  if (answer.scope === "once") return { behavior: "allow", updatedInput };
  const rule = {
    type: "addRules",
    rules: [{ toolName }],
    behavior: "allow",
    destination: "session",
  };
  return { behavior: "allow", updatedInput, updatedPermissions: [rule] };
}

function text(value: object): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(value) }] };
}
