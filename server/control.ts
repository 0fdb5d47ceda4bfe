/**
 * The control port: links of clients, from their registration to their end.
 *
 * @module
 */

import {
  acceptLoop,
  Channel,
  closeQuietly,
  type Command,
  type Conn,
  DeadlineError,
  type Draining,
  encodeFrame,
  formatAddress,
  getLogger,
  type Listener,
  Peek,
  PROTOCOL_VERSION,
  reason,
  type Register,
  type RevokeTokens,
  Seldom,
  tag,
} from "@agentx/common";
import { peerOf } from "./address.ts";
import type { Authenticator } from "./auth/mod.ts";
import type { Departed } from "./departed.ts";
import { Farewells } from "./farewell.ts";
import type { Link, Links } from "./links.ts";
import { Members } from "./members.ts";
import { RegistrationError } from "./registration_error.ts";
import type { Client, Registry } from "./registry.ts";
import type { RemotePorts } from "./remote.ts";
import { RollCall } from "./roll_call.ts";
import { linkEnd } from "./stats/ending.ts";
import { firstCommand, StrangerError, tellStranger } from "./stranger.ts";

const log = getLogger(["arps", "control"]);
/** Of what anybody may cause. */
const seldom = new Seldom(log);

/** For an address with too many links, which it may have for a while: another may have to end. */
const CROWDED = encodeFrame({
  type: "RegisterResult",
  success: false,
  error: "too many links from your address (arps --max-links-per-ip)",
  retry_s: 10,
});

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
  /** Whether another server may listen on the same ports. */
  sharedPorts: boolean;
  /** Whether visitors of all clients need a visitor token. */
  requireToken: boolean;
  /** Limits the links of each address. */
  links: Links;
}

/** What a {@link ControlPort} reports. */
export interface ControlEvents {
  /**
   * A client is registered, and was told so.
   *
   * @param revoked visitor tokens of it that are good no more.
   */
  registered(client: Client, revoked: readonly string[]): void;
  /** Further visitor tokens of a client are good no more. */
  revoked(client: Client, ids: readonly string[]): void;
  /** A client may be here no more, and was told so: its visitors have to go as well. */
  withdrawn(client: Client | Departed): void;
}

/**
 * When a server stops, visitors that were quiet are gone after so many milliseconds, and a client of
 * generation 1 that has none left may go as well.
 */
const OLD_LEAVE_MS = 2500;

/** All control connections. */
export class ControlPort {
  #links = new Set<Channel>();
  /** What clients are told when the server stops. */
  #draining: Draining | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  /** Who is here by what right. */
  readonly members: Members;
  #rollCall = new RollCall();
  #farewells = new Farewells(16);

  constructor(
    private readonly listener: Listener,
    private readonly registry: Registry,
    private readonly remotePorts: RemotePorts,
    private readonly options: ControlOptions,
    private readonly events: ControlEvents,
  ) {
    this.members = new Members(registry, remotePorts, (client) => events.withdrawn(client));
    options.auth.watch(() => this.members.recheck());
  }

  /** Accepts until {@link ControlPort.close}. */
  run(): Promise<void> {
    return acceptLoop(this.listener, log, (conn) => {
      const link = this.options.links.enter(conn, () => closeQuietly(conn));
      if (link !== undefined) return void this.#serve(conn, link);
      this.registry.stats.refusedRegistrations.add("links");
      void this.#farewells.say(conn, CROWDED);
    });
  }

