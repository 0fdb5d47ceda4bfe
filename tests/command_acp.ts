/**
 * What the tests of all agents of the Agent Client Protocol have in common: the real ones, at the level
 * of executor and driver, against the stub model. They take long to start, so one process does much.
 *
 * @module
 */

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { type Question, type Scope, StartError } from "../client/command/drivers/mod.ts";
import type { Executor } from "../client/command/executors/mod.ts";
import { type CliHome, cliHome, CLIS, withClis } from "./clis.ts";
import {
  APPROVE,
  converse,
  type ConverseOptions,
  fileAt,
  noProcessWith,
  processesWith,
  RecordingHost,
  type Talk,
} from "./command_driver.ts";
import { within } from "./helpers.ts";
import { DONE, HELLO, type Model, startModel } from "./model/mod.ts";
import { peerTest } from "./peers.ts";

/** What differs between the agents, in tests. */
export interface Agent {
  executor: Executor;
  /** How it calls its shell when it asks. */
  shell: string;
  /** For how long a yes to a command can hold. */
  scopes: Scope[];
  /** The next longer one than once. */
  longer: Scope;
  /**
   * After a tool that was cancelled it goes on with a history that its vendor's model refuses; the same
   * is so with a session that used tools and is loaded again (google-gemini/gemini-cli#29365).
   */
  losesCalls?: boolean;
  /** It thinks that the stub's model can see. */
  sees?: boolean;
  /** It does not say which of its sessions is the newest. */
  losesTrack?: boolean;
  /** How a turn fails without anybody to ask; undefined where the model is told, and goes on. */
  gaveUp?: RegExp;
  /** It is fast enough for what needs a process of its own. */
  fast?: boolean;
}

/** A model, a home, and an agent in it. */
interface Bed extends Agent {
  model: Model;
  home: CliHome;
  start(options?: ConverseOptions, host?: RecordingHost): Promise<Talk>;
  /** Whether this file is in the project. */
  made(name: string): Promise<boolean>;
}

/**
 * Whether a tool call has gone well. On a busy machine Qwen Code takes the hang-up of the terminal that
 * it gave to a command, after that has ended with 0, for the command's own end by a signal.
 */
function isCompleted(last: Readonly<Record<string, unknown>> | undefined): boolean {
  if (last?.status === "completed") return true;
  const { exitCode, signal } = (last?.rawOutput ?? {}) as { exitCode?: number; signal?: number };
  return last?.status === "failed" && exitCode === 0 && signal === 1;
}

/** Registers the tests of an agent. */
export function acpTests(agent: Agent): void {
  const { executor } = agent;
  for (const [name, fn] of Object.entries(TESTS)) {
    peerTest(
      { name: `${executor.title}: ${name}`, ...withClis(CLIS[executor.name]!) },
      async () => {
        await using model = startModel();
        await using home = await cliHome(model);
        const start = (options = {}, host = new RecordingHost()) =>
          converse(executor, home, host, options);
        const made = (name: string) =>
          Deno.stat(join(home.project, name)).then(() => true, () => false);
        await fn({ ...agent, model, home, start, made });
      },
    );
  }
}

const TESTS: Readonly<Record<string, (bed: Bed) => Promise<void>>> = {
  "takes files, asks, and tells why the model failed": asks,
  "an interrupt ends text, tools and questions": isInterrupted,
  "another process goes on with a session, and repeats nothing": goesOn,
  "one turn a process, with nobody to ask": takesOneTurn,
};

const COMPLETED = { status: "completed" };

const PIXEL = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

async function asks(bed: Bed): Promise<void> {
  const { start, made, model, home } = bed;
  const host = new RecordingHost(APPROVE);
  await using talk = await start({}, host);
  strictEqual(host.sessions.length, 1);

  const image = join(home.path, "pixel.png");
  await Deno.writeFile(image, PIXEL);
  const note = await home.write("note.txt", "the word is albatross");
  const end = await talk.turn("what is it?", [
    { name: "pixel.png", mediaType: "image/png", path: image },
    { name: "note.txt", mediaType: "text/plain", path: note },
  ]);
  deepStrictEqual([end, host.said(talk.style), host.questions], [COMPLETED, HELLO, []]);
  const { images } = await model.request(({ prompt, tools }) =>
    prompt.includes("the word is albatross") && tools.length > 0
  );
  deepStrictEqual(images, bed.sees ? ["image/png"] : []);

  deepStrictEqual(await talk.turn("[[tool:touch yes.txt]]"), COMPLETED);
  ok(await made("yes.txt"));
  ok(host.said(talk.style).endsWith(DONE), host.said(talk.style));
  const [question]: readonly Question[] = host.questions;
  deepStrictEqual(
    [question?.tool, question?.scopes, question?.editable],
    [bed.shell, bed.scopes, false],
  );
  ok(JSON.stringify(question?.input).includes("touch yes.txt"), JSON.stringify(question));
  const call = host.events(talk.style)
    .filter(({ toolCallId }) => toolCallId !== undefined && toolCallId === question?.toolCallId);
  strictEqual(call[0]?.sessionUpdate, "tool_call");
  ok(isCompleted(call.at(-1)), JSON.stringify(call));

  host.answer = () => ({ action: "deny", reason: "not on a Sunday" });
  deepStrictEqual(await talk.turn("[[tool:touch no.txt]]"), COMPLETED);
  ok(!await made("no.txt"));
  await model.request(({ prompt }) => /I denied ".*": not on a Sunday/.test(prompt));

  host.answer = () => ({ action: "approve", scope: bed.longer });
  const before = host.questions.length;
  deepStrictEqual(await talk.turn("[[tool:mkdir -p longer]]"), COMPLETED);
  deepStrictEqual(await talk.turn("again [[tool:mkdir -p longer]]"), COMPLETED);
  strictEqual(host.questions.length, before + 1);
  ok(await made("longer"));

  const { status, reason } = await talk.turn("[[error:401]]");
  strictEqual(status, "failed");
  match(reason ?? "", /401|the prompt asked for this/);
  // All of them try again for long.
  const failing = talk.turn("[[error:500]]");
  await model.request(({ prompt }) => prompt.includes("[[error:500]]"));
  await talk.conversation.interrupt();
  deepStrictEqual(await failing, { status: "cancelled" });
}

