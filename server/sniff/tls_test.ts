import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@agentx/common/http";
import type { Match, Verdict } from "./mod.ts";
import {
  bytesOf,
  CHROMIUM,
  CURL,
  extension,
  helloWith,
  hostNames,
  inRecords,
  NAMELESS,
  NODE,
  OPENSSL,
  TLS12,
  vector,
} from "./testdata/hellos.ts";
import { sniffTls } from "./tls.ts";

const RECORDED: [program: string, hello: Uint8Array, token: string | undefined][] = [
  ["openssl", OPENSSL, "My-App"],
  ["openssl without a name", NAMELESS, undefined],
  ["openssl in TLS 1.2", TLS12, "my-app"],
  ["curl", CURL, "my-app"],
  ["node", NODE, "My-App"],
  ["chromium", CHROMIUM, "my-app"],
];

/** Longest hello, with its records. */
const MAX = 64 * 1024;

function match(bytes: Uint8Array): Match {
  const verdict = sniffTls(bytes);
  if (verdict.kind !== "raw") throw new Error(JSON.stringify(verdict));
  return verdict;
}

/** The token as it was typed. */
function tokenOf(bytes: Uint8Array): string | undefined {
  const { to } = match(bytes);
  if (to !== undefined && !("token" in to)) throw new Error("TLS has no sessions here");
  return to?.token;
}

/** A fatal alert, as it stands on the wire. */
const alert = (description: number) => Uint8Array.of(21, 3, 3, 0, 2, 2, description);

function rejects(bytes: Uint8Array, description: number, message?: string): void {
  const verdict = sniffTls(bytes);
  if (verdict.kind !== "reject") throw new Error(`${message}: ${JSON.stringify(verdict)}`);
  strictEqual(verdict.protocol, "tls");
  deepStrictEqual(verdict.reply, alert(description), message);
}

for (const [program, hello, token] of RECORDED) {
  Deno.test(`sniffTls() reads the name in the hello of ${program}`, () => {
    const { protocol, size, head } = match(hello);
    strictEqual(tokenOf(hello), token);
    // It goes on as it came, and with it what came behind.
    deepStrictEqual([protocol, size, head], ["tls", hello.length, undefined]);
    strictEqual(match(bytesOf(hello, [20, 3, 3, 0, 1, 1])).size, hello.length + 6);
    for (let size = 0; size < hello.length; size++) {
      strictEqual(sniffTls(hello.subarray(0, size)).kind, "more", `${size} bytes`);
    }
  });
}

Deno.test("a name is a token as it was typed, then in lower case, and may be no token at all", () => {
  deepStrictEqual(match(OPENSSL).to, { token: "My-App", folded: "my-app", vague: true });
  const token = (name: string) => tokenOf(inRecords(helloWith(hostNames(name))));
  strictEqual(token("my-app"), "my-app");
  strictEqual(token("my-app."), "my-app");
  strictEqual(token("a.b.c"), "a");
  strictEqual(token(".b"), "");
  strictEqual(token("a\0b.c"), "a\0b");
  strictEqual(token("x".repeat(5000)), "x".repeat(5000));
});

Deno.test("a hello without a name is one: no extensions, other ones, other kinds of names", () => {
  for (
    const extensions of [
      undefined,
      [],
      extension(16, vector(2, vector(1, [104, 50]))),
      hostNames([7, "my-app"]),
    ]
  ) {
    const hello = helloWith(extensions && Uint8Array.from(extensions));
    strictEqual(match(inRecords(hello)).to, undefined);
  }
  strictEqual(tokenOf(inRecords(helloWith(hostNames([7, "other"], "my-app")))), "my-app");
});

Deno.test("a visitor that is turned away gets an alert", () => {
  const { refuse } = match(OPENSSL);
  const told = (status: number) => refuse?.(new Refusal(status, "no"));
  deepStrictEqual(told(404), alert(112));
  for (const status of [429, 502, 503, 504]) deepStrictEqual(told(status), alert(80));
});

Deno.test("sniffTls() says no to other protocols at their first bytes", () => {
  const others: [string, string][] = [
    ["HTTP", "47"],
    ["PostgreSQL's SSLRequest", "00"],
    ["SSL 2.0", "80"],
    ["SSL 3.0", "160300"],
    ["a version nobody has", "160305"],
    ["an alert", "15"],
    ["a longer record than there may be", "16030141"],
    ["an empty record", "1603010000"],
    ["a message other than a ClientHello", "160301020002"],
  ];
  for (const [what, hex] of others) {
    const bytes = Uint8Array.fromHex(hex);
    strictEqual(sniffTls(bytes).kind, "no", what);
    strictEqual(sniffTls(bytes.subarray(0, -1)).kind, "more", `${what}, before`);
  }
});

Deno.test("broken records are rejected", () => {
  const half = OPENSSL.length >> 1;
  const head = bytesOf([22, 3, 1], vector(2, OPENSSL.subarray(5, half)));
  const then = (hex: string) => bytesOf(head, Uint8Array.fromHex(hex));
  rejects(then("1703030010"), 10, "data instead of the rest");
  rejects(then("1603010000"), 10, "an empty fragment");
  rejects(then("1603014001"), 22, "a record that is too long");
  strictEqual(sniffTls(then("16030140")).kind, "more");
  strictEqual(sniffTls(then("1603014000")).kind, "more");
  rejects(Uint8Array.fromHex("1603014001010000"), 22, "the first record");
});

