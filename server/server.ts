/**
 * The server: opens the listeners, owns every task, ends them all.
 *
 * @module
 */

import { type Address, getLogger, type Listener } from "@agentx/common";
import type { PortName, ServerConfig } from "./config.ts";
import { ControlPort } from "./control.ts";
import { PerAddress } from "./limits.ts";
import { type Parts, plainParts } from "./parts.ts";
import { serveProxyPort } from "./proxy.ts";
import { PublicPort } from "./public.ts";
import { Registry } from "./registry.ts";
import { RemotePorts } from "./remote.ts";
import { serveRemote } from "./remote_visitor.ts";
import { Router } from "./router.ts";
import { publicUrls } from "./urls.ts";
import { VisitorTokens } from "./visitor_token/mod.ts";
import { Visitors } from "./visitors.ts";

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
  readonly #proxyListener: Listener;
  readonly #control: ControlPort;
  readonly #publicListener: Listener;
  readonly #visitors: Visitors;
  readonly #remotePorts: RemotePorts;
  readonly #tasks: Promise<void>[];
  readonly #timers: ReturnType<typeof setInterval>[];
  readonly #graceSeconds: number;

  /**
   * Opens the three ports and serves.
   *
   * @param parts how to open a port, and who may register; plain TCP and anybody by default.
   * @throws {Error} that names the flag when a port cannot be opened; none stays open then.
   */
  constructor(config: ServerConfig, parts: Parts = plainParts()) {
    const listeners = openAll(config, parts.listen);
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
    );
    const tls = config.tls?.ports.public === true;
    const names = { ...config, tls, port: listeners.public.address.port };
    const perAddress = new PerAddress({ count: config.maxPerIp, rate: config.ratePerIp });
    this.#graceSeconds = config.graceSeconds;
    this.#proxyListener = listeners.proxy;
    this.#publicListener = listeners.public;
    this.#visitors = new Visitors(perAddress, config, getLogger(["arps", "public"]));
    const router = new Router(registry, config);
    const tokens = new VisitorTokens();
    this.#remotePorts = new RemotePorts(parts.listen.remote, {
      bind: config.bind,
      allowed: config.allowPorts,
      serve: (conn, client) =>
        void this.#visitors.welcome(conn, (live) => serveRemote(live, client, router)),
    });
    this.#control = new ControlPort(listeners.control, registry, this.#remotePorts, {
      registerTimeout: config.registerTimeout,
      heartbeat: config.heartbeatSeconds,
      publicUrls: (tokens) => publicUrls(tokens, names),
      auth: parts.auth,
      revoked: (client, ids) => tokens.revoke(client, ids),
    });
    this.#tasks = [
      this.#control.run(),
      serveProxyPort(listeners.proxy, registry),
      new PublicPort(listeners.public, router, this.#visitors, config).run(),
    ];
    this.#timers = [
      setInterval(() => {
        registry.expire();
        this.#visitors.sweep();
      }, EXPIRE_EVERY_MS),
      setInterval(() => {
        registry.sweep();
        perAddress.sweep();
      }, SWEEP_EVERY_MS),
    ];
  }

  /**
   * Stops in order: takes no new visitors, tells the clients, and lets running visitors finish
   * within the grace time.
   */
  async drain(): Promise<void> {
    log.info("Draining", { visitors: this.#visitors.count, grace_s: this.#graceSeconds });
    this.#control.drain(this.#graceSeconds);
    this.#publicListener.close();
    await Promise.all([
      this.#remotePorts.close(),
      this.#visitors.drain(this.#graceSeconds * 1000),
    ]);
  }

  /** Stops at once: ends every connection and waits for the tasks. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#control.close();
    this.#proxyListener.close();
    if (!this.#visitors.draining) this.#publicListener.close();
    await this.#remotePorts.close();
    await this.#visitors.close();
    await Promise.all(this.#tasks);
  }
}

function openAll(config: ServerConfig, listen: Parts["listen"]): Record<PortName, Listener> {
  const opened: Listener[] = [];
  const open = (name: PortName): Listener => {
    const address = { hostname: config.bind, port: config[`${name}Port`] };
    try {
      const listener = listen[name](address, { reusePort: config.reusePort });
      opened.push(listener);
      return listener;
    } catch (error) {
      for (const listener of opened) listener.close();
      const taken = error instanceof Deno.errors.AddrInUse;
      throw new Error(
        `Cannot listen on --${name}-port ${address.port} of ${config.bind}: ` +
          (taken ? "another program uses it; stop that or choose another port" : String(error)),
        { cause: error },
      );
    }
  };
  return { control: open("control"), proxy: open("proxy"), public: open("public") };
}
