/**
 * An executor whose CLI is {@link file://./cli.ts}, and sessions that use it.
 *
 * @module
 */

import { join } from "@std/path";
import { PortSet } from "@agentx/common/cli";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Approvals } from "../../approvals.ts";
import { type CommandConfig, DEFAULT_LIMITS, type Limits } from "../../config.ts";
import { Child } from "../../drivers/child.ts";
import type { Conversation, Driver, Host, Program, Prompt } from "../../drivers/mod.ts";
import { streamDriver } from "../../drivers/stream.ts";
import { type Grammar, parseLine, type TurnEnd } from "../../events/mod.ts";
import type { Executor, Installed, Style, Task } from "../../executors/mod.ts";
import { type Found, Probe } from "../../executors/probe.ts";
import type { Permission, SessionInfo } from "../../schemas.ts";
import type { Line } from "../log.ts";
import type { Session } from "../session.ts";
import { Sessions } from "../sessions.ts";
import { Store } from "../store.ts";

const CLI = fileURLToPath(new URL("cli.ts", import.meta.url));

/** Reads the lines of the test CLI. */
export const GRAMMAR: Grammar = {
  sessionId: ({ type, session }) => type === "init" ? String(session) : undefined,
  events({ type, text }) {
    if (type !== "text") return [];
    const content = { type: "text", text: String(text) } as const;
    return [{ sessionUpdate: "agent_message_chunk", content }];
  },
  end: ({ type, status, reason }) =>
    type === "end" ? { status, ...(reason === undefined ? {} : { reason }) } as TurnEnd : undefined,
};

/** A conversation of many turns with the test CLI. */
class TestConversation implements Conversation {
  readonly reusable = true;
  readonly exit;
  readonly #child: Child;
  #turn: PromiseWithResolvers<TurnEnd> | undefined;

  constructor(program: Program, private readonly host: Host) {
    this.#child = new Child(program, {
      line: (text) => this.#line(text),
      stderr: (text) => host.stderr(text),
      notice: (text) => host.notice(text),
    }, "piped");
    this.exit = this.#child.exit;
    void this.exit.then(({ code }) =>
      this.#turn?.resolve({ status: "failed", reason: `The CLI ended with exit code ${code}` })
    );
  }

  turn({ text, attachments }: Prompt): Promise<TurnEnd> {
    this.#turn = Promise.withResolvers();
    const files = attachments.map(({ path }) => `\nread ${path}`).join("");
    void this.#child.write(JSON.stringify({ prompt: text + files }));
    return this.#turn.promise;
  }

  async interrupt(): Promise<void> {
    await this.#child.write(JSON.stringify({ interrupt: true }));
    await this.#turn?.promise;
  }

  #line(text: string): void {
    this.host.line(text);
    const line = parseLine(text);
    if (line === undefined) return;
    const session = GRAMMAR.sessionId(line);
    if (session !== undefined) this.host.cliSession(session);
    const end = GRAMMAR.end(line);
    if (end !== undefined) this.#turn?.resolve(end);
    if (line.type === "ask") void this.#ask(String(line.tool));
  }

  async #ask(tool: string): Promise<void> {
    const question = {
      tool,
      title: `Use ${tool}`,
      input: { command: tool },
      scopes: ["once", "session"],
      editable: true,
    } as const;
    const answer = await this.host.ask(question, new AbortController().signal).catch(() => "gone");
    await this.#child.write(JSON.stringify({ answer }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.closeStdin();
    await this.#child.stop();
  }
}

const talk: Driver = (program, host) => Promise.resolve(new TestConversation(program, host));

function style(driver: string, launch: (task: Task) => { args: string[]; driver: Driver }): Style {
  const interactive = driver === "test";
  return {
    driver,
    grammar: GRAMMAR,
    capabilities: {
      approvals: interactive,
      editable: interactive,
      followUp: interactive,
      resume: true,
      images: interactive,
    },
    launch,
  };
}

function argumentsFor({ resume, extra }: Task): string[] {
  const resuming = resume === undefined ? [] : ["--resume", resume];
  return ["run", "--no-config", "--quiet", "-A", CLI, ...extra, ...resuming];
}

/** The executor `test`. */
export const TEST_EXECUTOR: Executor = {
  name: "test",
  title: "Test CLI",
  program: "deno",
  install: "npm install test",
  login: "Nobody needs to",
  env: [],
  modes: [
    { name: "ask", about: "Asks" },
    { name: "all", aliases: ["yolo"], about: "Asks nobody", bypass: true },
  ],
  extra: { "--effort": true, "--fast": false },
  interactive: style("test", (task) => ({ args: argumentsFor(task), driver: talk })),
  stream: style("stream", (task) => ({
    args: argumentsFor(task),
    driver: streamDriver(GRAMMAR, { prompt: ({ text }) => ({ args: ["--once", text] }) }),
  })),
};

