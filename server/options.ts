/**
 * Options of `arps`, by flag.
 *
 * @module
 */

import {
  choice,
  count,
  list,
  port,
  ports,
  RUNNING,
  RUNNING_OPTIONS,
  seconds,
  secretFile,
  secretText,
  size,
  text,
  toggle,
} from "@agentx/common/cli";
import { MAX_HEAD_BYTES } from "@agentx/common/http";

/** Less than this no browser can do with. */
const MIN_HEAD_BYTES = 1024;

const PORTS = "Ports";
const ROUTING = "Routing";
const TLS = "Encryption";
const TRUST = "Who may come in";
const ADMIN = "Administration";
const TUNNELS = "Tunnels";
const FIRST = "First bytes";
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
  "tls-control": toggle({
    about: "TLS on the control port",
    group: TLS,
    default: true,
    needs: WITHOUT_TLS,
  }),
  "tls-proxy": toggle({
    about: "TLS on the proxy port",
    group: TLS,
    default: true,
    needs: WITHOUT_TLS,
  }),
  "tls-public": toggle({
    about: "TLS on the public port",
    group: TLS,
    default: true,
    needs: WITHOUT_TLS,
  }),
  "auth-token": secretText({
    about: "clients must know it to register; in ARP_AUTH_TOKEN it stays out of the list of " +
      "processes",
    arg: "<token>",
    group: TRUST,
  }),
  "auth-token-file": secretFile("auth-token", TRUST),
  "auth-file": text({
    about: "who may register as what, each with a token of its own; read again when it changes " +
      "(see arps auth)",
    arg: "<file>",
    group: TRUST,
    guards: true,
  }),
  "require-visitor-token": toggle({
    about: "visitors need a token that a client made (arpc token create); ids alone open nothing",
    group: TRUST,
    default: false,
    guards: true,
  }),
  "admin-port": port({
    about: "dashboard, metrics and API for the owner of this server",
    group: ADMIN,
  }),
  "admin-bind": text({
    about: "address of the admin port",
    arg: "<address>",
    group: ADMIN,
    default: "127.0.0.1",
    needs: WITHOUT_ADMIN,
  }),
  "admin-tls": toggle({
    about: "TLS on the admin port, with the certificate of the others; off, so that probes and " +
      "Prometheus on this machine need none",
    group: ADMIN,
    default: false,
    needs: { ...WITHOUT_ADMIN, ...WITHOUT_TLS },
  }),
  "admin-key": secretText({
    about: "who uses the admin port must know it; in ARPS_ADMIN_KEY it stays out of the list of " +
      "processes (required unless --admin-bind is this machine's own address)",
    arg: "<key>",
    group: ADMIN,
  }),
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
    about:
      "an id that is online registers again; with reject the first stays as long as it answers",
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
    group: FIRST,
    default: 10,
    min: 0.05,
  }),
  "max-head": size({
    about: "bytes of a request's head, 1KiB to 64KiB",
    group: FIRST,
    default: MAX_HEAD_BYTES,
    min: MIN_HEAD_BYTES,
    max: MAX_HEAD_BYTES,
  }),
  "server-first-wait": count({
    about: "milliseconds until a silent visitor is greeted, if a client serves MySQL",
    arg: "<ms>",
    group: FIRST,
    default: 1000,
    max: 60_000,
  }),
  "register-timeout": seconds({
    about: "for a client to register, and for a tunnel to say whose it is",
    group: FIRST,
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
  "check": toggle({
    about: "check options, environment and files, say what is wrong, and exit",
    group: RUNNING,
    default: false,
    once: true,
  }),
  ...RUNNING_OPTIONS,
};
