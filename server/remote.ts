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
import { ClosingListener } from "./closing.ts";
import { LASTING_S, RegistrationError } from "./registration_error.ts";
import type { Client } from "./registry.ts";

const log = getLogger(["arps", "remote"]);

/** Options of {@link RemotePorts}. */
export interface RemotePortsOptions {
  /** Address to listen on. */
  bind: string;
  /** Ports that may be given out. */
  allowed: PortSet;
  /** Whether another server may listen on the same ports. */
  shared?: boolean;
  /** Whether that one's clients are still on their way here. */
  settling?: () => boolean;
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
  readonly listener: ClosingListener;
  client: Client | undefined;
}

/** How long a shared port stays open for its client to open it elsewhere, in milliseconds. */
const HAND_OVER_MS = 2000;

/** The ports that are given out. */
export class RemotePorts {
  #leases = new Map<number, Lease>();
  #loops = new Set<Promise<void>>();
  #closed = false;
  /** Ends the wait for the clients of shared ports, which has a deadline. */
  #handedOver = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

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
      throw lasting("remote_port is invalid: use 0 to 65535");
    }
    if (allowed.size === 0) {
      throw lasting("this server gives out no ports: start arps with --allow-ports");
    }
    if (wanted !== 0 && !allowed.has(wanted)) {
      throw lasting(`port ${wanted} is not in --allow-ports ${allowed}`);
    }
    if (wanted !== 0 && !grant.mayOpen(wanted)) {
      throw lasting(`port ${wanted} is not among those that your token allows`);
    }
    if (this.#closed) throw busy("this server stops and opens no more ports");
    for (const [port, lease] of this.#leases) {
      if (lease.id === id && (wanted === 0 || wanted === port) && grant.mayOpen(port)) {
        return this.#reservation(port, lease);
      }
    }
    if (wanted === 0) return this.#any(id, grant);
    if (this.#leases.has(wanted)) {
      throw busy(`port ${wanted} is taken by another client`);
    }
    try {
      return this.#open(id, wanted, this.options.settling?.() === true);
    } catch (error) {
      throw busy(
        isInUse(error)
          ? `port ${wanted} is taken by another program`
          : `port ${wanted} cannot be opened: ${reason(error)}`,
      );
    }
  }

  /** Frees the port of this very registration; one that has gone to a later one stays. */
  release(client: Client): void {
    for (const [port, lease] of this.#leases) if (lease.client === client) this.#close(port, lease);
    if (this.#leases.size === 0) this.#handedOver();
  }

  /**
   * Closes all ports without a loss, and opens none any more: shared ones only after their clients
   * have had the time to open them at another server.
   */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.options.shared && this.#leases.size > 0) {
      await new Promise<void>((resolve) => {
        this.#handedOver = resolve;
        this.#timer = setTimeout(resolve, HAND_OVER_MS);
      });
    }
    await Promise.all([...this.#leases.values()].map(({ listener }) => listener.finish()));
  }

  /** Closes all ports; none is opened any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const [port, lease] of this.#leases) this.#close(port, lease);
    this.#handedOver();
    await Promise.all(this.#loops);
  }

  #any(id: string, grant: Pick<Grant, "mayOpen">): Reservation {
    const { allowed } = this.options;
    let denied: unknown;
    let granted = false;
    for (const port of allowed.from(hash(id) % allowed.size)) {
      if (!grant.mayOpen(port)) continue;
      granted = true;
      if (this.#leases.has(port)) continue;
      try {
        return this.#open(id, port);
      } catch (error) {
        // Windows keeps ranges of ports for itself, and Unix the low ones: the next may be free.
        if (error instanceof Deno.errors.PermissionDenied) denied = error;
        else if (!isInUse(error)) {
          throw busy(`no port can be opened: ${reason(error)}`);
        }
      }
    }
    if (!granted) {
      throw lasting(`none of the ports ${allowed} is among those that your token allows`);
    }
    throw busy(
      denied === undefined
        ? `none of the ports ${allowed} is free`
        : `no port can be opened: ${reason(denied)}`,
    );
  }

  /**
   * Opens a port. Where ports are shared the system would not say that it is in use, so it is asked
   * first; unless the user may be this very client, at the server whose place this one takes.
   */
  #listen(port: number, mayShare: boolean): Listener {
    const { bind, shared = false } = this.options;
    const address = { hostname: bind, port };
    if (shared && !mayShare) this.listen(address).close();
    return this.listen(address, { reusePort: shared });
  }

  #open(id: string, port: number, mayShare = false): Reservation {
    const listener = new ClosingListener(this.#listen(port, mayShare));
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

/** A refusal that only a person can change. */
function lasting(message: string): RegistrationError {
  return new RegistrationError(message, LASTING_S, "port");
}

/** A refusal that may be another answer soon. */
function busy(message: string): RegistrationError {
  return new RegistrationError(message, undefined, "port");
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
