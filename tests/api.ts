/**
 * The API of command mode as somebody out there uses it: through the public port, every request on a
 * connection of its own, as curl does.
 *
 * @module
 */

import { equal } from "node:assert/strict";
import type {
  CreateSession,
  Decision,
  Permission,
  SendMessage,
  SessionInfo,
} from "../client/command/schemas.ts";
import type { TestServer } from "./helpers.ts";
import { type Json, Viewer } from "./viewer.ts";

/** An answer, read to its end. */
export interface Answer {
  status: number;
  headers: Headers;
  /** The body as JSON; as text when it is none. */
  body: Json;
}

/** What a request may have. */
export interface Ask {
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** JSON, or text as it is. */
  body?: unknown;
}

/** What a viewer may wish. */
export interface Watch {
  /** First line wanted. */
  from?: number;
  /** `Last-Event-ID`. */
  after?: string;
  format?: "raw" | "events" | "both";
  /** Comes back whenever it is cut off. */
  persistent?: boolean;
}

/** A request for a session, of which only the prompt must be there. */
export type NewSession = Partial<CreateSession> & { prompt: string };

/** A user of the API of one client. */
export class Api implements Disposable {
  // No connection is kept, so that none of them is found dead when a tunnel was killed.
  readonly #http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });

  /**
   * @param token of the client.
   * @param key sent as `Authorization: Bearer` if there is one.
   */
  constructor(
    readonly server: Pick<TestServer, "url">,
    readonly token: string,
    readonly key?: string,
  ) {}

  /** The URL of a path, with the token. */
  url(path: string, query: Record<string, string> = {}): string {
    const url = new URL(path, this.server.url);
    url.search = String(new URLSearchParams({ token: this.token, ...query }));
    return url.href;
  }

  /** Sends a request; whoever calls reads the answer. */
  fetch(method: string, path: string, ask: Ask = {}, signal?: AbortSignal): Promise<Response> {
    const { query, headers, body } = ask;
    return fetch(this.url(path, query), {
      method,
      client: this.#http,
      signal: signal ?? null,
      headers: {
        ...this.key === undefined ? {} : { authorization: `Bearer ${this.key}` },
        ...body === undefined ? {} : { "content-type": "application/json" },
        ...headers,
      },
      ...body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) },
    });
  }

  /** Sends a request and reads the answer, whatever it is. */
  async ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    const headers = { accept: "application/json", ...ask.headers };
    const response = await this.fetch(method, path, { ...ask, headers });
    const text = await response.text();
    const json = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: json ? JSON.parse(text) : text,
    };
  }

  /** Starts a session. */
  async create(request: NewSession): Promise<SessionInfo> {
    const { headers, body } = await this.#expect(201, "POST", "/api/sessions", request);
    equal(headers.get("location"), `sessions/${body.id}`);
    return body;
  }

  /** Starts a session and watches it, in one request. */
  run(request: NewSession, headers: Record<string, string> = {}): Viewer {
    return new Viewer((_lastId, signal) =>
      this.fetch("POST", "/api/sessions", { body: request, headers }, signal)
    );
  }

  /** Watches a session. */
  watch(id: string, { from, after, format, persistent = false }: Watch = {}): Viewer {
    const query = {
      ...from === undefined ? {} : { from_line: String(from) },
      ...format === undefined ? {} : { format },
    };
    const open = (lastId: string | undefined, signal: AbortSignal) => {
      const cursor = lastId === undefined ? {} : { "last-event-id": lastId };
      const headers = { accept: "text/event-stream", ...cursor };
      return this.fetch("GET", `/api/sessions/${id}`, { query, headers }, signal);
    };
    return new Viewer(open, { persistent, ...after === undefined ? {} : { lastId: after } });
  }

  /** The session as it is now. */
  async session(id: string): Promise<SessionInfo> {
    return (await this.#expect(200, "GET", `/api/sessions/${id}`)).body;
  }

  /** Sends a follow-up; the number of its turn. */
  async send(id: string, message: string | SendMessage): Promise<number> {
    const body = typeof message === "string" ? { prompt: message } : message;
    return (await this.#expect(202, "POST", `/api/sessions/${id}/messages`, body)).body.turn;
  }

  /** Ends the running turn; no process is left then. */
  async cancel(id: string): Promise<SessionInfo> {
    return (await this.#expect(200, "POST", `/api/sessions/${id}/cancel`)).body;
  }

  /** Questions, newest first. */
  async permissions(status?: Permission["status"]): Promise<Permission[]> {
    const query = status === undefined ? "" : `?status=${status}`;
    return (await this.#expect(200, "GET", `/api/permissions${query}`)).body.permissions;
  }

  /** Answers a question. */
  async decide(id: string, decision: Decision): Promise<Permission> {
    return (await this.#expect(200, "POST", `/api/permissions/${id}/decision`, decision)).body;
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }

  async #expect(status: number, method: string, path: string, body?: unknown): Promise<Answer> {
    const [plain = "", search = ""] = path.split("?");
    const query = Object.fromEntries(new URLSearchParams(search));
    const answer = await this.ask(method, plain, { query, ...body === undefined ? {} : { body } });
    equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  }
}
