/**
 * The wire vocabulary: what a client and a server may say to each other, and how JSON becomes it.
 *
 * A command is a JSON object with one key, its name. Unknown *fields* are kept out of the result and
 * do no harm, so either side may be newer; an unknown *command* is a {@link ProtocolError}.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";

/** The generation this library speaks. Generation 1 peers leave the field `version` out. */
export const PROTOCOL_VERSION = 2;

/** What a client id, and an alias of one, may be made of. */
export const CLIENT_ID = /^[A-Za-z0-9._~:@-]{1,128}$/;
/** {@link CLIENT_ID} in words, for errors. */
export const CLIENT_ID_EXPECTS = "1 to 128 of A-Z a-z 0-9 . _ ~ : @ -";

/** First message of a client, on the control port. */
export interface Register {
  type: "Register";
  /** Who registers; visitors reach it by this token. See {@link CLIENT_ID}. */
  client_id: string;
  /** Absent in generation 1. */
  version?: number;
  /** Registration secret, if the server asks for one. */
  auth?: string;
  /** Further tokens that lead to the same client. */
  aliases?: string[];
  /** A public port of its own that the client asks for; 0 for any. */
  remote_port?: number;
  /** What the local service speaks when it speaks first, such as `"mysql"`. */
  service?: string;
  /** The first bytes of a service that speaks first, in base64. */
  greeting?: string;
  /** Database user of visitors that name none. */
  db_user?: string;
  /** Version of the client's program, for the server's log. */
  client_version?: string;
  /** Tunnels may serve one visitor after another, if the server says so too; see `chunk.ts`. */
  reuse?: boolean;
  /** Public key (Ed25519, base64url of its 32 bytes) of the visitor tokens this client signs. */
  visitor_key?: string;
  /** Visitors must bring such a token; the client id alone does not let them in. */
  require_token?: boolean;
  /** The `jti` of tokens that are good no more; {@link RevokeTokens} tells of further ones. */
  revoked?: string[];
}

/** The server's answer to {@link Register}. With `success: false` later on: why the link ends. */
export interface RegisterResult {
  type: "RegisterResult";
  success: boolean;
  /** The reason of a refusal, else null. */
  error: string | null;
  version?: number;
  /**
   * Where visitors find the client. A URL whose host is `0.0.0.0` means "this server, by whatever
   * name you call it": a server behind NAT does not know its own public name.
   */
  public_urls?: string[];
  remote_port?: number;
  /** Seconds between two {@link Ping}s; after three missed ones the link is dead. */
  heartbeat_s?: number;
  /** Answers the client's `reuse`: both then write a visitor's bytes in chunks. */
  reuse?: boolean;
  /** Of a refusal: seconds that the client should wait before it asks again. */
  retry_s?: number;
  /** The server checks visitor tokens, and understands {@link RevokeTokens}. */
  visitor_tokens?: boolean;
  /** No client id opens anything here; it is so for all clients of this server. */
  require_token?: boolean;
  /** Another server may listen on the same ports: a tunnel that reached that one is opened again. */
  shared_ports?: boolean;
}

/** The server wants one more tunnel. */
export interface RequestNewProxyConn {
  type: "RequestNewProxyConn";
  /** A capability: single use, bound to the client it was sent to. */
  proxy_conn_id: string;
  /** Where to connect to instead, in a cluster. */
  server_addr?: string;
}

/** First message on a tunnel, client to proxy port. */
export interface NewProxyConn {
  type: "NewProxyConn";
  proxy_conn_id: string;
  client_id: string;
}

/** Control connection, either way: are you there? */
export interface Ping {
  type: "Ping";
  /** Any number; the {@link Pong} repeats it. */
  t?: number;
}

/** Answer to {@link Ping}. */
export interface Pong {
  type: "Pong";
  t?: number;
}

/** Server to client, on a tunnel: a visitor is here, its bytes follow. */
export interface StartProxy {
  type: "StartProxy";
  /** The visitor's address, `ip:port`. */
  visitor?: string;
  /** What the visitor speaks, such as `"http"`. */
  protocol?: string;
  /** Whether the visitor came by TLS. */
  tls?: boolean;
}

/** Client to server, on a tunnel: the local service answered, or why not. Raw bytes follow. */
export interface ProxyStarted {
  type: "ProxyStarted";
  success: boolean;
  error?: string;
}

