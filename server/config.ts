/**
 * What `arps` makes of its options.
 *
 * @module
 */

import { isLoopback } from "@agentx/common";
import { type PortSet, usageError, type Values } from "@agentx/common/cli";
import denoJson from "./deno.json" with { type: "json" };
import type { OPTIONS } from "./options.ts";

/** Version of the program. */
export const VERSION: string = denoJson.version;

/** Until the clients of the server whose ports are shared have come over, in seconds. */
const SETTLE_SECONDS = 30;

/** What the server needs to know; times in milliseconds unless named otherwise. */
export interface ServerConfig {
  bind: string;
  controlPort: number;
  proxyPort: number;
  publicPort: number;
  allowPorts: PortSet;
  domain: string | undefined;
  defaultClient: string | undefined;
  trustedProxies: ReadonlySet<string>;
  publicUrl: string | undefined;
  onDuplicate: "replace" | "reject";
  poolSize: number;
  maxPoolSize: number;
  queueSize: number;
  heartbeatSeconds: number;
  headTimeout: number;
  /** Bytes. */
  maxHead: number;
  serverFirstWait: number;
  registerTimeout: number;
  idleTimeout: number;
  httpIdleTimeout: number;
  maxConnections: number;
  maxPerIp: number;
  ratePerIp: number;
  maxVisitors: number;
  maxClients: number;
  maxLinksPerIp: number;
  /** Bytes a second. */
  rateLimit: number;
  reusePort: boolean;
  /** After the start: visitors of clients that have yet to return wait for them so long. */
  settle: number;
  tls: TlsConfig | undefined;
  authToken: string | undefined;
  authFile: string | undefined;
  requireVisitorToken: boolean;
  admin: AdminConfig | undefined;
  graceSeconds: number;
}

/** The ports of a server. */
export type PortName = "control" | "proxy" | "public";

/** Which of the three ports speak TLS, and as whom. */
export interface TlsConfig {
  /** Files, PEM. */
  cert: string;
  key: string;
  ports: Readonly<Record<PortName, boolean>>;
}

/** The port for the owner. */
export interface AdminConfig {
  bind: string;
  port: number;
  key: string | undefined;
  /** Speaks TLS, as whom {@link TlsConfig} says. */
  tls: boolean;
}

/** What is wrong with options that are good one by one, all of it. */
export function contradictions(values: Values<typeof OPTIONS>): string[] {
  return [...portsTwice(values), ...notHere(values), ...withoutKey(values)];
}

/**
 * The configuration that the options describe.
 *
 * @throws {UsageError} when they contradict each other: see {@link contradictions}.
 */
export function serverConfig(values: Values<typeof OPTIONS>): ServerConfig {
  const wrong = contradictions(values);
  if (wrong.length > 0) throw usageError(wrong);
  return {
    bind: values.bind,
    controlPort: values["control-port"],
    proxyPort: values["proxy-port"],
    publicPort: values["public-port"],
    allowPorts: values["allow-ports"],
    domain: values.domain,
    defaultClient: values["default-client"],
    trustedProxies: new Set(values["trusted-proxies"]),
    publicUrl: values["public-url"],
    onDuplicate: values["on-duplicate"],
    poolSize: values["pool-size"],
    maxPoolSize: values["max-pool-size"],
    queueSize: values["queue-size"],
    heartbeatSeconds: values.heartbeat,
    headTimeout: values["head-timeout"] * 1000,
    maxHead: values["max-head"],
    serverFirstWait: values["server-first-wait"],
    registerTimeout: values["register-timeout"] * 1000,
    idleTimeout: values["idle-timeout"] * 1000,
    httpIdleTimeout: values["http-idle-timeout"] * 1000,
    maxConnections: values["max-connections"],
    maxPerIp: values["max-per-ip"],
    ratePerIp: values["rate-per-ip"],
    maxVisitors: values["max-visitors"],
    maxClients: values["max-clients"],
    maxLinksPerIp: values["max-links-per-ip"],
    rateLimit: values["rate-limit"],
    reusePort: values["reuse-port"],
    settle: Math.max(values.settle, values["reuse-port"] ? SETTLE_SECONDS : 0) * 1000,
    tls: tlsConfig(values),
    authToken: values["auth-token"],
    authFile: values["auth-file"],
    requireVisitorToken: values["require-visitor-token"],
    admin: adminConfig(values),
    graceSeconds: values.grace,
  };
}

/** Two ports that are the same, or one of them may be given out. */
function portsTwice(values: Values<typeof OPTIONS>): string[] {
  const names = ["control-port", "proxy-port", "public-port", "admin-port"] as const;
  return names.flatMap((name, index) => {
    const port = values[name];
    const twin = names.slice(0, index).find((other) => values[other] === port);
    return [
      ...(twin !== undefined && port !== undefined && port !== 0
        ? [`--${twin} and --${name}: expected two ports, found ${port} twice`]
        : []),
      ...(values["allow-ports"].has(port ?? 0)
        ? [`--allow-ports and --${name}: expected different ports, found ${port} in both`]
        : []),
    ];
  });
}

/** What this system cannot do. */
function notHere(values: Values<typeof OPTIONS>): string[] {
  if (!values["reuse-port"] || ["linux", "android"].includes(Deno.build.os)) return [];
  return [
    `--reuse-port: expected Linux, found ${Deno.build.os}: only there do two programs share a port`,
  ];
}

/** What is of no use, or of danger, without a key. */
function withoutKey(values: Values<typeof OPTIONS>): string[] {
  const { "tls-cert": cert, "tls-key": key, "admin-port": port, "admin-bind": bind } = values;
  const found = cert === undefined ? "key" : "cert";
  const open = port !== undefined && values["admin-key"] === undefined &&
    !isLoopback(bind);
  return [
    ...((cert === undefined) === (key === undefined)
      ? []
      : [`--tls-cert and --tls-key: expected both, found only --tls-${found}`]),
    ...(open
      ? [
        `--admin-bind ${bind}: expected --admin-key as well, found none: others could reach the port`,
      ]
      : []),
  ];
}

function tlsConfig(values: Values<typeof OPTIONS>): TlsConfig | undefined {
  const { "tls-cert": cert, "tls-key": key } = values;
  if (cert === undefined || key === undefined) return undefined;
  const ports = {
    control: values["tls-control"],
    proxy: values["tls-proxy"],
    public: values["tls-public"],
  };
  return { cert, key, ports };
}

function adminConfig(values: Values<typeof OPTIONS>): AdminConfig | undefined {
  const { "admin-port": port, "admin-bind": bind, "admin-key": key, "admin-tls": tls } = values;
  return port === undefined ? undefined : { bind, port, key, tls };
}
