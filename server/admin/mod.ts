/**
 * The port for the owner of the server. It is loaded only when it is asked for.
 *
 * @module
 */

import { type Address, getLogger, reason } from "@agentx/common";
import type { AdminConfig, ServerConfig } from "../config.ts";
import { Access, isLoopbackName } from "./access.ts";
import { createApp, snapshot } from "./app.ts";
import { Lag } from "./lag.ts";
import { Monitor } from "./monitor.ts";
import type { Served } from "./served.ts";
import { Streams } from "./stream.ts";

const log = getLogger(["arps", "admin"]);

/** How long answers that are under way may take when the program ends, in milliseconds. */
const FAREWELL_MS = 500;

/** A running admin port. */
export interface Admin extends AsyncDisposable {
  /** The address really bound. */
  readonly address: Address;
}

/** What of the server's configuration matters here as well. */
export type AdminOptions = Pick<
  ServerConfig,
  "authFile" | "authToken" | "reusePort" | "tls" | "trustedProxies"
>;

/**
 * Opens the port and serves.
 *
 * @throws {Error} that names the flag when the port cannot be opened.
 */
export function openAdmin(
  { bind, port, key }: AdminConfig,
  { authFile, authToken, reusePort, tls, trustedProxies }: AdminOptions,
  server: Served,
  version: string,
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
  const stop = new AbortController();
  const http = listen({
    hostname: bind,
    port,
    reusePort,
    signal: stop.signal,
    onListen: () => {},
  }, (request, { remoteAddr }) => {
    const { hostname } = remoteAddr as Deno.NetAddr;
    const forwarded = trustedProxies.has(hostname) && request.headers.get("x-forwarded-for");
    const address = (forwarded || hostname).split(",").at(-1)!.trim();
    return app(request, address);
  });
  if (!isLoopbackName(bind.includes(":") ? `[${bind}]` : bind)) {
    log.warning("The admin port speaks plain HTTP: reach it by ssh -L, or by a proxy with TLS", {
      bind,
    });
  }
  const owned = stack.move();
  const { hostname, port: bound } = http.addr;
  let closed: Promise<void> | undefined;
  const close = async () => {
    owned.dispose();
    const timer = setTimeout(() => stop.abort(), FAREWELL_MS);
    await http.shutdown();
    clearTimeout(timer);
  };
  return {
    address: { hostname, port: bound },
    [Symbol.asyncDispose]: () => closed ??= close(),
  };
}

function listen(
  options: Deno.ServeTcpOptions & { signal: AbortSignal },
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve(options, handler);
  } catch (error) {
    const taken = error instanceof Deno.errors.AddrInUse;
    throw new Error(
      `Cannot listen on --admin-port ${options.port} of ${options.hostname}: ` +
        (taken ? "another program uses it; stop that or choose another port" : reason(error)),
      { cause: error },
    );
  }
}
