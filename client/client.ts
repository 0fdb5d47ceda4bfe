/**
 * The client: keeps a link to the server, and serves the tunnels it asks for.
 *
 * @module
 */

import { Backoff, type Dial, getLogger, reason, RefusedError } from "@agentx/common";
import type { ClientConfig } from "./config.ts";
import { Link, ReplacedError } from "./link.ts";
import { serverDial } from "./tls/dial.ts";
import { sleep } from "./sleep.ts";
import { serveTunnel } from "./tunnel.ts";
import { remoteUrls, visitorUrls } from "./urls.ts";
import { ServiceWatch } from "./watch.ts";

const log = getLogger(["arpc"]);

/** What a client reports. */
export interface ClientEvents {
  /** It is registered; visitors find it there: web addresses first, then a port of its own. */
  online(urls: readonly string[]): void;
}

/** Signals that end a client. */
export interface ClientSignals {
  /** Leave the server, and let running visitors finish within the grace time. */
  drain: AbortSignal;
  /** End at once. */
  now: AbortSignal;
}

/**
 * Runs until told to stop.
 *
 * @throws {ReplacedError} when another registration took the id.
 * @throws {Error} why the link was lost, without `autoReconnect`.
 */
export async function runClient(
  config: ClientConfig,
  events: ClientEvents,
  signals: ClientSignals,
): Promise<void> {
  const tunnels = new Set<Promise<void>>();
  const kill = new AbortController();
  const abort = () => kill.abort();
  signals.now.addEventListener("abort", abort, { once: true });
  try {
    const local = { hostname: config.localAddr, port: config.localPort };
    using watch = new ServiceWatch(local, config.service);
    await keepLink(config, watch, events, signals.drain, (asked) => {
      const task = asked(kill.signal).finally(() => tunnels.delete(task));
      tunnels.add(task);
    });
    await settle(tunnels, config.grace, kill);
  } finally {
    signals.now.removeEventListener("abort", abort);
    kill.abort();
    await Promise.all(tunnels);
  }
}

/** Idle tunnels end at once; those still there after so many milliseconds serve a visitor. */
const IDLE_ENDS_MS = 100;

/** Waits for the running visitors, at most the grace time. */
async function settle(
  tunnels: ReadonlySet<Promise<void>>,
  grace: number,
  kill: AbortController,
): Promise<void> {
  const timers = [
    setTimeout(() => kill.abort(), grace),
    setTimeout(() => {
      log.info("Waiting for running visitors", { visitors: tunnels.size, grace_s: grace / 1000 });
    }, Math.min(IDLE_ENDS_MS, grace)),
  ];
  await Promise.all(tunnels);
  for (const timer of timers) clearTimeout(timer);
}

type Asked = (now: AbortSignal) => Promise<void>;

async function keepLink(
  config: ClientConfig,
  watch: ServiceWatch,
  events: ClientEvents,
  drain: AbortSignal,
  spawn: (asked: Asked) => void,
): Promise<void> {
  const backoff = new Backoff({ max: config.reconnectMax });
  const server = `${config.serverAddr}:${config.controlPort}`;
  const dial = await serverDial(config.tls);
  while (!drain.aborted) {
    let since = performance.now();
    let why: unknown;
    try {
      using link = await Link.open(config, drain, dial, () => watch.declaration());
      since = performance.now();
      const { generation, declared } = link;
      log.info("Registered", { server, generation, service: declared?.service });
      const own = remoteUrls(config, link.welcome.remote_port);
      if (config.remotePort !== undefined && own.length === 0) {
        log.warning("No --remote-port: the server is too old to give out ports", { server });
      }
      events.online([...visitorUrls(config, link.welcome.public_urls), ...own]);
      await serveLink(link, config, dial, watch, drain, spawn);
      if (generation === 2 && declared !== watch.words) continue;
      why = new Error("the server ended the link");
    } catch (error) {
      if (error instanceof ReplacedError) throw error;
      why = error;
    }
    if (drain.aborted) return;
    const what = why instanceof RefusedError ? "refused the registration" : "cannot be reached";
    const message = `Server ${server} ${what}: ${reason(why)}`;
    if (!config.autoReconnect) throw new Error(message, { cause: why });
    const wait = backoff.next(performance.now() - since);
    log.warning("No link to the server", {
      server,
      why: reason(why),
      retry_s: Number((wait / 1000).toFixed(1)),
    });
    await sleep(wait, drain);
  }
}

async function serveLink(
  link: Link,
  config: ClientConfig,
  dial: Dial,
  watch: ServiceWatch,
  drain: AbortSignal,
  spawn: (asked: Asked) => void,
): Promise<void> {
  // Idle tunnels belong to this link: without it nobody would ever use them.
  const lost = new AbortController();
  const options = {
    proxy: { hostname: config.serverAddr, port: config.proxyPort },
    local: { hostname: config.localAddr, port: config.localPort },
    clientId: config.clientId,
    kind: link.tunnels,
    dialServer: dial,
    visited: (protocol: string | undefined) => watch.visited(protocol),
  };
  const leave = () => link[Symbol.dispose]();
  // What the server was told of the service is not true any more: it is told anew.
  const renew = () => {
    if (link.generation === 2 && link.declared !== watch.words) void link.leave();
  };
  drain.addEventListener("abort", leave, { once: true });
  watch.found.addEventListener("abort", renew, { once: true });
  try {
    if (drain.aborted) return;
    renew();
    await link.serve({
      asked: ({ proxy_conn_id }) =>
        spawn((now) => serveTunnel(proxy_conn_id, options, { idle: lost.signal, now })),
      draining: (graceSeconds) => log.info("The server is draining", { grace_s: graceSeconds }),
    });
  } finally {
    drain.removeEventListener("abort", leave);
    watch.found.removeEventListener("abort", renew);
    lost.abort();
  }
}
