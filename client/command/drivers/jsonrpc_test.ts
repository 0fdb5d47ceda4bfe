import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DeadlineError } from "@agentx/common";
import fc from "fast-check";
import { testWith, within } from "../../../common/testdata/gate.ts";
import type { Json } from "../events/mod.ts";
import {
  EndedError,
  JsonRpc,
  type Message,
  parseMessage,
  RpcError,
  type RpcListener,
} from "./jsonrpc.ts";
import type { Program } from "./mod.ts";

/**
 * A peer that does what it is asked: `echo`; `fail`; `silent`; `die`; `say`, writing lines as they
 * are; `ask`, asking back and answering with what it got.
 */
const PEER = `
const lines = (await import("node:readline")).createInterface({ input: process.stdin });
const say = (message) => console.log(JSON.stringify(message));
const asking = new Map();
for await (const line of lines) {
  const { id, method, params, ...answer } = JSON.parse(line);
  if (method === undefined) {
    say({ id: asking.get(id), result: answer });
    asking.delete(id);
  }
  if (method === "echo") say({ id, result: { params, line } });
  if (method === "fail") say({ id, error: { code: 7, message: "no", data: [1] } });
  if (method === "say") for (const text of params.lines) console.log(text);
  if (method === "say") say({ id, result: null });
  if (method === "ask") {
    asking.set(params.id, id);
    say(params);
  }
  if (method === "die") {
    console.error("out of order");
    process.exit(3);
  }
}`;

const PROGRAM: Program = {
  path: Deno.execPath(),
  args: ["eval", `import process from "node:process"; ${PEER}`],
  env: { NO_COLOR: "1" },
  cwd: Deno.cwd(),
};

interface Recorded {
  lines: string[];
  kinds: Message["kind"][];
  notifications: [string, Json][];
}

/** A peer that runs, and what it was heard to say. */
function open(
  more: Partial<RpcListener> = {},
  version?: boolean,
): { rpc: JsonRpc; heard: Recorded } {
  const heard: Recorded = { lines: [], kinds: [], notifications: [] };
  const rpc = new JsonRpc(
    PROGRAM,
    {
      line: (text, { kind }) => {
        heard.lines.push(text);
        heard.kinds.push(kind);
      },
      stderr: () => {},
      notice: () => {},
      handlers: {},
      notification: (method, params) => heard.notifications.push([method, params]),
      ...more,
    },
    version,
  );
  return { rpc, heard };
}

function childTest(name: string, fn: () => Promise<void>): void {
  testWith(
    [{ name: "run" }, { name: "env" }, { name: "read" }],
    `JSON-RPC: ${name}`,
    () => within(60_000, name, fn()),
  );
}

childTest("requests get their answers, with or without a version", async () => {
  for (const version of [true, false]) {
    const { rpc } = open({}, version);
    await using _ = rpc;
    const answers = await Promise.all([1, 2, 3].map((n) => rpc.request("echo", { n }, 30_000)));
    deepStrictEqual(answers.map((one) => (one as { params: unknown }).params), [
      { n: 1 },
      { n: 2 },
      { n: 3 },
    ]);
    const { line } = answers[0] as { line: string };
    strictEqual(JSON.parse(line).jsonrpc, version ? "2.0" : undefined);
  }
});

childTest("an error is thrown with its code and data", async () => {
  const { rpc } = open();
  await using _ = rpc;
  await rejects(rpc.request("fail", {}), (error) => {
    ok(error instanceof RpcError);
    deepStrictEqual([error.code, error.message, error.data], [7, "no", [1]]);
    return true;
  });
});

childTest("no answer in time is an error, and the peer goes on", async () => {
  const { rpc } = open();
  await using _ = rpc;
  await rejects(rpc.request("silent", {}, 50), DeadlineError);
  ok(await rpc.request("echo", {}));
});

childTest("what waits when the process ends learns what it said last", async () => {
  const { rpc } = open();
  await using _ = rpc;
  const waits = rpc.request("silent", {});
  const asked = rejects(waits, (error) => {
    ok(error instanceof EndedError);
    strictEqual(error.exit.code, 3);
    ok(error.message.includes("out of order"), error.message);
    return true;
  });
  rpc.notify("die");
  await asked;
  await rejects(rpc.request("echo", {}), EndedError);
});

