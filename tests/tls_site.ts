/**
 * A server with TLS on its ports, with clients and visitors that know its certificate.
 *
 * @module
 */

import { Scratch } from "./daemons.ts";
import { type Program, startClient, startServer, type TestServer } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { identify, type Identity, type Outcome, run } from "./tls.ts";
import { peer } from "./peers.ts";

export const curl = peer("curl", "apt-get install curl");

/** The name in its certificate; nobody else has to find it. */
export const NAME = "arps.test";

/** How the server is told of its certificate. */
export function identityFlags({ cert, key }: Identity): string[] {
  return ["--tls-cert", cert, "--tls-key", key];
}

/** How a client is told of it. */
export function trustFlags({ cert }: Pick<Identity, "cert">): string[] {
  return ["--tls-ca", cert, "--tls-server-name", NAME];
}

/** A server and clients by their ids, all on TLS. */
export class TlsSite implements AsyncDisposable {
  readonly clients: Record<string, Program> = {};

  private constructor(
    readonly folder: Scratch,
    readonly identity: Identity,
    readonly server: TestServer,
  ) {}

  /**
   * @param ports client id to port of its local service.
   * @param flags of the server.
   */
  static async start(
    ports: Record<string, number>,
    flags: readonly string[] = [],
  ): Promise<TlsSite> {
    const folder = new Scratch();
    try {
      const identity = await identify(folder, NAME);
      const server = await startServer([...identityFlags(identity), ...flags]);
      const site = new TlsSite(folder, identity, server);
      try {
        for (const [id, port] of Object.entries(ports)) await site.client(id, port);
        return site;
      } catch (error) {
        await site[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts another client. */
  async client(id: string, port: number, flags: readonly string[] = []): Promise<Program> {
    const all = ["--tls", ...trustFlags(this.identity), "--service", "none", ...flags];
    return this.clients[id] = await startClient({ server: this.server, id, port, flags: all });
  }

  /** The public port. */
  get port(): number {
    return this.server.publicPort;
  }

  /** A URL of the public port. */
  url(path: string, scheme = "https"): string {
    return `${scheme}://${NAME}:${this.port}${path}`;
  }

  /** A visitor that trusts the certificate. */
  async visit(alpn?: string): Promise<Wire> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    const tls = await Deno.startTls(conn, {
      hostname: NAME,
      caCerts: [await Deno.readTextFile(this.identity.cert)],
      ...(alpn === undefined ? {} : { alpnProtocols: [alpn] }),
    });
    await tls.handshake();
    return new Wire(tls as unknown as Deno.TcpConn);
  }

  /** Runs curl. */
  curl(url: string, ...args: string[]): Promise<Outcome> {
    const { port } = new URL(url);
    const resolve = ["--resolve", `${NAME}:${port}:127.0.0.1`];
    return run(curl.path, [
      ...["-sS", "-m", "20", "--cacert", this.identity.cert, ...resolve],
      ...[...args, url],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of Object.values(this.clients)) await program[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
