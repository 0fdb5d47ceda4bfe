/**
 * Public ports that belong to one client: its visitors need no token, so they may speak anything.
 *
 * @module
 */

import {
  acceptLoop,
  closeQuietly,
  type Conn,
  getLogger,
  type Listen,
  type Listener,
  reason,
} from "@agentx/common";
import type { PortSet } from "@agentx/common/cli";
import { EVERYTHING, type Grant } from "./auth/mod.ts";
import { type Client, RegistrationError } from "./registry.ts";

const log = getLogger(["arps", "remote"]);

/** Options of {@link RemotePorts}. */
export interface RemotePortsOptions {
  /** Address to listen on. */
  bind: string;
  /** Ports that may be given out. */
  allowed: PortSet;
  /** Serves a visitor of a client. */
  serve: (conn: Conn, client: Client) => void;
}

/** A port set aside for a client that is about to be registered; freed unless it is given away. */
export interface Reservation extends Disposable {
  readonly port: number;
  /** Gives it to a client, and what comes to it from now on. */
  give(client: Client): void;
}

/** A port in use. */
interface Lease {
  /** Of the client, whichever of its registrations is the current one. */
  readonly id: string;
  readonly listener: Listener;
  client: Client | undefined;
}

/** The ports that are given out. */
export class RemotePorts {
  #leases = new Map<number, Lease>();
  #loops = new Set<Promise<void>>();
  #closed = false;

  constructor(private readonly listen: Listen, private readonly options: RemotePortsOptions) {}

  /**
   * Sets a port aside. What a client has already it keeps if it asks for it again, or for any:
   * visitors that come while it registers anew are not refused.
   *
   * @param wanted 0 for any; a client then gets the same one each time, if that is free.
   * @throws {RegistrationError} with the reason when there is none to be had.
   */
  reserve(id: string, wanted: number, grant: Pick<Grant, "mayOpen"> = EVERYTHING): Reservation {
    const { allowed } = this.options;
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65535) {
      throw new RegistrationError("remote_port is invalid: use 0 to 65535");
    }
    if (allowed.size === 0) {
      throw new RegistrationError("this server gives out no ports: start arps with --allow-ports");
    }
    if (wanted !== 0 && !allowed.has(wanted)) {
      throw new RegistrationError(`port ${wanted} is not in --allow-ports ${allowed}`);
    }
    if (wanted !== 0 && !grant.mayOpen(wanted)) {
      throw new RegistrationError(`port ${wanted} is not among those that your token allows`);
    }
    if (this.#closed) throw new RegistrationError("this server stops and opens no more ports");
    for (const [port, lease] of this.#leases) {
      if (lease.id === id && (wanted === 0 || wanted === port) && grant.mayOpen(port)) {
        return this.#reservation(port, lease);
      }
    }
    if (wanted === 0) return this.#any(id, grant);
    if (this.#leases.has(wanted)) {
      throw new RegistrationError(`port ${wanted} is taken by another client`);
    }
    try {
      return this.#open(id, wanted);
    } catch (error) {
      throw new RegistrationError(
        isInUse(error)
          ? `port ${wanted} is taken by another program`
          : `port ${wanted} cannot be opened: ${reason(error)}`,
      );
    }
  }

  /** Frees the port of this very registration; one that has gone to a later one stays. */
  release(client: Client): void {
    for (const [port, lease] of this.#leases) if (lease.client === client) this.#close(port, lease);
  }

  /** Closes all ports; none is opened any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [port, lease] of this.#leases) this.#close(port, lease);
    await Promise.all(this.#loops);
  }

  #any(id: string, grant: Pick<Grant, "mayOpen">): Reservation {
    const { allowed } = this.options;
    let denied: unknown;
    for (const port of allowed.from(hash(id) % allowed.size)) {
      if (this.#leases.has(port) || !grant.mayOpen(port)) continue;
      try {
        return this.#open(id, port);
      } catch (error) {
        // Windows keeps ranges of ports for itself, and Unix the low ones: the next may be free.
        if (error instanceof Deno.errors.PermissionDenied) denied = error;
        else if (!isInUse(error)) {
          throw new RegistrationError(`no port can be opened: ${reason(error)}`);
        }
      }
    }
    throw new RegistrationError(
      denied === undefined
        ? `none of the ports ${allowed} is free`
        : `no port can be opened: ${reason(denied)}`,
    );
  }

  #open(id: string, port: number): Reservation {
    const listener = this.listen({ hostname: this.options.bind, port });
    const lease: Lease = { id, listener, client: undefined };
    this.#leases.set(port, lease);
    const loop = acceptLoop(listener, log, (conn) => {
      if (lease.client === undefined) closeQuietly(conn);
      else this.options.serve(conn, lease.client);
    }).finally(() => this.#loops.delete(loop));
    this.#loops.add(loop);
    return this.#reservation(port, lease);
  }

  #reservation(port: number, lease: Lease): Reservation {
    return {
      port,
      give: (client) => {
        lease.client = client;
      },
      [Symbol.dispose]: () => {
        if (lease.client === undefined) this.#close(port, lease);
      },
    };
  }

  #close(port: number, { listener, client }: Lease): void {
    this.#leases.delete(port);
    listener.close();
    log.debug("Port closed", { port, client: client?.tag });
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse;
}

/** FNV-1a, so that an id comes to the same port after a restart. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