Deno.test("malformed hellos are rejected", () => {
  const name = hostNames("my-app");
  const broken: [string, Uint8Array][] = [
    ["nothing in it", bytesOf([1], vector(3, []))],
    ["half a random", bytesOf([1], vector(3, new Uint8Array(20)))],
    ["two lists of names", helloWith(bytesOf(name, name))],
    ["two names", helloWith(hostNames("a", "b"))],
    ["an empty name", helloWith(hostNames(""))],
    ["an empty list of names", helloWith(hostNames())],
    ["no list of names", helloWith(extension(0, []))],
    ["more than its names", helloWith(extension(0, bytesOf(name.subarray(4), [0])))],
    ["more than its extensions", bytesOf([1], vector(3, [...helloWith(name).subarray(4), 0]))],
    ["half an extension", helloWith(name.subarray(0, -1))],
    ["half an extension's head", helloWith(bytesOf(name, [0, 16, 0]))],
  ];
  for (const [what, hello] of broken) rejects(inRecords(hello), 50, what);
});

Deno.test("a long hello is read, and one that is too long is rejected before it is there", () => {
  const padded = (bytes: number) =>
    helloWith(bytesOf(hostNames("my-app"), extension(21, new Uint8Array(bytes))));
  const long = inRecords(padded(60_000));
  strictEqual(tokenOf(long), "my-app");
  strictEqual(sniffTls(long.subarray(0, -1)).kind, "more");
  const announced = (size: number) =>
    sniffTls(Uint8Array.of(22, 3, 1, 64, 0, 1, size >> 16, size >> 8 & 255, size & 255));
  strictEqual(announced(MAX - 4).kind, "more");
  strictEqual(announced(MAX - 3).kind, "reject");
  strictEqual(announced(0xff_ff_ff).kind, "reject");
});

Deno.test("a hello that hides in countless records ends", () => {
  const endless = inRecords(helloWith(extension(21, new Uint8Array(30_000))), [1]);
  ok(endless.length > MAX);
  strictEqual(sniffTls(endless.subarray(0, MAX - 1)).kind, "more");
  rejects(endless.subarray(0, MAX), 50);
  const start = performance.now();
  for (let size = 0; size < MAX; size += 8) sniffTls(endless.subarray(0, size));
  ok(performance.now() - start < 5000, "each look at it costs little");
});

const label = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_"), minLength: 1, maxLength: 63 });
const anyHello = fc.record({
  label,
  domain: fc.constantFrom("", ".", ".example.com"),
  pad: fc.nat(400),
});
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 20 });

Deno.test("however it is cut into records, the name is found, and only once all is there", () => {
  fc.assert(fc.property(anyHello, sizes, fc.nat(), ({ label, domain, pad }, sizes, place) => {
    const extensions = [extension(21, new Uint8Array(pad)), hostNames(label + domain)];
    const records = inRecords(helloWith(bytesOf(...extensions)), sizes);
    strictEqual(tokenOf(records), label);
    strictEqual(sniffTls(records.subarray(0, place % records.length)).kind, "more");
  }));
});

/** Some bytes of a real hello replaced, and then cut somewhere. */
const mutated = fc.tuple(
  fc.constantFrom(...RECORDED.map(([, hello]) => hello)),
  sizes,
  fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 8 }),
  fc.option(fc.nat(3000)),
).map(([hello, sizes, changes, end]) => {
  const bytes = inRecords(hello.subarray(5), sizes);
  for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
  return bytes.subarray(0, end ?? bytes.length);
});

Deno.test("whatever is changed in it, nothing throws, and nothing beyond the view counts", () => {
  fc.assert(
    fc.property(mutated, fc.uint8Array({ maxLength: 20 }), (bytes, beyond) => {
      const before = bytes.slice();
      const verdict = sniffTls(bytes);
      deepStrictEqual(bytes, before);
      const buffer = bytesOf(beyond, bytes, beyond);
      const view = buffer.subarray(beyond.length, beyond.length + bytes.length);
      deepStrictEqual(plain(sniffTls(view)), plain(verdict));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("what was settled stays settled, whatever follows", () => {
  fc.assert(
    fc.property(mutated, (bytes) => {
      let settled: Verdict = { kind: "more" };
      for (let size = 0; size <= bytes.length; size++) {
        const verdict = sniffTls(bytes.subarray(0, size));
        if (settled.kind === "more") settled = verdict;
        else deepStrictEqual({ ...plain(verdict), size: 0 }, { ...plain(settled), size: 0 });
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("it never waits for ever: at 64 KiB it knows", () => {
  fc.assert(fc.property(mutated, fc.nat(255), (bytes, filler) => {
    const full = new Uint8Array(MAX).fill(filler);
    full.set(bytes);
    notStrictEqual(sniffTls(full).kind, "more");
  }));
});

/** A verdict without its functions, which are the same ones in all. */
function plain(verdict: Verdict): Record<string, unknown> {
  const { refuse: _, ...rest } = { refuse: undefined, ...verdict };
  return rest;
}
