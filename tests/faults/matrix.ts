/**
 * Runs the {@link CELLS} of one place, each on a stage of its own, several at a time.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { type LogLine, WHOLE_PROGRAM } from "../helpers.ts";
import { peerTest } from "../peers.ts";
import { eventually, served } from "../raw_peers.ts";
import { BACK_MS, type Cell, CELLS } from "./cells.ts";
import type { Link } from "./relay.ts";
import { type Place, Stage } from "./stage.ts";
import { type Elsewhere, type Errand, type Outcome, setOut, type Victim } from "./victims.ts";

/** Cells at a time: they mostly wait. */
const AT_ONCE = 4;
const ROUNDS = 3;
/** What a heap that is alive may grow by from the end of the first round to that of the last, in bytes. */
const HEAP_GROWTH = 512 * 1024;
/** The same from before the first round, in which most of the code runs for the first time. */
const FIRST_HEAP_GROWTH = 1024 * 1024;
/** Errands whose connections beyond the server are not there yet when the fault strikes. */
const FIRST: readonly (Errand | undefined)[] = ["reader", "writer"];
/** Exchanges of each bystander while the fault lasts. */
const EXCHANGES = 3;

/** In seconds, where nothing depends on it. */
const HEARTBEAT_S = 10;
/** What a client says of a lost link. */
const LINK_LOST = "No link to the server";
/** Levels at which a broken rule is told of. */
const LOUD = ["WARN", "WARNING", "ERROR"];

/** Registers the test of a place. */
export function matrix(place: Place): void {
  // Where programs keep their descriptors is known of Linux.
  const options = { permissions: WHOLE_PROGRAM, os: ["linux"] } as const;
  peerTest({ name: `faults: ${place}`, ...options }, async (t) => {
    const slots = new Slots(AT_ONCE);
    const results = await Promise.all(CELLS[place].map((cell) =>
      t.step({
        name: cell.fault,
        fn: () => slots.run(() => play(place, cell)),
        // Steps that run side by side would take each other's resources for leaks.
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
      })
    ));
    ok(results.every((result) => result));
  });
}

async function play(place: Place, cell: Cell): Promise<void> {
  await using stage = await Stage.open(cell.heartbeat ?? HEARTBEAT_S);
  await calm(stage);
  const before = await holdings(stage);
  const heaps: number[][] = [];
  for (let round = 1; round <= (cell.rounds ?? ROUNDS); round++) {
    try {
      await strike(stage, place, cell, `v${round}`);
      await calm(stage);
    } catch (error) {
      throw new Error(`round ${round}\n${stage.story}`, { cause: error });
    }
    heaps.push((await holdings(stage)).map(({ heap }) => heap));
  }
  await released(stage, before);
  const [atFirst, first, last] = [before.map(({ heap }) => heap), heaps[0]!, heaps.at(-1)!];
  const grew = (since: number[], most: number) => last.some((heap, at) => heap - since[at]! > most);
  const story = () => `heaps grew: ${JSON.stringify([atFirst, ...heaps])}`;
  ok(!grew(atFirst, FIRST_HEAP_GROWTH) && !grew(first, HEAP_GROWTH), story());
  if (place !== "control") equal(stage.steady.away, 0);
}

/** One visit without a fault. */
async function calm(stage: Stage): Promise<void> {
  await served(stage.server.publicPort, "app", BACK_MS);
  await elsewhere(stage);
}

/** What others do goes on. */
const elsewhere = (stage: Stage) =>
  Promise.all(stage.bystanders.map((one) => one.progress(EXCHANGES)));

/** Strikes once, and waits until all is as it should be. */
async function strike(stage: Stage, place: Place, cell: Cell, mark: string): Promise<void> {
  const { server, client, relays } = stage;
  const programs = { arps: server, arpc: client };
  const from = { arps: server.logs.length, arpc: client.logs.length };
  const [errand, outcome] = cell.victim ?? [];
  const way = place.endsWith(" tunnel") ? "tunnel" : place as Exclude<Place, `${string} tunnel`>;
  // Which link is its own is known by what comes there when it sets out.
  const known = place !== "control" && place !== "idle tunnel" && !FIRST.includes(errand);
  const own = known ? relays[way].carrying(`/${mark}?`) : undefined;
  const port = place === "visitor" ? relays.visitor.port : server.publicPort;
  using victim = errand && await setOut(errand, port, mark, stage.service);
  let struck: readonly Link[];
  if (own !== undefined) struck = [await own];
  else if (place === "idle tunnel") struck = await stage.idleTunnels();
  else struck = await one(() => relays[way].links);
  // A tunnel that was on its way may have come before the victim: then the fault has missed.
  const hit = place === "idle tunnel" && cell.fault !== "reset"
    ? relays.tunnel.carrying(`/${mark}?`).then((link) => struck.includes(link))
    : true;
  for (const link of struck) link.suffer(cell.fault);
  const says = async (name: "arps" | "arpc", words: RegExp) => {
    const told = ({ level, properties }: LogLine) =>
      LOUD.includes(level) && words.test(String(properties.why ?? properties.end));
    if (await hit) await programs[name].log(told, { from: from[name] });
  };
  const until = performance.now() + (cell.lasts ?? 0);
  await Promise.all([
    ...stage.bystanders.map(async (one) => {
      do await one.progress(EXCHANGES); while (performance.now() < until);
    }),
    victim && suffer(victim, outcome, () => elsewhere(stage)),
    cell.renewed && client.message("Registered", { from: from.arpc }),
    cell.says?.arps && says("arps", cell.says.arps),
    cell.says?.arpc && says("arpc", cell.says.arpc),
  ]);
  stage.heal();
  await served(server.publicPort, "app", BACK_MS);
  const lost = client.logs.slice(from.arpc).filter(({ message }) => message === LINK_LOST);
  equal(lost.length, cell.renewed ? 1 : 0, "how often the client lost its link");
  victim?.[Symbol.dispose]();
  stage.endLost();
  if (!await hit) await strike(stage, place, cell, mark + "again");
}

/** What is to come is waited for, and that nothing comes or moves is not taken from the clock. */
async function suffer(
  victim: Victim,
  outcome: Outcome | undefined,
  elsewhere: Elsewhere,
): Promise<void> {
  const nothing = outcome === "silence" || outcome === "held back";
  equal(await victim.suffer(nothing ? elsewhere : undefined), outcome);
}

/** The links of a relay, once there is one. */
async function one(links: () => readonly Link[]): Promise<readonly Link[]> {
  await eventually("a connection", () => links().length > 0);
  return links();
}

const holdings = (stage: Stage) =>
  Promise.all([stage.vitals.arps.look(), stage.vitals.arpc.look()]);

/** Waits until both programs hold no more descriptors than before. */
async function released(stage: Stage, before: { fds: number }[]): Promise<void> {
  const { arps, arpc } = stage.vitals;
  let now: number[] = [];
  const most = before.map(({ fds }) => fds);
  try {
    await eventually("descriptors released", () => {
      now = [arps.fds(), arpc.fds()];
      return now.every((fds, at) => fds <= most[at]!);
    });
  } catch {
    deepEqual(now, most, "descriptors of arps and arpc");
  }
}

/** So many at a time. */
class Slots {
  #waiting: (() => void)[] = [];
  constructor(private free: number) {}

  async run(work: () => Promise<void>): Promise<void> {
    if (this.free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.free--;
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }
}
