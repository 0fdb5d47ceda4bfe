import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { testWith, within } from "../../../common/testdata/gate.ts";
import { acpDriver, type AcpOptions } from "./acp.ts";
import {
  type Answer,
  type Conversation,
  type Host,
  type Program,
  type Question,
  StartError,
} from "./mod.ts";

/**
 * An agent that says what a script makes it say; what the real ones do is tested with them. It hears
 * and answers `initialize` itself, and `open` hears and answers what opens the session.
 */
const PRELUDE = `
  const say = (message) => console.log(JSON.stringify({ jsonrpc: "2.0", ...message }));
  const lines = (async function* () {
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\\n");
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(part);
    }
  })();
  const hear = async () => (await lines.next()).value;
  const answer = async (result) => {
    const message = await hear();
    say({ id: message.id, result });
    return message;
  };
  const refuse = async (error) => say({ id: (await hear()).id, error });
  const update = (sessionUpdate, more) =>
    say({ method: "session/update", params: { sessionId: "s", update: { sessionUpdate, ...more } } });
  const chunk = (text, who = "agent") =>
    update(who + "_message_chunk", { content: { type: "text", text } });
  const ask = (options, toolCall = { toolCallId: "t", title: "touch it", kind: "execute" }) =>
    say({ id: "q", method: "session/request_permission", params: { sessionId: "s", options, toolCall } });
  const option = (kind, name = kind) => ({ optionId: name, name, kind });
  const meet = (agentCapabilities = {}, protocolVersion = 1) =>
    answer({ protocolVersion, agentCapabilities });
  const open = async (more) => {
    await meet();
    return await answer({ sessionId: "s", ...more });
  };
  const end = (id, stopReason = "end_turn") => say({ id, result: { stopReason } });
`;

/** What a conversation was heard to say. */
class Heard implements Host {
  readonly lines: string[] = [];
  readonly notices: string[] = [];
  readonly sessions: string[] = [];
  readonly questions: Question[] = [];
  readonly #asked = Promise.withResolvers<void>();
  #wake = () => {};
  answer: (question: Question, signal: AbortSignal) => Promise<Answer>;

  constructor(answer: Answer | "never" = { action: "deny" }) {
    this.answer = answer === "never"
      ? (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        )
      : () => Promise.resolve(answer);
  }

  /** As soon as there is a question. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  line(text: string): void {
    this.lines.push(text);
    this.#wake();
  }

  /** As soon as there is a line with this word. */
  async said(word: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(word))) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  stderr(): void {}

  notice(text: string): void {
    this.notices.push(text);
  }

  cliSession(id: string): void {
    this.sessions.push(id);
  }

  ask(question: Question, signal: AbortSignal): Promise<Answer> {
    this.questions.push(question);
    this.#asked.resolve();
    return this.answer(question, signal);
  }
}

function program(script: string): Program {
  return {
    path: Deno.execPath(),
    args: ["eval", PRELUDE + script],
    env: { NO_COLOR: "1" },
    cwd: Deno.cwd(),
  };
}

