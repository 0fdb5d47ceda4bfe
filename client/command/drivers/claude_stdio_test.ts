import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { testWith, within } from "../../../common/testdata/gate.ts";
import { claudeStdio } from "./claude_stdio.ts";
import { type Answer, type Conversation, type Host, type Question, StartError } from "./mod.ts";

/** What a strange Claude has at hand: it reads lines of JSON and says lines. */
const PRELUDE = `
  const say = (one) => console.log(typeof one === "string" ? one : JSON.stringify(one));
  const lines = (async function* () {
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\\n");
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(part);
    }
  })();
  const hear = async () => (await lines.next()).value;
  const welcome = async () => {
    const { request_id } = await hear();
    say({ type: "control_response", response: { subtype: "success", request_id, response: {} } });
  };
  const ask = (id, request) => say({ type: "control_request", request_id: id, request });
  const use = (id, command) =>
    ask(id, { subtype: "can_use_tool", tool_name: "Bash", input: { command } });
  const done = (more) => say({ type: "result", subtype: "success", is_error: false, ...more });
  const fate = (uuid, state) => say({ type: "command_lifecycle", command_uuid: uuid, state });
`;

interface Kept {
  lines: string[];
  sessions: string[];
  questions: Question[];
}

interface Play {
  kept: Kept;
  open(script: string, answer?: Answerer, signal?: AbortSignal): Promise<Conversation>;
}

type Answerer = (question: Question, signal: AbortSignal) => Promise<Answer>;

const APPROVE: Answerer = () => Promise.resolve({ action: "approve", scope: "once" });

/** Registers a test with a program in the place of Claude Code. */
function strangeTest(name: string, fn: (play: Play) => Promise<void>): void {
  testWith([{ name: "run" }, { name: "read" }, { name: "env" }], name, async () => {
    await using stack = new AsyncDisposableStack();
    const kept: Kept = { lines: [], sessions: [], questions: [] };
    await fn({
      kept,
      open: async (script, answer = APPROVE, signal = new AbortController().signal) => {
        const host: Host = {
          line: (text) => kept.lines.push(text),
          stderr() {},
          notice: (text) => kept.lines.push(text),
          cliSession: (id) => kept.sessions.push(id),
          ask: (question, signal) => {
            kept.questions.push(question);
            return answer(question, signal);
          },
        };
        const args = ["eval", "--quiet", PRELUDE + script];
        const program = { path: Deno.execPath(), args, env: {}, cwd: Deno.cwd() };
        const opening = claudeStdio(program, host, signal);
        return stack.use(await within(30_000, "the start", opening));
      },
    });
  });
}

const prompt = (text: string) => ({ text, attachments: [] });
const turn = (conversation: Conversation, text = "hello") =>
  within(30_000, "the end of the turn", conversation.turn(prompt(text)));

strangeTest("one that ends before it has come up says why", async ({ open, kept }) => {
  await rejects(
    open(`say("garbage"); console.error("not logged in"); Deno.exit(3)`),
    (error: unknown) => {
      ok(error instanceof StartError);
      match(error.message, /exit code 3; the last it said: not logged in$/);
      return true;
    },
  );
  deepStrictEqual(kept.lines, ["garbage"]);
});

strangeTest("one that refuses the handshake is refused", async ({ open }) => {
  const script = `const { request_id } = await hear();
    say({ type: "control_response", response: { subtype: "error", request_id, error: "too old" } });
    await hear();`;
  await rejects(open(script), /does not speak with arpc: too old/);
});

strangeTest("a start that nobody wants any more leaves no process", async ({ open }) => {
  const controller = new AbortController();
  const opening = open(`await hear(); await hear();`, APPROVE, controller.signal);
  const reason = new Error("not wanted");
  controller.abort(reason);
  await rejects(opening, reason);
  await rejects(open("", APPROVE, controller.signal), reason);
});

strangeTest("lines of the protocol are answered and not shown", async ({ open, kept }) => {
  const conversation = await open(`
    await welcome();
    const { message } = await hear();
    ask("1", { subtype: "hook_callback" });
    const refused = await hear();
    use("2", "ls");
    const allowed = await hear();
    say({ type: "keep_alive" });
    say({ type: "seen", session_id: "s", refused, allowed, message });
    done({ session_id: "s" });
    await hear();`);
  deepStrictEqual(await turn(conversation), { status: "completed" });
  strictEqual(kept.lines.length, 2);
  const { refused, allowed, message } = JSON.parse(kept.lines[0]!);
  deepStrictEqual(refused.response, {
    subtype: "error",
    request_id: "1",
    error: "arpc does not know hook_callback",
  });
  deepStrictEqual([allowed.response.request_id, allowed.response.response.behavior], [
    "2",
    "allow",
  ]);
  deepStrictEqual(message.content, [{ type: "text", text: "hello" }]);
  deepStrictEqual(kept.sessions, ["s"]);
});