childTest("every line is offered in order, and garbage breaks nothing", async () => {
  const { rpc, heard } = open();
  await using _ = rpc;
  const lines = [
    "not JSON",
    "{",
    "[]",
    "null",
    `{"id":99,"result":1}`,
    `{"id":1}`,
    `{"id":null,"method":"n"}`,
    `{"method":"n","params":{"a":1}}`,
    `{"method":"n","params":[1]}`,
  ];
  strictEqual(await rpc.request("say", { lines }), null);
  deepStrictEqual(heard.lines.slice(0, -1), lines);
  deepStrictEqual(heard.kinds, [
    ...["other", "other", "other", "other", "response", "other"],
    ...["notification", "notification", "notification", "response"],
  ]);
  deepStrictEqual(heard.notifications, [["n", {}], ["n", { a: 1 }], ["n", {}]]);
});

childTest("the peer's requests are answered by their handlers", async () => {
  const { rpc } = open({
    handlers: {
      double: ({ n }) => Promise.resolve(2 * Number(n)),
      refuse: () => Promise.reject(new RpcError(5, "never")),
      fault: () => Promise.reject(new Error("a fault")),
      nothing: () => Promise.resolve(undefined),
    },
  });
  await using _ = rpc;
  const ask = (id: number | string, method: string) =>
    rpc.request("ask", { id, method, params: { n: 21 } }, 30_000);
  const version = { jsonrpc: "2.0" };
  deepStrictEqual(await ask("a", "double"), { ...version, result: 42 });
  deepStrictEqual(await ask(0, "refuse"), { ...version, error: { code: 5, message: "never" } });
  deepStrictEqual(await ask("b", "fault"), {
    ...version,
    error: { code: -32603, message: "a fault" },
  });
  deepStrictEqual(await ask("c", "nothing"), { ...version, result: null });
  deepStrictEqual(await ask("d", "toString"), {
    ...version,
    error: { code: -32601, message: "Method not found: toString" },
  });
});

childTest("a request that the peer takes back is aborted", async () => {
  const started = Promise.withResolvers<void>();
  const { rpc } = open({
    withdraws: (method, { id }) => method === "forget" ? id as string : undefined,
    handlers: {
      wait: (_params, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          started.resolve();
        }),
    },
  });
  await using _ = rpc;
  const answer = rpc.request("ask", { id: "q", method: "wait" }, 30_000);
  await started.promise;
  await rpc.request("say", { lines: [`{"method":"forget","params":{"id":"q"}}`] }, 30_000);
  deepStrictEqual(await answer, {
    jsonrpc: "2.0",
    error: { code: -32800, message: "Request cancelled" },
  });
});

childTest("the end of the process aborts what the peer asked", async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const { rpc } = open({
    handlers: {
      wait: (_params, signal) => {
        started.resolve(signal);
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        );
      },
    },
  });
  await using _ = rpc;
  const answer = rejects(rpc.request("ask", { id: 1, method: "wait" }), EndedError);
  const signal = await started.promise;
  rpc.notify("die");
  await answer;
  ok(signal.aborted);
});

Deno.test("parseMessage() never throws, and keeps what is a message", () => {
  deepStrictEqual(parseMessage(`{"id":"x","error":{"code":1}}`), {
    kind: "response",
    id: "x",
    error: { code: 1 },
  });
  deepStrictEqual(parseMessage(`{"id":0,"method":"m","params":{"a":1}}`), {
    kind: "request",
    id: 0,
    method: "m",
    params: { a: 1 },
  });
  const kinds = ["request", "notification", "response", "other"];
  fc.assert(fc.property(fc.string(), (text) => kinds.includes(parseMessage(text).kind)));
  fc.assert(fc.property(
    fc.dictionary(fc.constantFrom("id", "method", "params", "result", "error"), fc.jsonValue()),
    (value) => kinds.includes(parseMessage(JSON.stringify(value)).kind),
  ));
});
