import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Register } from "@agentx/common";
import { RegistrationError } from "../registration_error.ts";
import { parseEntries } from "./entries.ts";
import { Gate } from "./gate.ts";
import { Looks } from "./looks.ts";
import type { SlowHash } from "./scrypt.ts";
import { Verifier } from "./verifier.ts";

const WRONG = /^the --auth-token is wrong or not for this client id/;
const TOO_MANY = /^too many registrations from this address failed: /;
const HERE = "192.0.2.1";

/** A hash whose token is "token of NAME". */
function hashOf(name: string): string {
  return `$scrypt$ln=15,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$${
    btoa(name).replace(/=/g, "").padEnd(30, "A")
  }`;
}

/** A gate that counts hashes and need not compute them. */
async function gate(
  { token, clients, looks }: {
    token?: string;
    clients?: Record<string, unknown>[];
    looks?: Looks;
  },
) {
  const hashed: string[] = [];
  const matches = (hash: SlowHash, token: string) => {
    hashed.push(token);
    const name = /^token of (.*)$/.exec(token)?.[1];
    return Promise.resolve(name !== undefined && hash.text === hashOf(name));
  };
  const entries = clients === undefined ? undefined : await entriesOf(clients);
  return { hashed, gate: new Gate({ token, entries }, new Verifier(matches), looks) };
}

function entriesOf(clients: Record<string, unknown>[]) {
  return parseEntries("auth.json", JSON.stringify({ clients }));
}

function register(client_id: string, auth?: string, more: Partial<Register> = {}): Register {
  return { type: "Register", client_id, ...(auth === undefined ? {} : { auth }), ...more };
}

async function refusal(promise: Promise<unknown>): Promise<RegistrationError> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  ok(error instanceof RegistrationError, `refusal expected, got ${error}`);
  return error;
}

Deno.test("the shared token opens any id, and nothing else does", async () => {
  const { gate: one, hashed } = await gate({ token: "shared-token" });
  await using _gate = one;
  const grant = await one.authenticate(register("app", "shared-token"), HERE);
  strictEqual(grant.mayOpen(443), true);
  strictEqual(grant.withdrawn(443), undefined);
  const wrong = await refusal(one.authenticate(register("app", "shared-tokem"), HERE));
  match(wrong.message, WRONG);
  deepStrictEqual([wrong.retryAfter, wrong.word], [5, "denied"]);
  const missing = await refusal(one.authenticate(register("app"), HERE));
  match(missing.message, /^the server wants an --auth-token: /);
  deepStrictEqual([missing.retryAfter, missing.word], [5, "denied"]);
  strictEqual(hashed.length, 0);
});

Deno.test("a client of the file needs its own token", async () => {
  const { gate: one } = await gate({
    clients: [
      { id: "alice", hash: hashOf("alice"), ports: "20000-20001", aliases: ["shop"] },
      { id: "team-*", hash: hashOf("team") },
    ],
  });
  await using _gate = one;
  const alice = register("alice", "token of alice", { aliases: ["shop", "alice"] });
  const grant = await one.authenticate(alice, HERE);
  deepStrictEqual([19_999, 20_000, 20_001].map((port) => grant.mayOpen(port)), [false, true, true]);
  strictEqual(
    (await one.authenticate(register("team-1", "token of team"), HERE)).mayOpen(1),
    false,
  );
  for (const [id, token] of [["alice", "team"], ["team-1", "alice"], ["bob", "alice"]]) {
    match(
      (await refusal(one.authenticate(register(id!, `token of ${token}`), HERE))).message,
      WRONG,
    );
  }
  const aliases = ["alice", "other"];
  const more = await refusal(
    one.authenticate(register("alice", "token of alice", { aliases }), HERE),
  );
  strictEqual(more.message, "alias 2 of 2 is not among those that your token allows");
});

Deno.test("wrong token and unknown id are told, and cost, the same", async () => {
  const { gate: one, hashed } = await gate({ clients: [{ id: "alice", hash: hashOf("alice") }] });
  await using _gate = one;
  const errors: unknown[] = [];
  const costs: number[] = [];
  for (const id of ["alice", "bob", "carol"]) {
    const before = hashed.length;
    const { message, retryAfter, word } = await refusal(
      one.authenticate(register(id, "wrong-token"), HERE),
    );
    errors.push(`${message} ${retryAfter} ${word}`);
    costs.push(hashed.length - before);
  }
  strictEqual(new Set(errors).size, 1);
  deepStrictEqual(costs, [1, 1, 1]);
  // Whoever has a token learns no more with it.
  await one.authenticate(register("alice", "token of alice"), HERE);
  const before = hashed.length;
  await refusal(one.authenticate(register("bob", "token of alice"), HERE));
  strictEqual(hashed.length - before, 1);
});

