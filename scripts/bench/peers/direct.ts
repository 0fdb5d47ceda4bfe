/**
 * No tunnel at all: what the visitor and the service can do by themselves.
 * @module
 */
import type { Peer } from "./mod.ts";

export const direct: Peer = {
  name: "direct",
  kind: "direct",
  canDelay: false,
  missing: () => undefined,
  start: (_bench, { servicePort }) =>
    Promise.resolve({
      port: servicePort,
      assertAlive: () => {},
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};
