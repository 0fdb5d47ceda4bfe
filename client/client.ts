/**
 * The client: keeps a link to the server, and serves the tunnels it asks for.
 *
 * @module
 */

import { Backoff, getLogger, isLoopback, reason, RefusedError } from "@agentx/common";
import type { ClientConfig } from "./config.ts";
import { Link, ReplacedError } from "./link.ts";
import { type Asked, Links } from "./links.ts";
import { serverDials } from "./tls/dial.ts";
import { sleep } from "./sleep.ts";
import type { TokenWatch } from "./token/watch.ts";
import { remoteUrls, visitorUrls } from "./urls.ts";
import { ServiceWatch } from "./watch.ts";

const log = getLogger(["arpc"]);

/**
 * Longest wait for a server that is likely to be back soon, in milliseconds: its machine says that
 * nobody listens, which costs a packet each way to be told, or it has just worked for as long.
 */
const BACK_SOON_MS = 5000;

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
 * @param tokens the visitor tokens of this machine, where there can be any.
 * @throws {ReplacedError} when another registration took the id.
 * @throws {Error} why the link was lost, without `autoReconnect`.
 */
export async function runClient(
  config: ClientConfig,
  events: ClientEvents,
  signals: ClientSignals,
  tokens?: TokenWatch,
): Promise<void> {
  const tunnels = new Set<Promise<void>>();
  const kill = new AbortController();
  const abort = () => kill.abort();
  signals.now.addEventListener("abort", abort, { once: true });
  try {
    const local = { hostname: config.localAddr, port: config.localPort };
    using watch = new ServiceWatch(local, config.service);
    await keepLink(config, watch, tokens, events, signals.drain, (asked) => {
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

/** Longest wait before the next try while a server that stops is still there, in milliseconds. */
const MAX_WAIT_LEAVING_MS = 1000;

async function keepLink(
  config: ClientConfig,
  watch: ServiceWatch,
  tokens: TokenWatch | undefined,
  events: ClientEvents,
  drain: AbortSignal,
  spawn: (asked: Asked) => void,
): Promise<void> {
  let backoff = new Backoff({ max: config.reconnectMax });
  let { remotePort } = config;
  const server = `${config.serverAddr}:${config.controlPort}`;
  const dials = await serverDials(config.tls);
  if (
    config.authToken !== undefined && !config.tls?.control && !isLoopback(config.serverAddr)
  ) {
    log.warning("The --auth-token goes out without TLS: whoever is on the way can read it", {
      server,
      instead: "arpc --tls",
    });
  }
  using links = new Links({ config, dial: dials.proxy, watch, tokens, spawn });
  drain.addEventListener("abort", () => links[Symbol.dispose](), { once: true });
  while (!drain.aborted) {
    let since = performance.now();
    let registered = false;
    let why: unknown;
    try {
      const asked = { ...config, remotePort };
      const link = await Link.open(asked, drain, dials.control, () => watch.declaration(), tokens);
      since = performance.now();
      registered = true;
      const { generation, declared } = link;
      log.info("Registered", { server, generation, service: declared?.service });
      const own = remoteUrls(config, link.welcome.remote_port);
      if (config.remotePort !== undefined && own.length === 0) {
        log.warning("No --remote-port: the server is too old to give out ports", { server });
      }
      events.online([...visitorUrls(config, link.welcome.public_urls), ...own]);
      const end = await links.serve(link);
      if (end === "draining") {
        // A server beside the one that stops would give it to whoever comes first.
        if (link.sharedPorts) remotePort = link.welcome.remote_port ?? config.remotePort;
        backoff = new Backoff({ max: config.reconnectMax });
        continue;
      }
      if (end === "stale") continue;
      why = new Error("the server ended the link");
    } catch (error) {
      if (error instanceof ReplacedError) throw error;
      why = error;
      if (error instanceof RefusedError) remotePort = config.remotePort;
    }
    if (drain.aborted) return;
    const what = why instanceof RefusedError ? "refused the registration" : "cannot be reached";
    const message = `Server ${server} ${what}: ${reason(why)}`;
    if (!config.autoReconnect) throw new Error(message, { cause: why });
    const wish = why instanceof RefusedError ? why.retryAfter : undefined;
    const { leaving, left } = links;
    const lived = performance.now() - since;
    const most = leaving
      ? MAX_WAIT_LEAVING_MS
      : why instanceof Deno.errors.ConnectionRefused || (registered && lived > BACK_SOON_MS)
      ? BACK_SOON_MS
      : undefined;
    const wait = backoff.next(lived, (wish ?? 0) * 1000, most);
    log[leaving ? "info" : "warning"]("No link to the server", {
      server,
      why: reason(why),
      retry_s: Number((wait / 1000).toFixed(1)),
    });
    await sleep(wait, leaving ? AbortSignal.any([drain, left]) : drain);
    if (leaving && left.aborted) backoff = new Backoff({ max: config.reconnectMax });
  }
}
