import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { testWith, within } from "../../../common/testdata/gate.ts";
import type { Grammar } from "../events/mod.ts";
import type { Conversation, Host, Prompt } from "./mod.ts";
import { streamDriver, type StreamOptions } from "./stream.ts";

const UNIX = Deno.build.os !== "windows";
const HELLO: Prompt = { text: "hello", attachments: [] };

/** `{"id":…}` names the session, `{"end":"completed"}` ends the turn. */
const GRAMMAR: Grammar = {
  sessionId: ({ id }) => typeof id === "string" ? id : undefined,
  events: () => [],
  end: ({ end }) => {
    return end === "completed" || end === "failed"
      ? { status: end, reason: "it says so" }
      : undefined;
  },
};

interface Run {
  conversation: Conversation;
  lines: string[];
  sessions: string[];
  heard(text: string): Promise<void>;
}

/** Registers a test of the driver with a shell script as the CLI. */
function streamTest(
  name: string,
  fn: (start: (script: string, options?: Partial<StreamOptions>) => Promise<Run>) => Promise<void>,
): void {
  const test = async () => {
    await using stack = new AsyncDisposableStack();
    await fn(async (script, options = {}) => {
      const run: Omit<Run, "conversation"> = {
        lines: [],
        sessions: [],
        heard: (text) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          waiting.push({ text, resolve });
          return within(10_000, text, promise);
        },
      };
      const waiting: { text: string; resolve(): void }[] = [];
      const host: Host = {
        line: (line) => {
          run.lines.push(line);
          for (const { text, resolve } of waiting) if (line.includes(text)) resolve();
        },
        stderr() {},
        notice: (text) => run.lines.push(text),
        cliSession: (id) => run.sessions.push(id),
        ask: () => Promise.reject(new Error("nobody is to be asked")),
      };
      const driver = streamDriver(GRAMMAR, { prompt: () => ({}), ...options });
      const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
      const program = { path: "/bin/sh", args: ["-c", script, "cli"], env, cwd: Deno.cwd() };
      const conversation = await driver(program, host, new AbortController().signal);
      stack.use(conversation);
      return { ...run, conversation };
    });
  };
  if (UNIX) testWith([{ name: "run" }, { name: "read" }, { name: "env" }], name, test);
  else Deno.test({ name: `${name} [skipped: needs a Unix shell]`, ignore: true, fn: test });
}

streamTest("a turn ends by the CLI's own word, whatever the exit code", async (start) => {
  const good = await start(`echo '{"id":"a"}'; echo words; echo '{"end":"completed"}'; exit 7`);
  deepStrictEqual(await good.conversation.turn(HELLO), {
    status: "completed",
    reason: "it says so",
  });
  deepStrictEqual([good.lines.length, good.sessions], [3, ["a"]]);
  strictEqual((await good.conversation.exit).code, 7);
  const bad = await start(`echo '{"end":"failed"}'`);
  strictEqual((await bad.conversation.turn(HELLO)).status, "failed");
});

streamTest("an end without a word is a failure that says what there is to say", async (start) => {
  const cases: [script: string, reason: RegExp][] = [
    ["echo out; echo no key >&2; exit 41", /exit code 41; the last it said: no key$/],
    ["echo Session not found; exit 0", /exit code 0; the last it said: Session not found$/],
    ["kill -9 $$", /signal SIGKILL and said nothing$/],
  ];
  for (const [script, reason] of cases) {
    const { conversation } = await start(script);
    const end = await conversation.turn(HELLO);
    strictEqual(end.status, "failed");
    match(end.reason!, reason);
  }
});

streamTest("a prompt comes as arguments or by standard input", async (start) => {
  const prompt = { text: "-rf\n'quoted' 😀", attachments: [] };
  const done = `; echo '{"end":"completed"}'`;
  const words = await start(`printf '%s|' "$@"${done}`, {
    prompt: ({ text }) => ({ args: ["--", text] }),
  });
  await words.conversation.turn(prompt);
  deepStrictEqual(words.lines.slice(0, 2), ["--|-rf", "'quoted' 😀|" + '{"end":"completed"}']);
  const piped = await start(`cat${done}`, { prompt: ({ text }) => ({ stdin: text }) });
  deepStrictEqual((await piped.conversation.turn(prompt)).status, "completed");
  deepStrictEqual(piped.lines.slice(0, 2), ["-rf", "'quoted' 😀"]);
  const none = await start(`cat${done}`);
  strictEqual((await none.conversation.turn(prompt)).status, "completed");
});

streamTest(
  "a prompt that nobody reads, or that cannot be made, ends the turn too",
  async (start) => {
    const deaf = await start(`echo '{"end":"completed"}'`, {
      prompt: () => ({ stdin: "x".repeat(1_000_000) }),
    });
    strictEqual((await deaf.conversation.turn(HELLO)).status, "completed");
    const broken = await start("exit 0", {
      prompt: () => Promise.reject(new Error("the image is gone")),
    });
    deepStrictEqual(await broken.conversation.turn(HELLO), {
      status: "failed",
      reason: "the image is gone",
    });
    await broken.conversation.exit;
    const long = await start("exit 0", { prompt: () => ({ args: ["x".repeat(3_000_000)] }) });
    match((await long.conversation.turn(HELLO)).reason!, /Argument list too long$/);
  },
);

streamTest(
  "where the last event is not only the last, the exit code counts as well",
  async (start) => {
    const script = (code: number) =>
      `echo '{"end":"completed"}'; echo '{"more":1}'; echo '{"end":"completed"}'; exit ${code}`;
    const good = await start(script(0), { endsAtExit: true });
    strictEqual((await good.conversation.turn(HELLO)).status, "completed");
    const bad = await start(script(1), { endsAtExit: true });
    strictEqual((await bad.conversation.turn(HELLO)).status, "failed");
  },
);

streamTest("an interrupt ends the process, and the turn is cancelled", async (start) => {
  const { conversation, heard } = await start(
    `echo '{"id":"a"}'; exec sleep 60`,
  );
  const turn = conversation.turn(HELLO);
  await heard('"a"');
  await within(10_000, "interrupt", conversation.interrupt());
  deepStrictEqual(await turn, { status: "cancelled" });
  strictEqual((await conversation.exit).signal, "SIGINT");
  await conversation.interrupt();
});

streamTest("an interrupt while the prompt is made starts nothing", async (start) => {
  const made = Promise.withResolvers<{ args: string[] }>();
  const { conversation, lines } = await start("echo started", { prompt: () => made.promise });
  const turn = conversation.turn(HELLO);
  await conversation.interrupt();
  made.resolve({ args: [] });
  deepStrictEqual(await turn, { status: "cancelled" });
  deepStrictEqual(lines, []);
});

streamTest("it takes one turn, and may be disposed of without any", async (start) => {
  const { conversation } = await start(`echo '{"end":"completed"}'`);
  ok(!conversation.reusable);
  await conversation.turn(HELLO);
  strictEqual((await conversation.turn(HELLO)).status, "failed");
  const unused = await start("exit 0");
  await unused.conversation[Symbol.asyncDispose]();
  deepStrictEqual(await unused.conversation.exit, { code: null, signal: null, stderr: "" });
});