  /**
   * Takes no further client, and tells those that understand it to register anew: with another
   * server, or with the next one here. Their links stay, for visitors that are here still. The others
   * are let go as soon as they have no visitor, since that is all they would understand.
   */
  drain(graceSeconds: number): void {
    this.listener.close();
    // The system hears of that only now, and nobody is to come back here.
    this.#leaving = setTimeout(() => {
      this.#draining = { type: "Draining", grace_s: graceSeconds };
      for (const client of this.registry.clients) this.#tell(client);
      this.#leaving = setTimeout(() => this.#letGo(), OLD_LEAVE_MS);
    }, 0);
  }

  #tell({ generation, channel }: Client): void {
    if (generation === 2 && this.#draining !== undefined) channel.send(this.#draining);
  }

  #letGo(): void {
    for (const { generation, visitors, channel } of this.registry.clients) {
      if (generation === 1 && visitors === 0) void channel.end();
    }
    this.#leaving = setTimeout(() => this.#letGo(), OLD_LEAVE_MS / 10);
  }

  /** Ends every link. */
  close(): void {
    clearTimeout(this.#leaving);
    this.listener.close();
    for (const client of this.registry.clients) client.ending = "server_stopped";
    for (const link of this.#links) link.close();
  }

  async #serve(conn: Conn, link: Link): Promise<void> {
    using _place = link;
    using channel = new Channel(new Peek(conn));
    const peer = formatAddress(peerOf(conn));
    this.#links.add(channel);
    let client: Client | undefined;
    let failure: unknown;
    try {
      const first = await firstCommand(channel.peek, "Register", this.options.registerTimeout);
      client = await this.#register(first, channel, peer);
      if (client === undefined) return;
      link.keep();
      const command = await this.#hear(client, channel);
      failure = command ?? undefined;
      const end = channel.broken && client.ending === undefined ? "link reset" : "link closed";
      const why = command === null ? end : `it sent ${command.type}`;
      log.info("Client left", { client: client.tag, peer, why });
    } catch (error) {
      if (error instanceof StrangerError) {
        return tellStranger(seldom, "Not a client", peer, error);
      }
      failure = error;
      if (client !== undefined && error instanceof DeadlineError) {
        client.vanished = performance.now();
      }
      seldom.warning("Client lost", { client: client?.tag, peer, why: reason(error) });
    } finally {
      this.#links.delete(channel);
      if (client !== undefined) {
        this.members.leave(client);
        this.registry.stats.clientLeft(client, client.ending ?? linkEnd(failure, channel.broken));
      }
    }
  }

  /** What ends a link: null for its end in order, or a command that does not belong there. */
  async #hear(client: Client, channel: Channel): Promise<Exclude<Command, RevokeTokens> | null> {
    for (;;) {
      const command = await channel.receive();
      if (command?.type !== "RevokeTokens") return command;
      // A link whose registration was replaced or ended has no say any more.
      if (!client.gone) this.events.revoked(client, command.ids);
    }
  }

  async #register(
    command: Register,
    channel: Channel,
    peer: string,
  ): Promise<Client | undefined> {
    const name = await tag(command.client_id);
    // Whoever left while it waited must not take the place of its own next link.
    let left = false;
    channel.peek.fill().then((more) => left = !more, () => left = true);
    try {
      const grant = await this.options.auth.authenticate(
        command,
        peerOf(channel.peek.conn).hostname,
      );
      const yielding = await this.#silent(command.client_id);
      if (left) return undefined;
      // From here to the answer nothing may wait: the client is told of a visitor only after it.
      const wanted = (command.version ?? 1) >= 2 ? command.remote_port : undefined;
      using port = wanted === undefined
        ? undefined
        : this.remotePorts.reserve(command.client_id, wanted, grant);
      this.members.check([command.client_id, ...command.aliases ?? []], grant, port?.port);
      const { client, replaced } = this.registry.register(
        command,
        name,
        channel,
        peer,
        yielding,
      );
      port?.give(client);
      this.members.enter(client, grant, port?.port);
      if (replaced !== undefined) this.members.dismiss(replaced, "replaced", { error: "replaced" });
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
            ...(this.options.requireToken ? { require_token: true } : {}),
            ...(this.options.sharedPorts ? { shared_ports: true } : {}),
          }
          : {}),
      });
      if (client.generation === 2) channel.heartbeat(this.options.heartbeat);
      client.pool.refill();
      this.events.registered(client, command.revoked ?? []);
      this.#tell(client);
      this.registry.stats.registered(client);
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
      seldom.warning("Registration refused", { client: name, peer, why: error.message });
      this.registry.stats.registrationRefused(name, peer, error.word, error.message);
      channel.send({
        type: "RegisterResult",
        success: false,
        error: error.message,
        // The first generation knows no such field.
        ...((command.version ?? 1) < 2 || error.retryAfter === undefined
          ? {}
          : { retry_s: error.retryAfter }),
      });
      await channel.end();
      return undefined;
    }
  }

  /**
   * Whoever has an id and would keep it, though its link is silent: most likely it is the same client
   * that comes back, before the heartbeat has missed it. The first generation cannot be asked.
   */
  async #silent(id: string): Promise<Client | undefined> {
    const client = this.registry.find(id);
    const { policy } = this.registry;
    if (policy === "replace" || client?.id !== id || client.generation === 1) return undefined;
    return await this.#rollCall.isThere(client) ? undefined : client;
  }
}
