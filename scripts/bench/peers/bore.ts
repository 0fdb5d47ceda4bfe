/**
 * bore, with its defaults. Its control port cannot be chosen, so each instance gets a loopback address of its own.
 * @module
 */
import { delayed } from "../link.ts";
import { find, missing, need } from "../programs.ts";
import type { Peer } from "./mod.ts";
import { startPair } from "./pair.ts";
import { freePort } from "../../../tests/ports.ts";

const CONTROL_PORT = 7835;

let instances = 0;

export const bore: Peer = {
  name: "bore",
  kind: "tunnel",
  canDelay: true,
  missing: () => find("bore") ? undefined : missing("bore"),
  async start(bench, { servicePort, delayMs }) {
    const hostname = loopback();
    const port = freePort();
    const link = await delayed(bench, delayMs, [{
      port: CONTROL_PORT,
      hostname,
      listen: { port: CONTROL_PORT, hostname: loopback() },
    }]);
    const to = link?.routes[0]?.hostname ?? hostname;
    const program = need("bore");
    return await startPair(bench, {
      first: {
        program,
        args: ["server", "--bind-addr", hostname, "--bind-tunnels", "127.0.0.1"],
        hostname,
        port: CONTROL_PORT,
      },
      second: {
        program,
        args: ["local", `${servicePort}`, "--local-host", "127.0.0.1"]
          .concat("--to", to, "--port", `${port}`),
      },
      port,
      between: link,
    });
  },
};

/** Linux has all of 127/8; elsewhere the plain address must do. */
function loopback(): string {
  if (Deno.build.os !== "linux") return "127.0.0.1";
  return `127.${1 + Math.floor(Deno.pid / 250) % 250}.${1 + Deno.pid % 250}.${
    ++instances % 250 + 1
  }`;
}
