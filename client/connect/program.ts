/**
 * From the command line of `arpc connect` to its options: what `main.ts` and `launch.ts` start with.
 *
 * @module
 */

import { formatAddress } from "@agentx/common";
import {
  type About,
  optionVariables,
  type Permissions,
  readOptions,
  readVariable,
  type Request,
  runningFiles,
  type Values,
} from "@agentx/common/cli";
import { VERSION } from "../config.ts";
import { CONNECT_OPTIONS, connectConfig } from "./options.ts";

/** The word that asks for this program. */
const WORD = "connect";

const ABOUT: About = {
  name: `arpc ${WORD}`,
  version: VERSION,
  prefix: "ARPC",
  summary:
    "Reaches any TCP service that an arpc exposes, through the public port of its server:\n" +
    "for ssh, databases, and whatever else does not speak HTTP.",
  examples: [
    [
      "ssh -o ProxyCommand='arpc connect --token %h --server your-server.com' me@my-laptop",
      "ssh to a machine whose arpc exposes port 22 as my-laptop",
    ],
    [
      "ARPC_TOKEN=my-db arpc connect --server your-server.com --listen 5432",
      "a database, for as many connections as you like; the token in the environment",
    ],
    ["psql -h 127.0.0.1 -p 5432", "then, beside it"],
    [
      "arpc connect --token my-redis --server https://tunnel.example.com --listen 6379",
      "through a TLS proxy, for redis-cli -p 6379",
    ],
  ],
};

/** How the help of `arpc` mentions this program. */
export const CONNECT_COMMAND: readonly [word: string, about: string] = [
  WORD,
  `reaches a service that is no web app: ssh, a database, any TCP; see its --help`,
];

/** The arguments behind the word `connect`; undefined when they are for another program. */
export function connectArguments(args: readonly string[]): readonly string[] | undefined {
  // Other task runners want `--` in front of everything.
  const rest = args[0] === "--" ? args.slice(1) : args;
  return rest[0] === WORD ? rest.slice(1) : undefined;
}

/**
 * Reads flags, environment and file.
 *
 * @throws {UsageError} on anything it cannot use.
 */
export function readConnectRequest(
  args: readonly string[],
): Promise<Request<typeof CONNECT_OPTIONS>> {
  return readOptions(ABOUT, CONNECT_OPTIONS, connectArguments(args) ?? args);
}

/**
 * The permissions that a run with these options needs.
 *
 * @throws {UsageError} when an option is missing, or two contradict each other.
 */
export function connectPermissions(values: Values<typeof CONNECT_OPTIONS>): Permissions {
  const { server, listen } = connectConfig(values);
  const bracket = (host: string) => host.includes(":") ? `[${host}]` : host;
  return {
    net: [
      formatAddress(server),
      ...(listen === undefined
        ? []
        // A port that the system chooses is not known yet, so the host stands alone.
        : [listen.port === 0 ? bracket(listen.hostname) : formatAddress(listen)]),
    ],
    env: optionVariables(ABOUT, CONNECT_OPTIONS)
      .filter((name) => readVariable(name) !== undefined),
    ...runningFiles(values),
  };
}
