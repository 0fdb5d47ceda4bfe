/**
 * Requests each second over 64 connections that stay open, and how long one takes.
 * @module
 */
import { rowOf } from "../report/row.ts";
import { alternate } from "../rounds.ts";
import { startNginx } from "../services.ts";
import { wrk } from "../wrk.ts";
import type { Figure } from "./mod.ts";

const VISITORS = 64;

export const keepAlive: Figure = {
  name: "keepalive",
  needs: ["nginx", "wrk"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    const samples = await alternate(bench, peers, service, async ({ port }, peer) => {
      const result = await wrk(bench, port, VISITORS);
      if (result.errors) bench.note(`${peer.name}, keep-alive: ${result.errors}`);
      return result;
    });
    const label = `keep-alive requests, c=${VISITORS}`;
    return [
      rowOf(
        {
          id: "keepalive",
          label,
          unit: "/s",
          better: "higher",
          require: [{ against: "tunnel", bound: 0.9 }],
        },
        samples,
        (result) => result.perSecond,
      ),
      rowOf(
        { id: "keepalive.p50", label: `${label}: p50`, unit: "ms", better: "lower", require: [] },
        samples,
        (result) => result.p50Ms,
      ),
      rowOf(
        { id: "keepalive.p99", label: `${label}: p99`, unit: "ms", better: "lower", require: [] },
        samples,
        (result) => result.p99Ms,
      ),
    ];
  },
};
