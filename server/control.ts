/**
 * The control port: registration, heartbeat, and the end of each client.
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
  type RegisterResult,
  type RevokeTokens,
  Seldom,
  tag,
} from "@agentx/common";
import { peerOf } from "./address.ts";
import type { Authenticator, Grant } from "./auth/mod.ts";
import { Bans, SENT_AWAY } from "./bans.ts";
import { type Departed, DepartedClients } from "./departed.ts";
import { Farewells } from "./farewell.ts";
import type { Link, Links } from "./links.ts";
import { LASTING_S, RegistrationError } from "./registration_error.ts";
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

/** How this side ends a registration, and what is logged of that. */
const DISMISSALS = {
  kicked: ["info", "Client kicked"],
  withdrawn: ["warning", "Client may be here no more"],
  replaced: ["info", "Client replaced by a new registration"],
} as const;

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
  #bans = new Bans();
  /** What the clients online may do, and the port that each has of its own. */
  #grants = new Map<Client, { grant: Grant; port: number | undefined }>();
  /** Those that left, and may have left visitors behind. */
  #departed = new DepartedClients();
  #rollCall = new RollCall();
  #farewells = new Farewells(16);

  constructor(
    private readonly listener: Listener,
    private readonly registry: Registry,
    private readonly remotePorts: RemotePorts,
    private readonly options: ControlOptions,
    private readonly events: ControlEvents,
  ) {
    options.auth.watch(() => this.#recheck());
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

  /** Every second or so: forgets those that left long ago. */
  expire(): void {
    this.#departed.expire();
  }

  /**
   * Sends clients away, also those that left, for whom there may still be visitors.
   *
   * @param name the tag of their ids.
   * @param seconds for so long they may not register again.
   * @returns those that were known under that tag: nearly always one.
   */
  kick(name: string, seconds: number): (Client | Departed)[] {
    const departed = this.#departed.of(name);
    for (const client of departed) {
      if (seconds > 0) this.#bans.set(client.tokens, seconds);
      client.leave = undefined;
      log.info("Client kicked that had left", { client: name, peer: client.peer, ban_s: seconds });
    }
    const kicked = [...this.registry.clients].filter((client) => client.tag === name);
    for (const client of kicked) {
      if (seconds > 0) this.#bans.set(client.tokens, seconds);
      const ban = { error: `${SENT_AWAY} for a while`, retry_s: seconds };
      this.#dismiss(client, "kicked", seconds > 0 ? ban : { error: SENT_AWAY });
    }
    return [...kicked, ...departed];
  }

  /** Bans in force: the tag of each client, and the seconds that are left. */
  bans(): Promise<[tag: string, seconds: number][]> {
    return Promise.all(Array.from(
      this.#bans.inForce(),
      async ([id, seconds]): Promise<[string, number]> => [await tag(id), seconds],
    ));
  }

  /**
   * Lifts the ban of a client.
   *
   * @param name the tag of its id.
   * @returns whether there was one.
   */
  async liftBan(name: string): Promise<boolean> {
    let lifted = false;
    for (const [id] of [...this.#bans.inForce()]) {
      if (await tag(id) !== name) continue;
      this.#bans.set([id], 0);
      lifted = true;
      log.info("Ban lifted", { client: name });
    }
    return lifted;
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
        this.#unregister(client);
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
      for (const name of [command.client_id, ...command.aliases ?? []]) this.#bans.check(name);
      const why = grant.withdrawn(port?.port);
      if (why !== undefined) throw new RegistrationError(why, LASTING_S, "denied");
      const { client, replaced } = this.registry.register(
        command,
        name,
        channel,
        peer,
        yielding,
      );
      port?.give(client);
      this.#grants.set(client, { grant, port: port?.port });
      this.#departed.delete(client.id);
      if (replaced !== undefined) this.#dismiss(replaced, "replaced", { error: "replaced" });
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

  /** Sends away whom the owner of the server wants here no more. */
  #recheck(): void {
    for (const [departed, why] of this.#departed.withdrawn()) {
      const { tag, peer } = departed;
      log.warning("Client that left may be here no more", { client: tag, peer, why });
      this.events.withdrawn(departed);
    }
    for (const [client, { grant, port }] of this.#grants) {
      const why = grant.withdrawn(port);
      if (why === undefined) continue;
      this.#dismiss(client, "withdrawn", { error: why, retry_s: LASTING_S });
      this.events.withdrawn(client);
    }
  }

  /** @param stay whether its visitors may, for as long as it has its grant. */
  #unregister(client: Client, stay = true): void {
    const allowed = this.#grants.get(client);
    this.#grants.delete(client);
    this.registry.unregister(client);
    this.remotePorts.release(client);
    // Not one that was replaced, and each once.
    if (allowed === undefined || this.registry.find(client.id)?.id === client.id) return;
    this.#departed.add(client, stay ? { client, ...allowed } : undefined);
  }

  /**
   * Ends a registration: its client is told why, as far as it understands that, and its link is closed.
   * What is to become of its visitors is for the caller to say.
   */
  #dismiss(
    client: Client,
    ending: keyof typeof DISMISSALS,
    said: { error: string } & Pick<RegisterResult, "retry_s">,
  ): void {
    const { tag, peer, channel, generation } = client;
    const [level, message] = DISMISSALS[ending];
    client.ending = ending;
    this.#unregister(client, false);
    log[level](message, { client: tag, peer, why: said.error, retry_s: said.retry_s });
    if (generation === 2) channel.send({ type: "RegisterResult", success: false, ...said });
    void channel.end();
  }
}
