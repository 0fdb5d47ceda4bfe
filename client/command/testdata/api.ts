/**
 * The API for tests: by itself with nothing to start, and with sessions of the test CLI.
 *
 * @module
 */

import { PortSet } from "@agentx/common/cli";
import { type App, createApp, type Deps } from "../app.ts";
import { Approvals } from "../approvals.ts";
import { type CommandConfig, DEFAULT_LIMITS } from "../config.ts";
import { Probe } from "../executors/probe.ts";
import type { History } from "../history/mod.ts";
import type { TestBed } from "../sessions/testdata/executor.ts";
import { sessionTest } from "../sessions/testdata/gate.ts";
import { Sessions } from "../sessions/sessions.ts";
import { Store } from "../sessions/store.ts";

/** Requests to an app. */
export class Api {
  constructor(readonly app: App) {}

  /** Sends a request; a body that is no text as JSON. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const type: Record<string, string> = text === undefined
      ? {}
      : { "content-type": "application/json" };
    const init = { method, headers: { ...type, ...headers } };
    return await this.app.request(path, text === undefined ? init : { ...init, body: text });
  }

  /** The status and the JSON of an answer. */
  // deno-lint-ignore no-explicit-any -- any answer
  async json(...request: Parameters<Api["ask"]>): Promise<{ status: number; body: any }> {
    const response = await this.ask(...request);
    return { status: response.status, body: await response.json() };
  }
}

/** What an app works on that starts nothing and writes nothing. */
export class Still implements AsyncDisposable {
  readonly store = new Store(":memory:");
  readonly deps: Deps;
  readonly api: Api;

  constructor(
    config: Partial<CommandConfig> = {},
    histories: ReadonlyMap<string, History> = new Map(),
  ) {
    const all: CommandConfig = {
      stateFolder: "/nowhere",
      home: "/nowhere",
      projectRoots: ["/nowhere"],
      apiKey: undefined,
      corsOrigins: [],
      allowBypass: false,
      enableFs: false,
      mcpPort: undefined,
      proxyPorts: new PortSet(),
      passEnv: [],
      limits: DEFAULT_LIMITS,
      ...config,
    };
    const approvals = new Approvals(this.store, all.limits.approvalTimeout);
    const probe = new Probe([]);
    const sessions = new Sessions(all, this.store, approvals, probe);
    this.deps = { config: all, sessions, approvals, probe, histories };
    this.api = new Api(createApp(this.deps));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deps.sessions[Symbol.asyncDispose]();
    this.deps.approvals[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }
}

/** What an app works on that has the sessions of a test bed. */
export function depsOf({ config, sessions, approvals }: TestBed): Deps {
  return { config, sessions, approvals, probe: sessions.probe, histories: new Map() };
}

/** Registers a test of the API with sessions of the test CLI. */
export function apiTest(
  name: string,
  fn: (api: Api, bed: TestBed) => Promise<void>,
): void {
  sessionTest(name, (bed) => fn(new Api(createApp(depsOf(bed))), bed));
}
