import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Conversation, Exit } from "../drivers/mod.ts";
import { Cli } from "./cli.ts";
import { Parked } from "./parked.ts";

const NEVER = new AbortController().signal;

/** A conversation in the hands of the test. */
class Talk implements Conversation {
  readonly reusable = true;
  readonly ended = Promise.withResolvers<Exit>();
  readonly interrupted = Promise.withResolvers<void>();
  readonly exit = this.ended.promise;
  disposed = 0;

  turn(): Promise<{ status: "completed" }> {
    return Promise.resolve({ status: "completed" });
  }

  interrupt(): Promise<void> {
    return this.interrupted.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed++;
    this.ended.resolve({ code: 0, signal: null, stderr: "" });
    return Promise.resolve();
  }
}

/** A CLI, and the conversations that it has had. */
function make(): { cli: Cli; talks: Talk[]; ends: number[] } {
  const talks: Talk[] = [];
  const ends: number[] = [];
  const start = () => {
    const talk = new Talk();
    talks.push(talk);
    return Promise.resolve(talk);
  };
  const ended = () => void ends.push(talks.length);
  return { cli: new Cli(start, ended, new Parked(1, 1000)), talks, ends };
}

Deno.test("Cli has one conversation, until that ends", async () => {
  const { cli, talks } = make();
  ok(!cli.ready);
  strictEqual(await cli.conversation(NEVER), await cli.conversation(NEVER));
  ok(cli.ready);
  talks[0]!.ended.resolve({ code: 1, signal: null, stderr: "" });
  await talks[0]!.exit;
  await Promise.resolve();
  ok(!cli.ready);
  // What it left behind is ended as well.
  strictEqual(talks[0]!.disposed, 1);
  strictEqual(await cli.conversation(NEVER), talks[1]);
});

Deno.test("Cli.close() ends it once, and a new one waits for that", async () => {
  const { cli, talks, ends } = make();
  await cli.conversation(NEVER);
  cli.park();
  await Promise.all([cli.close(), cli.close()]);
  strictEqual(talks[0]!.disposed, 1);
  deepStrictEqual(ends, [1]);
  await cli.conversation(NEVER);
  deepStrictEqual(talks.map(({ disposed }) => disposed), [1, 0]);
});

Deno.test("Cli.stop() does not end what began after it", async () => {
  const { cli, talks } = make();
  await cli.conversation(NEVER);
  const stopped = cli.stop();
  await cli.close();
  await cli.conversation(NEVER);
  talks[0]!.interrupted.resolve();
  await stopped;
  deepStrictEqual(talks.map(({ disposed }) => disposed), [1, 0]);
});

Deno.test("Cli has no conversation that did not start", async () => {
  const cli = new Cli(() => Promise.reject(new Error("no")), () => {}, new Parked(1, 1000));
  await rejects(cli.conversation(NEVER), /no/);
  ok(!cli.ready);
  await cli.stop();
});
