import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { within } from "../../common/testdata/gate.ts";
import { Approvals, type PermissionEvent } from "./approvals.ts";
import type { Question } from "./drivers/mod.ts";
import type { Problem } from "./problem.ts";
import { Store } from "./sessions/store.ts";
import { problem } from "./sessions/testdata/problem.ts";
import { FakeTime } from "./sessions/testdata/time.ts";

const NEVER = new AbortController().signal;
const HOUR = 3600_000;
const PAGE = { limit: 10, offset: 0 };

const QUESTION: Question = {
  tool: "Bash",
  title: "Run ls",
  input: { command: "ls" },
  toolCallId: "call-1",
  scopes: ["once", "session"],
  editable: true,
  suggestions: [{ type: "addRules" }],
};

/** Approvals in memory, with what they told. */
class Bed implements Disposable {
  readonly store = new Store(":memory:");
  readonly approvals: Approvals;
  readonly events: PermissionEvent[] = [];

  constructor(timeout = HOUR) {
    this.approvals = new Approvals(this.store, timeout);
    this.approvals.watch((event) => this.events.push(event));
  }

  ask(question: Partial<Question> = {}, signal = NEVER, session: string | undefined = "s") {
    return this.approvals.ask(session, { ...QUESTION, ...question }, signal);
  }

  /** What happened, in short. */
  get story(): string[] {
    return this.events.map(({ type, permission }) => `${type} ${permission.status}`);
  }

