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
  text,
  UsageError,
  type Values,
} from "@agentx/common/cli";
import denoJson from "./deno.json" with { type: "json" };

/** Version of the program. */
export const VERSION: string = denoJson.version;

const PORTS = "Ports";
const ROUTING = "Routing";
const TUNNELS = "Tunnels";
const LIMITS = "Limits (0 is none)";

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
  "server-first-wait": count({
    about: "milliseconds until a silent visitor is greeted, if a client serves MySQL",
    arg: "<ms>",
    group: ROUTING,
    default: 1000,
    max: 60_000,
  }),
  "register-timeout": seconds({
    about: "for a client to register",
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
  "grace": seconds({
    about: "time for running visitors when told to stop",
    group: RUNNING,
    default: 30,
  }),
  ...RUNNING_OPTIONS,
};

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
  serverFirstWait: number;
  registerTimeout: number;
  idleTimeout: number;
  httpIdleTimeout: number;
  maxPerIp: number;
  ratePerIp: number;
  maxVisitors: number;
  graceSeconds: number;
}

/**
 * The configuration that the options describe.
 *
 * @throws {UsageError} when two ports are the same, or one of them may be given out.
 */
export function serverConfig(values: Values<typeof OPTIONS>): ServerConfig {
  const names = ["control-port", "proxy-port", "public-port"] as const;
  for (const [index, name] of names.entries()) {
    const twin = names.slice(0, index).find((other) => values[other] === values[name]);
    if (twin !== undefined && values[name] !== 0) {
      throw new UsageError(
        `--${twin} and --${name}: expected two ports, found ${values[name]} twice`,
      );
    }
    if (values["allow-ports"].has(values[name])) {
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
    serverFirstWait: values["server-first-wait"],
    registerTimeout: values["register-timeout"] * 1000,
    idleTimeout: values["idle-timeout"] * 1000,
    httpIdleTimeout: values["http-idle-timeout"] * 1000,
    maxPerIp: values["max-per-ip"],
    ratePerIp: values["rate-per-ip"],
    maxVisitors: values["max-visitors"],
    graceSeconds: values.grace,
  };
}
