import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { depthOf, readBody } from "./body.ts";

const URL = "http://arpc/sessions";

function post(body: BodyInit | null, type?: string): Request {
  const request = new Request(URL, { method: "POST", body });
  if (type === undefined) request.headers.delete("content-type");
  else request.headers.set("content-type", type);
  return request;
}

/** A body that comes in pieces, without its length. */
function pieces(count: number, size: number): ReadableStream<Uint8Array> {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(size).fill(32));
      else controller.close();
    },
  });
}

Deno.test("readBody() gives the same request with the body in memory", async () => {
  const request = await readBody(post('{"a":1}', "application/json; charset=utf-8"), 100);
  strictEqual(request.url, URL);
  strictEqual(request.headers.get("content-type"), "application/json; charset=utf-8");
  deepStrictEqual(await request.json(), { a: 1 });
});

Deno.test("readBody() needs no body, and takes an empty one without a type", async () => {
  strictEqual((await readBody(post(null), 100)).body, null);
  strictEqual(await (await readBody(post(pieces(0, 1)), 100)).text(), "");
});

Deno.test("readBody() refuses what is too long, with and without a length", async () => {
  const limit = 1000;
  strictEqual(
    (await (await readBody(post(pieces(10, 100), "application/json"), limit)).text()).length,
    limit,
  );
  await rejects(readBody(post(pieces(11, 100), "application/json"), limit), { status: 413 });
  await rejects(readBody(post("x".repeat(1001), "application/json"), limit), { status: 413 });
});

Deno.test("readBody() refuses the formats of forms", async () => {
  const types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""];
  for (const type of types) {
    await rejects(readBody(post("{}", type), 100), { status: 415 }, type);
    await rejects(readBody(post(null, type), 100), { status: 415 }, type);
  }
  await rejects(readBody(post("{}"), 100), { status: 415 });
  const form = await readBody(post("x", "multipart/form-data; boundary=y"), 100, [
    "multipart/form-data",
  ]);
  strictEqual(await form.text(), "x");
});

Deno.test("readBody() says that a body ended early", async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
  await rejects(readBody(post(broken, "application/json"), 100), { status: 400 });
});

Deno.test("readBody() refuses JSON that lies too deep", async () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  await readBody(post(nested(256), "application/json"), 10_000);
  await rejects(readBody(post(nested(257), "application/json"), 10_000), { status: 400 });
  await rejects(readBody(post("[".repeat(5_000_000), "application/json"), 1e7), { status: 400 });
});

Deno.test("depthOf() is the depth of any JSON", () => {
  const depth = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depth))
      : 0;
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    strictEqual(depthOf(new TextEncoder().encode(JSON.stringify(value))), depth(value));
  }));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    strictEqual(Number.isInteger(depthOf(bytes)), true);
  }));
});
