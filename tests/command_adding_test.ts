import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";
import { PortSet } from "@agentx/common/cli";
import { createApp } from "../client/command/app.ts";
import { Approvals } from "../client/command/approvals.ts";
import { type CommandConfig, DEFAULT_LIMITS } from "../client/command/config.ts";
import { type Executor, EXECUTORS } from "../client/command/executors/mod.ts";
import { type Found, inspect, Probe } from "../client/command/executors/probe.ts";
import { Sessions } from "../client/command/sessions/sessions.ts";
import { Store } from "../client/command/sessions/store.ts";
import { CLI_PATIENCE_MS } from "./clis.ts";
import { within } from "./patience.ts";
import { peerTest, WHOLE_PROGRAM } from "./peers.ts";

/** What is tested here is what the document says, word for word. */
const DOCUMENT = new URL("../docs/adding-an-executor.md", import.meta.url);
const EXECUTOR_FOLDER = new URL("../client/command/executors/", import.meta.url);

/** What Pi is to the executor: the same flags, the same lines, and a model that obeys its prompt. */
const PROGRAM = `
const value = (flag) => Deno.args.includes(flag) ? Deno.args[Deno.args.indexOf(flag) + 1] : undefined;
const say = (line) => console.log(JSON.stringify(line));
const message = (end) => ({ role: "assistant", content: [{ type: "text", text: words }], ...end });
let words = "";

if (Deno.args.includes("--version")) console.log("0.73.1");
else if (Deno.args.includes("--help")) console.log("--mode <mode>  --session <id>  --continue, -c");
else {
  const prompt = (await new Response(Deno.stdin.readable).text()).trim();
  const id = value("--session") ?? crypto.randomUUID();
  words = "arguments: " + Deno.args.join(" ");
  say({ type: "session", id });
  say({ type: "agent_start" });
  if (prompt === "try again") {
    say({ type: "agent_end", messages: [message({ stopReason: "error", errorMessage: "busy" })] });
  }
  if (prompt === "hang") await new Promise((resolve) => setTimeout(resolve, 1e8));
  say({ type: "tool_execution_start", toolCallId: "1", toolName: "read", args: { path: "a.txt" } });
  say({ type: "tool_execution_end", toolCallId: "1", result: { content: [] }, isError: false });
  const end = prompt === "fail"
    ? { stopReason: "error", errorMessage: "400 no such model" }
    : { stopReason: "stop" };
  say({ type: "message_end", message: message(end) });
  say({ type: "agent_end", messages: [message(end)] });
}
`;

/** The block of code in the document that begins so. */
async function blockOf(begin: string): Promise<string> {
  const text = await Deno.readTextFile(DOCUMENT);
  const block = [...text.matchAll(/^```ts[^\n]*\n(.*?)^```$/gms)].map(([, code]) => code!)
    .find((code) => code.startsWith(begin));
  if (block === undefined) throw new Error(`${DOCUMENT.pathname} has no block with ${begin}`);
  return block;
}

/** Writes the file of the document, with the imports that it would have in its place; its path. */
async function writeExecutor(folder: string): Promise<string> {
  const code = await blockOf("/**\n * Pi");
  const resolved = code.replaceAll(
    /from "(\.[^"]+)"/g,
    (_, path: string) => `from "${new URL(path, EXECUTOR_FOLDER)}"`,
  );
  const file = join(folder, "pi.ts");
  await Deno.writeTextFile(file, resolved);
  return file;
}

/** Asks the program itself, which lies in no folder of `PATH`. */
class ProbeOf extends Probe {
  constructor(private readonly path: string, executor: Executor) {
    super([executor]);
  }

  override async look({ help }: Executor): Promise<Found> {
    return { path: this.path, installed: await inspect(this.path, help) };
  }
}

/** The API with the executor of the document, on a program of ours. */
class Bed implements AsyncDisposable {
  readonly #app;
  private constructor(
    readonly sessions: Sessions,
    readonly executor: Executor,
    probe: Probe,
    approvals: Approvals,
    config: CommandConfig,
    private readonly stack: AsyncDisposableStack,
  ) {
    this.#app = createApp({ config, sessions, approvals, probe, histories: new Map() });
  }

  static async open(allowBypass = false): Promise<Bed> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.realPath(await Deno.makeTempDir());
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const { pi: executor } = await import(`file://${await writeExecutor(folder)}`);
    const program = join(folder, "pi");
    await Deno.writeTextFile(`${program}.js`, PROGRAM);
    const command = `exec "${Deno.execPath()}" run --no-config --quiet -A "${program}.js" "$@"`;
    await Deno.writeTextFile(program, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const probe = new ProbeOf(program, executor);
    const project = join(folder, "project");
    await Deno.mkdir(project);
    const config: CommandConfig = {
      stateFolder: join(folder, "state"),
      home: folder,
      projectRoots: [project],
      apiKey: undefined,
      corsOrigins: [],
      allowBypass,
      enableFs: false,
      mcpPort: undefined,
      proxyPorts: new PortSet(),
      passEnv: [],
      limits: DEFAULT_LIMITS,
    };
    const store = stack.use(new Store(join(config.stateFolder, "sessions.db")));
    const approvals = stack.use(new Approvals(store, config.limits.approvalTimeout));
    const sessions = stack.use(new Sessions(config, store, approvals, probe));
    return new Bed(sessions, executor, probe, approvals, config, stack.move());
  }

