/**
 * The program `arpc connect`: what it is called, and what it may do.
 *
 * @module
 */

import { formatAddress, hostOf } from "@agentx/common";
import {
  type About,
  optionVariables,
  type Permissions,
  readVariable,
  runningFiles,
  type Subcommand,
  subcommand,
  type Values,
} from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import { VERSION } from "../version.ts";
import { CONNECT_OPTIONS, connectConfig, contradictions } from "./options.ts";
import { runConnect } from "./run.ts";

/** The word that asks for this program. */
const WORD = "connect";

const ABOUT: About = {
  name: `arpc ${WORD}`,
  version: VERSION,
  prefix: "ARPC",
  summary: "Reaches any TCP service that an arpc exposes, through the public port of its server: " +
    "for ssh, databases, and whatever else does not speak HTTP.",
  examples: [
    [
      "ARPC_SERVER=your-server.com ssh -o ProxyCommand='arpc connect --token %h' me@my-laptop",
      "ssh to a machine whose arpc exposes port 22 as my-laptop",
    ],
    [
      "ARPC_TOKEN=my-db arpc connect --server your-server.com --listen 5432",
      "a database, for as many connections as you like; the token in the environment",
    ],
    ["psql -h 127.0.0.1 -p 5432", "then, beside it"],
    [
      "arpc connect --token my-redis --server https://tunnel.example.com --listen 6379",
      "by TLS, for redis-cli -p 6379",
    ],
  ],
};

/** `arpc connect`. */
export const CONNECT: Subcommand = subcommand({
  word: WORD,
  brief: "reaches a service that is no web app: ssh, a database, any TCP; see its --help",
  about: ABOUT,
  options: CONNECT_OPTIONS,
  agree: contradictions,
  permissions: connectPermissions,
  run: runConnect,
});

/**
 * The permissions that a run with these options needs.
 *
 * @throws {UsageError} when an option is missing, or two contradict each other.
 */
export function connectPermissions(values: Values<typeof CONNECT_OPTIONS>): Permissions {
  const { server, listen } = connectConfig(values);
  const files = runningFiles(values, CONNECT_OPTIONS);
  return {
    net: [
      formatAddress(server),
      ...(listen === undefined
        ? []
        // A port that the system chooses is not known yet, so the host stands alone.
        : [listen.port === 0 ? hostOf(listen) : formatAddress(listen)]),
    ],
    env: optionVariables(ABOUT, CONNECT_OPTIONS)
      .filter((name) => readVariable(name) !== undefined),
    ...files,
    read: [
      ...files.read,
      ...(values["tls-ca"] === undefined ? [] : [absolute(values["tls-ca"])]),
    ],
  };
}