async function isInterrupted({ start, made, model, home, losesCalls }: Bed): Promise<void> {
  const host = new RecordingHost(APPROVE);
  let talk = await start({}, host);
  const interrupted = async (prompt: string, begun: () => Promise<unknown>) => {
    const turn = talk.turn(prompt);
    await begun();
    await talk.conversation.interrupt();
    deepStrictEqual(await turn, { status: "cancelled" });
    ok(talk.conversation.reusable, "the process was lost");
  };
  try {
    await interrupted(
      "[[slow:60]]",
      () => host.heard(({ params }) => JSON.stringify(params ?? 0).includes("slow chunk 1")),
    );
    await model.aborted();
    deepStrictEqual(await talk.turn("[[say:Still here.]]"), COMPLETED);
    ok(host.said(talk.style).endsWith("Still here."), host.said(talk.style));

    const mark = `mark-${crypto.randomUUID()}`;
    await interrupted(
      `[[tool:touch begun; while :; do : ${mark}; sleep 0.1; done]]`,
      async () => {
        await fileAt(join(home.project, "begun"));
        ok((await processesWith(mark)).length > 0);
      },
    );
    await noProcessWith(mark);

    if (losesCalls) {
      await talk[Symbol.asyncDispose]();
      talk = await start({}, host);
    }
    const withdrawn = Promise.withResolvers<void>();
    host.answer = (_, signal) => {
      signal.addEventListener("abort", () => withdrawn.resolve());
      return new Promise(() => {});
    };
    await interrupted("[[tool:touch never.txt]]", () => host.asked(host.questions.length));
    await within(5000, "the end of the question", withdrawn.promise);
    ok(!await made("never.txt"));
  } finally {
    await talk[Symbol.asyncDispose]();
  }
  ok(!talk.conversation.reusable);
}

async function goesOn(bed: Bed): Promise<void> {
  const { start, made, executor } = bed;
  const first = new RecordingHost(APPROVE);
  {
    await using talk = await start({}, first);
    await talk.turn("[[say:The word is albatross.]]");
    if (!bed.losesCalls) await talk.turn("[[tool:touch asked.txt]]");
  }
  const [id] = first.sessions;
  const goOn = async (options: ConverseOptions) => {
    const host = new RecordingHost();
    await using talk = await start(options, host);
    deepStrictEqual(host.sessions, [id]);
    deepStrictEqual(await talk.turn("[[say:I go on.]]"), COMPLETED);
    strictEqual(host.said(talk.style), "I go on.");
    deepStrictEqual(host.events(talk.style, "tool_call"), []);
    deepStrictEqual(host.events(talk.style, "user_message_chunk"), []);
    const name = `${crypto.randomUUID()}.txt`;
    deepStrictEqual(await talk.turn(`[[tool:touch ${name}]]`), COMPLETED);
    deepStrictEqual([host.questions, await made(name)], [[], true]);
  };
  await goOn({ resume: id, mode: "bypassPermissions" });
  ok(await remembers(bed.home, ["albatross", "I go on."]), "these are two sessions");
  if (!bed.fast) return;

  if (bed.losesTrack) await rejects(start({ resumeLast: true }), /does not say which/);
  else await goOn({ resumeLast: true, mode: "bypassPermissions" });
  await rejects(start({ resume: crypto.randomUUID() }), (error: unknown) => {
    ok(error instanceof StartError, String(error));
    match(error.message, new RegExp(`^${executor.title}, session/(load|resume): `));
    return true;
  });
}

async function takesOneTurn({ start, made, fast, gaveUp }: Bed): Promise<void> {
  const newId = crypto.randomUUID();
  await using talk = await start({ style: "stream", newId, mode: "plan" });
  const end = await talk.turn("-[[tool:touch made.txt]]");
  const { host, style } = talk;
  if (gaveUp !== undefined) match(end.reason ?? "", gaveUp);
  else deepStrictEqual(end, COMPLETED);
  ok(!await made("made.txt"));
  match(host.said(style), /^(Hello from the stub|I will use a tool)\./);
  strictEqual(host.sessions.length, 1);
  if (!fast) return;
  deepStrictEqual(host.sessions, [newId]);
  await using failing = await start({ style: "stream", resume: newId });
  const { status, reason } = await failing.turn("[[error:401]]");
  deepStrictEqual([status, failing.host.sessions], ["failed", [newId]]);
  match(reason ?? "", /401/);
}

/** Whether one file of those that a CLI keeps, with its journal, holds all these words. */
async function remembers(home: CliHome, words: readonly string[]): Promise<boolean> {
  const kept = new Map<string, string>();
  const read = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await read(path);
      const file = path.replace(/-wal$/, "");
      if (isFile) kept.set(file, (kept.get(file) ?? "") + await Deno.readTextFile(path));
    }
  };
  await read(home.path);
  return [...kept.values()].some((text) => words.every((word) => text.includes(word)));
}
