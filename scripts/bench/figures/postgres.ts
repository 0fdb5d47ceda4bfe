/**
 * Transactions each second of eight database sessions that read: small questions and answers in turn, over
 * connections that stay. Ours is found by the token in the session's options, like any visitor's client.
 * @module
 */
import type { Bench } from "../bench.ts";
import { CLIENT_ID } from "../peers/arp.ts";
import { database, POSTGRES_NEEDS, startPostgres } from "../postgres.ts";
import { capture } from "../process.ts";
import { need } from "../programs.ts";
import { rowOf } from "../report/row.ts";
import { alternate } from "../rounds.ts";
import type { Figure } from "./mod.ts";

const SESSIONS = 8;

export const postgres: Figure = {
  name: "postgres",
  needs: [...POSTGRES_NEEDS],
  async run(bench, peers) {
    await using service = await startPostgres(bench);
    const samples = await alternate(bench, peers, service, ({ port }, { kind }) => {
      const options = kind === "ours" ? `token=${CLIENT_ID}` : "";
      return perSecond(bench, database(port, options));
    });
    return [rowOf(
      {
        id: "postgres",
        label: `PostgreSQL, pgbench -S -c ${SESSIONS}`,
        unit: "tps",
        better: "higher",
        require: [{ against: "socat", bound: 0.5 }],
      },
      samples,
      (value) => value,
    )];
  },
};

async function perSecond(bench: Bench, to: string): Promise<number> {
  const { code, stdout, stderr } = await capture(
    need("pgbench"),
    ["-S", "-n", "-c", `${SESSIONS}`, "-T", `${bench.options.seconds}`, to],
    bench.signal,
    bench.sampleLimitMs,
  );
  // Before version 14 there is another figure, which counts the time to connect as well.
  const rate = /tps = ([\d.]+) \((?:without|excluding)/.exec(stdout)?.[1];
  if (code !== 0 || rate === undefined) {
    throw new Error(`Cannot measure: pgbench ended with ${code}: ${stderr.trim()}`);
  }
  return Number(rate);
}
