/**
 * Many clients in one process: `runClient`, all that `arpc` does but for reading its command line, so
 * with the real link, back-off and tunnels. A process of its own for each of a thousand would measure
 * the machine.
 *
 * Arguments: control port, proxy port, first number, how many. Says `NUMBER MILLISECONDS` (by
 * `Date.now()`) for every registration.
 *
 * @module
 */

import { runClient } from "../../client/client.ts";
import { clientConfig } from "../../client/config.ts";
import { readRequest } from "../../client/program.ts";

const [control = "", proxy = "", first = "", count = ""] = Deno.args;
const encoder = new TextEncoder();

async function herd(): Promise<void> {
  const ports = ["--control-port", control, "--proxy-port", proxy, "--local-port", "1"];
  const request = await readRequest([...ports, "--service", "none"]);
  if (request.kind !== "run") throw new Error("flags for a run expected");
  const config = clientConfig(request.values, () => "");
  const signals = { drain: new AbortController().signal, now: new AbortController().signal };
  await Promise.all(Array.from({ length: Number(count) }, async (_, nth) => {
    const number = Number(first) + nth;
    const online = () => {
      Deno.stdout.writeSync(encoder.encode(`${number} ${Date.now()}\n`));
    };
    await runClient({ ...config, clientId: `herd-${number}` }, { online }, signals);
  }));
}

await herd();
