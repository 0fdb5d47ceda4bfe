/**
 * The limits in a visitor token against what a visitor does.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";
import { parseCidr } from "@agentx/common/cidr";
import { Refusal } from "@agentx/common/http";
import { pathSegments, type VisitorClaims } from "@agentx/common/visitor-token";

/** What a visitor wants. */
export interface Wish {
  /** Its IP address; undefined when that is not known for sure. */
  address: string | undefined;
  /** A request; undefined for bytes that nobody looks at. */
  request: { method: string; target: string } | undefined;
}

/** Checks what one token allows. */
export type Limits = (wish: Wish) => Refusal | undefined;

/** The limits of a token; undefined when they make no sense. */
export function limitsOf({ path, method, ip }: VisitorClaims): Limits | undefined {
  const networks = ip === undefined ? undefined : blockList(ip);
  if (ip !== undefined && networks === undefined) return undefined;
  const prefixes = path?.map((one) => withoutEnd(pathSegments(one) ?? []));
  return ({ address, request }) => {
    if (networks !== undefined && !holds(networks, address)) {
      return new Refusal(401, "This visitor token is not for your address");
    }
    if (request === undefined && (path !== undefined || method !== undefined)) {
      return new Refusal(
        401,
        "This visitor token is for web requests only",
        "It is limited to certain paths or methods, which only those have.",
      );
    }
    if (request !== undefined && method !== undefined && !allows(method, request.method)) {
      return new Refusal(401, "This visitor token is not for this method", list(method));
    }
    if (request !== undefined && prefixes !== undefined && !below(prefixes, request.target)) {
      return new Refusal(401, "This visitor token is not for this path", list(path!));
    }
    return undefined;
  };
}

function list(allowed: readonly string[]): string {
  return `It is for ${allowed.join(", ")}.`;
}

/** Who may GET something may ask how large it is. */
function allows(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}

function below(prefixes: readonly string[][], target: string): boolean {
  const [path = ""] = target.split("?", 1);
  const segments = pathSegments(path);
  return segments !== undefined &&
    prefixes.some((prefix) => prefix.every((segment, at) => segment === segments[at]));
}

/** `/docs/` and `/docs` are one prefix. */
function withoutEnd(segments: string[]): string[] {
  return segments.at(-1) === "" ? segments.slice(0, -1) : segments;
}

function holds(networks: BlockList, address: string | undefined): boolean {
  const version = isIP(address ?? "");
  return version !== 0 && networks.check(address!, version === 6 ? "ipv6" : "ipv4");
}

/** Addresses and CIDR blocks; undefined if one is neither. */
function blockList(networks: readonly string[]): BlockList | undefined {
  const all = new BlockList();
  for (const network of networks) {
    const cidr = parseCidr(network);
    if (cidr === undefined) return undefined;
    all.addSubnet(cidr.address, cidr.bits, cidr.family);
  }
  return all;
}
