import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { encodeFrame, type Logger, Peek, Seldom } from "@agentx/common";
import { FakeConn } from "../common/testdata/conn.ts";
import { firstCommand, StrangerError, tellStranger } from "./stranger.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Why a connection that begins so is none of ours, and what it was told. */
async function refusal(
  ...pieces: Uint8Array[]
): Promise<{ error: StrangerError; told: Uint8Array }> {
  const conn = new FakeConn(...pieces).end();
  let found: unknown;
  await rejects(firstCommand(new Peek(conn), "Register", 5000), (error) => {
    found = error;
    return true;
  });
  if (!(found instanceof StrangerError)) throw found;
  return { error: found, told: conn.written };
}

Deno.test("firstCommand() is the command that was expected", async () => {
  const hello = { type: "Register", client_id: "app" } as const;
  const peek = new Peek(new FakeConn(encodeFrame(hello)));
  deepStrictEqual({ ...await firstCommand(peek, "Register", 5000) }, hello);
});

Deno.test("firstCommand() says what came instead", async () => {
  const other = await refusal(encodeFrame({ type: "Ping" }));
  strictEqual(other.error.message, "it sent Ping");
  const silent = await refusal();
  deepStrictEqual([silent.error.message, silent.error.quiet], ["it left without a word", true]);
  const half = await refusal(Uint8Array.of(0, 0, 1, 0, 0x7b));
  match(half.error.message, /ended in the middle/);
  const noise = await refusal(bytes("SSH-2.0-OpenSSH\r\n"));
  match(noise.error.message, /^Cannot read a frame/);
  for (const { told } of [other, silent, half, noise]) strictEqual(told.length, 0);
});

Deno.test("firstCommand() tells HTTP what the port is for, in whatever pieces it comes", async () => {
  const request = bytes("GET /?token=secret HTTP/1.1\r\nHost: a\r\n\r\n");
  for (let size = 1; size < request.length; size++) {
    const { error, told } = await refusal(request.subarray(0, size), request.subarray(size));
    match(new TextDecoder().decode(told), /^HTTP\/1\.1 400 [^]*This port is for arpc\n/);
    strictEqual(error.message, "it sent HTTP: visitors use the public port");
    ok(!error.quiet);
  }
  const { told } = await refusal(request.subarray(0, -1));
  strictEqual(told.length, 0, "its head never ended");
});

Deno.test("firstCommand() tells TLS by an alert that there is none", async () => {
  const { error, told } = await refusal(Uint8Array.of(22, 3, 1, 0, 5, 1, 0, 0, 1, 0));
  deepStrictEqual([...told], [21, 3, 1, 0, 2, 2, 40]);
  match(error.message, /the peer speaks TLS, and this side does not/);
});

Deno.test("tellStranger() disturbs nobody", () => {
  const lines: unknown[] = [];
  const at = (level: string) => (message: string, fields: Record<string, unknown>) =>
    lines.push([level, message, fields]);
  const log = { debug: at("debug"), info: at("info") } as unknown as Logger;
  using seldom = new Seldom(log);
  tellStranger(seldom, "Not a client", "192.0.2.1:9", new StrangerError("it sent Ping"));
  tellStranger(seldom, "Not a client", "192.0.2.1:9", new StrangerError("it left", true));
  deepStrictEqual(lines, [
    ["info", "Not a client", { peer: "192.0.2.1:9", why: "it sent Ping" }],
    ["debug", "Not a client", { peer: "192.0.2.1:9", why: "it left" }],
  ]);
});
