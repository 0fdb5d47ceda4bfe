import assert from "node:assert/strict";
import type { Row } from "./row.ts";
import { table } from "./table.ts";
import { judge } from "./verdict.ts";

const NAMES = { ours: "arp", tunnels: ["rathole", "bore"] };
const ROW: Row = {
  ...{ id: "bulk", label: "bulk", unit: "Gbit/s", better: "higher" },
  values: { arp: 6, rathole: 4, bore: 5, socat: 9 },
  require: [{ against: "tunnel", bound: 1 }, { against: "socat", bound: 0.75 }],
};

Deno.test("judge() compares with the best tunnel peer and with socat", () => {
  const verdict = judge(ROW, NAMES);
  assert.equal(verdict.toTunnel, 1.2);
  assert.equal(verdict.holds, false);
  assert.equal(judge({ ...ROW, values: { ...ROW.values, socat: 8 } }, NAMES).holds, true);
});

Deno.test("judge() takes the lowest as best where lower is better", () => {
  const row: Row = { ...ROW, better: "lower", require: [{ against: "nothing", bound: 6 }] };
  const verdict = judge(row, NAMES);
  assert.equal(verdict.toTunnel, 1.5);
  assert.equal(verdict.holds, true);
});

Deno.test("judge() does not pass what was not measured", () => {
  const verdict = judge({ ...ROW, values: { arp: 6, rathole: 4 } }, NAMES);
  assert.equal(verdict.holds, undefined);
  assert.match(
    table([{ ...ROW, values: { socat: 8 } }], ["arp", "socat"], NAMES),
    /- +8\.00.*\?$/m,
  );
});
