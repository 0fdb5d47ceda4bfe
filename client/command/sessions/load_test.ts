import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { within } from "../../../common/testdata/gate.ts";
import { streamSession } from "./stream.ts";
import { linesOf, pick, typed } from "./testdata/executor.ts";
import { sessionTest } from "./testdata/gate.ts";
import { NDJSON, readAll, SSE } from "./testdata/viewer.ts";

const RAW = { from: 1, as: "sse", format: "raw" } as const;

sessionTest("a CLI that prints garbage has it shown as it is", async (bed) => {
  const session = await bed.run('raw {\nraw <html>\nraw \nraw {"type":7}\nraw null\nsay on');
  strictEqual(session.info.status, "completed");
  const texts = linesOf(session).filter(({ kind }) => kind === "raw").map(({ text }) => text);
  deepStrictEqual(texts.slice(1, 6), ["{", "<html>", "", '{"type":7}', "null"]);
  const all = await readAll(streamSession(session, { ...RAW, as: "ndjson", format: "both" }));
  ok(NDJSON.read(all).every((one) => typeof one === "object" && one !== null), all);
});

sessionTest("a line of 50 MB is left out with a word, and the turn goes on", async (bed) => {
  const session = await bed.run("say a\nlong 50\nsay b");
  deepStrictEqual(typed(session, "text").map(({ text }) => text), ["a", "b"]);
  match(JSON.stringify(typed(session, "notice")), /line of \d+ bytes was left out/);
  strictEqual(session.info.status, "completed");
});

sessionTest("a line of 10 MB comes whole to all who look", async (bed) => {
  const session = await bed.start("long 10\nsay b");
  const viewers = Array.from({ length: 5 }, () => readAll(streamSession(session, RAW)));
  for (const text of await Promise.all(viewers)) {
    const messages = SSE.read(text);
    strictEqual(messages.length, session.log.last);
    strictEqual(messages[2]!.data.length, 10 * 1024 * 1024);
  }
});

sessionTest("a CLI that says nothing and dies is named as that", async (bed) => {
  for (const interactive of [true, false]) {
    const session = await bed.run("exit 3", { interactive });
    deepStrictEqual(pick(session, "status", "exit_code"), { status: "failed", exit_code: 3 });
    match(session.info.reason!, /exit code 3/);
  }
});

sessionTest("a flood of standard error is cut, and holds up nobody", async (bed) => {
  const flood = await bed.start("stderr 300000\nsay a");
  const other = await within(10_000, "another session", bed.run("say b"));
  strictEqual(other.info.status, "completed");
  await within(30_000, "the flood", flood.idle());
  strictEqual(flood.info.status, "completed");
  const errors = linesOf(flood).filter(({ kind }) => kind === "stderr");
  const bytes = errors.reduce((sum, { text }) => sum + text.length, 0);
  ok(bytes > 900_000 && bytes < 2_000_000, `${bytes} bytes of 30 MB`);
  match(JSON.stringify(typed(flood, "notice")), /rest of it is left out/);
  // The next turn has its own share.
  flood.send({ prompt: "stderr 100\nsay c" });
  await flood.idle();
  strictEqual(linesOf(flood).filter(({ kind }) => kind === "stderr").length, errors.length + 100);
});

sessionTest("a flood of output loses no line, and costs no memory", async (bed) => {
  await bed.run("say warm");
  const base = heldHere();
  let peak = base;
  const timer = setInterval(() => peak = Math.max(peak, heldHere()), 10);
  const count = 250_000;
  const session = await bed.start(`lines ${count} 100`);
  let n = 0;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of streamSession(session, RAW)) {
    rest += decoder.decode(bytes, { stream: true });
    const whole = rest.lastIndexOf("\n\n") + 2;
    for (const { data } of SSE.read(rest.slice(0, whole))) {
      if (/^\{"type":"text"/.test(data)) strictEqual(parseInt(JSON.parse(data).text), ++n);
    }
    rest = rest.slice(whole);
  }
  clearInterval(timer);
  strictEqual(n, count);
  strictEqual(session.log.last, count + 4);
  // 25 MB of output went through, and all garbage takes its time.
  ok(peak - base < 200e6, `${Math.round((peak - base) / 1e6)} MB more`);
});

sessionTest(
  "the output that is kept has a limit, and viewers do not stumble over it",
  async (bed) => {
    const session = await bed.start("lines 60000 100\nsay a");
    const slow = streamSession(session, RAW);
    const fast = await readAll(streamSession(session, RAW));
    await session.idle();
    const { first_line, total_lines } = session.info;
    ok(first_line > 40_000, String(first_line));
    for (const text of [fast, await readAll(slow)]) {
      let expected = 1;
      for (const { event, data, id } of SSE.read(text)) {
        if (event === "reset") expected = JSON.parse(data).first_line;
        else strictEqual(id, `${session.log.epoch}:${expected++}`);
      }
      strictEqual(expected, total_lines + 1);
    }
  },
  { output: 1024 * 1024 },
);

sessionTest("200 viewers over HTTP see the same, and hold nobody up", async (bed) => {
  const session = await bed.start("tick 20 10\nlines 3000 100\ntick 20 10");
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => new Response(streamSession(session, { ...RAW, ...JSON.parse(hash(request.url)) })),
  );
  const viewers = Array.from({ length: 200 }, async (_, index) => {
    // Some come late, some want something else.
    await new Promise((resolve) => setTimeout(resolve, index));
    const view = index % 4 === 0 ? { format: "both" } : index % 4 === 1 ? { as: "ndjson" } : {};
    const query = encodeURIComponent(JSON.stringify(view));
    const response = await fetch(`http://127.0.0.1:${server.addr.port}/?${query}`);
    return await response.text();
  });
  const texts = await within(60_000, "200 viewers", Promise.all(viewers));
  for (const [index, text] of texts.entries()) {
    const expected = index < 4
      ? await readAll(streamSession(session, {
        ...RAW,
        ...(index === 0 ? { format: "both" } : index === 1 ? { as: "ndjson" } : {}),
      }))
      : texts[index % 4];
    ok(text === expected, `viewer ${index} saw something else`);
  }
});

function hash(url: string): string {
  return decodeURIComponent(new URL(url).search.slice(1));
}

/** Bytes that this test file holds; what the system counts is also that of others beside it. */
function heldHere(): number {
  const { heapTotal, external } = Deno.memoryUsage();
  return heapTotal + external;
}
