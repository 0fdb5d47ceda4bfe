/**
 * Questions of CLIs, and their answers: each is answered once, and expires.
 *
 * @module
 */

import { getLogger, reason } from "@agentx/common";
import type { Answer, Question } from "./drivers/mod.ts";
import { Problem } from "./problem.ts";
import type { Decision, Permission } from "./schemas.ts";
import { type PermissionFilter, Permissions } from "./sessions/permissions.ts";
import type { Store } from "./sessions/store.ts";

const log = getLogger(["arpc", "approvals"]);

/**
 * How often the clock is looked at while a question waits, in milliseconds: a timer does not count
 * the time that a machine sleeps, and none can run for more than 24.8 days.
 */
const LOOK_MS = 60_000;
/** Questions of one session that may wait at a time; more are denied at once. */
const MAX_PENDING = 100;

/** What happened to a question. */
export interface PermissionEvent {
  type: "permission_request" | "permission_resolved";
  permission: Permission;
}

/** A question that waits. */
interface Pending {
  permission: Permission;
  /** Ends the wait: with an answer, or with the news that nobody wants one any more. */
  settle(outcome: Answer | DOMException): void;
  /** When to look at the clock. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** All questions of all sessions; kept in the store, so that they outlive every viewer. */
export class Approvals implements Disposable {
  readonly #permissions: Permissions;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<(event: PermissionEvent) => void>();

  /** @param timeout milliseconds until a question is denied that nobody answers. */
  constructor(store: Store, private readonly timeout: number) {
    this.#permissions = new Permissions(store);
  }

  /**
   * Brings a question to whoever answers first.
   *
   * @param session none for a CLI that runs elsewhere and asks by MCP.
   * @param signal aborted when nobody waits for the answer any more: it is then `cancelled`.
   * @returns a deny when it expired.
   * @throws {DOMException} AbortError when the signal aborted.
   */
  ask(
    session: string | undefined,
    question: Question,
    signal: AbortSignal,
  ): { permission: Permission; answer: Promise<Answer> } {
    const crowded = this.pending(session) >= MAX_PENDING;
    const permission = asPermission(session, question, this.timeout);
    const { id } = permission;
    this.#permissions.insert(permission);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    // Not everybody who asks waits for the answer.
    promise.catch(() => {});
    const cancel = () => this.#cancel(id);
    signal.addEventListener("abort", cancel, { once: true });
    const settle = (outcome: Answer | DOMException) => {
      clearTimeout(this.#pending.get(id)?.timer);
      this.#pending.delete(id);
      signal.removeEventListener("abort", cancel);
      if (outcome instanceof DOMException) reject(outcome);
      else resolve(outcome);
    };
    this.#pending.set(id, { permission, settle, timer: undefined });
    this.#watchClock(id);
    this.#tell({ type: "permission_request", permission });
    if (signal.aborted) cancel();
    else if (crowded) this.#deny(id, "denied", `More than ${MAX_PENDING} questions wait`);
    return { permission, answer: promise };
  }

  /**
   * Answers a question.
   *
   * @throws {Problem} 404 on an unknown id, 409 when it has been answered, has expired or was
   * cancelled, 422 when the CLI cannot do that (a scope it cannot remember, an input it cannot
   * change).
   */
  decide(id: string, decision: Decision): Permission {
    this.#expire(id);
    const permission = this.get(id);
    if (permission === undefined) throw new Problem(404, `There is no permission ${id}.`);
    if (permission.status !== "pending") {
      throw new Problem(409, `It was ${permission.status} already, ${permission.decided_at}.`, {
        permission,
      });
    }
    if (decision.action === "deny") {
      return this.#deny(id, "denied", decision.denyReason);
    }
    const { scope = "once", modifiedInput } = decision;
    check(permission, scope, modifiedInput);
    const change = modifiedInput === undefined ? {} : { modifiedInput };
    return this.#resolve(
      id,
      { status: "approved", scope, ...change },
      { action: "approve", scope, ...change },
    );
  }

  /** One question, or undefined. */
  get(id: string): Permission | undefined {
    return this.#permissions.get(id);
  }

