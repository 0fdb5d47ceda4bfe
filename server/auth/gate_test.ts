import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Register } from "@agentx/common";
import { RegistrationError } from "../registry.ts";
import { parseEntries } from "./entries.ts";
import { Gate, TooManyFailuresError } from "./gate.ts";
import { Looks } from "./looks.ts";
import type { SlowHash } from "./scrypt.ts";
import { Verifier } from "./verifier.ts";

const WRONG = /^the --auth-token is wrong or not for this client id/;
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
    ok(error instanceof TooManyFailuresError);
    ok(error.retryAfter! >= 1 && error.retryAfter! <= 6);
    strictEqual(error.word, "limit");
  }
  strictEqual(hashed.length, before);
  // From another address, and from this one with what was right there before.
  await one.authenticate(register("a", "token of a"), "192.0.2.2");
  await one.authenticate(register("a", "token of a"), HERE);
  await rejects(one.authenticate(register("a", "guess"), HERE), TooManyFailuresError);
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
  await rejects(one.authenticate(register("x", "shared-token"), HERE), TooManyFailuresError);
  const before = hashed.length;
  const start = performance.now();
  const guesses = ["app-0", "team-1"].map((id) =>
    refusal(one.authenticate(register(id, "guess"), HERE))
  );
  await herd();
  // Each guess was given a second.
  ok(performance.now() - start < 10_000);
  strictEqual(hashed.length, before);
  for (const error of await Promise.all(guesses)) ok(error instanceof TooManyFailuresError);
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
  ok(await last instanceof TooManyFailuresError);
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
    TooManyFailuresError,
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
