/**
 * One stream's throughput from visitor to service, by iperf3: its control connection and its data connection
 * both go through the tunnel. The rate is what the receiving end counted.
 * @module
 */
import type { Bench } from "../bench.ts";
import { capture } from "../process.ts";
import { need } from "../programs.ts";
import { rowOf } from "../report/row.ts";
import { alternate } from "../rounds.ts";
import { startIperf } from "../services.ts";
import type { Figure } from "./mod.ts";

export const bulk: Figure = {
  name: "bulk",
  needs: ["iperf3"],
  async run(bench, peers) {
    await using service = await startIperf(bench);
    const samples = await alternate(bench, peers, service, ({ port }) => gigabits(bench, port));
    return [rowOf(
      {
        id: "bulk",
        label: "one stream, bulk (iperf3)",
        unit: "Gbit/s",
        better: "higher",
        require: [{ against: "tunnel", bound: 1 }, { against: "socat", bound: 0.75 }],
      },
      samples,
      (value) => value,
    )];
  },
};

async function gigabits(bench: Bench, port: number): Promise<number> {
  const { stdout } = await capture(
    need("iperf3"),
    ["-c", "127.0.0.1", "-p", `${port}`, "-t", `${bench.options.seconds}`, "-J"],
    bench.signal,
    bench.sampleLimitMs,
  );
  const result: IperfResult = JSON.parse(stdout);
  const bits = result.end?.sum_received?.bits_per_second;
  if (bits === undefined) throw new Error(`Cannot measure: iperf3 says ${result.error}`);
  return bits / 1e9;
}

/** The part of iperf3's report that is read here. */
interface IperfResult {
  error?: string;
  end?: { sum_received?: { bits_per_second: number } };
}
