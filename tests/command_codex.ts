/**
 * What the tests with the real Codex share.
 *
 * @module
 */

import type { Json } from "../client/command/events/mod.ts";
import { CLI_PATIENCE_MS, CliHome, codex, withClis } from "./clis.ts";
import { processesWith, type Talk } from "./command_driver.ts";
import { Model } from "./model/mod.ts";
import { peerTest } from "./peers.ts";

/** Registers a test with the real Codex, a home of its own and a model of its own. */
export function codexTest(
  name: string,
  fn: (home: CliHome, model: Model) => Promise<void>,
  os: (typeof Deno.build.os)[] = ["linux", "darwin", "windows"],
): void {
  peerTest({ ...withClis(codex), name: `Codex: ${name}`, os }, async () => {
    await using model = new Model();
    await using home = await CliHome.make(model);
    await fn(home, model);
  });
}

/** Systems with `sleep`, `touch` and `ps`. */
export const UNIX: (typeof Deno.build.os)[] = ["linux", "darwin"];

/** Passes on what is asked of a model, and keeps it as it is. */
export function watched(model: Model): AsyncDisposable & { url: string; bodies: string[] } {
  const bodies: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.text();
    bodies.push(body);
    const url = new URL(new URL(request.url).pathname, model.url);
    const { method, headers } = request;
    return await fetch(url, method === "POST" ? { method, headers, body } : { method, headers });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    bodies,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Whether the sandbox of Codex works on this machine: in many containers it does not. */
export async function sandboxed(home: CliHome): Promise<boolean> {
  return (await home.run(codex, ["sandbox", "--", "true"])).code === 0;
}

/** Whether there is such a file. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** What a log tells of one tool call. */
export function calls(talk: Talk, id: string | undefined): Json[] {
  return talk.host.events(talk.style).filter(({ toolCallId }) => toolCallId === id);
}

/** Waits until there is a process with this in its command line; processes tell nobody. */
export async function running(text: string): Promise<void> {
  const deadline = performance.now() + CLI_PATIENCE_MS;
  while ((await processesWith(text)).length === 0) {
    if (performance.now() > deadline) throw new Error(`${text} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
