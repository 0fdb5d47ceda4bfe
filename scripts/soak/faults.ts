/**
 * What happens to the shaken client, its links and its service.
 * @module
 */
import type { Fault } from "../../tests/faults/relay.ts";
import type { Site } from "./site.ts";

/** How long a fault of the network lasts, in milliseconds. */
const LASTS_MS = 2000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Makes the shaken client suffer; resolves with the time at which the cause was gone. */
type Strike = (site: Site) => Promise<number>;

/** A fault of all connections there are on one way. */
function network(way: keyof Site["relays"], fault: Fault): Strike {
  return async ({ relays, shaken }) => {
    const relay = relays[way];
    const from = shaken.logs.length;
    relay.suffer(fault);
    await pause(LASTS_MS);
    relay.heal();
    // As systems do at last with connections that nobody answers on.
    if (way === "tunnels") relay.endLost();
    const over = performance.now();
    // Until its link is given up a client looks as if nothing had happened.
    if (way === "control") await shaken.message("Registered", { from });
    relay.endLost();
    return over;
  };
}

/** Kills a program with -9, and starts it again. */
function killed(restart: (site: Site) => Promise<void>): Strike {
  return async (site) => {
    await restart(site);
    return performance.now();
  };
}

/** The faults by name. */
export const FAULTS: Readonly<Record<string, Strike>> = {
  "client killed": killed((site) => site.restartClient()),
  "service killed": killed((site) => site.restartService()),
  "control dropped": network("control", "drop"),
  "control reset": network("control", "reset"),
  "control corrupted": network("control", "corrupt down"),
  "tunnels dropped": network("tunnels", "drop"),
  "tunnels reset": network("tunnels", "reset"),
  // A corrupted tunnel is left to the matrix, which strikes frames: here most bytes are payload, and a
  // change of that nobody can notice without TLS.
  "tunnels delayed": network("tunnels", "delay"),
  "tunnels in pieces": network("tunnels", "fragment"),
};
