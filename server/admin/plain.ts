/**
 * The admin port without TLS, on the runtime's own server.
 *
 * @module
 */

import type { Address } from "@agentx/common";
import type { App } from "./exchanges.ts";

/** A running port. */
export interface HttpPort {
  /** The address really bound. */
  readonly address: Address;
  /** Takes nobody any more, and ends; answers that are under way have so many milliseconds. */
  shutdown(ms: number): Promise<void>;
}

/** Opens the port and serves; throws `Deno.errors.AddrInUse` and the like. */
export function servePlain(
  { hostname, port }: Address,
  { reusePort }: { reusePort: boolean },
  app: App,
): HttpPort {
  const stop = new AbortController();
  const http = Deno.serve(
    { hostname, port, reusePort, signal: stop.signal, onListen: () => {} },
    (request, { remoteAddr }) => app(request, remoteAddr.hostname),
  );
  return {
    address: { hostname: http.addr.hostname, port: http.addr.port },
    async shutdown(ms) {
      const timer = setTimeout(() => stop.abort(), ms);
      await http.shutdown();
      clearTimeout(timer);
    },
  };
}
