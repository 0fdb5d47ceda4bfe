import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { History, HistoryFilter, HistorySession, Project } from "../history/mod.ts";
import { type Api, Still } from "../testdata/api.ts";

const TIME = "2026-01-31T12:00:00.000Z";

const PROJECTS: Project[] = [
  { id: "-srv-app", path: "/srv/app", sessions: 2, updated_at: TIME },
  { id: "-lost", path: null, sessions: 1, updated_at: TIME },
];

const session = (id: string): HistorySession => ({
  id,
  project_id: "-srv-app",
  project_path: "/srv/app",
  title: `Session ${id}`,
  created_at: null,
  updated_at: TIME,
  bytes: 10,
});

/** A history that remembers what it was asked. */
class Remembering implements History {
  readonly asked: unknown[] = [];

  projects(): Promise<Project[]> {
    return Promise.resolve(PROJECTS);
  }

  sessions(filter: HistoryFilter) {
    this.asked.push(filter);
    return Promise.resolve({ items: [session("a")], total: 7 });
  }

  session(id: string, limit: number, offset: number) {
    this.asked.push([id, limit, offset]);
    const more = { messages: [{ type: "user" }], total_messages: 1, broken_lines: 0 };
    return Promise.resolve(id === "a" ? { ...session(id), ...more } : undefined);
  }

  delete(id: string): Promise<boolean> {
    return Promise.resolve(id === "a");
  }
}

async function withHistory(work: (api: Api, history: Remembering) => Promise<void>): Promise<void> {
  const history = new Remembering();
  await using still = new Still({}, new Map([["claude", history]]));
  await work(still.api, history);
}

Deno.test("history: projects, and their folders", () =>
  withHistory(async (api) => {
    deepStrictEqual((await api.json("GET", "/api/claude/projects")).body, { projects: PROJECTS });
    deepStrictEqual((await api.json("GET", "/claude/projects/working-directories")).body, {
      directories: [{ path: "/srv/app", sessions: 2, updated_at: TIME }],
      total: 1,
    });
  }));

Deno.test("history: sessions, of all projects and of one", () =>
  withHistory(async (api, history) => {
    const { body } = await api.json("GET", "/api/claude/sessions?limit=5&offset=2&projectPath=/a");
    deepStrictEqual(body, { sessions: [session("a")], total: 7 });
    await api.json("GET", "/claude/projects/-srv-app/sessions");
    await api.json("GET", "/claude/projects/a%2Fb/sessions?limit=1");
    deepStrictEqual(history.asked, [
      { projectPath: "/a", limit: 5, offset: 2 },
      { projectId: "-srv-app", limit: 50, offset: 0 },
      { projectId: "a/b", limit: 1, offset: 0 },
    ]);
  }));

Deno.test("history: a session with its records, and its end", () =>
  withHistory(async (api, history) => {
    const { body } = await api.json("GET", "/api/claude/sessions/a?limit=3");
    deepStrictEqual([body.id, body.messages, body.total_messages], ["a", [{ type: "user" }], 1]);
    deepStrictEqual(history.asked, [["a", 3, 0]]);
    for (const method of ["GET", "DELETE"]) {
      const { status, body } = await api.json(method, "/api/claude/sessions/nobody");
      strictEqual(status, 404);
      match(body.detail, /'nobody'.*claude/);
    }
    strictEqual((await api.ask("DELETE", "/api/claude/sessions/a")).status, 204);
  }));

Deno.test("history: a CLI that has none is named", () =>
  withHistory(async (api) => {
    for (const path of ["/projects", "/projects/working-directories", "/sessions", "/sessions/a"]) {
      const { status, body } = await api.json("GET", `/api/nobody${path}`);
      strictEqual(status, 404, path);
      match(body.detail, /'nobody'.*claude/);
    }
  }));
