/**
 * The control port: registration, heartbeat, and the end of each client.
 *
 * @module
 */

import {
  acceptLoop,
  Channel,
  type Command,
  type Conn,
  formatAddress,
  getLogger,
  type Listener,
  Peek,
  PROTOCOL_VERSION,
  readFrameWithin,
  reason,
  type Register,
  type RevokeTokens,
  tag,
} from "@agentx/common";
import { type Client, RegistrationError, type Registry } from "./registry.ts";
import type { Authenticator } from "./auth/mod.ts";
import type { RemotePorts } from "./remote.ts";

const log = getLogger(["arps", "control"]);

/** Options of a {@link ControlPort}. */
export interface ControlOptions {
  /** For the first frame to come, in milliseconds. */
  registerTimeout: number;
  /** Between two pings, in seconds. */
  heartbeat: number;
  /** Where visitors find the given tokens. */
  publicUrls: (tokens: readonly string[]) => string[];
  /** Who may register as what. */
  auth: Authenticator;
  /** A client says that visitor tokens of it are good no more. */
  revoked: (client: Client, ids: readonly string[]) => void;
}

/** All control connections. */
export class ControlPort {
  #links = new Set<Channel>();

  constructor(
    private readonly listener: Listener,
    private readonly registry: Registry,
    private readonly remotePorts: RemotePorts,
    private readonly options: ControlOptions,
  ) {}

  /** Accepts until {@link ControlPort.close}. */
  run(): Promise<void> {
    return acceptLoop(this.listener, log, (conn) => void this.#serve(conn));
  }

  /** Tells every client that understands it to look for another server. */
  drain(graceSeconds: number): void {
    for (const { generation, channel } of this.registry.clients) {
      if (generation === 2) channel.send({ type: "Draining", grace_s: graceSeconds });
    }
  }

  /** Ends every link. */
  close(): void {
    this.listener.close();
    for (const link of this.#links) link.close();
  }

  async #serve(conn: Conn): Promise<void> {
    using channel = new Channel(new Peek(conn));
    const peer = formatAddress(conn.remoteAddr as Deno.NetAddr);
    this.#links.add(channel);
    let client: Client | undefined;
    try {
      const first = await readFrameWithin(channel.peek, this.options.registerTimeout);
      if (first?.type !== "Register") {
        log.warning("Not a client", { peer, sent: first?.type ?? "nothing" });
        return;
      }
      client = await this.#register(first, channel, peer);
      if (client === undefined) return;
      const command = await this.#hear(client, channel);
      const why = command === null ? "link closed" : `it sent ${command.type}`;
      log.info("Client left", { client: client.tag, peer, why });
    } catch (error) {
      log.warning("Client lost", { client: client?.tag, peer, why: reason(error) });
    } finally {
      this.#links.delete(channel);
      if (client !== undefined) this.#unregister(client);
    }
  }

  /** What ends a link: null for its end in order, or a command that does not belong there. */
  async #hear(client: Client, channel: Channel): Promise<Exclude<Command, RevokeTokens> | null> {
    for (;;) {
      const command = await channel.receive();
      if (command?.type !== "RevokeTokens") return command;
      this.options.revoked(client, command.ids);
    }
  }

  async #register(
    command: Register,
    channel: Channel,
    peer: string,
  ): Promise<Client | undefined> {
    const name = await tag(command.client_id);
    try {
      const grant = await this.options.auth.authenticate(command, hostOf(channel));
      // From here to the answer nothing may wait: the client is told of a visitor only after it.
      const wanted = (command.version ?? 1) >= 2 ? command.remote_port : undefined;
      using port = wanted === undefined
        ? undefined
        : this.remotePorts.reserve(command.client_id, wanted, grant);
      const { client, replaced } = this.registry.register(command, name, channel, peer);
      port?.give(client);
      if (replaced !== undefined) this.#supersede(replaced);
      channel.send({
        type: "RegisterResult",
        success: true,
        error: null,
        ...(client.generation === 2
          ? {
            version: PROTOCOL_VERSION,
            public_urls: this.options.publicUrls(client.tokens),
            ...(port === undefined ? {} : { remote_port: port.port }),
            heartbeat_s: this.options.heartbeat,
            reuse: client.tunnels === "reusable",
            visitor_tokens: true,
          }
          : {}),
      });
      if (client.generation === 2) channel.heartbeat(this.options.heartbeat);
      client.pool.refill();
      log.info("Client registered", {
        client: name,
        peer,
        generation: client.generation,
        version: client.version,
        aliases: client.tokens.length - 1,
        service: client.service,
        remote_port: port?.port,
      });
      return client;
    } catch (error) {
      if (!(error instanceof RegistrationError)) throw error;
      log.warning("Registration refused", { client: name, peer, why: error.message });
      channel.send({
        type: "RegisterResult",
        success: false,
        error: error.message,
        ...(error.retryAfter === undefined ? {} : { retry_s: error.retryAfter }),
      });
      await channel.end();
      return undefined;
    }
  }

  #unregister(client: Client): void {
    this.registry.unregister(client);
    this.remotePorts.release(client);
  }

  /** The earlier link of a client that registered again: it is told why it ends, then closed. */
  #supersede(replaced: Client): void {
    const { tag, channel, generation } = replaced;
    this.remotePorts.release(replaced);
    log.info("Client replaced by a new registration", { client: tag });
    if (generation === 2) {
      channel.send({ type: "RegisterResult", success: false, error: "replaced" });
    }
    void channel.end();
  }
}

function hostOf(channel: Channel): string {
  return (channel.peek.conn.remoteAddr as Deno.NetAddr).hostname;
}
