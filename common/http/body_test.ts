import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Body, isEndless, requestBody, responseBody } from "./body.ts";
import { Refusal } from "./refusal.ts";
import { HeadScanner, parseRequestHead, parseResponseHead } from "./head.ts";

const encoder = new TextEncoder();

function request(lines: string, version = "1.1"): Body {
  const bytes = encoder.encode(`POST / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`);
  return requestBody(parseRequestHead(bytes, new HeadScanner().scan(bytes)!));
}

function response(status: number, lines: string, method = "GET"): Body {
  const bytes = encoder.encode(`HTTP/1.1 ${status} x\r\n${lines}\r\n`);
  return responseBody(parseResponseHead(bytes, new HeadScanner().scan(bytes)!), method);
}

const chunked = () => request("Transfer-Encoding: chunked\r\n");

/** How many bytes a body takes of some text, and whether it is done then. */
function take(body: Body, text: string): [count: number, done: boolean] {
  const count = body.take(encoder.encode(text), 0);
  return [count, body.done];
}

function refuses(run: () => unknown, message: RegExp, what?: string): void {
  throws(run, (error) => {
    ok(error instanceof Refusal, String(error));
    strictEqual(error.status, 400);
    ok(message.test(error.message), error.message);
    return true;
  }, what);
}

Deno.test("a request without a length has no body", () => {
  ok(request("").done);
  ok(request("Content-Length: 0\r\n").done);
});

Deno.test("a body of known length takes its bytes and no more", () => {
  const body = request("Content-Length: 5\r\n");
  ok(!body.done);
  deepStrictEqual(take(body, "abc"), [3, false]);
  deepStrictEqual(take(body, "deGET /"), [2, true]);
  deepStrictEqual(take(body, "GET /"), [0, true]);
  strictEqual(request("Content-Length: 3\r\n").take(encoder.encode("--abcd"), 2), 3);
});

Deno.test("a length of up to 15 digits is exact", () => {
  const body = request("Content-Length: 999999999999999\r\n");
  deepStrictEqual(take(body, "abc"), [3, false]);
  ok(request("Content-Length: 000000000000000\r\n").done);
});

for (
  const value of [
    ...["5, 5", "5,5", "+5", "-1", "0x5", "5 5", "5;", "five", "", "5.0", "1e3", "\u0665"],
    "1000000000000000",
    "18446744073709551617",
    "9".repeat(400),
  ]
) {
  const shown = value.length > 30 ? `${value.length} digits` : JSON.stringify(value);
  Deno.test(`Content-Length ${shown} is answered 400`, () => {
    refuses(() => request(`Content-Length: ${value}\r\n`), /Content-Length is not one number/);
  });
}

Deno.test("two Content-Lengths are answered 400, even when they agree", () => {
  refuses(() => request("Content-Length: 5\r\nContent-Length: 6\r\n"), /Content-Length/);
  refuses(() => request("Content-Length: 5\r\ncontent-length: 5\r\n"), /Content-Length/);
});

Deno.test("Content-Length beside Transfer-Encoding is answered 400, in either order", () => {
  for (const coding of ["chunked", "identity", "x"]) {
    const [length, transfer] = ["Content-Length: 5\r\n", `Transfer-Encoding: ${coding}\r\n`];
    refuses(() => request(length + transfer), /both Content-Length and Transfer-Encoding/);
    refuses(() => request(transfer + length), /both Content-Length and Transfer-Encoding/);
  }
});

for (
  const value of [
    ...["chunked, gzip", "gzip, chunked", "gzip", "identity", "xchunked", "chunkedx", "chunk"],
    ...["chunked,", ",chunked", "chunked, chunked", "chunked;q=1", '"chunked"', "", "chun ked"],
  ]
) {
  Deno.test(`Transfer-Encoding ${JSON.stringify(value)} is answered 400`, () => {
    refuses(() => request(`Transfer-Encoding: ${value}\r\n`), /other than chunked/);
  });
}

Deno.test("two Transfer-Encodings are answered 400", () => {
  const line = "Transfer-Encoding: chunked\r\n";
  refuses(() => request(line + line), /other than chunked/);
  refuses(() => request(line + "Transfer-Encoding: identity\r\n"), /other than chunked/);
});

Deno.test("chunks in HTTP/1.0 are answered 400", () => {
  refuses(() => request("Transfer-Encoding: chunked\r\n", "1.0"), /other than chunked/);
});