/** The same under another name. */
export const OTHER_EXECUTOR: Executor = { ...TEST_EXECUTOR, name: "other", title: "Other CLI" };

/** Not installed. */
export const MISSING_EXECUTOR: Executor = { ...TEST_EXECUTOR, name: "missing", title: "Lost CLI" };

class TestProbe extends Probe {
  override look(executor: Executor): Promise<Found> {
    if (executor === MISSING_EXECUTOR) return Promise.resolve({ error: "lost is not in PATH" });
    const installed: Installed = { path: Deno.execPath(), version: "1.0.0", has: () => true };
    return Promise.resolve({ path: installed.path, installed });
  }
}

/** Sessions in a folder of their own, which goes with them. */
export class TestBed implements AsyncDisposable {
  /** The only root of projects. */
  readonly project: string;
  store!: Store;
  approvals!: Approvals;
  sessions!: Sessions;
  readonly config: CommandConfig;

  constructor(readonly folder: string, limits: Partial<Limits> = {}) {
    this.project = join(folder, "project");
    Deno.mkdirSync(this.project, { recursive: true });
    this.config = {
      stateFolder: join(folder, "state"),
      home: folder,
      projectRoots: [this.project],
      apiKey: undefined,
      corsOrigins: [],
      allowBypass: false,
      enableFs: false,
      mcpPort: undefined,
      proxyPorts: new PortSet(),
      passEnv: [],
      limits: { ...DEFAULT_LIMITS, ...limits },
    };
    this.open();
  }

  static async make(limits: Partial<Limits> = {}): Promise<TestBed> {
    return new TestBed(await Deno.realPath(await Deno.makeTempDir()), limits);
  }

  /** Opens the store, as at the start of the program. */
  open(): void {
    this.store = new Store(join(this.config.stateFolder, "sessions.db"));
    this.approvals = new Approvals(this.store, this.config.limits.approvalTimeout);
    const probe = new TestProbe([TEST_EXECUTOR, OTHER_EXECUTOR, MISSING_EXECUTOR]);
    this.sessions = new Sessions(this.config, this.store, this.approvals, probe);
  }

  /** Ends everything, as at the end of the program. */
  async close(): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
    this.approvals[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }

  /** Starts a session. */
  async start(prompt: string, more: object = {}): Promise<Session> {
    return await this.sessions.create({ executor: "test", prompt, ...more });
  }

  /** Starts a session, and waits for its end. */
  async run(prompt: string, more: object = {}): Promise<Session> {
    const session = await this.start(prompt, more);
    await session.idle();
    return session;
  }

  /** The question that waits, as soon as there is one. */
  async question(): Promise<Permission> {
    const { promise, resolve } = Promise.withResolvers<Permission>();
    using _watch = this.approvals.watch(({ permission }) => {
      if (permission.status === "pending") resolve(permission);
    });
    const [waiting] = this.approvals.list({ status: "pending", limit: 1, offset: 0 }).items;
    return waiting ?? await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** All lines of a session that are kept. */
export function linesOf({ log }: Pick<Session, "log">): Line[] {
  const found: Line[] = [];
  for (let at = log.first; at <= log.last; at = found.at(-1)!.n + 1) found.push(...log.read(at));
  return found;
}

/** The lines of these types, parsed. */
// deno-lint-ignore no-explicit-any -- any kind of line
export function typed(session: Pick<Session, "log">, ...types: string[]): any[] {
  return linesOf(session).map(({ text }) => parseLine(text))
    .filter((line) => line !== undefined && types.includes(String(line.type)));
}

/** Waits for a line in which a text stands. */
export async function lineWith(session: Session, text: string): Promise<Line> {
  const deadline = AbortSignal.timeout(20_000);
  for (let at = session.log.first;;) {
    const lines = session.log.read(at);
    const found = lines.find((line) => line.text.includes(text));
    if (found !== undefined) return found;
    at = (lines.at(-1)?.n ?? at - 1) + 1;
    if (deadline.aborted) throw new Error(`No line with ${text}`);
    await session.log.wait(at - 1, deadline);
  }
}

/** Short for tests: what stands in a session's details. */
export function pick<K extends keyof SessionInfo>(
  { info }: Session,
  ...keys: K[]
): Pick<SessionInfo, K> {
  return Object.fromEntries(keys.map((key) => [key, info[key]])) as Pick<SessionInfo, K>;
}

/** Waits until a process is gone. */
export async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (isAlive(pid)) {
    if (Date.now() > deadline) throw new Error(`Process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (Deno.build.os === "windows") return true;
  // One that has ended may wait for its parent to notice.
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] })
    .outputSync();
  return /^[^Z]/.test(new TextDecoder().decode(stdout).trim());
}
