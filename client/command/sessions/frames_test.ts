import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { encodeLines, encodeReset, type Format } from "./frames.ts";
import type { Line, LineKind } from "./log.ts";
import { GRAMMAR } from "./testdata/executor.ts";
import { NDJSON, SSE } from "./testdata/viewer.ts";

const SOURCE = { epoch: "e", grammar: GRAMMAR };
const decoder = new TextDecoder();

const lines = (...texts: (string | [LineKind, string])[]): Line[] =>
  texts.map((one, index) => {
    const [kind, text] = typeof one === "string" ? ["raw", one] as const : one;
    return { n: index + 1, kind, text };
  });

const write = (given: Line[], as: Format["as"], format: Format["format"]) =>
  decoder.decode(encodeLines(given, { as, format }, SOURCE));

const TEXT = '{"type":"text","text":"hi"}';
const CHUNK = '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"hi"}}';
const NOTICE = '{"type":"notice","text":"n"}';
const STDERR = '{"type":"stderr","text":"s"}';

Deno.test("lines as events: the raw format has every line with its number", () => {
  strictEqual(
    write(lines(TEXT, "no json", ["own", NOTICE], ["stderr", STDERR], ""), "sse", "raw"),
    `data: ${TEXT}\nid: e:1\n\n` +
      "data: no json\nid: e:2\n\n" +
      `data: ${NOTICE}\nid: e:3\n\n` +
      `data: ${STDERR}\nid: e:4\n\n` +
      "data: \nid: e:5\n\n",
  );
});

Deno.test("lines as events: what they mean, under one number each", () => {
  const given = lines(TEXT, "no json", '{"type":"other"}', ["own", NOTICE], ["stderr", STDERR]);
  strictEqual(
    write(given, "sse", "events"),
    `event: session_update\ndata: ${CHUNK}\nid: e:1\n\ndata: ${NOTICE}\nid: e:4\n\n`,
  );
  strictEqual(
    write(given.slice(0, 2), "sse", "both"),
    `data: ${TEXT}\n\nevent: session_update\ndata: ${CHUNK}\nid: e:1\n\ndata: no json\nid: e:2\n\n`,
  );
});

Deno.test("lines as NDJSON: every line is an object", () => {
  const given = lines(TEXT, "no json", ["own", NOTICE], "[1]", '{"a":\r1}');
  strictEqual(
    write(given, "ndjson", "raw"),
    `${TEXT}\n{"type":"raw","text":"no json"}\n${NOTICE}\n{"type":"raw","text":"[1]"}\n{"a": 1}\n`,
  );
  strictEqual(write(given, "ndjson", "events"), `${CHUNK}\n${NOTICE}\n`);
  strictEqual(write(given.slice(0, 1), "ndjson", "both"), `${TEXT}\n${CHUNK}\n`);
});

Deno.test("a line that its grammar stumbles over is shown all the same", () => {
  const grammar = {
    ...GRAMMAR,
    events: () => {
      throw new TypeError("odd");
    },
  };
  const bytes = encodeLines(lines(TEXT), { as: "ndjson", format: "both" }, { epoch: "e", grammar });
  strictEqual(decoder.decode(bytes), `${TEXT}\n`);
});

Deno.test("lines that were written for one viewer are there for the next", () => {
  const given = lines(TEXT);
  const sse = { as: "sse", format: "raw" } as const;
  strictEqual(encodeLines(given, sse, SOURCE), encodeLines(given, sse, SOURCE));
  ok(encodeLines(given, sse, SOURCE) !== encodeLines(given, { ...sse, as: "ndjson" }, SOURCE));
});

Deno.test("a reset names the line that comes next, and leaves the cursor before it", () => {
  const [reset] = SSE.read(decoder.decode(encodeReset("sse", "e", 7)));
  deepStrictEqual(reset, {
    event: "reset",
    data: '{"type":"reset","first_line":7,"epoch":"e"}',
    id: "e:6",
  });
  strictEqual(
    decoder.decode(encodeReset("ndjson", "e", 7)),
    '{"type":"reset","first_line":7,"epoch":"e"}\n',
  );
});

Deno.test("whatever a CLI writes, a viewer gets back line by line", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "data: x",
      "id: 1:1",
      ": x",
      "event: x",
      "\r",
      "\ufeff",
      '{"a":"b\\r\\n"}',
      "{",
    ),
  ).map((one) => one.replaceAll("\n", ""));
  fc.assert(fc.property(fc.array(text), (texts) => {
    const given = lines(...texts);
    const events = SSE.read(write(given, "sse", "raw"));
    // A CR can only come back as what it means there, the end of a line.
    deepStrictEqual(events.map(({ data }) => data), texts.map((one) => one.replaceAll("\r", "\n")));
    deepStrictEqual(events.map(({ id }) => id), given.map(({ n }) => `e:${n}`));
    const objects = NDJSON.read(write(given, "ndjson", "raw"));
    strictEqual(objects.length, texts.length);
    for (const [index, object] of objects.entries()) {
      if ((object as { type?: string }).type === "raw") {
        strictEqual((object as { text: string }).text, texts[index]);
      } else deepStrictEqual(object, JSON.parse(texts[index]!));
    }
  }));
});