/** Server to client: this server stops; register elsewhere or again later. */
export interface Draining {
  type: "Draining";
  /** Seconds that running visitors still have. */
  grace_s?: number;
}

/** Client to server, if that said `visitor_tokens`: these are good no more. */
export interface RevokeTokens {
  type: "RevokeTokens";
  /** The `jti` of each. */
  ids: string[];
}

/** Everything that may stand in a frame. */
export type Command =
  | Register
  | RegisterResult
  | RequestNewProxyConn
  | NewProxyConn
  | Ping
  | Pong
  | StartProxy
  | ProxyStarted
  | Draining
  | RevokeTokens;

type Kind = "string" | "number" | "boolean" | "string[]" | "string|null";

/** Field → kind; a `?` marks one that may be missing (or null, as the first generation writes it). */
const FIELDS: Record<Command["type"], Record<string, Kind | `${Kind}?`>> = {
  Register: {
    client_id: "string",
    version: "number?",
    auth: "string?",
    aliases: "string[]?",
    remote_port: "number?",
    service: "string?",
    greeting: "string?",
    db_user: "string?",
    client_version: "string?",
    reuse: "boolean?",
    visitor_key: "string?",
    require_token: "boolean?",
    revoked: "string[]?",
  },
  RegisterResult: {
    success: "boolean",
    error: "string|null",
    version: "number?",
    public_urls: "string[]?",
    remote_port: "number?",
    heartbeat_s: "number?",
    reuse: "boolean?",
    retry_s: "number?",
    visitor_tokens: "boolean?",
    require_token: "boolean?",
    shared_ports: "boolean?",
  },
  RequestNewProxyConn: { proxy_conn_id: "string", server_addr: "string?" },
  NewProxyConn: { proxy_conn_id: "string", client_id: "string" },
  Ping: { t: "number?" },
  Pong: { t: "number?" },
  StartProxy: { visitor: "string?", protocol: "string?", tls: "boolean?" },
  ProxyStarted: { success: "boolean", error: "string?" },
  Draining: { grace_s: "number?" },
  RevokeTokens: { ids: "string[]" },
};

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "string[]":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "string|null":
      return value === null || typeof value === "string";
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
  }
}

/**
 * Parses the JSON text of one frame.
 *
 * @throws {ProtocolError} when it is not JSON, not one known command, or a field is missing or of
 * the wrong kind. The message never quotes a value, since one may be a secret.
 */
export function parseCommand(json: string): Command {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ProtocolError("Cannot read a command: the frame is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError("Cannot read a command: the frame is not a JSON object");
  }
  const names = Object.keys(value);
  const [name] = names;
  if (names.length !== 1 || name === undefined) {
    throw new ProtocolError(`Cannot read a command: expected one key, found ${names.length}`);
  }
  if (!Object.hasOwn(FIELDS, name)) {
    throw new ProtocolError("Cannot read a command: its name is not known");
  }
  const body = (value as Record<string, unknown>)[name];
  // The first generation's serializer writes a command without fields as `{"Ping":null}`.
  const given = (body ?? {}) as Record<string, unknown>;
  if (typeof given !== "object" || Array.isArray(given)) {
    throw new ProtocolError(`Cannot read ${name}: its fields are not an object`);
  }
  const command: Record<string, unknown> = { type: name };
  for (const [field, spec] of Object.entries(FIELDS[name as Command["type"]])) {
    const optional = spec.endsWith("?");
    const kind = (optional ? spec.slice(0, -1) : spec) as Kind;
    const found = Object.hasOwn(given, field) ? given[field] : undefined;
    if (optional && (found === undefined || found === null)) continue;
    // A refusal without `error` is still a refusal.
    const checked = found === undefined && kind === "string|null" ? null : found;
    if (!fits(checked, kind)) {
      throw new ProtocolError(`Cannot read ${name}: field "${field}" is missing or not ${kind}`);
    }
    command[field] = checked;
  }
  return command as unknown as Command;
}

/** The JSON text of a command, field order as given, as the first generation wrote it. */
export function formatCommand(command: Command): string {
  const { type, ...fields } = command;
  return JSON.stringify({ [type]: fields });
}