Deno.test("with both, the shared token is for those that the file does not speak for", async () => {
  const { gate: one } = await gate({
    token: "shared-token",
    clients: [{ id: "team-*", hash: hashOf("team") }, {
      id: "off",
      hash: hashOf("off"),
      disabled: true,
    }],
  });
  await using _gate = one;
  await one.authenticate(register("app", "shared-token", { aliases: ["other"] }), HERE);
  await one.authenticate(register("team-1", "token of team"), HERE);
  for (const id of ["team-1", "off"]) {
    match((await refusal(one.authenticate(register(id, "shared-token"), HERE))).message, WRONG);
  }
  const taken = register("app", "shared-token", { aliases: ["team-2"] });
  match((await refusal(one.authenticate(taken, HERE))).message, /^alias 1 of 1 is not among/);
});

Deno.test("a token that is taken over by another works beside it", async () => {
  const { gate: one } = await gate({
    clients: [{ id: "a", hash: [hashOf("old"), hashOf("new")] }],
  });
  await using _gate = one;
  const old = await one.authenticate(register("a", "token of old"), HERE);
  const now = await one.authenticate(register("a", "token of new"), HERE);
  one.use(await entriesOf([{ id: "a", hash: hashOf("new") }]));
  match(old.withdrawn() ?? "", WRONG);
  strictEqual(now.withdrawn(), undefined);
});

Deno.test("disabled and expired are told to whoever has the token, and to nobody else", async () => {
  const { gate: one } = await gate({
    clients: [
      { id: "off", hash: hashOf("off"), disabled: true },
      { id: "late", hash: hashOf("late"), expires: "2020-01-01" },
    ],
  });
  await using _gate = one;
  for (
    const [id, why] of [["off", /has disabled this client id/], ["late", /has expired/]] as const
  ) {
    match((await refusal(one.authenticate(register(id, `token of ${id}`), HERE))).message, why);
    match((await refusal(one.authenticate(register(id, "wrong-token"), HERE))).message, WRONG);
  }
});

Deno.test("what is no client id is refused before anything is done with it", async () => {
  const { gate: one, hashed } = await gate({ clients: [{ id: "*", hash: hashOf("any") }] });
  await using _gate = one;
  for (const id of ["", "a b", "x".repeat(129), "*", "é"]) {
    const { message } = await refusal(one.authenticate(register(id, "token of any"), HERE));
    match(message, /^client_id is invalid: /);
  }
  strictEqual(hashed.length, 0);
});

Deno.test("after ten failures an address waits, unhashed, and others do not", async () => {
  const looks = new Looks(60_000);
  const { gate: one, hashed } = await gate({ clients: [{ id: "a", hash: hashOf("a") }], looks });
  await using _gate = one;
  await one.authenticate(register("a", "token of a"), HERE);
  for (let at = 0; at < 10; at++) {
    match((await refusal(one.authenticate(register("a", `guess ${at}`), HERE))).message, WRONG);
  }
  const before = hashed.length;
  for (let at = 0; at < 100; at++) {
    const error = await refusal(one.authenticate(register("a", `more ${at}`), HERE));
    match(error.message, TOO_MANY);
    ok(error.retryAfter! >= 1 && error.retryAfter! <= 6);
    strictEqual(error.word, "limit");
  }
  strictEqual(hashed.length, before);
  // From another address, and from this one with what was right there before.
  await one.authenticate(register("a", "token of a"), "192.0.2.2");
  await one.authenticate(register("a", "token of a"), HERE);
  await rejects(one.authenticate(register("a", "guess"), HERE), { message: TOO_MANY });
});

for (const kind of ["the shared token", "a token of the file"]) {
  Deno.test(`where ${kind} is known nobody guesses it any faster`, async () => {
    const file = kind !== "the shared token";
    const right = (id: string) => file ? `token of ${id}` : "shared-token";
    const { gate: one } = await gate({
      ...(file
        ? { clients: ["a", "b"].map((id) => ({ id, hash: hashOf(id) })) }
        : { token: right("") }),
      looks: new Looks(600), // ten a second
    });
    await using _gate = one;
    for (const id of ["a", "b"]) await one.authenticate(register(id, right(id)), HERE);
    const start = performance.now();
    const told: string[] = [];
    const guess = (id: string, token: string) =>
      refusal(one.authenticate(register(id, token), HERE)).then(() => told.push("wrong"));
    const guesses = Array.from({ length: 30 }, (_, at) => guess("a", `guess ${at}`));
    const lucky = one.authenticate(register("a", right("a")), HERE).then(() => told.push("lucky"));
    const strangers = Array.from({ length: 30 }, (_, at) => guess(`c${at}`, right("b")));
    const honest = one.authenticate(register("b", right("b")), HERE).then(() =>
      told.push("honest")
    );
    await Promise.all([honest, lucky, ...guesses, ...strangers]);
    // Ten are told at once, and whoever was right has to wait behind the other twenty.
    const took = performance.now() - start;
    ok(took >= 1900, `${told}: ${took} ms`);
    // The other client has the next turn or the one after that.
    ok(told.indexOf("honest") < told.indexOf("lucky"), `${told}`);
  });
}

