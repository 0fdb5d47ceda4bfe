/**
 * Two chained socat: the least a relay of two hops costs in native code, one process for each connection. The
 * buffer is the size with which it is fastest; its default of 8 KiB halves its rate and would be no ceiling.
 * @module
 */
import { find, missing, need } from "../programs.ts";
import type { Peer } from "./mod.ts";
import { startPair } from "./pair.ts";
import { freePort } from "../../../tests/ports.ts";

export const socat: Peer = {
  name: "socat",
  kind: "native",
  canDelay: false,
  missing: () => find("socat") ? undefined : missing("socat"),
  start(bench, { servicePort }) {
    const [near, far] = [freePort(), freePort()];
    const hop = (from: number, to: number) => ({
      program: need("socat"),
      args: [
        "-b65536",
        `TCP-LISTEN:${from},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=1024`,
        `TCP:127.0.0.1:${to},nodelay`,
      ],
    });
    return startPair(bench, {
      first: { ...hop(near, servicePort), port: near },
      second: hop(far, near),
      port: far,
    });
  },
};
