import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { HISTORIES, type History } from "../client/command/history/mod.ts";
import { Problem } from "../client/command/problem.ts";
import { type CliHome, cliHome, CLIS, withClis } from "./clis.ts";
import { chunk, DONE, startModel } from "./model/mod.ts";
import { type Peer, peerTest } from "./peers.ts";

/** How each runs one prompt to its end, in a session of its own or in one that it has. */
const ONE_SHOT: Readonly<Record<string, (prompt: string, resume?: string) => string[]>> = {
  claude: (prompt, resume) => [
    ...["-p", "--output-format=json", "--allowedTools=Bash"],
    ...resume === undefined ? [] : [`--resume=${resume}`],
    ...["--", prompt],
  ],
  codex: (prompt, resume) => [
    ...["exec", "--json", "--sandbox=danger-full-access", "--skip-git-repo-check"],
    ...resume === undefined ? ["--", prompt] : ["resume", resume, prompt],
  ],
  gemini: (prompt, resume) => [
    ...["-p", prompt, "--output-format=json", "--approval-mode=yolo"],
    ...resume === undefined ? [] : ["--resume", resume],
  ],
  qwen: (prompt, resume) => [
    ...["-p", prompt, "--output-format=json", "--approval-mode=yolo"],
    ...resume === undefined ? [] : ["--resume", resume],
  ],
  opencode: (prompt, resume) => [
    ...["run", "--format=json"],
    ...resume === undefined ? [] : ["--session", resume],
    prompt,
  ],
  copilot: (prompt, resume) => [
    ...["-p", prompt, "--output-format=json", "--allow-all-tools"],
    ...resume === undefined ? [] : [`--resume=${resume}`],
  ],
};
/** What the first prompt says, and so the title; its answer takes a while. */
const TITLE = "Say hi to my history";
const FIRST = `${TITLE} [[slow:2]]`;
const SECOND = "And now [[tool:echo again]]";
const ALL = { limit: 10, offset: 0 };

async function run(home: CliHome, cli: Peer, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await home.run(cli, args);
  strictEqual(code, 0, stdout + stderr);
}

function open(name: string, home: CliHome): History {
  return HISTORIES[name]!.open(home.path, (variable) => home.env[variable]);
}

/** Everything in what history reads of a home: names, sizes, times and contents. */
function store(name: string, home: CliHome): string[] {
  const { read } = HISTORIES[name]!.folders(home.path, (variable) => home.env[variable]);
  return read.flatMap(filesIn).sort();
}

function filesIn(path: string): string[] {
  try {
    const { isDirectory, size, mtime } = Deno.lstatSync(path);
    if (!isDirectory) {
      return [`${path} ${size} ${mtime?.getTime()} ${Deno.readFileSync(path).toBase64()}`];
    }
    return [...Deno.readDirSync(path)].flatMap((entry) => filesIn(join(path, entry.name)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Deletes as the history does, or as it says that only the CLI can. */
async function remove(history: History, id: string, home: CliHome, cli: Peer): Promise<void> {
  try {
    ok(await history.delete(id));
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 422) throw error;
    const [program, ...args] = error.more.command as string[];
    match(cli.path, new RegExp(`${program}[^/]*$`));
    await run(home, cli, args);
  }
}

for (const [name, cli] of Object.entries(CLIS)) {
  const args = ONE_SHOT[name]!;

  peerTest({
    name: `${name}: its sessions are found in history while they run, gone on with, and deleted`,
    ...withClis(cli),
  }, async () => {
    await using model = startModel();
    await using home = await cliHome(model);
    const history = open(name, home);
    deepStrictEqual(await history.sessions(ALL), { items: [], total: 0 });
    let running = true;
    const first = run(home, cli, args(FIRST)).finally(() => running = false);
    // It writes while it runs, and nothing of that may disturb a reader, or the other way round.
    while (running) {
      for (const { id } of (await history.sessions(ALL)).items) await history.session(id, 100, 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await first;
    const before = store(name, home);

    const project = await Deno.realPath(home.project);
    const { items: [session], total } = await history.sessions({ ...ALL, projectPath: project });
    strictEqual(total, 1);
    strictEqual(session!.project_path, project);
    // opencode has the model name its sessions.
    match(session!.title, name === "opencode" ? /./ : new RegExp(TITLE));
    ok(Math.abs(Date.now() - Date.parse(session!.created_at!)) < 120_000, session!.created_at!);
    ok(Math.abs(Date.now() - Date.parse(session!.updated_at)) < 120_000, session!.updated_at);
    const [only, ...others] = await history.projects();
    deepStrictEqual([only!.id, only!.path, only!.sessions, others.length], [
      session!.project_id,
      ...[project, 1, 0] as const,
    ]);
    const whole = (await history.session(session!.id, 1000, 0))!;
    strictEqual(whole.broken_lines, 0);
    strictEqual(whole.messages.length, whole.total_messages);
    match(JSON.stringify(whole.messages), new RegExp(`${TITLE}[^]*${chunk(2)}`));
    deepStrictEqual(store(name, home), before, "reading leaves everything as it is");

    await run(home, cli, args(SECOND, session!.id));
    const again = await history.sessions(ALL);
    deepStrictEqual([again.items.map(({ id }) => id), again.total], [[session!.id], 1]);
    const second = (await history.session(session!.id, 1000, 0))!;
    ok(second.total_messages > whole.total_messages);
    match(JSON.stringify(second.messages), new RegExp(`${TITLE}[^]*again[^]*${DONE}`));
    const page = (await history.session(session!.id, 2, 1))!;
    deepStrictEqual(page.messages, second.messages.slice(1, 3));

    await remove(history, session!.id, home, cli);
    deepStrictEqual(await history.sessions(ALL), { items: [], total: 0 });
    strictEqual(await history.session(session!.id, 10, 0), undefined);
    ok(!(await history.delete(session!.id)));
    const { code } = await home.run(cli, args(SECOND, session!.id));
    ok(code !== 0, "the CLI does not know it any more either");
  });
}
