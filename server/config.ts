/**
 * Options of `arps`: one table, and what the server makes of it.
 *
 * @module
 */

import {
  choice,
  count,
  list,
  port,
  ports,
  type PortSet,
  RUNNING,
  RUNNING_OPTIONS,
  seconds,
  secretFile,
  size,
  text,
  toggle,
  UsageError,
  type Values,
} from "@agentx/common/cli";
import { MAX_HEAD_BYTES } from "@agentx/common/http";
import denoJson from "./deno.json" with { type: "json" };

/** Less than this no browser can do with. */
const MIN_HEAD_BYTES = 1024;

/** Version of the program. */
export const VERSION: string = denoJson.version;

const PORTS = "Ports";
const ROUTING = "Routing";
const TLS = "Encryption";
const TRUST = "Who may come in";
const ADMIN = "Administration";
const TUNNELS = "Tunnels";
const LIMITS = "Limits (0 is none)";

/** What options lack that say more of something. */
const WITHOUT_TLS = { "tls-cert": "without a certificate no port speaks TLS" };
const WITHOUT_ADMIN = { "admin-port": "without it there is no admin port" };

/** The options by flag. */
export const OPTIONS = {
  "control-port": port({
    about: "clients register here",
    group: PORTS,
    default: 17001,
  }),
  "proxy-port": port({ about: "clients open tunnels here", group: PORTS, default: 17002 }),
  "public-port": port({ about: "visitors come here", group: PORTS, default: 17003 }),
  "allow-ports": ports({
    about: "ports that clients may ask for with --remote-port, such as 20000-20100; repeatable",
    group: PORTS,
  }),
  "bind": text({
    about: "address to listen on; :: is IPv4 and IPv6",
    arg: "<address>",
    group: PORTS,
    default: "0.0.0.0",
  }),
  "reuse-port": toggle({
    about: "share the ports with another arps of this machine, so that it can take over " +
      "(Linux; see docs/operations.md)",
    group: PORTS,
    default: false,
  }),
  "tls-cert": text({
    about: "certificate chain for the ports, PEM; read again when it changes (see arps cert)",
    arg: "<file>",
    group: TLS,
  }),
  "tls-key": text({ about: "its private key, PEM", arg: "<file>", group: TLS }),
  "tls-control": {
    ...toggle({ about: "TLS on the control port", group: TLS, default: true }),
    needs: WITHOUT_TLS,
  },
  "tls-proxy": {
    ...toggle({ about: "TLS on the proxy port", group: TLS, default: true }),
    needs: WITHOUT_TLS,
  },
  "tls-public": {
    ...toggle({ about: "TLS on the public port", group: TLS, default: true }),
    needs: WITHOUT_TLS,
  },
  "auth-token": {
    ...text({
      about: "clients must know it to register; in ARP_AUTH_TOKEN it stays out of the list of " +
        "processes",
      arg: "<token>",
      group: TRUST,
      pattern: /^[\x21-\x7e]{8,256}$/,
      expects: "8 to 256 visible characters",
    }),
    secret: true,
  },
  "auth-token-file": secretFile("auth-token", TRUST),
  "auth-file": text({
    about: "who may register as what, each with a token of its own; read again when it changes " +
      "(see arps auth)",
    arg: "<file>",
    group: TRUST,
  }),
  "require-visitor-token": toggle({
    about: "visitors need a token that a client made (arpc token create); ids alone open nothing",
    group: TRUST,
    default: false,
  }),
  "admin-port": port({
    about: "dashboard, metrics and API for the owner of this server",
    group: ADMIN,
  }),
  "admin-bind": {
    ...text({
      about: "address of the admin port",
      arg: "<address>",
      group: ADMIN,
      default: "127.0.0.1",
    }),
    needs: WITHOUT_ADMIN,
  },
  "admin-tls": {
    ...toggle({
      about: "TLS on the admin port, with the certificate of the others; off, so that probes and " +
        "Prometheus on this machine need none",
      group: ADMIN,
      default: false,
    }),
    needs: { ...WITHOUT_ADMIN, ...WITHOUT_TLS },
  },
  "admin-key": {
    ...text({
      about:
        "who uses the admin port must know it; in ARPS_ADMIN_KEY it stays out of the list of " +
        "processes (required unless --admin-bind is this machine's own address)",
      arg: "<key>",
      group: ADMIN,
      pattern: /^[\x21-\x7e]{8,256}$/,
      expects: "8 to 256 visible characters",
    }),
    secret: true,
  },
  "admin-key-file": secretFile("admin-key", ADMIN),
  "domain": text({
    about: "route ID.DOMAIN to the client ID",
    arg: "<domain>",
    group: ROUTING,
    pattern: /^[A-Za-z0-9.-]+$/,
    expects: "a domain name",
  }),
  "default-client": text({
    about: "client of visitors without a token",
    arg: "<id>",
    group: ROUTING,
    private: true,
  }),
  "trusted-proxies": list({
    about: "address of a proxy whose X-Forwarded-* to keep; repeatable",
    arg: "<address>",
    group: ROUTING,
    pattern: /^[0-9A-Fa-f.:]+$/,
    expects: "an IP address",
  }),
  "public-url": text({
    about: "URL that visitors use, if a proxy stands in front",
    arg: "<url>",
    group: ROUTING,
    pattern: /^https?:\/\/[^/?#]+\/?$/,
    expects: "http(s)://HOST[:PORT]",
  }),
  "on-duplicate": choice({
    about: "an id that is online registers again",
    group: ROUTING,
    choices: ["replace", "reject"],
    default: "replace",
  }),
  "settle": seconds({
    about: "time after a start in which visitors wait for a client that has yet to return; " +
      "with --reuse-port at least 30",
    group: ROUTING,
    default: 0,
  }),
  "pool-size": count({
    about: "warm tunnels per client at rest",
    group: TUNNELS,
    default: 1,
    max: 1024,
  }),
  "max-pool-size": count({
    about: "warm tunnels per client at most; the demand decides",
    group: TUNNELS,
    default: 32,
    max: 4096,
  }),
  "queue-size": count({
    about: "visitors per client that may wait for a tunnel",
    group: TUNNELS,
    default: 256,
  }),
  "heartbeat": seconds({
    about: "time between two pings; three missed end a link",
    group: TUNNELS,
    default: 15,
    min: 0.05,
  }),
  "head-timeout": seconds({
    about: "for a visitor's first bytes, and for each request's head",
    group: LIMITS,
    default: 10,
    min: 0.05,
  }),
  "max-head": size({
    about: "a request's head, 64KiB at most",
    group: LIMITS,
    default: MAX_HEAD_BYTES,
  }),
  "server-first-wait": count({
    about: "milliseconds until a silent visitor is greeted, if a client serves MySQL",
    arg: "<ms>",
    group: ROUTING,
    default: 1000,
    max: 60_000,
  }),
  "register-timeout": seconds({
    about: "for a client to register, and for a tunnel to say whose it is",
    group: LIMITS,
    default: 10,
    min: 0.05,
  }),
  "idle-timeout": seconds({
    about: "end a raw visitor without traffic",
    group: LIMITS,
    default: 0,
  }),
  "http-idle-timeout": seconds({
    about: "end an HTTP visitor without traffic",
    group: LIMITS,
    default: 3600,
  }),
  "max-connections": count({
    about: "visitors of all clients at a time; below the limit of open files it keeps some of " +
      "those for clients",
    group: LIMITS,
    default: 0,
  }),
  "max-per-ip": count({
    about: "visitors from one address at a time",
    group: LIMITS,
    default: 1024,
  }),
  "rate-per-ip": count({
    about: "new visitors from one address per second",
    group: LIMITS,
    default: 0,
  }),
  "max-visitors": count({
    about: "visitors of one client at a time",
    group: LIMITS,
    default: 10_000,
  }),
  "max-clients": count({
    about: "clients at a time",
    group: LIMITS,
    default: 10_000,
  }),
  "max-links-per-ip": count({
    about: "connections from one address to the control port, and to the proxy port before they " +
      "have shown that they were asked for",
    group: LIMITS,
    default: 256,
  }),
  "rate-limit": size({
    about: "bytes per second of one client, both ways together, such as 10MB",
    group: LIMITS,
    default: 0,
  }),
  "grace": seconds({
    about: "time for running visitors when told to stop",
    group: RUNNING,
    default: 30,
  }),
  ...RUNNING_OPTIONS,
};

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

/**
 * The configuration that the options describe.
 *
 * @throws {UsageError} when two ports are the same, or one of them may be given out, and where this
 * system cannot do what is asked for.
 */
export function serverConfig(values: Values<typeof OPTIONS>): ServerConfig {
  if (values["reuse-port"] && !["linux", "android"].includes(Deno.build.os)) {
    throw new UsageError(
      `--reuse-port: expected Linux, found ${Deno.build.os}: only there do two programs share a port`,
    );
  }
  const names = ["control-port", "proxy-port", "public-port", "admin-port"] as const;
  for (const [index, name] of names.entries()) {
    const twin = names.slice(0, index).find((other) => values[other] === values[name]);
    if (twin !== undefined && values[name] !== undefined && values[name] !== 0) {
      throw new UsageError(
        `--${twin} and --${name}: expected two ports, found ${values[name]} twice`,
      );
    }
    if (values["allow-ports"].has(values[name] ?? 0)) {
      throw new UsageError(
        `--allow-ports and --${name}: expected different ports, found ${values[name]} in both`,
      );
    }
  }
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
    maxHead: headSize(values["max-head"]),
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

function headSize(bytes: number): number {
  if (bytes >= MIN_HEAD_BYTES && bytes <= MAX_HEAD_BYTES) return bytes;
  throw new UsageError(`--max-head: expected 1KiB to 64KiB, found ${bytes} bytes`);
}

function tlsConfig(values: Values<typeof OPTIONS>): TlsConfig | undefined {
  const { "tls-cert": cert, "tls-key": key } = values;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError(
      `--tls-cert and --tls-key: expected both, found only --tls-${cert ? "cert" : "key"}`,
    );
  }
  const ports = {
    control: values["tls-control"],
    proxy: values["tls-proxy"],
    public: values["tls-public"],
  };
  return { cert, key, ports };
}

function adminConfig(values: Values<typeof OPTIONS>): AdminConfig | undefined {
  const { "admin-port": port, "admin-bind": bind, "admin-key": key, "admin-tls": tls } = values;
  if (port === undefined) return undefined;
  if (key === undefined && !/^(?:127(?:\.\d+){3}|::1|localhost)$/.test(bind)) {
    throw new UsageError(
      `--admin-bind ${bind}: expected --admin-key as well, found none: others could reach the port`,
    );
  }
  return { bind, port, key, tls };
}
