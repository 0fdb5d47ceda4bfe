import { equal, ok } from "node:assert/strict";
import { join } from "@std/path";
import { createApp } from "../client/command/app.ts";
import { openHistories } from "../client/command/history/mod.ts";
import { TestBed } from "../client/command/sessions/testdata/executor.ts";
import { Served } from "../client/command/testdata/mcp.ts";
import { within } from "./patience.ts";
import { peer, peerTest, WHOLE_PROGRAM } from "./peers.ts";

const schemathesis = peer("schemathesis", "pip install schemathesis, in a venv");

const KEY = "correct-horse-battery";
/** How long it may take, in milliseconds: it has two processors to share at worst. */
const PATIENCE_MS = 300_000;

const SESSION = "0b0b5f4c-58f6-4c1e-9a57-0f5a3b1f0c11";

/** A session that Claude Code keeps, so that there is a history. */
async function writeHistory(home: string): Promise<void> {
  const folder = join(home, ".claude/projects/-srv-app");
  await Deno.mkdir(folder, { recursive: true });
  const said = { sessionId: SESSION, cwd: "/srv/app", timestamp: "2026-01-31T12:00:00.000Z" };
  const user = { role: "user", content: "Hello" };
  const records = [{ ...said, type: "user", uuid: crypto.randomUUID(), message: user }];
  const text = records.map((one) => JSON.stringify(one)).join("\n") + "\n";
  await Deno.writeTextFile(join(folder, `${SESSION}.jsonl`), text);
}

/**
 * What it cannot know of the API: which statuses a request may get that fits its schema, and the
 * names of what is there.
 */
const config = (session: string, permission: string) => `
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 304, 403, 404, 409, 416, 422, 429]

[[operations]]
include-path-regex = "^/fs"
# A path has to be absolute, which each system writes in its own way.
checks = { positive_data_acceptance = { expected-statuses = ["2xx", 304, 400, 403, 404, 416, 422] } }

[[operations]]
include-path-regex = "^/sessions/.id."
exclude-method = "DELETE"
parameters = { id = "${session}" }

[[operations]]
include-path-regex = "^/permissions/.id."
parameters = { id = "${permission}" }

[[operations]]
include-path-regex = "^/.agent./(projects|sessions)$"
parameters = { agent = "claude" }

[[operations]]
include-path = "/{agent}/projects/{project_id}/sessions"
parameters = { agent = "claude", project_id = "-srv-app" }

[[operations]]
include-path = "/{agent}/sessions/{id}"
include-method = "GET"
parameters = { agent = "claude", id = "${SESSION}" }
`;

peerTest({
  name: "the API is what its OpenAPI document says, whatever it is sent",
  peers: [schemathesis],
  permissions: WHOLE_PROGRAM,
}, async () => {
  await using bed = await TestBed.make();
  const { sessions, approvals } = bed;
  const settings = { ...bed.config, apiKey: KEY, enableFs: true };
  await writeHistory(bed.folder);
  await Deno.writeTextFile(join(bed.project, "README.md"), "Hello\n");
  const histories = openHistories(bed.folder, () => undefined);
  const deps = { config: settings, sessions, approvals, probe: sessions.probe, histories };
  await using served = new Served(createApp(deps));
  const session = await bed.run("say one");
  const asking = await bed.start("ask Bash");
  const names = config(session.id, (await bed.question()).id);
  await Deno.writeTextFile(join(bed.folder, "schemathesis.toml"), names);

  const stop = new AbortController();
  const child = new Deno.Command(schemathesis.path, {
    args: [
      ...["--config-file", "schemathesis.toml", "--no-color", "run", `${served.url}/openapi.json`],
      ...["--header", `Authorization: Bearer ${KEY}`, "--continue-on-failure"],
      ...["--max-examples", "8", "--request-timeout", "20", "--suppress-health-check", "all"],
      // Too many wrong keys would lock it out; a test of its own goes through all operations.
      ...["--exclude-checks", "ignored_auth"],
      // These never end by themselves.
      ...["--exclude-path-regex", "/events$"],
    ],
    cwd: bed.folder,
    stdout: "piped",
    stderr: "piped",
    signal: stop.signal,
  });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  try {
    const { code, stdout, stderr } = await within(PATIENCE_MS, "its end", child.output());
    const said = text(stdout) + text(stderr);
    equal(code, 0, said);
    ok(/[1-9]\d* passed/.test(said), said);
  } finally {
    stop.abort();
    await asking.cancel();
  }
});
