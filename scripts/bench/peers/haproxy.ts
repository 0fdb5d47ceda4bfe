/**
 * Two chained haproxy in TCP mode: native code with an event loop and splicing.
 * @module
 */
import { join } from "node:path";
import { find, missing, need } from "../programs.ts";
import type { Peer } from "./mod.ts";
import { startPair } from "./pair.ts";
import { freePort } from "../../../tests/ports.ts";

export const haproxy: Peer = {
  name: "haproxy",
  kind: "native",
  canDelay: false,
  missing: () => find("haproxy") ? undefined : missing("haproxy"),
  async start(bench, { servicePort }) {
    const [near, far] = [freePort(), freePort()];
    const hop = async (from: number, to: number) => {
      const file = join(bench.folder, `haproxy-${from}.cfg`);
      await Deno.writeTextFile(file, config(from, to));
      return { program: need("haproxy"), args: ["-db", "-f", file] };
    };
    return await startPair(bench, {
      first: { ...await hop(near, servicePort), port: near },
      second: await hop(far, near),
      port: far,
    });
  },
};

function config(from: number, to: number): string {
  return `global
  maxconn 6000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen hop
  bind 127.0.0.1:${from} backlog 4096
  server next 127.0.0.1:${to}
`;
}