/** Starts an agent that does this. */
function start(
  script: string,
  host: Host = new Heard(),
  options: Partial<AcpOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Conversation> {
  const driver = acpDriver({
    title: "The agent",
    login: "Log in there.",
    resume: undefined,
    resumeLast: false,
    ...options,
  });
  return within(20_000, "the start of an agent", driver(program(script), host, signal));
}

const turn = (conversation: Conversation, text = "hello") =>
  within(20_000, "the end of a turn", conversation.turn({ text, attachments: [] }));

function agentTest(name: string, fn: () => Promise<void>): void {
  testWith([{ name: "run" }, { name: "read" }, { name: "env" }], `ACP: ${name}`, fn);
}

agentTest("turns end as the agent says, one after another", async () => {
  await using conversation = await start(`
    await open();
    for (const reason of ["end_turn", "refusal", "max_tokens", "cancelled"]) {
      end((await hear()).id, reason);
    }
    await refuse({ code: -32603, message: "Internal error", data: { details: "out of\\norder" } });
    await refuse({ code: 401, message: JSON.stringify({ error: { message: "no key" } }) });
    await refuse({ code: -32000, message: "Authentication required" });
    await answer({});
  `);
  const ends = [];
  for (let i = 0; i < 8; i++) {
    const { status, reason } = await turn(conversation);
    ends.push([status, reason]);
  }
  deepStrictEqual(ends, [
    ["completed", undefined],
    ["failed", "The model refused to go on"],
    ["failed", "The model came to its limit of tokens"],
    ["cancelled", undefined],
    ["failed", "out of order"],
    ["failed", "401: no key"],
    ["failed", "The agent is not logged in (Authentication required). Log in there."],
    ["failed", "The CLI did not say how it ended"],
  ]);
});

agentTest("one that dies in a turn says why, and takes no other", async () => {
  await using conversation = await start(`
    await open();
    await hear();
    console.error("out of memory");
    Deno.exit(3);
  `);
  const { status, reason } = await turn(conversation);
  strictEqual(status, "failed");
  match(reason ?? "", /exit code 3.*out of memory/);
  await conversation.exit;
  strictEqual(conversation.reusable, false);
  strictEqual((await turn(conversation)).status, "failed");
});

agentTest("what does not come up is an error that says what to do", async () => {
  const starts: [string, RegExp, Partial<AcpOptions>?][] = [
    [
      `await meet(); await refuse({ code: -32000, message: "no key" }); await hear();`,
      /^The agent is not logged in \(no key\)\. Log in there\.$/,
    ],
    [`await meet({}, 2); await hear();`, /speaks version 2 of the Agent Client Protocol, not 1$/],
    [`await meet(); await answer({}); await hear();`, /gave its session no id$/],
    [`console.error("no such flag"); Deno.exit(1);`, /initialize: .*exit code 1.*no such flag/],
    [`await meet(); await hear();`, /cannot go on with a session/, { resume: "old" }],
    [`await meet(); await hear();`, /does not say which of its sessions/, { resumeLast: true }],
    [
      `await meet({ sessionCapabilities: { list: {} } }); await answer({ sessions: [] }); await hear();`,
      /has no session of .* to go on with$/,
      { resumeLast: true },
    ],
    [
      `await open(); await refuse({ code: -32602, message: "mode not found: m" }); await hear();`,
      /^The agent, session\/set_mode: mode not found: m$/,
      { mode: "m" },
    ],
    [
      `await open(); await refuse({ code: -32601, message: "Method not found" }); await hear();`,
      /^This version of The agent cannot do that: it has no session\/set_model$/,
      { model: "m" },
    ],
  ];
  for (const [script, message, options] of starts) {
    await rejects(start(script, new Heard(), options), (error: unknown) => {
      ok(error instanceof StartError, String(error));
      match(error.message, message);
      return true;
    });
  }
});

agentTest("a start can be ended", async () => {
  const leaving = new AbortController();
  const starting = start(
    `await meet(); await hear(); await hear();`,
    new Heard(),
    {},
    leaving.signal,
  );
  leaving.abort();
  await rejects(starting, { name: "AbortError" });
});

agentTest("modes and models are chosen in the agent's own way", async () => {
  const host = new Heard();
  await using conversation = await start(
    `
    const options = [{ id: "mode", currentValue: "build" }];
    await open({ configOptions: options });
    const mode = await answer({});
    const model = await answer({});
    const { id } = await hear();
    chunk(JSON.stringify([mode.method, mode.params, model.method, model.params]));
    end(id);
  `,
    host,
    { mode: "plan", model: "m" },
  );
  strictEqual((await turn(conversation)).status, "completed");
  const said = JSON.parse(host.lines.at(-2)!).params.update.content.text;
  deepStrictEqual(JSON.parse(said), [
    ...["session/set_config_option", { sessionId: "s", configId: "mode", value: "plan" }],
    ...["session/set_model", { sessionId: "s", modelId: "m" }],
  ]);
});

agentTest("a history is not said again, also where it comes late", async () => {
  const host = new Heard();
  await using conversation = await start(
    `
    await meet({ loadSession: true });
    await refuse({ code: -32603, message: "unknown" });
    const { id, params } = await hear();
    chunk("early", "user");
    update("available_commands_update", { availableCommands: [] });
    say({ id, result: {} });
    for (const text of ["late", "later"]) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      chunk(text);
    }
    end((await hear()).id);
    chunk("new " + params.sessionId);
    await hear();
  `,
    host,
    { resume: "old", loadAs: (id) => [` ${id}`, id] },
  );
  strictEqual((await turn(conversation)).status, "completed");
  deepStrictEqual(host.sessions, ["old"]);
  await conversation[Symbol.asyncDispose]();
  const text = host.lines.join("\n");
  for (const word of ["early", "late", "later"]) ok(!text.includes(word), word);
  for (const word of ["available_commands_update", "new old"]) ok(text.includes(word), word);
});

agentTest(
  "a session goes on without its history where that can be, and the newest is found",
  async () => {
    const host = new Heard();
    await using conversation = await start(
      `
    await meet({ loadSession: true, sessionCapabilities: { resume: {}, list: {} } });
    const { params: { cwd } } = await answer({ sessions: [
      { sessionId: "a", cwd: Deno.cwd(), updatedAt: "2026-01-01T00:00:00Z" },
      { sessionId: "b", cwd: Deno.cwd(), updatedAt: "2026-01-03T00:00:00Z" },
      { sessionId: "c", cwd: "/elsewhere", updatedAt: "2026-01-04T00:00:00Z" },
    ] });
    const { method } = await answer({});
    if (method !== "session/resume" || cwd !== Deno.cwd()) Deno.exit(1);
    end((await hear()).id);
  `,
      host,
      { resumeLast: true },
    );
    strictEqual((await turn(conversation)).status, "completed");
    deepStrictEqual(host.sessions, ["b"]);
  },
);

agentTest("a session of which nothing was kept begins anew, and says so", async () => {
  const options: Partial<AcpOptions> = { unkept: new Set() };
  {
    await using conversation = await start(
      `await open(); end((await hear()).id, "cancelled");`,
      new Heard(),
      options,
    );
    strictEqual((await turn(conversation)).status, "cancelled");
  }
  const host = new Heard();
  const again = `
    await meet({ loadSession: true });
    await refuse({ code: -32603, message: "No previous sessions found" });
    await answer({ sessionId: "t" });
    end((await hear()).id);
  `;
  {
    await using conversation = await start(again, host, { ...options, resume: "s" });
    strictEqual((await turn(conversation)).status, "completed");
  }
  deepStrictEqual(host.sessions, ["t"]);
  deepStrictEqual(host.notices, ["The agent kept nothing of the session, and begins anew"]);
  for (const resume of ["t", "elsewhere"]) {
    await rejects(start(again, host, { ...options, resume }), /No previous sessions found/);
  }
});

const OFFERED = `[
  option("allow_always", "Allow all server tools for this session"),
  option("allow_always", "Allow tool for this session"),
  option("allow_always", "Always Allow for user: x"),
  option("allow_always", "Always Allow in project: x"),
  option("allow_once", "Allow"),
  option("reject_once", "Reject"),
]`;

agentTest("an answer comes to the narrowest option of its kind", async () => {
  const chosen: [Answer, string][] = [
    [{ action: "approve", scope: "once" }, "Allow"],
    [{ action: "approve", scope: "session" }, "Allow tool for this session"],
    [{ action: "approve", scope: "always" }, "Always Allow in project: x"],
    [{ action: "deny" }, "Reject"],
  ];
  for (const [answer, optionId] of chosen) {
    const host = new Heard(answer);
    await using conversation = await start(
      `
      await open();
      const { id } = await hear();
      ask(${OFFERED});
      chunk(JSON.stringify((await hear()).result));
      end(id);
    `,
      host,
    );
    strictEqual((await turn(conversation)).status, "completed");
    const said = JSON.parse(host.lines.at(-2)!).params.update.content.text;
    deepStrictEqual(JSON.parse(said), { outcome: { outcome: "selected", optionId } });
    const [question] = host.questions;
    deepStrictEqual(
      [question?.tool, question?.title, question?.toolCallId, question?.scopes],
      ["execute", "touch it", "t", ["once", "session", "always"]],
    );
  }
});

agentTest("what was not offered is not allowed", async () => {
  const host = new Heard({ action: "approve", scope: "once" });
  await using conversation = await start(
    `
    await open();
    const { id } = await hear();
    ask([option("allow_always"), option("reject_once")], { toolCallId: 7, rawInput: { a: 1 } });
    chunk(JSON.stringify((await hear()).result));
    end(id);
  `,
    host,
  );
  strictEqual((await turn(conversation)).status, "completed");
  ok(host.lines.at(-2)!.includes(String.raw`{\"outcome\":{\"outcome\":\"cancelled\"}}`));
  deepStrictEqual(host.questions[0], {
    tool: "tool",
    title: "tool",
    input: { a: 1 },
    scopes: ["once", "session"],
    editable: false,
    suggestions: [
      { optionId: "allow_always", name: "allow_always", kind: "allow_always" },
      { optionId: "reject_once", name: "reject_once", kind: "reject_once" },
    ],
  });
});

agentTest(
  "the reason of a denial is told when the turn has ended, and is a part of it",
  async () => {
    const host = new Heard({ action: "deny", reason: "not now" });
    await using conversation = await start(
      `
    await open();
    const first = await hear();
    ask([option("allow_once"), option("reject_once")]);
    await hear();
    end(first.id);
    const second = await hear();
    chunk(second.params.prompt[0].text);
    end(second.id);
  `,
      host,
    );
    strictEqual((await turn(conversation)).status, "completed");
    ok(host.lines.at(-2)!.includes(String.raw`I denied \"touch it\": not now`), host.lines.at(-2));
    deepStrictEqual(host.notices, [`The agent is told: I denied "touch it": not now`]);
  },
);

agentTest("an interrupt takes a question back, and the agent goes on", async () => {
  const host = new Heard("never");
  await using conversation = await start(
    `
    await open();
    const { id } = await hear();
    ask([option("allow_once")]);
    const cancel = await hear();
    chunk(JSON.stringify([cancel.method, cancel.params, (await hear()).result]));
    // Some say that they came to an end; what counts is that they were told to.
    end(id);
    end((await hear()).id);
  `,
    host,
  );
  const running = turn(conversation);
  await host.asked;
  await conversation.interrupt();
  deepStrictEqual(await running, { status: "cancelled" });
  const said = JSON.parse(host.lines.at(-2)!).params.update.content.text;
  deepStrictEqual(JSON.parse(said), [
    ...["session/cancel", { sessionId: "s" }, { outcome: { outcome: "cancelled" } }],
  ]);
  await conversation.interrupt();
  strictEqual((await turn(conversation)).status, "completed");
});

agentTest("an agent that does not obey is ended", async () => {
  const host = new Heard("never");
  await using conversation = await start(
    `
    await open();
    await hear();
    ask([option("allow_once")]);
    for (;;) await hear();
  `,
    host,
  );
  const running = turn(conversation);
  await host.asked;
  await conversation.interrupt();
  deepStrictEqual(await running, { status: "cancelled" });
  strictEqual(conversation.reusable, false);
});

agentTest("a question outside of a turn, or that is taken back, is nobody's", async () => {
  const host = new Heard("never");
  await using conversation = await start(
    `
    await open();
    ask([option("allow_once")]);
    chunk(JSON.stringify((await hear()).result));
    const { id } = await hear();
    ask([option("allow_once")]);
    say({ method: "$/cancel_request", params: { requestId: "q" } });
    chunk(JSON.stringify((await hear()).error.code));
    say({ id: 1, method: "craft/drainMidTurnQueue", params: {} });
    chunk(JSON.stringify((await hear()).error.code));
    end(id);
  `,
    host,
  );
  // What it asks must have been heard before there is a turn.
  await within(20_000, "an answer to its question", host.said("cancelled"));
  strictEqual((await turn(conversation)).status, "completed");
  strictEqual(host.questions.length, 1);
  const said = host.lines.map((line) => JSON.parse(line).params?.update?.content?.text)
    .filter((text) => text !== undefined).map((text) => JSON.parse(text));
  deepStrictEqual(said, [{ outcome: { outcome: "cancelled" } }, -32800, -32601]);
});

agentTest("one that may do everything is told so, and nobody is asked", async () => {
  const host = new Heard("never");
  await using conversation = await start(
    `
    await open();
    const { id } = await hear();
    ask(${OFFERED});
    chunk((await hear()).result.outcome.optionId);
    end(id);
  `,
    host,
    { approves: true },
  );
  strictEqual((await turn(conversation)).status, "completed");
  ok(host.lines.at(-2)!.includes('"Allow"'));
  deepStrictEqual(host.questions, []);
});

agentTest("last words may tell of a failure", async () => {
  await using conversation = await start(
    `
    await open();
    const { id } = await hear();
    chunk("Error: no key");
    end(id);
    const next = await hear();
    chunk("All is well");
    end(next.id);
  `,
    new Heard(),
    { failure: (words) => words.startsWith("Error: ") ? words.slice(7) : undefined },
  );
  deepStrictEqual(await turn(conversation), { status: "failed", reason: "no key" });
  deepStrictEqual(await turn(conversation), { status: "completed" });
});
