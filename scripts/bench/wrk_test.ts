import assert from "node:assert/strict";
import { parseWrk } from "./wrk.ts";

const REPORT = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Latency Distribution
     50%  980.00us
     75%    2.62ms
     90%    3.10ms
     99%    1.20s
  20921 requests in 1.00s, 17.40MB read
Requests/sec:  20918.25
Transfer/sec:     17.40MB
`;

Deno.test("parseWrk() reads rates and latencies of every unit", () => {
  assert.deepEqual(parseWrk(REPORT), { perSecond: 20918.25, p50Ms: 0.98, p99Ms: 1200 });
});

Deno.test("parseWrk() passes wrk's words about errors on", () => {
  const line = "Socket errors: connect 0, read 3, write 0, timeout 0";
  assert.equal(parseWrk(`${REPORT}  ${line}\n`).errors, line);
});

Deno.test("parseWrk() throws when nothing was answered", () => {
  assert.throws(() => parseWrk("unable to connect"), /no answer/);
});