strangeTest("a question that is taken back is not answered", async ({ open }) => {
  let aborted = false;
  const wait: Answerer = (_, signal) => {
    const { promise, reject } = Promise.withResolvers<Answer>();
    signal.addEventListener("abort", () => {
      aborted = true;
      reject(signal.reason);
    });
    return promise;
  };
  const conversation = await open(
    `await welcome(); await hear(); use("1", "ls");
     say({ type: "control_cancel_request", request_id: "1" });
     done(); const next = await hear(); done({ result: next.type }); await hear();`,
    wait,
  );
  deepStrictEqual(await turn(conversation), { status: "completed" });
  ok(aborted);
  deepStrictEqual(await turn(conversation), { status: "completed" });
});

strangeTest(
  "an answer that fails is told to Claude, and too many questions are refused",
  async ({ open, kept }) => {
    let asked = 0;
    const answer: Answerer = () => {
      return ++asked === 1
        ? Promise.reject(new Error("the store is closed"))
        : new Promise(() => {});
    };
    const conversation = await open(
      `await welcome(); await hear(); use("x", "ls");
     const failed = await hear();
     for (let i = 0; i < 257; i++) use("q" + i, "ls");
     const many = await hear();
     say({ failed, many }); done(); await hear();`,
      answer,
    );
    deepStrictEqual(await turn(conversation), { status: "completed" });
    const { failed, many } = JSON.parse(kept.lines[0]!);
    strictEqual(failed.response.error, "the store is closed");
    deepStrictEqual([many.response.request_id, many.response.subtype], ["q256", "error"]);
  },
);

strangeTest(
  "the result of a turn that Claude takes by itself is not that of ours",
  async ({ open }) => {
    const conversation = await open(`
    await welcome();
    const { uuid } = await hear();
    fate(uuid, "queued"); done({ result: "of its own" });
    fate(uuid, "started"); done({ is_error: true, result: "ours" }); fate(uuid, "cancelled");
    const next = await hear();
    fate(next.uuid, "queued"); fate(next.uuid, "refused");
    const last = await hear();
    fate(last.uuid, "queued"); fate(last.uuid, "completed");
    await hear();`);
    deepStrictEqual(await turn(conversation), { status: "failed", reason: "ours" });
    const refused = { status: "failed", reason: "Claude Code has refused the message" };
    deepStrictEqual(await turn(conversation), refused);
    deepStrictEqual(await turn(conversation), { status: "completed" });
  },
);

strangeTest("one that ends in a turn fails it, and takes no other", async ({ open }) => {
  const conversation = await open(
    `await welcome(); await hear(); console.error("out of memory"); Deno.exit(134)`,
  );
  const end = await turn(conversation);
  strictEqual(end.status, "failed");
  match(end.reason!, /exit code 134; the last it said: out of memory$/);
  await conversation.exit;
  ok(!conversation.reusable);
  strictEqual((await turn(conversation)).status, "failed");
});

strangeTest("turns do not overlap, and an interrupt without one does nothing", async ({ open }) => {
  const conversation = await open(`
    await welcome(); await hear();
    const { request, request_id } = await hear();
    if (request.subtype === "interrupt" && request.cancel_queued) {
      say({ type: "control_response", response: { subtype: "success", request_id } });
      done({ subtype: "error_during_execution", is_error: true, terminal_reason: "aborted_tools" });
    }
    await hear(); done(); await hear();`);
  await conversation.interrupt();
  const first = turn(conversation);
  strictEqual((await turn(conversation)).status, "failed");
  await conversation.interrupt();
  deepStrictEqual(await first, { status: "cancelled" });
  deepStrictEqual(await turn(conversation), { status: "completed" });
});

strangeTest("an image that cannot be read fails the turn alone", async ({ open }) => {
  const conversation = await open(`await welcome(); await hear(); done(); await hear();`);
  const missing = { name: "a.png", mediaType: "image/png", path: "/no/such.png" };
  const end = await conversation.turn({ text: "look", attachments: [missing] });
  strictEqual(end.status, "failed");
  deepStrictEqual(await turn(conversation), { status: "completed" });
});
