/**
 * What happens to a client, its links and its service.
 * @module
 */
import type { Fault } from "../../tests/faults/relay.ts";
import type { Victim } from "./site.ts";

/** How long a fault of the network lasts, in milliseconds: a heartbeat passes in that time. */
const LASTS_MS = 3000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Makes a client suffer; resolves with the time at which the cause was gone. */
type Strike = (victim: Victim) => Promise<number>;

/** Faults of all connections there are on one way. */
function network(way: "control" | "tunnels" | "visitors", ...faults: Fault[]): Strike {
  return async ({ relays, client }) => {
    const relay = relays[way];
    if (relay === undefined) throw new Error(`nothing is between this client and its ${way}`);
    const from = client.logs.length;
    for (const fault of faults) relay.suffer(fault);
    await pause(LASTS_MS);
    relay.heal();
    // As systems do at last with connections that nobody answers on.
    if (way === "tunnels") relay.endLost();
    const over = performance.now();
    // Until its link is given up a client looks as if nothing had happened.
    if (way === "control") await client.message("Registered", { from });
    relay.endLost();
    return over;
  };
}

/** Kills a program with -9, and starts it again. */
function killed(which: "client" | "service"): Strike {
  return async (victim) => {
    await victim.restart(which);
    return performance.now();
  };
}

/** Faults of the network that nobody has to notice, or that end a connection. */
const NETWORK: Readonly<Record<string, Strike>> = {
  "control dropped": network("control", "drop"),
  "control reset": network("control", "reset"),
  "tunnels dropped": network("tunnels", "drop"),
  "tunnels reset": network("tunnels", "reset"),
  "tunnels delayed": network("tunnels", "delay"),
  "tunnels in pieces": network("tunnels", "fragment"),
};

/** The faults of each victim by name. */
export const FAULTS: Readonly<Record<Victim["name"], Readonly<Record<string, Strike>>>> = {
  shaken: {
    ...NETWORK,
    "client killed": killed("client"),
    "service killed": killed("service"),
    // A corrupted tunnel is left to the matrix, which strikes frames: here most bytes are payload,
    // and a change of that nobody can notice without TLS.
    "control corrupted": network("control", "corrupt down"),
  },
  // With TLS nobody ever gets a wrong byte, wherever in the bytes a bit is flipped.
  sealed: {
    ...NETWORK,
    "control flipped": network("control", "flip up", "flip down"),
    "tunnels flipped up": network("tunnels", "flip up"),
    "tunnels flipped down": network("tunnels", "flip down"),
    "visitors flipped up": network("visitors", "flip up"),
    "visitors flipped down": network("visitors", "flip down"),
  },
};
