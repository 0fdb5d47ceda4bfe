/**
 * The client: keeps a link to the server, and serves the tunnels it asks for.
 *
 * @module
 */

import { Backoff, getLogger, reason, RefusedError } from "@agentx/common";
import type { ClientConfig } from "./config.ts";
import { Link, ReplacedError } from "./link.ts";
import { serveTunnel } from "./tunnel.ts";

const log = getLogger(["arpc"]);

/** What a client reports. */
export interface ClientEvents {
  /** It is registered; visitors find it there. */
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
    await keepLink(config, events, signals.drain, (asked) => {
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
  events: ClientEvents,
  drain: AbortSignal,
  spawn: (asked: Asked) => void,
): Promise<void> {
  const backoff = new Backoff({ max: config.reconnectMax });
  const server = `${config.serverAddr}:${config.controlPort}`;
  while (!drain.aborted) {
    let since = performance.now();
    let why: unknown;
    try {
      using link = await Link.open(config, drain);
      since = performance.now();
      log.info("Registered", { server, generation: link.generation });
      events.online(visitorUrls(config, link.welcome.public_urls));
      await serveLink(link, config, drain, spawn);
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
  };
  const leave = () => link[Symbol.dispose]();
  drain.addEventListener("abort", leave, { once: true });
  try {
    if (drain.aborted) return;
    await link.serve({
      asked: ({ proxy_conn_id }) =>
        spawn((now) => serveTunnel(proxy_conn_id, options, { idle: lost.signal, now })),
      draining: (graceSeconds) => log.info("The server is draining", { grace_s: graceSeconds }),
    });
  } finally {
    drain.removeEventListener("abort", leave);
    lost.abort();
  }
}

/** The URLs the server told, under the name it was dialled by if it knows none of its own. */
export function visitorUrls(
  { serverAddr, clientId }: Pick<ClientConfig, "serverAddr" | "clientId">,
  told: readonly string[] | undefined,
): string[] {
  const host = serverAddr.includes(":") ? `[${serverAddr}]` : serverAddr;
  // A first generation server does not say; 17003 is the default public port.
  const urls = told ?? [`http://0.0.0.0:17003/?token=${encodeURIComponent(clientId)}`];
  return urls.flatMap((text) => {
    const url = URL.parse(text);
    // They are printed for people to open, so nothing but a web page is passed on.
    if (url === null || !/^https?:$/.test(url.protocol)) return [];
    if (url.hostname === "0.0.0.0") url.hostname = host;
    return [url.href];
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
