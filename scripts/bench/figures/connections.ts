/**
 * New connections each second: eight visitors that ask once with `Connection: close` and come again.
 * @module
 */
import { rowOf } from "../report/row.ts";
import { alternate } from "../rounds.ts";
import { startNginx } from "../services.ts";
import { wrk } from "../wrk.ts";
import type { Figure } from "./mod.ts";

const VISITORS = 8;

export const connections: Figure = {
  name: "connections",
  needs: ["nginx", "wrk"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    const samples = await alternate(bench, peers, service, async ({ port }, peer) => {
      const result = await wrk(bench, port, VISITORS, ["Connection: close"]);
      if (result.errors) bench.note(`${peer.name}, connections: ${result.errors}`);
      return result;
    });
    return [
      rowOf(
        {
          id: "connections",
          label: `new connections, c=${VISITORS}`,
          unit: "/s",
          better: "higher",
          require: [{ against: "tunnel", bound: 1 }],
        },
        samples,
        (result) => result.perSecond,
      ),
    ];
  },
};