Deno.test("a herd with the right token is let in at once, and again beside one that guesses", async () => {
  const { gate: one, hashed } = await gate({
    token: "shared-token",
    clients: [{ id: "team-*", hash: hashOf("team") }],
  });
  await using _gate = one;
  const herd = () =>
    Promise.all(
      Array.from({ length: 1000 }, (_, at) =>
        at % 2 === 0
          ? one.authenticate(register(`app-${at}`, "shared-token"), HERE)
          : one.authenticate(register(`team-${at}`, "token of team"), HERE)),
    );
  await herd();
  // One for the team, and one for those of whom nobody may tell that they are none of it.
  ok(hashed.length <= 2, `${hashed.length}`);
  for (let at = 0; at < 10; at++) await refusal(one.authenticate(register("x", `${at}`), HERE));
  await rejects(one.authenticate(register("x", "shared-token"), HERE), { message: TOO_MANY });
  const before = hashed.length;
  const start = performance.now();
  const guesses = ["app-0", "team-1"].map((id) =>
    refusal(one.authenticate(register(id, "guess"), HERE))
  );
  await herd();
  // Each guess was given a second.
  ok(performance.now() - start < 10_000);
  strictEqual(hashed.length, before);
  for (const error of await Promise.all(guesses)) match(error.message, TOO_MANY);
});

Deno.test("what comes at once is told nothing before it is its turn", async () => {
  const hold = Promise.withResolvers<boolean>();
  const verifier = new Verifier(() => hold.promise);
  const entries = await entriesOf([{ id: "a", hash: hashOf("a") }]);
  await using one = new Gate({ token: "shared-token", entries }, verifier);
  const guesses = Array.from(
    { length: 60 },
    (_, at) => refusal(one.authenticate(register("b", `guess ${at}`), HERE)),
  );
  // Nobody has failed yet: that takes a hash.
  const last = refusal(one.authenticate(register("b", "shared-token"), HERE));
  hold.resolve(false);
  match((await last).message, TOO_MANY);
  const wrong = (await Promise.all(guesses)).filter(({ message }) => WRONG.test(message));
  ok(wrong.length >= 10 && wrong.length <= 11, `${wrong.length}`);
});

Deno.test("a whole IPv6 network counts as one address", async () => {
  const { gate: one } = await gate({ token: "shared-token" });
  await using _gate = one;
  for (let at = 0; at < 10; at++) {
    await refusal(one.authenticate(register("a", "wrong-token"), `2001:db8::${at}`));
  }
  await rejects(
    one.authenticate(register("a", "shared-token"), "2001:db8::ffff"),
    { message: TOO_MANY },
  );
  await one.authenticate(register("a", "shared-token"), "2001:db8:0:1::1");
});

Deno.test("guesses that come all at once are no more than those that come in turn", async () => {
  const { gate: one, hashed } = await gate({ clients: [{ id: "a", hash: hashOf("a") }] });
  await using _gate = one;
  const guesses = Array.from(
    { length: 90 },
    (_, at) => refusal(one.authenticate(register("a", `guess ${at}`), HERE)),
  );
  await Promise.all(guesses);
  // One more may have been under way on another thread.
  ok(hashed.length <= 11, `${hashed.length}`);
});

Deno.test("nobody fails by a missing token, or by what the file withholds", async () => {
  const { gate: one } = await gate({
    clients: [{ id: "off", hash: hashOf("off"), disabled: true }, { id: "a", hash: hashOf("a") }],
  });
  await using _gate = one;
  for (let at = 0; at < 20; at++) {
    await refusal(one.authenticate(register("a"), HERE));
    await refusal(one.authenticate(register("off", "token of off"), HERE));
  }
  await one.authenticate(register("a", "token of a"), HERE);
});

