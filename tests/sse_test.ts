import { deepEqual, rejects } from "node:assert/strict";
import fc from "fast-check";
import { readEvents, type ServerEvent } from "./sse.ts";

Deno.test("events are read with every end of line, id, comment and retry", async () => {
  const text = ": hello\nretry: 5\n\nid: a:1\r\ndata: one\r\n\r\nevent: two\ndata:x\ndata: y\n\n";
  deepEqual(await read([text]), [
    { event: "message", data: "", retry: 5, comment: "hello" },
    { event: "message", data: "one", id: "a:1" },
    { event: "two", data: "x\ny" },
  ]);
});

Deno.test("an event that was cut off is none", async () => {
  deepEqual(await read(["data: 1\n\ndata: 2\n"]), [{ event: "message", data: "1" }]);
});

Deno.test("what is no event stream is refused", async () => {
  for (const bad of ["dat: 1\n\n", "id: \0\n\n", "retry: soon\n\n", "<html>\n\n"]) {
    await rejects(read([bad]), SyntaxError);
  }
});

Deno.test("it does not matter where a stream is cut into pieces", async () => {
  const line = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
  await fc.assert(fc.asyncProperty(
    fc.array(line, { minLength: 1 }),
    fc.constantFrom("\n", "\r\n"),
    fc.nat({ max: 20 }),
    async (lines, end, size) => {
      const bytes = new TextEncoder().encode(
        lines.map((one) => `data: ${one}${end}${end}`).join(""),
      );
      const step = size + 1;
      const count = Math.ceil(bytes.length / step);
      const pieces = Array.from({ length: count }, (_, i) => bytes.slice(i * step, (i + 1) * step));
      const events = await Array.fromAsync(readEvents(ReadableStream.from(pieces)));
      deepEqual(events.map(({ data }) => data), lines);
    },
  ));
});

async function read(pieces: string[]): Promise<ServerEvent[]> {
  const bytes = pieces.map((text) => new TextEncoder().encode(text));
  return await Array.fromAsync(readEvents(ReadableStream.from(bytes)));
}