Deno.test("chunked is known in any letters", () => {
  deepStrictEqual(take(request("Transfer-Encoding: Chunked\r\n"), "0\r\n\r\n"), [5, true]);
});

const GOOD: [string, string][] = [
  ["no chunk", "0\r\n\r\n"],
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n"],
  ["several chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"],
  ["sizes in either case", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"],
  ["leading zeros", "0005\r\nhello\r\n000\r\n\r\n"],
  ["extensions", '5;a\r\nhello\r\n0;a=b;c="d;e"\r\n\r\n'],
  ["white space within an extension", "5; a = b\r\nhello\r\n0\r\n\r\n"],
  ["trailers", "0\r\nDigest: x\r\nExpires: y\r\n\r\n"],
  ["data that looks like a chunk", "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n"],
];

for (const [what, text] of GOOD) {
  Deno.test(`a chunked body with ${what} ends where it ends`, () => {
    deepStrictEqual(take(chunked(), text), [text.length, true]);
    deepStrictEqual(take(chunked(), text + "GET / HTTP/1.1"), [text.length, true]);
    const body = chunked();
    for (const [index, char] of [...text].entries()) {
      ok(!body.done, `done after ${index} bytes`);
      strictEqual(body.take(encoder.encode(char), 0), 1);
    }
    ok(body.done);
    strictEqual(body.take(encoder.encode("x"), 0), 0);
  });
}

const BAD: [string, string][] = [
  ["no size", "\r\nhello"],
  ["a sign", "+5\r\nhello\r\n"],
  ["a negative size", "-1\r\n"],
  ["a 0x in front", "0x5\r\nhello\r\n"],
  ["a space in front", " 5\r\nhello\r\n"],
  ["a space behind the size", "5 \r\nhello\r\n"],
  ["a tab behind the size", "5\t;a\r\nhello\r\n"],
  ["a letter that is no digit", "g\r\n"],
  ["an underscore", "1_0\r\n"],
  ["only an extension", ";a\r\nhello"],
  ["a size of 14 digits", "10000000000000\r\n"],
  ["a size beyond 2^64", "10000000000000005\r\nhello\r\n"],
  ["too many leading zeros", "0".repeat(17) + "5\r\nhello\r\n"],
  ["a bare LF behind the size", "5\nhello\r\n"],
  ["a bare LF in an extension", "5;a\nhello\r\n"],
  ["a bare CR behind the size", "5\rhello\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n"],
  ["no line end behind the data", "5\r\nhello0\r\n\r\n"],
  ["a bare LF behind the data", "5\r\nhello\n0\r\n\r\n"],
  ["a bare CR behind the data", "5\r\nhello\rx0\r\n\r\n"],
  ["more data than its size", "3\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind the last size", "0\n\r\n"],
  ["a bare LF at the end", "0\r\n\n"],
  ["a bare CR at the end", "0\r\n\rx"],
  ["a bare LF behind a trailer", "0\r\nA: b\n\r\n"],
  ["a bare CR in a trailer", "0\r\nA: b\rc\r\n\r\n"],
  ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
  ["a trailer that starts with white space", "0\r\n A: b\r\n\r\n"],
  ["an extension without an end", "5;" + "a".repeat(20_000)],
  ["trailers without an end", "0\r\n" + "A\r\n".repeat(20_000)],
];

for (const [what, text] of BAD) {
  Deno.test(`a chunked body with ${what} is answered 400`, () => {
    refuses(() => take(chunked(), text), /^Malformed chunk: /, what);
    const body = chunked();
    refuses(
      () => {
        for (const char of text) body.take(encoder.encode(char), 0);
      },
      /^Malformed chunk: /,
      what,
    );
  });
}

/** The text of a valid chunked body. */
const anyChunks = fc.record({
  chunks: fc.array(
    fc.record({
      data: fc.string({ unit: fc.constantFrom(..."ab0\r\n;:"), minLength: 1, maxLength: 300 }),
      zeros: fc.nat(3),
      upper: fc.boolean(),
      extension: fc.constantFrom("", ";a", ";a=b", '; q="x;y"'),
    }),
    { maxLength: 6 },
  ),
  last: fc.constantFrom("0", "00", "0;a=b"),
  trailers: fc.array(fc.constantFrom("A: b", "Digest: sha-256=x", "X:"), { maxLength: 3 }),
}).map(({ chunks, last, trailers }) =>
  chunks.map(({ data, zeros, upper, extension }) => {
    const size = "0".repeat(zeros) + data.length.toString(16);
    return `${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
  }).join("") + `${last}\r\n${trailers.map((line) => line + "\r\n").join("")}\r\n`
);

Deno.test("any split of a valid chunked body takes exactly its bytes", () => {
  fc.assert(
    fc.property(
      anyChunks,
      fc.string({ maxLength: 20 }),
      fc.array(fc.nat()),
      (text, next, cuts) => {
        const all = encoder.encode(text + next);
        const body = chunked();
        const places = cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b);
        let taken = 0;
        for (const end of [...places, all.length]) {
          // As a session does it: what was not taken is offered again, with more behind it.
          taken += body.take(all.subarray(0, end), taken);
          strictEqual(taken, Math.min(end, text.length));
          strictEqual(body.done, end >= text.length);
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("any split of a bad chunked body is refused just the same", () => {
  const bad = fc.oneof(
    fc.constantFrom(...BAD).map(([, text]) => text.slice(0, 300)),
    fc.tuple(anyChunks, fc.nat(), fc.constantFrom(..."\r\n;x ")).map(([text, place, mark]) => {
      const at = place % text.length;
      return text.slice(0, at) + mark + text.slice(at + 1);
    }),
    fc.string({ unit: fc.constantFrom(..."0123\r\n;a "), maxLength: 40 }),
  );
  const outcome = (all: Uint8Array, ends: readonly number[]) => {
    const body = chunked();
    let taken = 0;
    try {
      for (const end of ends) taken += body.take(all.subarray(0, end), taken);
    } catch (error) {
      ok(error instanceof Refusal && error.status === 400, String(error));
      return error.message;
    }
    return `${taken} ${body.done}`;
  };
  fc.assert(
    fc.property(bad, fc.array(fc.nat()), (text, cuts) => {
      const all = encoder.encode(text);
      const places = cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b);
      strictEqual(outcome(all, [...places, all.length]), outcome(all, [all.length]));
    }),
    { numRuns: 300 },
  );
});

Deno.test("extensions are limited line by line, however many chunks there are", () => {
  const text = `1;${"e".repeat(100)}\r\nx\r\n`.repeat(400) + "0\r\n\r\n";
  deepStrictEqual(take(chunked(), text), [text.length, true]);
});

Deno.test("a chunk larger than memory takes its bytes as they come", () => {
  const body = chunked();
  deepStrictEqual(take(body, "fffffffffffff\r\n"), [15, false]);
  const piece = new Uint8Array(100_000);
  for (let i = 0; i < 10; i++) strictEqual(body.take(piece, 0), piece.length);
  ok(!body.done);
});

Deno.test("a response has no body after HEAD, with 204 and with 304, whatever it says", () => {
  for (const lines of ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""]) {
    ok(response(200, lines, "HEAD").done);
    ok(response(204, lines).done);
    ok(response(304, lines).done);
  }
});

Deno.test("a response ends by length, by chunks, or with its connection", () => {
  deepStrictEqual(take(response(200, "Content-Length: 2\r\n"), "abc"), [2, true]);
  deepStrictEqual(take(response(200, "Transfer-Encoding: chunked\r\n"), "0\r\n\r\nHTTP"), [
    5,
    true,
  ]);
  const endless = response(200, "");
  ok(isEndless(endless));
  deepStrictEqual(take(endless, "abc"), [3, false]);
  ok(!isEndless(response(200, "Content-Length: 0\r\n")));
});

Deno.test("a response's Transfer-Encoding goes over its Content-Length", () => {
  const both = "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n";
  deepStrictEqual(take(response(200, both), "1\r\na\r\n0\r\n\r\nHTTP"), [11, true]);
});

Deno.test("a response is chunked only if that is its last coding", () => {
  const coded = (...values: string[]) =>
    response(200, values.map((value) => `Transfer-Encoding: ${value}\r\n`).join(""));
  ok(!isEndless(coded("gzip, chunked")));
  ok(!isEndless(coded("gzip", "Chunked")));
  ok(isEndless(coded("gzip")));
  ok(isEndless(coded("chunked, gzip")));
  ok(isEndless(coded("chunked", "gzip")));
});

Deno.test("a response whose lengths disagree is refused", () => {
  throws(() => response(200, "Content-Length: 2\r\nContent-Length: 3\r\n"), Refusal);
  throws(() => response(200, "Content-Length: -2\r\n"), Refusal);
});
