/**
 * The server: opens the listeners, owns every task, ends them all.
 *
 * @module
 */

import { type Address, getLogger, type Listen, MISSED_HEARTBEATS } from "@agentx/common";
import type { Authenticator } from "./auth/mod.ts";
import { ClosingListener } from "./closing.ts";
import type { PortName, ServerConfig } from "./config.ts";
import { ControlPort } from "./control.ts";
import { PerAddress } from "./limits.ts";
import { Links } from "./links.ts";
import { type Parts, plainParts } from "./parts.ts";
import { serveProxyPort } from "./proxy.ts";
import { PublicPort } from "./public.ts";
import { type Client, Registry } from "./registry.ts";
import { RemotePorts } from "./remote.ts";
import { serveRemote } from "./remote_visitor.ts";
import { Router } from "./router.ts";
import { Settle } from "./settle.ts";
import { Stats } from "./stats.ts";
import { counted } from "./stats/listen.ts";
import { publicUrls } from "./urls.ts";
import { type Live, Visitors } from "./visitors.ts";

const log = getLogger(["arps"]);

const EXPIRE_EVERY_MS = 1000;
const SWEEP_EVERY_MS = 5000;
/** A tunnel that idles longer may have been forgotten by a router on its way, in milliseconds. */
const MAX_TUNNEL_IDLE_MS = 90_000;
const QUEUE_WAIT_MS = 10_000;

/** A running server. */
export class Server implements AsyncDisposable {
  /** The addresses really bound. */
  readonly ports: Readonly<Record<PortName, Address>>;
  /** What it counts. */
  readonly stats: Stats = new Stats();
  /** When its certificate expires, where it speaks TLS. */
  readonly expires: (() => Date) | undefined;
  /** What its owner should know of the certificate's time, if anything. */
  readonly expiring: (() => string | undefined) | undefined;
  readonly #registry: Registry;
  readonly #proxyListener: ClosingListener;
  readonly #control: ControlPort;
  readonly #publicListener: ClosingListener;
  readonly #settle: Settle;
  readonly #visitors: Visitors;
  readonly #remotePorts: RemotePorts;
  readonly #tasks: Promise<void>[];
  readonly #timers: ReturnType<typeof setInterval>[];
  readonly #graceSeconds: number;
  readonly #auth: Authenticator;

