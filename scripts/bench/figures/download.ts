/**
 * One stream's throughput from service to visitor: curl reads a large file from nginx through HTTP.
 * @module
 */
import type { Bench } from "../bench.ts";
import { capture } from "../process.ts";
import { need } from "../programs.ts";
import { rowOf } from "../report/row.ts";
import { alternate } from "../rounds.ts";
import { startNginx } from "../services.ts";
import { PATH } from "../visitors.ts";
import type { Figure } from "./mod.ts";

/** curl's exit code when its time is up; what it read until then counts. */
const TIME_UP = 28;

export const download: Figure = {
  name: "download",
  needs: ["nginx", "curl"],
  async run(bench, peers) {
    await using service = await startNginx(bench);
    // The first reader would pay for bringing the file into memory.
    await gigabits(bench, service.port);
    const samples = await alternate(bench, peers, service, ({ port }) => gigabits(bench, port));
    return [rowOf(
      {
        id: "download",
        label: "one stream, HTTP download (curl)",
        unit: "Gbit/s",
        better: "higher",
        require: [],
      },
      samples,
      (value) => value,
    )];
  },
};

async function gigabits(bench: Bench, port: number): Promise<number> {
  const { code, stdout, stderr } = await capture(
    need("curl"),
    [
      ...["-sS", "-o", "/dev/null", "--max-time", `${bench.options.seconds}`],
      ...["-w", "%{http_code} %{size_download} %{time_total}"],
      `http://127.0.0.1:${port}/large${PATH.slice(1)}`,
    ],
    bench.signal,
    bench.sampleLimitMs,
  );
  const [status, bytes = 0, seconds = NaN] = stdout.split(" ").map(Number);
  if (status !== 200 || (code !== 0 && code !== TIME_UP)) {
    throw new Error(`Cannot measure: curl got status ${status}: ${stderr.trim()}`);
  }
  return bytes * 8 / 1e9 / seconds;
}
