/**
 * Options of `arpc`, by flag.
 *
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS } from "@agentx/common";
import {
  list,
  port,
  RUNNING,
  RUNNING_OPTIONS,
  seconds,
  secretFile,
  secretText,
  text,
  toggle,
} from "@agentx/common/cli";
import { COMMAND_OPTIONS } from "./command/options.ts";
import { TLS_OPTIONS } from "./tls/options.ts";
import { VISITOR_KEY_FILE } from "./token/options.ts";

const WHO = "Who you are";
const SERVER = "The server";
const LOCAL = "Your service";

const ID = {
  pattern: CLIENT_ID,
  expects: CLIENT_ID_EXPECTS,
  arg: "<id>",
  private: true,
};

/** The options by flag. */
export const OPTIONS = {
  "client-id": text({
    about: "the token of your service: keep it to those who may visit " +
      "(default: of the last run, else made from this machine)",
    group: WHO,
    ...ID,
  }),
  "alias": list({ about: "a further token for the same service; repeatable", group: WHO, ...ID }),
  "server-addr": text({
    about: "host name or address of arps",
    arg: "<host>",
    group: SERVER,
    default: "127.0.0.1",
    // One colon is a port's; an IPv6 address has two or more, and nothing but digits between.
    pattern: /^(?:[A-Za-z0-9._-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$/,
    expects: "a host name or address alone: its ports go into --control-port and --proxy-port",
  }),
  "control-port": port({ about: "its control port", group: SERVER, default: 17001 }),
  "proxy-port": port({ about: "its proxy port", group: SERVER, default: 17002 }),
  "auth-token": secretText({
    about: "what the server asks for to register; in ARP_AUTH_TOKEN it stays out of the list of " +
      "processes",
    arg: "<token>",
    group: SERVER,
  }),
  "auth-token-file": secretFile("auth-token", SERVER),
  ...TLS_OPTIONS,
  "remote-port": port({
    about: "ask for a public port of your own, 0 for any (see arps --allow-ports)",
    group: SERVER,
  }),
  "local-addr": text({
    about: "host of the service to expose",
    arg: "<host>",
    group: LOCAL,
    default: "127.0.0.1",
  }),
  "local-port": port({
    about: "port of the service to expose (required, but for --command-mode: any by default)",
    group: LOCAL,
  }),
  "service": text({
    about: "what it speaks if it speaks first, such as ssh, else none " +
      "(default: one connection to it tells)",
    arg: "<name>",
    group: LOCAL,
    pattern: /^[a-z0-9-]{1,32}$/,
    expects: "a name of 1 to 32 of a-z 0-9 -",
  }),
  "db-user": text({
    about: "database user of visitors that name none (for PostgreSQL otherwise: postgres)",
    arg: "<name>",
    group: LOCAL,
    pattern: /^[^\0]{1,128}$/,
    expects: "a name of 1 to 128 characters",
  }),
  "require-visitor-token": toggle({
    about: "visitors need a token of yours (arpc token create); the client id alone opens nothing",
    group: WHO,
    default: false,
    guards: true,
  }),
  "visitor-key-file": { ...VISITOR_KEY_FILE, group: WHO },
  "auto-reconnect": toggle({
    about: "come back after the link was lost",
    group: RUNNING,
    default: true,
  }),
  "reconnect-interval": seconds({
    about: "longest wait between two tries",
    group: RUNNING,
    default: 30,
    min: 0.05,
  }),
  "grace": seconds({
    about: "time for running visitors when told to stop",
    group: RUNNING,
    default: 30,
  }),
  ...COMMAND_OPTIONS,
  "check": toggle({
    about: "check options, environment and files, say what is wrong, and exit",
    group: RUNNING,
    default: false,
    once: true,
  }),
  ...RUNNING_OPTIONS,
};
