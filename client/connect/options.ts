/**
 * Options of `arpc connect`: one table, and what they come to.
 *
 * @module
 */

import { type Address, CLIENT_ID, CLIENT_ID_EXPECTS, formatAddress } from "@agentx/common";
import {
  mistakesOf,
  type Option,
  RUNNING_OPTIONS,
  secretFile,
  text,
  textCodec,
  toggle,
  UsageError,
  usageError,
  type Values,
} from "@agentx/common/cli";
import { z } from "zod";
import { requireTls, TRUST_OPTIONS } from "../tls/options.ts";

/** Where a public port is, and whether it, or a proxy in front of it, speaks TLS. */
export interface Server extends Address {
  tls: boolean;
}

/** What `arpc connect` needs to know. */
export interface ConnectConfig {
  /** Names the client to reach. */
  token: string;
  server: Server;
  /** Where to accept connections; undefined means the one of standard input and output. */
  listen: Address | undefined;
}

/** A client id, or a JWT. */
const TOKEN = new RegExp(String.raw`${CLIENT_ID.source}|^eyJ[\w-]{10,}\.[\w-]+\.[\w-]+$`);

const WHERE = "Whom to reach";
const HOW = "How";

/** The public port of `arps`, unless it was told otherwise. */
const PUBLIC_PORT = 17003;
/** Nobody else on the network gets a service that was not meant for them. */
const LOOPBACK = "127.0.0.1";

const HOST = String.raw`\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)`;
const SERVER = new RegExp(String.raw`^(?:([Hh][Tt]{2}[Pp][Ss]?)://)?(?:${HOST})(?::(\d{1,5}))?/?$`);
const LISTEN = new RegExp(String.raw`^(?:(?:${HOST}):)?(\d{1,5})$`);

/** The options by flag. */
export const CONNECT_OPTIONS = {
  "token": text({
    about: "client id, or an alias, of the service, or a visitor token for it (required); in " +
      "ARPC_TOKEN it stays out of the list of processes",
    group: WHERE,
    arg: "<id>",
    pattern: TOKEN,
    expects: `${CLIENT_ID_EXPECTS}, or a visitor token`,
    secret: true,
  }),
  "token-file": secretFile("token", WHERE),
  "server": {
    about: `public port of arps (required), ${PUBLIC_PORT} unless it says; or http://HOST[:PORT] ` +
      "or https://HOST[:PORT] if it, or a proxy in front of it, speaks TLS",
    group: WHERE,
    arg: "<host:port>",
    expects: "HOST[:PORT], http://HOST[:PORT] or https://HOST[:PORT], an IPv6 host in brackets",
    schema: textCodec(SERVER, parseServer, formatServer),
  } as Option<Server>,
  "listen": {
    about: `accept connections there, each for the service; ${LOOPBACK} without an address, any ` +
      "free port for 0",
    group: HOW,
    arg: "<[addr:]port>",
    expects: "PORT or ADDRESS:PORT, an IPv6 address in brackets",
    schema: textCodec(LISTEN, parseListen, formatAddress, () => z.int().min(0).max(65535)),
  } as Option<Address>,
  "stdio": toggle({
    about: "one connection, of standard input and output, as ssh wants of a ProxyCommand " +
      "(the default without --listen)",
    group: HOW,
    default: false,
  }),
  ...TRUST_OPTIONS,
  ...RUNNING_OPTIONS,
};

/** What is wrong with options that are good one by one, all of it but those that are missing. */
export function contradictions(values: Values<typeof CONNECT_OPTIONS>): string[] {
  const { server, listen, stdio } = values;
  return [
    ...(stdio && listen !== undefined
      ? [
        "--listen and --stdio: expected one of the two, found both\n" +
        "--stdio is for one connection, as of a ProxyCommand; --listen is for any number.",
      ]
      : []),
    ...(server === undefined || server.tls
      ? []
      : mistakesOf(() => requireTls(values, "--server https://…"))),
  ];
}

/**
 * What the options come to.
 *
 * @throws {UsageError} when one is missing, or two contradict each other.
 */
export function connectConfig(values: Values<typeof CONNECT_OPTIONS>): ConnectConfig {
  const { token, server, listen } = values;
  if (token === undefined) {
    throw missing("--token: expected the id of the client to reach, found none");
  }
  if (server === undefined) {
    throw missing("--server: expected the public port of arps as HOST:PORT, found none");
  }
  const wrong = contradictions(values);
  if (wrong.length > 0) throw usageError(wrong);
  return { token, server, listen };
}

function missing(what: string): UsageError {
  return new UsageError(
    `${what}\nFor example: arpc connect --token my-db --server your-server.com --listen 5432`,
  );
}

/** The server as a user would write it. */
export function formatServer({ tls, ...address }: Server): string {
  return `${tls ? "https://" : ""}${formatAddress(address)}`;
}

function parseServer(text: string): Server | undefined {
  const [, scheme, six, name, digits] = SERVER.exec(text)!;
  const tls = scheme?.toLowerCase() === "https";
  const usual = tls ? 443 : scheme === undefined ? PUBLIC_PORT : 80;
  const port = digits === undefined ? usual : Number(digits);
  if (port === 0 || port > 65535) return undefined;
  return { hostname: six ?? name!, port, tls };
}

function parseListen(text: string): Address | undefined {
  const [, six, name, digits] = LISTEN.exec(text)!;
  const port = Number(digits);
  return port > 65535 ? undefined : { hostname: six ?? name ?? LOOPBACK, port };
}