Deno.test("other entries withdraw what they do not allow, and tell", async () => {
  const start = { id: "a", hash: hashOf("a"), aliases: ["x"], ports: "20000" };
  const { gate: one } = await gate({ clients: [start] });
  await using _gate = one;
  let told = 0;
  one.watch(() => told++);
  const grant = await one.authenticate(register("a", "token of a", { aliases: ["x"] }), HERE);
  const cases: [Record<string, unknown>[], RegExp | undefined][] = [
    [[{ ...start, comment: "the same" }], undefined],
    [[{ ...start, hash: hashOf("b") }], WRONG],
    [[{ ...start, disabled: true }], /disabled/],
    [[{ ...start, expires: "2020-01-01" }], /expired/],
    [[{ ...start, aliases: [] }], /^alias 1 of 1/],
    [[{ ...start, ports: "20001" }], /^port 20000 is not/],
    [[], WRONG],
    [[{ ...start, id: "*" }], undefined],
    [[start], undefined],
  ];
  for (const [at, [clients, why]] of cases.entries()) {
    one.use(await entriesOf(clients));
    strictEqual(told, at + 1);
    if (why === undefined) strictEqual(grant.withdrawn(20_000), undefined);
    else match(grant.withdrawn(20_000) ?? "none", why);
  }
});

Deno.test("what expires is withdrawn when it does", async () => {
  const expires = new Date(Date.now() + 300).toISOString();
  const { gate: one } = await gate({ clients: [{ id: "a", hash: hashOf("a"), expires }] });
  await using _gate = one;
  const told = Promise.withResolvers<void>();
  const grant = await one.authenticate(register("a", "token of a"), HERE);
  strictEqual(grant.withdrawn(), undefined);
  one.watch(told.resolve);
  await told.promise;
  match(grant.withdrawn() ?? "", /has expired/);
});

/** A clock that may be set, beside timers that go off when the test says so. */
class SetClock implements Disposable {
  now = Date.UTC(2030, 0, 1);
  /** What goes off next, and in how many milliseconds. */
  next: { run: () => void; ms: number } | undefined;
  readonly #now = Date.now;
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;

  constructor() {
    Date.now = () => this.now;
    const set = (run: () => void, ms: number) => {
      this.next = { run, ms };
      return 1;
    };
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = () => void (this.next = undefined);
  }

  /** The timer goes off, after the clock went on by as much, or by what it was set to. */
  goOff(ms: number = this.next!.ms): void {
    const { run } = this.next!;
    this.next = undefined;
    this.now += ms;
    run();
  }

  [Symbol.dispose](): void {
    Date.now = this.#now;
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }
}

Deno.test("what expires is noticed within a minute, wherever the clock is set meanwhile", async () => {
  const day = 24 * 60 * 60_000;
  const start = Date.UTC(2030, 0, 1);
  const expiring = await entriesOf([
    { id: "a", hash: hashOf("a"), expires: new Date(start + 40 * day).toISOString() },
    { id: "b", hash: hashOf("b"), expires: new Date(start + 50 * day).toISOString() },
  ]);
  const lasting = await entriesOf([{ id: "c", hash: hashOf("c") }]);
  using clock = new SetClock();
  await using one = new Gate({ entries: expiring });
  let told = 0;
  one.watch(() => told++);
  const passes = (ms?: number) => {
    clock.goOff(ms);
    ok(clock.next !== undefined && clock.next.ms > 0 && clock.next.ms <= 60_000);
    return told;
  };
  ok(clock.next!.ms <= 60_000);
  for (let minute = 0; minute < 5; minute++) strictEqual(passes(), 0, "nothing has expired");
  clock.now = start;
  strictEqual(passes(41 * day), 1, "the machine slept");
  strictEqual(passes(), 1);
  strictEqual(passes(-2 * day), 1, "the clock is set back");
  strictEqual(passes(2 * day), 2, "and forth");
  // To the moment, as long as nobody touches the clock.
  clock.now = start + 50 * day - 100_000;
  strictEqual(passes(), 2);
  strictEqual(clock.next!.ms, 40_000);
  strictEqual(passes(), 3);
  strictEqual(passes(-20 * day), 3, "it is known even when all had expired");
  strictEqual(passes(20 * day), 4);
  one.use(lasting);
  strictEqual(clock.next, undefined, "there is nothing to look for");
});

Deno.test("a token that is withdrawn while it is checked opens nothing", async () => {
  const checking = Promise.withResolvers<void>();
  const go = Promise.withResolvers<boolean>();
  const verifier = new Verifier(() => {
    checking.resolve();
    return go.promise;
  });
  await using one = new Gate(
    { entries: await entriesOf([{ id: "a", hash: hashOf("a") }]) },
    verifier,
  );
  const refused = refusal(one.authenticate(register("a", "token of a"), HERE));
  await checking.promise;
  one.use(await entriesOf([{ id: "a", hash: hashOf("b") }]));
  go.resolve(true);
  match((await refused).message, WRONG);
});
