/**
 * One control connection: registers, and hears what the server wants until the link ends.
 *
 * @module
 */

import {
  Channel,
  type Dial,
  dialTcp,
  Peek,
  PROTOCOL_VERSION,
  ProtocolError,
  readFrameWithin,
  RefusedError,
  type Register,
  type RegisterResult,
  type RequestNewProxyConn,
} from "@agentx/common";
import { type ClientConfig, VERSION } from "./config.ts";
import type { FirstWords } from "./service.ts";
import type { TokenWatch } from "./token/watch.ts";
import type { TunnelKind } from "./tunnel.ts";

/** How long the server may take to answer a registration, in milliseconds. */
const REGISTER_TIMEOUT_MS = 10_000;
/** How long the server may take to let the link go, in milliseconds. */
const LEAVE_TIMEOUT_MS = 1000;

/** Most ids of tokens in one frame, which takes 64 KiB. */
const MAX_REVOKED = 700;

/** What a link has to know of visitor tokens. */
export type VisitorTokens = Pick<TokenWatch, "key" | "revoked">;

/** The id was registered again from elsewhere: coming back would only take it away in turn. */
export class ReplacedError extends Error {
  override name = "ReplacedError";
}

/** What a link reports. */
export interface LinkEvents {
  /** The server wants a tunnel. */
  asked(ask: RequestNewProxyConn): void;
  /** The server will stop, and gives running visitors so many seconds. */
  draining(graceSeconds: number | undefined): void;
}

/** A registered control connection, which it owns. */
export class Link implements Disposable {
  /** Gives up the wait for the server to let go. */
  #leaving = () => {};

  private constructor(
    private readonly channel: Channel,
    /** The server's answer. */
    readonly welcome: RegisterResult,
    /** What the server was told of the service. */
    readonly declared: FirstWords | undefined,
    /** By which key the server checks visitor tokens. */
    readonly visitorKey: string | undefined,
    /** Tokens that the server knows to be good no more. */
    private readonly revoked: Set<string>,
  ) {}

  /** Of the server. */
  get generation(): 1 | 2 {
    return (this.welcome.version ?? 1) >= 2 ? 2 : 1;
  }

  /** Whether another server may listen on the same ports, and get what was meant for this one. */
  get sharedPorts(): boolean {
    return this.welcome.shared_ports === true;
  }

  /** What tunnels to this server can do. */
  get tunnels(): TunnelKind {
    return this.generation === 1 ? "raw" : this.welcome.reuse ? "reusable" : "started";
  }

  /**
   * Connects and registers.
   *
   * @param declaration what to say of the service, when it is time to.
   * @param tokens what to say of visitor tokens.
   * @throws {RefusedError} with the server's reason when it does not want this client.
   */
  static async open(
    config: ClientConfig,
    signal: AbortSignal,
    dial: Dial = dialTcp,
    declaration: () => Promise<FirstWords | undefined> = () => Promise.resolve(undefined),
    tokens?: VisitorTokens,
  ): Promise<Link> {
    const address = { hostname: config.serverAddr, port: config.controlPort };
    const channel = new Channel(new Peek(await dial(address, { signal })));
    const abort = () => channel.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const words = await declaration();
      const names = [config.clientId, ...config.aliases];
      const key = tokens?.key;
      const revoked = key === undefined ? [] : tokens?.revoked(names) ?? [];
      const first = revoked.slice(0, MAX_REVOKED);
      channel.send({
        ...registration(config, words),
        ...(key === undefined ? {} : { visitor_key: key }),
        ...(config.requireVisitorToken ? { require_token: true } : {}),
        ...(first.length === 0 ? {} : { revoked: first }),
      });
      const answer = await readFrameWithin(channel.peek, REGISTER_TIMEOUT_MS);
      if (answer === null) throw new ProtocolError("the server hung up instead of an answer");
      if (answer.type !== "RegisterResult") {
        throw new ProtocolError(`the server answered with ${answer.type}`);
      }
      if (!answer.success) {
        throw new RefusedError(answer.error ?? "no reason given", answer.retry_s);
      }
      const link = new Link(channel, answer, words, key, new Set(first));
      link.revoke(revoked);
      return link;
    } catch (error) {
      channel.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /**
   * Hears the server until the link ends, in order or by a reset.
   *
   * @throws {ReplacedError} when another registration took the id.
   * @throws {RefusedError} with the server's reason when it wants this client no more.
   * @throws {DeadlineError} when the link is dead.
   */
  async serve(events: LinkEvents): Promise<void> {
    if (this.generation === 2) this.channel.heartbeat(this.#heartbeat());
    for (;;) {
      const command = await this.channel.receive();
      switch (command?.type) {
        case undefined:
          return;
        case "RequestNewProxyConn":
          events.asked(command);
          break;
        case "Draining":
          events.draining(command.grace_s);
          break;
        case "RegisterResult":
          if (command.error !== null && command.error !== "replaced") {
            throw new RefusedError(command.error, command.retry_s);
          }
          throw new ReplacedError("this client id was registered again from elsewhere");
        default:
          throw new ProtocolError(`Cannot go on: the server sent ${command?.type}`);
      }
    }
  }

  /** Tells the server which visitor tokens are good no more, if it knows of such and does not know yet. */
  revoke(ids: readonly string[]): void {
    if (!this.welcome.visitor_tokens) return;
    const news = ids.filter((id) => !this.revoked.has(id));
    for (const id of news) this.revoked.add(id);
    for (let at = 0; at < news.length; at += MAX_REVOKED) {
      this.channel.send({ type: "RevokeTokens", ids: news.slice(at, at + MAX_REVOKED) });
    }
  }

  /** Seconds between two pings: what the server wishes, within what a timer and a link stand. */
  #heartbeat(): number {
    return Math.min(Math.max(this.welcome.heartbeat_s ?? 15, 0.05), 3600);
  }

  /**
   * Ends the link in order: {@link Link.serve} returns once the server has let it go, and the id is
   * free to be registered again.
   */
  async leave(): Promise<void> {
    const timer = setTimeout(() => this.channel.close(), LEAVE_TIMEOUT_MS);
    this.#leaving = () => clearTimeout(timer);
    await this.channel.flushed();
    await this.channel.peek.conn.closeWrite().catch(() => {});
  }

  /** Ends the link; {@link Link.serve} returns. */
  [Symbol.dispose](): void {
    this.#leaving();
    this.channel.close();
  }
}

/** What a client says of itself. */
function registration(config: ClientConfig, words: FirstWords | undefined): Register {
  const { clientId, aliases, authToken, dbUser, remotePort } = config;
  return {
    type: "Register",
    client_id: clientId,
    version: PROTOCOL_VERSION,
    ...(authToken === undefined ? {} : { auth: authToken }),
    ...(aliases.length > 0 ? { aliases: [...aliases] } : {}),
    ...(remotePort === undefined ? {} : { remote_port: remotePort }),
    ...(words === undefined ? {} : { service: words.service }),
    ...(words?.greeting === undefined ? {} : { greeting: words.greeting.toBase64() }),
    ...(dbUser === undefined ? {} : { db_user: dbUser }),
    client_version: VERSION,
    reuse: true,
  };
}
