/**
 * The port for the owner of the server. It is loaded only when it is asked for.
 *
 * @module
 */

import { type Address, formatAddress, getLogger, isLoopback, reason } from "@agentx/common";
import { plainAddress } from "../address.ts";
import type { AdminConfig, ServerConfig } from "../config.ts";
import type { ListenAdmin } from "../parts.ts";
import { Access } from "./access.ts";
import { createApp } from "./app.ts";
import type { App } from "./exchanges.ts";
import { Lag } from "./lag.ts";
import { Monitor } from "./monitor.ts";
import { type HttpPort, servePlain } from "./plain.ts";
import { SecurePort } from "./secure.ts";
import type { Served } from "./served.ts";
import { snapshot } from "./snapshot.ts";
import { Streams } from "./stream.ts";

const log = getLogger(["arps", "admin"]);

/** How long answers that are under way may take when the program ends, in milliseconds. */
const FAREWELL_MS = 500;

/** A running admin port. */
export interface Admin extends AsyncDisposable {
  /** The address really bound. */
  readonly address: Address;
  /** The same as a URL. */
  readonly url: string;
  /** Where a browser on this machine finds the dashboard. */
  readonly page: string;
}

/** What of the server's configuration matters here as well. */
export type AdminOptions = Pick<
  ServerConfig,
  "authFile" | "authToken" | "reusePort" | "tls" | "trustedProxies"
>;

/**
 * Opens the port and serves.
 *
 * @param listen opens it with TLS; without, it speaks plain HTTP.
 * @throws {Error} that names the flag when the port cannot be opened.
 */
export function openAdmin(
  { bind, port, key }: AdminConfig,
  { authFile, authToken, reusePort, tls, trustedProxies }: AdminOptions,
  server: Served,
  version: string,
  listen?: ListenAdmin,
): Admin {
  using stack = new DisposableStack();
  const lag = stack.use(new Lag());
  const monitor = stack.use(new Monitor({ server, version, lag }));
  const access = new Access(key);
  const needs = {
    tls: tls?.ports.control === true,
    token: authToken !== undefined || authFile !== undefined,
  };
  const deps = { server, version, lag, monitor, access, needs };
  const streams = stack.use(new Streams(monitor, () => snapshot(deps)));
  const app = createApp({ ...deps, streams });
  const serve: App = (request, hostname) => {
    const peer = plainAddress(hostname);
    const forwarded = trustedProxies.has(peer) && request.headers.get("x-forwarded-for");
    return app(request, (forwarded || peer).split(",").at(-1)!.trim());
  };
  const http = open(
    { hostname: bind, port },
    (address) =>
      listen === undefined
        ? servePlain(address, { reusePort }, serve)
        : new SecurePort(listen(address, { reusePort }), serve),
  );
  if (listen === undefined && !isLoopback(bind)) {
    log.warning(
      "The admin port speaks plain HTTP: the admin key can be read on its way; use --admin-tls, " +
        "ssh -L, or a proxy with TLS",
      { bind },
    );
  }
  const owned = stack.move();
  let closed: Promise<void> | undefined;
  const close = async () => {
    owned.dispose();
    await http.shutdown(FAREWELL_MS);
  };
  const scheme = listen === undefined ? "http" : "https";
  const { hostname } = http.address;
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  const near = everywhere ? { ...http.address, hostname: "localhost" } : http.address;
  return {
    address: http.address,
    url: `${scheme}://${formatAddress(http.address)}`,
    page: `${scheme}://${formatAddress(near)}/`,
    [Symbol.asyncDispose]: () => closed ??= close(),
  };
}

function open(address: Address, serve: (address: Address) => HttpPort): HttpPort {
  try {
    return serve(address);
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    throw new Error(
      `Cannot listen on --admin-port ${address.port} of ${address.hostname}: ` +
        (taken ? "another program uses it; stop that or choose another port" : reason(error)),
      { cause: error },
    );
  }
}
