import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Report } from "../../scripts/soak/report.ts";
import { WHOLE_PROGRAM } from "../helpers.ts";
import { peerTest } from "../peers.ts";
import { openssl } from "../tls.ts";

peerTest(
  {
    name: "faults: a few seconds of `deno task soak`",
    permissions: WHOLE_PROGRAM,
    os: ["linux"],
    peers: [openssl],
  },
  async () => {
    const main = fileURLToPath(new URL("../../scripts/soak/main.ts", import.meta.url));
    const json = await Deno.makeTempFile();
    try {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", main, "--seconds", "8", "--json", json],
        stdin: "null",
        stderr: "inherit",
      }).output();
      const report: Report = JSON.parse(await Deno.readTextFile(json));
      deepEqual(report.violations, []);
      equal(code, 0);
      ok(new TextDecoder().decode(stdout).endsWith("all well\n"));
      for (const { visits } of Object.values(report.tallies)) ok(visits > 0);
      ok(report.back.count > 0);
      // Growth is what long runs are for: of two looks `trendOf` tells nothing. That they are taken, of
      // each program, is seen here.
      deepEqual(Object.entries(report.series).map(([name, { heap }]) => [name, heap.length]), [
        ["arps", 2],
        ["arpc steady", 2],
        ["arpc raw", 2],
        ["arpc connect", 2],
        ["arps TLS", 2],
        ["arpc TLS", 2],
      ]);
    } finally {
      await Deno.remove(json);
    }
  },
);