  /** The questions, newest first. */
  list(filter: PermissionFilter): { items: Permission[]; total: number } {
    for (const id of [...this.#pending.keys()]) this.#expire(id);
    return this.#permissions.list(filter);
  }

  /** How many questions of a session wait. */
  pending(session: string | undefined): number {
    let count = 0;
    for (const { permission } of this.#pending.values()) {
      if (permission.session_id === (session ?? null)) count++;
    }
    return count;
  }

  /** Cancels the questions that an earlier run of the program left: their CLIs are gone. */
  cancelLeft(): void {
    for (const permission of this.#permissions.pending()) {
      if (this.#pending.has(permission.id)) continue;
      const changed = this.#change(permission, { status: "cancelled" });
      this.#tell({ type: "permission_resolved", permission: changed });
    }
  }

  /** Tells of everything that happens to questions from now on, until the returned is disposed. */
  watch(listener: (event: PermissionEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Cancels what waits. */
  [Symbol.dispose](): void {
    for (const id of [...this.#pending.keys()]) this.#cancel(id);
    this.#listeners.clear();
  }

  #watchClock(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const left = Date.parse(pending.permission.expires_at) - Date.now();
    pending.timer = setTimeout(() => {
      try {
        this.#expire(id);
      } catch (error) {
        log.error("Cannot end a permission that expired", { why: reason(error) });
      }
      this.#watchClock(id);
    }, left > 0 ? Math.min(left, LOOK_MS) : LOOK_MS);
  }

  #expire(id: string): void {
    const expires = this.#pending.get(id)?.permission.expires_at;
    if (expires === undefined || Date.parse(expires) > Date.now()) return;
    this.#deny(id, "expired", `Nobody answered within ${this.timeout / 1000} seconds`);
  }

  #deny(id: string, status: "denied" | "expired", reason: string | undefined): Permission {
    return this.#resolve(
      id,
      { status, denyReason: reason ?? null },
      { action: "deny", ...(reason === undefined ? {} : { reason }) },
    );
  }

  #cancel(id: string): void {
    const gone = new DOMException("Nobody waits for the answer any more", "AbortError");
    try {
      this.#resolve(id, { status: "cancelled" }, gone);
    } catch (error) {
      log.error("Cannot cancel a permission", { why: reason(error) });
      this.#pending.get(id)?.settle(gone);
    }
  }

  /**
   * Ends a question that waits: on disk first, so that a yes that cannot be kept is none; then it is
   * told, and last the CLI hears of it.
   */
  #resolve(id: string, change: Partial<Permission>, outcome: Answer | DOMException): Permission {
    const { permission, settle } = this.#pending.get(id)!;
    const changed = this.#change(permission, change);
    settle(outcome);
    this.#tell({ type: "permission_resolved", permission: changed });
    return changed;
  }

  #change(permission: Permission, change: Partial<Permission>): Permission {
    const changed = { ...permission, ...change, decided_at: new Date().toISOString() };
    this.#permissions.update(changed);
    return changed;
  }

  #tell(event: PermissionEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        log.error("Cannot tell of a permission", { why: reason(error) });
      }
    }
  }
}

function asPermission(
  session: string | undefined,
  question: Question,
  timeout: number,
): Permission {
  const now = Date.now();
  return {
    id: crypto.randomUUID(),
    session_id: session ?? null,
    status: "pending",
    toolName: question.tool,
    title: question.title,
    toolInput: question.input,
    toolCallId: question.toolCallId ?? null,
    scopes: [...question.scopes],
    editable: question.editable,
    suggestions: question.suggestions ?? null,
    created_at: new Date(now).toISOString(),
    expires_at: new Date(now + timeout).toISOString(),
    decided_at: null,
    scope: null,
    modifiedInput: null,
    denyReason: null,
  };
}

/** @throws {Problem} 422 when the CLI cannot do that. */
function check(permission: Permission, scope: string, modifiedInput: unknown): void {
  const { scopes, editable, toolInput } = permission;
  if (!scopes.some((one) => one === scope)) {
    throw new Problem(422, `scope: expected one of ${scopes.join(", ")}, found ${scope}`);
  }
  if (modifiedInput === undefined) return;
  if (!editable) {
    throw new Problem(422, "modifiedInput: this CLI cannot change what it asked for; leave it out");
  }
  if (isObject(toolInput) && !isObject(modifiedInput)) {
    throw new Problem(422, "modifiedInput: expected an object, as toolInput is one");
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
