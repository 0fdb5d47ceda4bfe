/**
 * What a server is made of besides its configuration: the files it reads, and goes on to watch.
 *
 * @module
 */

import { type Listen, listenTcp } from "@agentx/common";
import { type Authenticator, OPEN, openAuthenticator } from "./auth/mod.ts";
import type { PortName, ServerConfig, TlsConfig } from "./config.ts";

/** What {@link ../server.ts} needs to be given. */
export interface Parts {
  /** How to open each port, and those of clients. */
  readonly listen: Readonly<Record<PortName | "remote", Listen>>;
  readonly auth: Authenticator;
  /** When the certificate in use expires, where there is one. */
  readonly expires?: () => Date;
  /** What the owner should know of its time; undefined when all is well. */
  readonly expiring?: () => string | undefined;
}

/** How to open the admin port, where it speaks TLS; plain HTTP is left to the runtime. */
export type ListenAdmin = Listen | undefined;

/** {@link Parts} with the files behind them, which are watched until disposed. */
export interface OpenParts extends Parts, AsyncDisposable {
  readonly admin: ListenAdmin;
}

/**
 * Reads what the configuration names.
 *
 * @throws {UsageError} that names the flag and the file when one cannot be used.
 */
export async function openParts(config: ServerConfig): Promise<OpenParts> {
  await using opened = new AsyncDisposableStack();
  const { auth } = opened.use(await openAuthenticator(config));
  const { admin, ...parts } = config.tls === undefined
    ? { ...plainParts(), admin: undefined }
    : await openTls(config.tls, (identity) => opened.use(identity));
  const owned = opened.move();
  return {
    ...parts,
    admin: config.admin?.tls ? admin : undefined,
    auth,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Loaded where TLS is on: it needs more memory than all the rest. */
async function openTls(
  tls: TlsConfig,
  own: (identity: AsyncDisposable) => void,
): Promise<Pick<OpenParts, "listen" | "admin" | "expires" | "expiring">> {
  const { FileIdentity, listenTls } = await import("./tls/mod.ts");
  const identity = await FileIdentity.open(tls);
  own(identity);
  const listen = (port: PortName) => tls.ports[port] ? listenTls(identity, port) : listenTcp;
  return {
    listen: {
      control: listen("control"),
      proxy: listen("proxy"),
      public: listen("public"),
      // What is spoken there is between a client and its visitors.
      remote: listenTcp,
    },
    admin: listenTls(identity, "admin"),
    expires: () => identity.facts.notAfter,
    expiring: () => identity.trouble,
  };
}

/** Neither TLS nor secrets. */
export function plainParts(listen: Listen = listenTcp): Parts {
  return {
    listen: { control: listen, proxy: listen, public: listen, remote: listen },
    auth: OPEN,
  };
}