  [Symbol.dispose](): void {
    this.approvals[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }
}

Deno.test("ask() puts a question before everybody, and decide() answers it", async () => {
  using bed = new Bed();
  const { permission, answer } = bed.ask();
  const { id, created_at, expires_at, ...rest } = permission;
  deepStrictEqual(rest, {
    session_id: "s",
    status: "pending",
    toolName: "Bash",
    title: "Run ls",
    toolInput: { command: "ls" },
    toolCallId: "call-1",
    scopes: ["once", "session"],
    editable: true,
    suggestions: [{ type: "addRules" }],
    decided_at: null,
    scope: null,
    modifiedInput: null,
    denyReason: null,
  });
  strictEqual(Date.parse(expires_at) - Date.parse(created_at), HOUR);
  deepStrictEqual(bed.approvals.list({ ...PAGE, status: "pending" }).items, [permission]);
  strictEqual(bed.approvals.pending("s"), 1);

  const decided = bed.approvals.decide(id, { action: "approve", scope: "session" });
  deepStrictEqual([decided.status, decided.scope], ["approved", "session"]);
  deepStrictEqual(await answer, { action: "approve", scope: "session" });
  deepStrictEqual(bed.approvals.get(id), decided);
  strictEqual(bed.approvals.pending("s"), 0);
  deepStrictEqual(bed.story, ["permission_request pending", "permission_resolved approved"]);
});

Deno.test("decide() approves once unless it is told more, and passes an edited input on", async () => {
  using bed = new Bed();
  const one = bed.ask();
  bed.approvals.decide(one.permission.id, { action: "approve" });
  deepStrictEqual(await one.answer, { action: "approve", scope: "once" });

  const two = bed.ask();
  const modifiedInput = { command: "ls -l" };
  const decided = bed.approvals.decide(two.permission.id, { action: "approve", modifiedInput });
  deepStrictEqual(decided.modifiedInput, modifiedInput);
  deepStrictEqual(await two.answer, { action: "approve", scope: "once", modifiedInput });
});

Deno.test("decide() denies with a reason, and without", async () => {
  using bed = new Bed();
  const one = bed.ask();
  const decided = bed.approvals.decide(one.permission.id, { action: "deny", denyReason: "no" });
  deepStrictEqual([decided.status, decided.denyReason], ["denied", "no"]);
  deepStrictEqual(await one.answer, { action: "deny", reason: "no" });

  const two = bed.ask();
  bed.approvals.decide(two.permission.id, { action: "deny" });
  deepStrictEqual(await two.answer, { action: "deny" });
});

Deno.test("decide() takes the first answer, and tells the second what it was", async () => {
  using bed = new Bed();
  const { permission: { id }, answer } = bed.ask();
  const decided = bed.approvals.decide(id, { action: "deny" });
  throws(() => bed.approvals.decide(id, { action: "approve" }), (error: Problem) => {
    strictEqual(error.status, 409);
    match(error.detail, /denied already/);
    deepStrictEqual(error.more.permission, decided);
    return true;
  });
  deepStrictEqual(await answer, { action: "deny" });
  strictEqual(bed.events.length, 2);
});

Deno.test("decide() refuses what the CLI cannot do, and leaves the question open", async () => {
  using bed = new Bed();
  const { permission: { id }, answer } = bed.ask();
  const { permission: { id: fixed } } = bed.ask({ editable: false });
  const { decide } = bed.approvals;
  const decideIt = decide.bind(bed.approvals);
  throws(() => decideIt("nonsense", { action: "deny" }), problem(404, /no permission nonsense/));
  throws(() => decideIt(id, { action: "approve", scope: "always" }), problem(422, /once, session/));
  throws(
    () => decideIt(fixed, { action: "approve", modifiedInput: {} }),
    problem(422, /cannot change/),
  );
  throws(
    () => decideIt(id, { action: "approve", modifiedInput: "ls" }),
    problem(422, /expected an object/),
  );
  strictEqual(bed.approvals.pending("s"), 2);
  decideIt(id, { action: "approve" });
  deepStrictEqual(await answer, { action: "approve", scope: "once" });
});

Deno.test("a question that nobody answers in time is denied, however long that is", async () => {
  using time = new FakeTime();
  // setTimeout() takes at most 24.8 days.
  const month = 31 * 24 * HOUR;
  using bed = new Bed(month);
  const { permission: { id }, answer } = bed.ask();
  time.tick(month - 1);
  strictEqual(bed.approvals.get(id)?.status, "pending");
  time.tick(1);
  deepStrictEqual(await answer, {
    action: "deny",
    reason: `Nobody answered within ${month / 1000} seconds`,
  });
  strictEqual(bed.approvals.get(id)?.status, "expired");
  throws(() => bed.approvals.decide(id, { action: "approve" }), problem(409, /expired already/));
  deepStrictEqual(bed.story, ["permission_request pending", "permission_resolved expired"]);
});

Deno.test("a question expires by the clock, also after the machine has slept", async () => {
  using time = new FakeTime();
  using bed = new Bed();
  const { permission: { id }, answer } = bed.ask();
  // The clock goes on, timers do not.
  time.sleep(2 * HOUR);
  strictEqual(bed.approvals.list({ ...PAGE, status: "pending" }).total, 0);
  throws(() => bed.approvals.decide(id, { action: "approve" }), problem(409, /expired/));
  strictEqual((await answer).action, "deny");
});

Deno.test("a question is cancelled when nobody waits for the answer any more", async () => {
  using bed = new Bed();
  const stop = new AbortController();
  const { permission: { id }, answer } = bed.ask({}, stop.signal);
  stop.abort();
  await rejects(answer, { name: "AbortError" });
  strictEqual(bed.approvals.get(id)?.status, "cancelled");
  throws(() => bed.approvals.decide(id, { action: "approve" }), problem(409, /cancelled already/));

  const late = bed.ask({}, stop.signal);
  await rejects(late.answer, { name: "AbortError" });
  strictEqual(bed.approvals.get(late.permission.id)?.status, "cancelled");
  strictEqual(bed.approvals.pending("s"), 0);
});

Deno.test("disposing cancels what waits, also when nobody awaits the answer", async () => {
  using store = new Store(":memory:");
  const approvals = new Approvals(store, HOUR);
  const { permission, answer } = approvals.ask("s", QUESTION, NEVER);
  approvals.ask(undefined, QUESTION, NEVER);
  approvals[Symbol.dispose]();
  await rejects(answer, { name: "AbortError" });
  strictEqual(new Approvals(store, HOUR).get(permission.id)?.status, "cancelled");
});

Deno.test("cancelLeft() cancels what an earlier run left, and nothing of this one", () => {
  using store = new Store(":memory:");
  // It is not disposed of: it was killed.
  using killed = new Approvals(store, HOUR);
  const { permission: { id: left } } = killed.ask("s", QUESTION, NEVER);
  using approvals = new Approvals(store, HOUR);
  const events: string[] = [];
  approvals.watch(({ type, permission }) => events.push(`${type} ${permission.id}`));
  const { permission: { id } } = approvals.ask("s", QUESTION, NEVER);
  approvals.cancelLeft();
  strictEqual(approvals.get(left)?.status, "cancelled");
  strictEqual(approvals.get(id)?.status, "pending");
  deepStrictEqual(events, [`permission_request ${id}`, `permission_resolved ${left}`]);
});

Deno.test("list() filters, pages and shows the newest first", () => {
  using bed = new Bed();
  const ids = ["a", "b", "a", undefined].map((session) =>
    bed.approvals.ask(session, QUESTION, NEVER).permission.id
  );
  bed.approvals.decide(ids[0]!, { action: "deny" });
  const list = (filter: object) => {
    const { items, total } = bed.approvals.list({ ...PAGE, ...filter });
    return [total, ...items.map(({ id }) => ids.indexOf(id))];
  };
  deepStrictEqual(list({}), [4, 3, 2, 1, 0]);
  deepStrictEqual(list({ limit: 2, offset: 1 }), [4, 2, 1]);
  deepStrictEqual(list({ session: "a" }), [2, 2, 0]);
  deepStrictEqual(list({ session: "a", status: "denied" }), [1, 0]);
});

Deno.test("watch() tells until it is disposed of, and one that throws disturbs nobody", async () => {
  using bed = new Bed();
  const seen: string[] = [];
  bed.approvals.watch(() => {
    throw new Error("bad");
  });
  const watch = bed.approvals.watch(({ type }) => seen.push(type));
  const { permission: { id }, answer } = bed.ask();
  watch[Symbol.dispose]();
  bed.approvals.decide(id, { action: "approve" });
  strictEqual((await answer).action, "approve");
  deepStrictEqual(seen, ["permission_request"]);
});

Deno.test("a yes that cannot be written is none, and can be given again", async () => {
  using bed = new Bed();
  const { permission: { id }, answer } = bed.ask();
  bed.store.run(
    `CREATE TRIGGER full BEFORE UPDATE ON permissions BEGIN SELECT RAISE(FAIL, 'full'); END`,
  );
  throws(() => bed.approvals.decide(id, { action: "approve" }), /full/);
  strictEqual(bed.approvals.pending("s"), 1);
  bed.store.run("DROP TRIGGER full");
  bed.approvals.decide(id, { action: "deny" });
  deepStrictEqual(await within(1000, "the answer", answer), { action: "deny" });
});

Deno.test("a session that asks without end is denied", async () => {
  using bed = new Bed();
  for (let i = 0; i < 100; i++) bed.ask();
  const { answer, permission } = bed.ask();
  strictEqual((await answer).action, "deny");
  strictEqual(bed.approvals.get(permission.id)?.status, "denied");
  strictEqual(bed.approvals.pending("s"), 100);
  // Another session is not concerned.
  strictEqual(bed.ask({}, NEVER, "t").permission.status, "pending");
  strictEqual(bed.approvals.pending("t"), 1);
});

Deno.test("answered questions of no session do not pile up", () => {
  using bed = new Bed();
  const { permission: open } = bed.approvals.ask(undefined, QUESTION, NEVER);
  for (let i = 0; i < 1200; i++) {
    const { permission } = bed.approvals.ask(undefined, QUESTION, NEVER);
    bed.approvals.decide(permission.id, { action: "deny" });
  }
  const { total } = bed.approvals.list(PAGE);
  ok(total <= 1002, `${total} are kept`);
  strictEqual(bed.approvals.get(open.id)?.status, "pending");
});
