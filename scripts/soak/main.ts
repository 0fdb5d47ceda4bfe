/**
 * The soak: real programs under random load and random faults, for minutes or days.
 *
 * ```sh
 * deno task soak
 * deno task soak --hours 8 --json soak.json
 * ```
 * @module
 */
import { percentile } from "../bench/stats.ts";
import { FAULTS } from "./faults.ts";
import { Excuses, Load } from "./load.ts";
import { parseOptions, USAGE } from "./options.ts";
import { Site, type Victim } from "./site.ts";
import { judge, type Report, type Series, text } from "./report.ts";
import { talk, VISITS, type Way } from "./visits.ts";

/** Looks into the programs over a whole soak, at the most; and how near two of them are. */
const LOOKS = 120;
const LOOK_EVERY_S = 15;
/** How long programs may take to come to rest, in milliseconds: pools are swept every 5 s. */
const SETTLE_MS = 6000;
/** Between two faults, in milliseconds. */
const CALM_MS = 4000;
/** How long a client may be away after a fault, in milliseconds. */
const BACK_MS = 15_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;

/** HTTP visitors of a client; each has connections of its own, which end when all rest. */
function visitors(
  { url, name, ca }: Pick<Victim, "url" | "ca"> & { name: string },
  count: number,
  excuses?: Excuses,
): Load {
  let ways: Way[] = [];
  const open = (nth: number) =>
    ways[nth] ??= { url, token: name, client: httpClient(ca, { poolMaxIdlePerHost: 2 }) };
  const close = () => {
    for (const way of ways) way?.client.close();
    ways = [];
  };
  const visit = (nth: number) => {
    const [name, visit] = pick(Object.entries(VISITS));
    return Promise.resolve<[string, Promise<number>]>([name, visit(open(nth))]);
  };
  return new Load(name, count, visit, close, excuses);
}

/** Connections to a server in whose name only that certificate will do. */
function httpClient(
  ca: string | undefined,
  options: Omit<Deno.CreateHttpClientOptions, "caCerts"> = {},
): Deno.HttpClient {
  return Deno.createHttpClient({ ...options, ...(ca !== undefined && { caCerts: [ca] }) });
}

/** Runs until the time is over, or somebody has seen enough. */
async function soak(seconds: number, count: number, stop: AbortSignal): Promise<Report> {
  await using site = await Site.open();
  const { url } = site.server;
  const excuses = { shaken: new Excuses(), sealed: new Excuses() };
  const talker = () => Promise.resolve<[string, Promise<number>]>(["talk", talk(site.rawPort)]);
  const loads = {
    steady: visitors({ url, ca: undefined, name: "steady" }, count),
    raw: new Load("raw", 1, talker),
    ...Object.fromEntries(
      site.victims.map((victim) => [victim.name, visitors(victim, count, excuses[victim.name])]),
    ) as Record<Victim["name"], Load>,
  };
  const series: Series = {};
  const faults: Record<string, number> = {};
  const back: number[] = [];
  const lost: string[] = [];
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const every = Math.max(LOOK_EVERY_S, seconds / LOOKS);
  let looked = 0;
  const show = progress(() =>
    `${elapsed().toFixed(0)}/${seconds} s` +
    Object.entries(loads).map(([name, { tally }]) => ` · ${name} ${tally.visits}`).join("") +
    ` · excused ${loads.shaken.tally.excused + loads.sealed.tally.excused}` +
    ` · harmed ${Object.values(loads).reduce((sum, { tally }) => sum + tally.harmed.length, 0)}` +
    ` · mismatches ${
      Object.values(loads).reduce((sum, { tally }) => sum + tally.mismatches.length, 0)
    } · faults ${back.length}`
  );
  try {
    while (elapsed() < seconds && !stop.aborted) {
      if (elapsed() >= looked) {
        looked = elapsed() + every;
        await look(site, Object.values(loads), series, elapsed);
      }
      await pause(
        Math.min(CALM_MS * (0.5 + Math.random()), Math.max(0, seconds - elapsed()) * 1000),
      );
      // One of each at a time: they have nothing in common that a fault strikes.
      await Promise.all(site.victims.map(async (victim) => {
        const [name, fault] = pick(Object.entries(FAULTS[victim.name]));
        const story = `${victim.name}: ${name}`;
        faults[story] = (faults[story] ?? 0) + 1;
        const over = excuses[victim.name].begin();
        const since = await fault(victim);
        if (await returns(victim)) back.push(performance.now() - since);
        else lost.push(`after ${story}`);
        over();
      }));
    }
    await look(site, Object.values(loads), series, elapsed);
  } finally {
    show[Symbol.dispose]();
    await Promise.all(Object.values(loads).map((load) => load.stop()));
  }
  site.forget();
  const tallies = Object.fromEntries(
    Object.entries(loads).map(([name, { tally }]) => [name, tally]),
  );
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => Math.round(percentile(back, share)));
  return judge({
    seconds: elapsed(),
    tallies,
    faults,
    back: { count: back.length, p50: p50!, p99: p99!, most: most!, lost },
    series,
    unhandled: site.unhandled,
  });
}

/** Whether a client can be visited in time. */
async function returns({ url, name, ca }: Victim): Promise<boolean> {
  const deadline = performance.now() + BACK_MS;
  while (performance.now() < deadline) {
    try {
      const signal = AbortSignal.timeout(BACK_MS);
      const headers = { connection: "close" };
      using client = httpClient(ca);
      const response = await fetch(`${url}/?token=${name}`, { signal, headers, client });
      if (await response.text() === "hello" && response.status === 200) return true;
    } catch { /* not yet */ }
    await pause(50);
  }
  return false;
}

/** What the programs hold while nobody visits. */
async function look(
  site: Site,
  loads: readonly Load[],
  series: Series,
  elapsed: () => number,
): Promise<void> {
  const resume = await Promise.all(loads.map((load) => load.rest()));
  await pause(SETTLE_MS);
  for (const [name, vitals] of site.vitals) {
    const held = await vitals.look();
    const row = series[name] ??= { fds: [], rss: [], heap: [] };
    for (const kind of ["fds", "rss", "heap"] as const) row[kind].push([elapsed(), held[kind]]);
  }
  site.forget();
  for (const go of resume) go();
}

/** Asked to stop: what runs is ended, and what was found so far is told. */
function stopped(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, stop);
    },
  };
}

/** A line that is renewed on a terminal, and one a minute elsewhere. */
function progress(line: () => string): Disposable {
  const terminal = Deno.stderr.isTerminal();
  const encoder = new TextEncoder();
  const show = () =>
    Deno.stderr.writeSync(encoder.encode(terminal ? `\r\x1b[K${line()}` : line() + "\n"));
  const timer = setInterval(show, terminal ? 1000 : 60_000);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      if (terminal) Deno.stderr.writeSync(encoder.encode("\r\x1b[K"));
    },
  };
}

if (import.meta.main) {
  const options = parseOptions(Deno.args);
  const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  if (options.help) print(USAGE);
  else {
    using stop = stopped();
    const report = await soak(options.seconds, options.visitors, stop.signal);
    if (stop.signal.aborted) report.violations.push("stopped before the time was over");
    print(text(report));
    if (options.json !== undefined) {
      await Deno.writeTextFile(options.json, JSON.stringify(report, null, 2) + "\n");
    }
    if (report.violations.length > 0) Deno.exitCode = 1;
  }
}
