/**
 * How long the history of a CLI takes that has kept 10,000 sessions in one folder, every tenth of them 1 MB: the first
 * page in a fresh process, and again. Then a page out of a transcript of 500 MB, and what memory all of it takes. Ends
 * with 1 when a figure misses what is required of it.
 *
 * ```sh
 * deno run -A scripts/bench/history.ts
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Environment, HISTORIES, type History } from "../../client/command/history/mod.ts";
import { print, progress } from "./bench.ts";
import { median } from "./stats.ts";

const FILES = 10_000;
const LARGE = 1024 * 1024;
const SMALL = 8 * 1024;
const HUGE = 500 * 1024 * 1024;
const PAGE = 50;
const ROUNDS = 3;
const AGAIN = 10;
const WATCH_MS = 10;
const PROJECT = "/home/alice/a project";
const FOLDER = "-home-alice-a-project";
const HUGE_FOLDER = "-home-alice-huge";

const MOST_COLD_MS = 3000;
const MOST_WARM_MS = 300;
const MOST_MEMORY = 150 * 1024 * 1024;

/** What is measured: each in processes of its own. */
const FIGURES: Record<string, (history: History, id: string) => Promise<number>> = {
  "first page of all sessions": async (history) =>
    (await history.sessions({ limit: PAGE, offset: 0 })).items.length,
  "first page of a project": async (history) =>
    (await history.sessions({ projectId: FOLDER, limit: PAGE, offset: 0 })).items.length,
  "first page by path": async (history) =>
    (await history.sessions({ projectPath: PROJECT, limit: PAGE, offset: 0 })).items.length,
  "projects": async (history) => (await history.projects()).length,
  "page of a 500 MB transcript": async (history, id) =>
    (await history.session(id, PAGE, 300_000))?.messages.length ?? 0,
};
const HUGE_FIGURE = "page of a 500 MB transcript";

/** What one process has measured. */
interface Sample {
  cold: number;
  warm: number;
  /** Bytes that the process has grown by. */
  grown: number;
  found: number;
}

function line(id: string, at: number, size: number): string {
  const text = `Record ${at} of the session. `.repeat(Math.ceil(size / 25)).slice(0, size);
  const user = at % 2 === 0;
  const content = user ? text : [{ type: "text", text }];
  return JSON.stringify({
    parentUuid: null,
    isSidechain: false,
    type: user ? "user" : "assistant",
    message: { role: user ? "user" : "assistant", content },
    uuid: crypto.randomUUID(),
    timestamp: "2026-01-31T12:00:00.000Z",
    cwd: PROJECT,
    sessionId: id,
    version: "2.1.330",
  }) + "\n";
}

async function write(folder: string, id: string, size: number): Promise<void> {
  using file = await Deno.open(join(folder, `${id}.jsonl`), { write: true, create: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  let at = 0;
  let written = 0;
  while (written < size) {
    let chunk = "";
    while (chunk.length < Math.min(size - written, LARGE)) chunk += line(id, at++, 900);
    written += chunk.length;
    await writer.write(encoder.encode(chunk));
  }
  writer.releaseLock();
}

/** Makes the store. @returns the id of the session with the huge transcript. */
async function make(home: string): Promise<string> {
  const projects = join(home, ".claude", "projects");
  const folder = join(projects, FOLDER);
  await Deno.mkdir(folder, { recursive: true });
  for (let at = 0; at < FILES; at++) {
    await write(folder, crypto.randomUUID(), at % 10 === 0 ? LARGE : SMALL);
  }
  const id = crypto.randomUUID();
  await Deno.mkdir(join(projects, HUGE_FOLDER));
  await write(join(projects, HUGE_FOLDER), id, HUGE);
  return id;
}

/** Has the system forget what it has read of files; only root can. */
function forget(): boolean {
  try {
    Deno.writeTextFileSync("/proc/sys/vm/drop_caches", "3");
    return true;
  } catch {
    return false;
  }
}

const nothing: Environment = () => undefined;

/** What a process of its own does: measures, and prints the sample. */
async function measure(home: string, figure: string, id: string): Promise<void> {
  const before = Deno.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), WATCH_MS);
  const history = HISTORIES.claude!.open(home, nothing);
  const run = FIGURES[figure]!;
  const timed = async () => {
    const start = performance.now();
    const found = await run(history, id);
    return { ms: performance.now() - start, found };
  };
  const { ms: cold, found } = await timed();
  const warm: number[] = [];
  for (let at = 0; at < AGAIN; at++) warm.push((await timed()).ms);
  clearInterval(watch);
  most = Math.max(most, Deno.memoryUsage().rss);
  print(JSON.stringify({ cold, warm: median(warm), grown: most - before, found } as Sample));
}

async function sampleOf(home: string, figure: string, id: string): Promise<Sample> {
  const { folders } = HISTORIES.claude!;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", `--allow-read=${folders(home, nothing).read.join(",")}`],
      ...[fileURLToPath(import.meta.url), "--measure", home, figure, id],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(`Cannot measure ${figure}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Makes, measures, prints. @returns whether everything is as required. */
async function main(): Promise<boolean> {
  const home = await Deno.makeTempDir({ prefix: "arp-bench-history-" });
  try {
    progress(`making ${FILES} sessions and one of ${HUGE / LARGE} MB`);
    const id = await make(home);
    const forgotten = forget();
    const rows: string[][] = [["figure", "cold ms", "warm ms", "memory MB", ""]];
    let good = true;
    for (const figure of Object.keys(FIGURES)) {
      progress(figure);
      const samples: Sample[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        forget();
        samples.push(await sampleOf(home, figure, id));
      }
      const of = (key: keyof Sample) => median(samples.map((sample) => sample[key]));
      const fast = figure === HUGE_FIGURE || of("cold") < MOST_COLD_MS;
      const pass = fast && of("warm") < MOST_WARM_MS && of("grown") < MOST_MEMORY &&
        of("found") > 0;
      good &&= pass;
      rows.push([
        figure,
        ...[of("cold"), of("warm"), of("grown") / LARGE].map((value) => value.toFixed(1)),
        pass ? "pass" : "FAIL",
      ]);
    }
    const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
    for (const row of rows) {
      const cells = row.map((cell, at) =>
        at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)
      );
      print(`${cells.join("  ").trimEnd()}\n`);
    }
    print(
      `\nRequired: cold under ${MOST_COLD_MS} ms (not of the transcript, all of which is read once), ` +
        `warm under ${MOST_WARM_MS} ms, memory under ${
          MOST_MEMORY / LARGE
        } MB over that of the process.\n` +
        `Cold = a fresh process, ${
          forgotten
            ? "and what the system had read of files dropped"
            : "the files still in the system's memory"
        }; median of ${ROUNDS}.\n`,
    );
    return good;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const [mode, home, figure, id] = Deno.args;
if (mode === "--measure") await measure(home!, figure!, id!);
else Deno.exit(await main() ? 0 : 1);