  // deno-lint-ignore no-explicit-any -- any answer
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
    const response = await this.#app.request(path, {
      method,
      headers: { accept: "application/json", "content-type": "application/json" },
      ...body === undefined ? {} : { body: JSON.stringify(body) },
    });
    return { status: response.status, body: await response.json() };
  }

  /** Runs a session to its end; its id. */
  async run(prompt: string, more: object = {}): Promise<string> {
    const { status, body } = await this.ask("POST", "/api/sessions", {
      executor: "pi",
      prompt,
      ...more,
    });
    equal(status, 201, JSON.stringify(body));
    await this.idle(body.id);
    return body.id;
  }

  async idle(id: string): Promise<void> {
    await within(CLI_PATIENCE_MS, "the end of the session", this.sessions.find(id)!.idle());
  }

  /** The events of a session, and our own lines, in order. */
  // deno-lint-ignore no-explicit-any -- any kind of event
  async events(id: string): Promise<any[]> {
    const response = await this.#app.request(`/api/sessions/${id}?format=events`, {
      headers: { accept: "application/x-ndjson" },
    });
    return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  }

  /** What the CLI said last. */
  async said(id: string): Promise<string> {
    const all = await this.events(id);
    return all.findLast((one) => one.sessionUpdate === "agent_message_chunk").content.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

const NEEDS = { permissions: WHOLE_PROGRAM, os: ["linux", "darwin"] } as const;

peerTest({ name: "the guide's executor has a turn, and goes on with it", ...NEEDS }, async () => {
  await using bed = await Bed.open();
  const { body: { executors } } = await bed.ask("GET", "/api/executors");
  equal(executors[0].name, "pi");
  equal(executors[0].version, "0.73.1");

  const id = await bed.run("Hello", { extra_args: ["--thinking", "low"], model: "stub" });
  const { info } = bed.sessions.find(id)!;
  equal(info.status, "completed", info.reason ?? "");
  const events = await bed.events(id);
  equal(
    events.map(({ type, sessionUpdate }) => type ?? sessionUpdate).join(" "),
    "user_message tool_call tool_call_update agent_message_chunk completion",
  );
  equal(events[1].title, "a.txt");
  equal(
    await bed.said(id),
    "arguments: --mode json --tools read,grep,find,ls --model stub --thinking low",
  );

  equal((await bed.ask("POST", `/api/sessions/${id}/messages`, { prompt: "More" })).status, 202);
  await bed.idle(id);
  match(await bed.said(id), new RegExp(`--session ${info.cli_session_id} `));
  equal(bed.sessions.find(id)!.info.cli_session_id, info.cli_session_id);
});

peerTest({ name: "the guide's executor tells a failure from a success", ...NEEDS }, async () => {
  await using bed = await Bed.open();
  const failed = bed.sessions.find(await bed.run("fail"))!.info;
  equal(failed.status, "failed");
  equal(failed.reason, "400 no such model");
  equal(failed.exit_code, 0);
  equal(bed.sessions.find(await bed.run("try again"))!.info.status, "completed");
  const wrong = { executor: "pi", prompt: "Hello", allowed_tools: ["Read"] };
  const refused = await bed.ask("POST", "/api/sessions", wrong);
  equal(refused.status, 422);
  match(refused.body.detail, /^allowed_tools: Pi asks nobody/);
});

peerTest({ name: "the guide's executor is safe unless it may bypass", ...NEEDS }, async () => {
  await using careful = await Bed.open();
  const yolo = { executor: "pi", prompt: "Hello", permission_mode: "yolo" };
  equal((await careful.ask("POST", "/api/sessions", yolo)).status, 403);
  await using bed = await Bed.open(true);
  equal(await bed.said(await bed.run("Hello", yolo)), "arguments: --mode json");
});

peerTest({ name: "the guide's executor can be cancelled", ...NEEDS }, async () => {
  await using bed = await Bed.open();
  const body = { executor: "pi", prompt: "hang" };
  const { body: { id } } = await bed.ask("POST", "/api/sessions", body);
  const session = bed.sessions.find(id)!;
  while (session.info.cli_session_id === null) {
    await session.log.wait(session.log.last, AbortSignal.timeout(CLI_PATIENCE_MS));
    ok(session.running, session.info.reason ?? "it ended");
  }
  equal((await bed.ask("POST", `/api/sessions/${id}/cancel`)).body.status, "cancelled");
});

// What is imported while a test runs is not checked.
peerTest({ name: "the guide's executor fits its types", ...NEEDS }, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = fileURLToPath(new URL("../deno.json", import.meta.url));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--config", config, await writeExecutor(folder)],
      stdin: "null",
    }).output();
    ok(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

peerTest({
  name: "the guide's list of executors is that of the project with one more",
  permissions: [{ name: "read" }],
}, async () => {
  const names = EXECUTORS.map(({ name }) => name);
  ok((await blockOf("export const EXECUTORS")).includes(`= [${names.join(", ")}, pi];`));
});
