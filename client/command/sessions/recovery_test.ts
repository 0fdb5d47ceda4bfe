import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { within } from "../../../common/testdata/gate.ts";
import { gone, linesOf, lineWith, pick, type TestBed, typed } from "./testdata/executor.ts";
import { sessionTest } from "./testdata/gate.ts";
import { SSE } from "./testdata/viewer.ts";

const OWNER = fileURLToPath(new URL("testdata/owner.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));

/** Runs a program that owns the sessions, and kills it once a viewer has seen a text so often. */
async function killed(bed: TestBed, seen: RegExp, ...args: string[]): Promise<string> {
  await bed.close();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--config", CONFIG, OWNER, bed.folder, ...args],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let shown = "";
  const watching = (async () => {
    for await (const bytes of child.stdout) {
      shown += decoder.decode(bytes, { stream: true });
      if (seen.test(shown)) child.kill("SIGKILL");
    }
  })();
  await within(60_000, "the end of the program", watching);
  strictEqual((await child.status).signal, "SIGKILL");
  bed.open();
  return shown;
}

sessionTest(
  "after kill -9 in the middle of output, nothing is missing that a viewer saw",
  async (bed) => {
    const shown = await killed(bed, /"text":"20000\./, "lines 1000000 100");
    const messages = SSE.read(shown);
    ok(messages.length > 20_000, String(messages.length));
    const [info] = bed.sessions.list({ limit: 1, offset: 0 }).items;
    const session = bed.sessions.find(info!.id)!;
    const { epoch } = info!;
    const lines = linesOf(session);
    for (const [index, message] of messages.entries()) {
      if (message.id !== `${epoch}:${index + 1}` || message.data !== lines[index]!.text) {
        deepStrictEqual(message, { id: `${epoch}:${index + 1}`, data: lines[index]!.text });
      }
    }
    deepStrictEqual(pick(session, "status", "reason", "total_lines", "turns"), {
      status: "interrupted",
      reason: "arpc ended while it ran",
      total_lines: lines.length,
      turns: 1,
    });
    // The output itself has no hole: what the CLI counted stands there in order.
    const counted = typed(session, "text").map(({ text }) => parseInt(text));
    ok(counted.every((n, index) => n === index + 1));
    const { type, status, total_lines } = JSON.parse(lines.at(-1)!.text);
    deepStrictEqual([type, status, total_lines], ["completion", "interrupted", lines.length]);

    session.send({ prompt: "say on" });
    await session.idle();
    deepStrictEqual(pick(session, "status", "turns"), { status: "completed", turns: 2 });
    const [first, second] = typed(session, "init");
    deepStrictEqual([second.resumed, second.session], [true, first.session]);
  },
);

sessionTest(
  "after kill -9, questions are cancelled and messages that waited are named",
  async (bed) => {
    await killed(bed, /permission_request/, "ask Bash", "say later", "say much later");
    const [info] = bed.sessions.list({ limit: 1, offset: 0 }).items;
    deepStrictEqual(
      { status: info!.status, queued: info!.queued, pending: info!.pending_permissions },
      { status: "interrupted", queued: 0, pending: 0 },
    );
    const session = bed.sessions.find(info!.id)!;
    const [request, ...rest] = linesOf(session).map(({ text }) => JSON.parse(text)).slice(-5);
    strictEqual(request.type, "permission_request");
    const [resolved, one, two, completion] = rest;
    deepStrictEqual([resolved.type, resolved.permission.status], [
      "permission_resolved",
      "cancelled",
    ]);
    strictEqual(bed.approvals.get(request.permission.id)?.status, "cancelled");
    match(one.text, /say later$/);
    match(two.text, /say much later$/);
    strictEqual(completion.type, "completion");
    // Once is enough.
    await bed.close();
    bed.open();
    strictEqual(bed.sessions.find(info!.id)!.log.last, completion.total_lines);
  },
);

sessionTest(
  "a turn that was being cancelled when the program was killed is cancelled",
  async (bed) => {
    const session = await bed.start("sleep");
    const cancelled = session.cancel();
    // What the disk has at this moment, as a killed program leaves it.
    bed.store.run("CREATE TABLE copy AS SELECT status, busy FROM sessions");
    await cancelled;
    deepStrictEqual({ ...bed.store.get("SELECT * FROM copy") }, { status: "cancelled", busy: 1 });
    bed.store.run("UPDATE sessions SET busy = 1");
    bed.store.run("DROP TABLE copy");
    await bed.close();
    bed.open();
    const again = bed.sessions.find(session.id)!;
    strictEqual(again.info.status, "cancelled");
    strictEqual(typed(again, "completion").at(-1).status, "cancelled");
  },
);

sessionTest("after kill -9, what the CLI left running is ended before it goes on", async (bed) => {
  await killed(bed, /"child"/, "child\nask Bash\nsleep");
  const [info] = bed.sessions.list({ limit: 1, offset: 0 }).items;
  const session = bed.sessions.find(info!.id)!;
  const [{ pid, parent }] = typed(session, "child");
  session.send({ prompt: "say on" });
  await lineWith(session, '"text":"on"');
  // Nobody waits here: they were gone before the CLI was started.
  await Promise.all([within(1, "its end", gone(pid)), within(1, "its end", gone(parent))]);
  await session.idle();
  await bed.close();
  bed.open();
  strictEqual(bed.store.get("SELECT mark FROM sessions")!.mark, null);
});
