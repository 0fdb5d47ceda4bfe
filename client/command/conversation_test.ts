import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { within } from "../../common/testdata/gate.ts";
import { Conversation, follow } from "./conversation.ts";
import { Conversations } from "./conversations.ts";
import type { Grammar } from "./events/mod.ts";
import type { SessionInfo } from "./schemas.ts";
import type { Line, LineKind } from "./sessions/log.ts";
import { lineWith } from "./sessions/testdata/executor.ts";
import { sessionTest } from "./sessions/testdata/gate.ts";

const TIME = "2026-01-31T12:00:00.000Z";

const GRAMMAR: Grammar = {
  sessionId: () => undefined,
  end: () => undefined,
  events({ say, tool, bad }) {
    if (bad) throw new Error("bad");
    if (tool) return [{ sessionUpdate: "tool_call", toolCallId: "1", title: String(tool) }];
    const content = { type: "text", text: String(say) } as const;
    return say === undefined ? [] : [{ sessionUpdate: "agent_message_chunk", content }];
  },
};

function conversation(): { take(kind: LineKind, value: unknown): void; of: Conversation } {
  const of = new Conversation({ grammar: GRAMMAR, info: { created_at: TIME } as SessionInfo });
  let n = 0;
  return {
    of,
    take: (kind, value) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      of.take({ n: ++n, kind, text });
    },
  };
}

Deno.test("Conversation puts lines together to messages, one of each side a turn", () => {
  const { of, take } = conversation();
  take("own", { type: "user_message", turn: 1, text: "hi" });
  take("raw", { say: "Let me " });
  take("raw", { say: "look.", timestamp: "2026-01-31T12:00:05Z" });
  strictEqual(of.lastWords, "Let me look.");
  take("raw", { tool: "ls" });
  take("stderr", { type: "stderr", text: "noise" });
  take("raw", "no JSON");
  take("raw", { bad: true });
  take("raw", { say: "Done." });
  take("own", { type: "completion", turn: 1 });
  strictEqual(of.lastWords, "Done.");
  take("own", { type: "user_message", turn: 2, text: "more", time: "2026-01-31T13:00:00.000Z" });
  strictEqual(of.lastWords, "");
  take("raw", { say: "Yes." });
  deepStrictEqual(of.messages, [
    { id: 0, role: "user", turn: 1, text: "hi", time: TIME },
    { id: 1, role: "agent", turn: 1, text: "Let me look.\n\nDone.", time: TIME },
    { id: 2, role: "user", turn: 2, text: "more", time: "2026-01-31T13:00:00.000Z" },
    { id: 3, role: "agent", turn: 2, text: "Yes.", time: "2026-01-31T13:00:00.000Z" },
  ]);
});

Deno.test("Conversation keeps the newest messages, and of long ones the begin", () => {
  const { of, take } = conversation();
  const mib = "x".repeat(1024 * 1024);
  for (let turn = 1; turn <= 40; turn++) {
    take("own", { type: "user_message", turn, text: "go" });
    take("raw", { say: mib });
    take("raw", { say: "left out" });
  }
  ok(of.messages.length < 40, String(of.messages.length));
  strictEqual(of.messages.at(-1)!.id, 79);
  strictEqual(of.messages.at(-1)!.text, mib);
});

sessionTest("Conversations goes on where it was", async (bed) => {
  const session = await bed.start("say one\nask Bash\nsay two");
  await lineWith(session, '"permission_request"');
  const conversations = new Conversations();
  strictEqual((await conversations.of(session)).lastWords, "one");
  const { id } = await bed.question();
  bed.approvals.decide(id, { action: "approve" });
  await session.idle();
  const [one, other] = await Promise.all([conversations.of(session), conversations.of(session)]);
  strictEqual(one, other);
  deepStrictEqual(one.messages.map(({ role, text }) => [role, text]), [
    ["user", "say one\nask Bash\nsay two"],
    ["agent", "onetwo"],
  ]);
});

sessionTest("Conversations reads a long session without holding others up", async (bed) => {
  const session = await bed.run("lines 5000 10");
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const { messages } = await new Conversations().of(session);
  clearInterval(timer);
  strictEqual(messages.at(-1)!.text.length, 50_000);
  ok(turns > 0);
});

sessionTest("follow() gives what is there and what comes, until it is called off", async (bed) => {
  const session = await bed.start("say one\nask Bash\nsay two");
  const enough = new AbortController();
  const lines: Line[] = [];
  const { id } = await bed.question();
  const following = (async () => {
    for await (const line of follow(session, 2, enough.signal)) {
      lines.push(line);
      if (line.text.includes("completion")) enough.abort();
    }
  })();
  bed.approvals.decide(id, { action: "approve" });
  await within(10_000, "the end", following);
  deepStrictEqual(lines.map(({ n }) => n), lines.map((_, i) => i + 2));
  strictEqual(lines.length, session.log.last - 1);
});
