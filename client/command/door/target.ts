/**
 * Which requests are for another port of this machine, and what of it they ask for.
 *
 * - `ANY /proxy/PORT/PATH`: the request itself, as `PATH`.
 * - `ANY /proxy?port=PORT&path=/PATH`: the same, for callers that have one URL only.
 * - `POST /proxy?port=PORT` with `Upgrade: tcp`: the bytes that follow, raw.
 *
 * In the two latter the port may stand in `X-ARP-Port` instead. All of them exist below `/api`, too.
 *
 * @module
 */

import { hasToken, header, Refusal, type RequestHead } from "@agentx/common/http";

/** What a request wants of another port. */
export interface Target {
  port: number;
  /** Path and query for the service. */
  path: string;
  /** What was in front of the path, if the rest of it is the service's own. */
  prefix: string | undefined;
  /** Whether it asks for raw bytes. */
  raw: boolean;
  /** Where a page has to be, for its relative links to lead to the service. */
  move: string | undefined;
}

const USAGE = "Ask for /proxy/PORT/PATH, or send POST /proxy?port=PORT with Upgrade: tcp.";

/** `/api` if it is there, and what is behind `/proxy`. */
const PROXY = /^(?:[Hh][Tt][Tt][Pp][Ss]?:\/\/[^/?]*)?((?:\/api)?)\/proxy(?=[/?]|$)(.*)$/;
const PLACE = /^\/([0-9]+)(\/[^?]*)?(\?.*)?$/;

/** Whether a request is for another port of this machine. */
export function isForProxy(head: RequestHead): boolean {
  return PROXY.test(head.target);
}

/**
 * What such a request wants.
 *
 * @throws {Refusal} 400 when it does not say it as it must.
 */
export function parseTarget(head: RequestHead): Target {
  const [, api = "", rest = ""] = PROXY.exec(head.target) ?? [];
  if (/^\/?(\?|$)/.test(rest)) return fromQuery(head, new URLSearchParams(rest.replace(/^\//, "")));
  const [, digits, path, query = ""] = PLACE.exec(rest) ?? [];
  if (digits === undefined) throw new Refusal(400, "There is no port behind /proxy/", USAGE);
  const prefix = `${api}/proxy/${digits}`;
  return {
    port: parsePort(digits),
    path: (path ?? "/") + query,
    prefix,
    raw: false,
    move: path === undefined ? `${prefix}/${query}` : undefined,
  };
}

function fromQuery(head: RequestHead, query: URLSearchParams): Target {
  const port = header(head, "x-arp-port") ?? query.get("port");
  if (port === null) throw new Refusal(400, "The request does not say which port it is for", USAGE);
  const path = query.get("path") ?? "/";
  if (!path.startsWith("/")) throw new Refusal(400, "The path does not start with a slash", USAGE);
  return {
    port: parsePort(port),
    // It was decoded once: no white space, control or non-ASCII may stand in a request again.
    path: path.replace(/[^\x21-\x7e]+/gu, (run) => encodeURIComponent(run.toWellFormed())),
    prefix: undefined,
    raw: head.minor === 1 && hasToken(head, "upgrade", "tcp") &&
      hasToken(head, "connection", "upgrade"),
    move: undefined,
  };
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new Refusal(400, "A port is a number of 1 to 65535", USAGE);
}
