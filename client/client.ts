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
import { UntrustedError } from "./tls/untrusted.ts";
import { sleep } from "./sleep.ts";
import type { Tokens } from "./token/watch.ts";
import { remoteUrls, visitorSites, visitorUrls } from "./urls.ts";
import { ServiceWatch } from "./watch.ts";

const log = getLogger(["arpc"]);

/**
 * Longest wait for a server that is likely to be back soon, in milliseconds: its machine says that
 * nobody listens, which costs a packet each way to be told, or it has just worked for as long.
 */
const BACK_SOON_MS = 5000;

/**
 * Shortest wait for a server that was not trusted, in seconds; it grows as after a refusal, since
 * somebody has to do something first. Whoever set a shorter `--reconnect-interval` wants it shorter.
 */
const UNTRUSTED_S = 5;

/** What a client reports. */
export interface ClientEvents {
  /** It is registered; visitors find it there: web addresses first, then a port of its own. */
  online(urls: readonly string[], entrance: Entrance): void;
}

/** What it takes to come in. */
export interface Entrance {
  /** The URLs open nothing without a visitor token. */
  needsToken: boolean;
  /** The addresses that such tokens go with, by client id and alias. */
  sites: ReadonlyMap<string, string>;
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
  tokens?: Tokens,
): Promise<void> {
  const tunnels = new Set<Promise<void>>();
  const kill = new AbortController();
  const abort = () => kill.abort();
  signals.now.addEventListener("abort", abort, { once: true });
  try {
    const local = { hostname: config.localAddr, port: config.localPort };
    using watch = new ServiceWatch(local, config.service);
    await keepLink(config, watch, tokens, events, signals, (asked) => {
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
  tokens: Tokens | undefined,
  events: ClientEvents,
  { drain, now }: ClientSignals,
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
  drain.addEventListener("abort", () => links.leave(), { once: true });
  now.addEventListener("abort", () => links[Symbol.dispose](), { once: true });
  let distrust = "";
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
      const { public_urls: told, visitor_tokens: tokensKnown, require_token } = link.welcome;
      const needsToken = config.requireVisitorToken || require_token === true;
      const urls = visitorUrls({ ...config, requireVisitorToken: needsToken }, told);
      const sites = visitorSites(config, tokensKnown ? told : undefined);
      events.online([...urls, ...own], { needsToken, sites });
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
    const message = `Server ${server} ${failure(why)}: ${reason(why)}`;
    if (!config.autoReconnect) throw new Error(message, { cause: why });
    const untrusted = why instanceof UntrustedError;
    const patient = untrusted && config.reconnectMax >= UNTRUSTED_S * 1000;
    const wish = patient ? UNTRUSTED_S : why instanceof RefusedError ? why.retryAfter : undefined;
    const { leaving, left } = links;
    const lived = performance.now() - since;
    const most = leaving
      ? MAX_WAIT_LEAVING_MS
      : why instanceof Deno.errors.ConnectionRefused || (registered && lived > BACK_SOON_MS)
      ? BACK_SOON_MS
      : undefined;
    const wait = backoff.next(lived, (wish ?? 0) * 1000, most);
    // Each try fails for the same reason until somebody mends it: one line stands out.
    const news = untrusted && distrust !== reason(why);
    if (news) distrust = reason(why);
    const level = news ? "error" : leaving ? "info" : "warning";
    log[level]("No link to the server", {
      server,
      why: reason(why),
      retry_s: Number((wait / 1000).toFixed(1)),
    });
    await sleep(wait, leaving ? AbortSignal.any([drain, left]) : drain);
    if (leaving && left.aborted) backoff = new Backoff({ max: config.reconnectMax });
  }
}

/** What became of a try, in words for whoever reads why. */
function failure(why: unknown): string {
  if (why instanceof RefusedError) return "refused the registration";
  return why instanceof UntrustedError ? "is not to be trusted" : "cannot be reached";
}