  /**
   * Opens the three ports and serves.
   *
   * @param parts how to open a port, and who may register; plain TCP and anybody by default.
   * @throws {Error} that names the flag when a port cannot be opened; none stays open then.
   */
  constructor(config: ServerConfig, parts: Parts = plainParts()) {
    const listen = (name: PortName | "remote") => counted(parts.listen[name], name, this.stats);
    this.expires = parts.expires;
    this.expiring = parts.expiring;
    const listeners = openAll(config, listen);
    this.ports = {
      control: listeners.control.address,
      proxy: listeners.proxy.address,
      public: listeners.public.address,
    };
    const registry = new Registry(
      {
        size: config.poolSize,
        max: config.maxPoolSize,
        queue: config.queueSize,
        wait: QUEUE_WAIT_MS,
        maxIdle: MAX_TUNNEL_IDLE_MS,
      },
      config.onDuplicate,
      this.stats,
      config,
    );
    this.#registry = registry;
    const tls = config.tls?.ports.public === true;
    const names = { ...config, tls, port: listeners.public.address.port };
    const perAddress = new PerAddress({ count: config.maxPerIp, rate: config.ratePerIp });
    this.#graceSeconds = config.graceSeconds;
    this.#auth = parts.auth;
    this.#proxyListener = listeners.proxy;
    this.#publicListener = listeners.public;
    this.#visitors = new Visitors(perAddress, config, getLogger(["arps", "public"]), this.stats);
    this.#settle = new Settle({ ms: config.settle, queue: config.queueSize });
    const router = new Router(registry, config, this.#settle);
    this.#remotePorts = new RemotePorts(listen("remote"), {
      bind: config.bind,
      allowed: config.allowPorts,
      shared: config.reusePort,
      settling: () => this.#settle.active,
      serve: (conn, client) =>
        void this.#visitors.welcome(conn, (live) => serveRemote(live, client, router)),
    });
    this.#control = new ControlPort(listeners.control, registry, this.#remotePorts, {
      registerTimeout: config.registerTimeout,
      heartbeat: config.heartbeatSeconds,
      publicUrls: (tokens) => publicUrls(tokens, names),
      auth: parts.auth,
      sharedPorts: config.reusePort,
      requireToken: config.requireVisitorToken,
      links: new Links(
        { max: config.maxLinksPerIp, trusted: config.trustedProxies },
        getLogger(["arps", "control"]),
      ),
    }, {
      registered: (client, revoked) => {
        router.tokens.registered(client, revoked);
        client.account.comment = this.commentOf(client);
        this.#settle.arrived(client.tokens);
      },
      revoked: (client, ids) => router.tokens.revoke(client, ids),
      withdrawn: (client) => this.#visitors.abortOf(client, "withdrawn"),
    });
    this.#tasks = [
      this.#control.run(),
      serveProxyPort(listeners.proxy, registry, {
        timeout: config.registerTimeout,
        shared: config.reusePort,
        links: new Links({
          max: config.maxLinksPerIp,
          more: (address) => registry.askedFrom(address),
          trusted: config.trustedProxies,
        }, getLogger(["arps", "proxy"])),
      }),
      new PublicPort(listeners.public, router, this.#visitors, config).run(),
    ];
    const vanishedAfter = config.heartbeatSeconds * 1000 * MISSED_HEARTBEATS;
    this.#timers = [
      setInterval(() => {
        registry.expire();
        this.#control.members.expire();
        router.tokens.sweep();
        this.stats.sweep(Date.now(), () => this.#visitors.accounts);
        this.#visitors.sweep();
        this.#visitors.endVanished((id) => registry.find(id) !== undefined, vanishedAfter);
      }, EXPIRE_EVERY_MS),
      setInterval(() => {
        registry.sweep();
        perAddress.sweep();
      }, SWEEP_EVERY_MS),
    ];
  }

  /** Clients online. */
  get clients(): ReadonlySet<Client> {
    return this.#registry.clients;
  }

  /** Visitors being served, the newest last. */
  get visitors(): Iterable<Live> {
    return this.#visitors.live;
  }

  /** Whether it stops, and takes no new visitors. */
  get draining(): boolean {
    return this.#visitors.draining;
  }

  /**
   * Sends a client away, and ends its visitors; also one that left and is still known.
   *
   * @param tag names it as logs do.
   * @param seconds for so long it may not register again.
   * @returns whether it was known.
   */
  kick(tag: string, seconds = 0): boolean {
    const kicked = this.#control.members.kick(tag, seconds);
    for (const client of kicked) this.#visitors.abortOf(client, "kicked");
    if (kicked.length > 0) this.stats.tell({ kind: "kicked", client: tag, seconds });
    return kicked.length > 0;
  }

  /** Bans in force: the tag of each client, and the seconds that are left. */
  bans(): Promise<[tag: string, seconds: number][]> {
    return this.#control.members.bans();
  }

  /** Lifts the ban of a client, named by its tag; false if there was none. */
  async liftBan(tag: string): Promise<boolean> {
    const lifted = await this.#control.members.liftBan(tag);
    if (lifted) this.stats.tell({ kind: "unbanned", client: tag });
    return lifted;
  }

  /** What the `--auth-file` says of a client, for its owner. */
  commentOf({ id }: Client): string | undefined {
    return this.#auth.comment?.(id);
  }

  /**
   * Ends one visitor.
   *
   * @param nth its number among all that ever came.
   * @returns whether it was here.
   */
  endVisitor(nth: number): boolean {
    return this.#visitors.end(nth, "kicked");
  }

  /**
   * Stops in order: takes no new clients and tells those it has, takes no new visitors but those
   * that are connected already, and lets all visitors finish within the grace time. Tunnels are taken
   * to the end, since visitors may still need some.
   */
  async drain(): Promise<void> {
    this.stats.tell({ kind: "draining", seconds: this.#graceSeconds });
    log.info("Draining", { visitors: this.#visitors.count, grace_s: this.#graceSeconds });
    this.#settle.end();
    this.#control.drain(this.#graceSeconds);
    const closed = Promise.all([this.#publicListener.finish(), this.#remotePorts.drain()]);
    void closed.then(() => log.debug("Closed to visitors"));
    await this.#visitors.drain(this.#graceSeconds * 1000, closed);
  }

  /** Stops at once: ends every connection and waits for the tasks. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#control.close();
    this.#proxyListener.close();
    this.#publicListener.close();
    this.#settle.end();
    await this.#remotePorts.close();
    await this.#visitors.close();
    await Promise.all(this.#tasks);
  }
}

function openAll(
  config: ServerConfig,
  listen: (name: PortName) => Listen,
): Record<PortName, ClosingListener> {
  const opened: ClosingListener[] = [];
  const open = (name: PortName): ClosingListener => {
    const address = { hostname: config.bind, port: config[`${name}Port`] };
    try {
      const listener = new ClosingListener(listen(name)(address, { reusePort: config.reusePort }));
      opened.push(listener);
      return listener;
    } catch (error) {
      for (const listener of opened) listener.close();
      const taken = error instanceof Deno.errors.AddrInUse;
      throw new Error(
        `Cannot listen on --${name}-port ${address.port} of ${config.bind}: ` +
          (taken ? inUse(config) : String(error)),
        { cause: error },
      );
    }
  };
  return { control: open("control"), proxy: open("proxy"), public: open("public") };
}

function inUse({ reusePort }: ServerConfig): string {
  return reusePort
    ? "another program uses it, which is no arps of this user's with --reuse-port"
    : "another program uses it; stop that or choose another port";
}
