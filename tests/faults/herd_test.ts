import { deepEqual, equal, ok } from "node:assert/strict";
import { percentile } from "../../scripts/bench/stats.ts";
import { WHOLE_PROGRAM } from "../helpers.ts";
import { peerTest } from "../peers.ts";
import { Herd } from "./herd.ts";

/** A thousand do the same in `scripts/soak/figures.ts`. */
const CLIENTS = 200;

peerTest(
  { name: `faults: ${CLIENTS} clients return to a restarted server`, permissions: WHOLE_PROGRAM },
  async () => {
    await using herd = await Herd.gather(CLIENTS);
    // Once before anybody has tried in vain, once after some tries.
    for (const down of [0, 3000]) {
      const { times, complaints } = await herd.restart(down);
      equal(times.length, CLIENTS);
      deepEqual(complaints, []);
      const [half, most, last] = [0.5, 0.99, 1].map((share) => percentile(times, share));
      // What is promised is measured by that script. Waits up to `--reconnect-interval` would be 15 s.
      ok(half! <= 10_000 && most! <= 25_000, `${half} ms, ${most} ms, the last ${last} ms`);
    }
  },
);
