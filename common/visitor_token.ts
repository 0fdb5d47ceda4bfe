/**
 * The form of a visitor token: what a client signs, and a server checks.
 *
 * It is a JWT (RFC 7519), signed with Ed25519 by a key of the client's. Whoever has it may visit
 * that client, for a while and within limits. The client's id is not in it, only its hash: an id
 * that opens a service by itself must not be read out of a token that is meant to open less.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8725 | RFC 8725: JWT Best Current Practices}
 * @module
 */

/** `typ` in the header: no other JWT is taken for a visitor token, RFC 8725 §3.11. */
export const VISITOR_TOKEN_TYPE = "arp+jwt";
/** `alg` in the header: two names of one algorithm, the later one of RFC 9864. */
export const VISITOR_TOKEN_ALGORITHMS = ["EdDSA", "Ed25519"] as const;
/** Longest token; one without limits has less than 300 characters. */
export const MAX_VISITOR_TOKEN_CHARS = 4096;

/** What a token says; times in seconds since 1970. */
export interface VisitorClaims {
  /** {@link audienceOf} the client id, or alias, that it is for. */
  aud: string;
  /** Names it, for a revocation. */
  jti: string;
  /** When it was made. */
  iat: number;
  exp: number;
  /** Not before. */
  nbf?: number;
  /** Paths below which it is good; any without. */
  path?: string[];
  /** Methods that it is good for; any without. */
  method?: string[];
  /** Networks of the visitor, as addresses or CIDR blocks; any without. */
  ip?: string[];
  /** How many visits it is good for; any number without. */
  uses?: number;
}

const FORM = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;
/** A client id has at most 128 characters, and so the two are never mistaken for each other. */
const MIN_CHARS = 129;

/** Whether a text is worth a look: true of every visitor token, false of every client id. */
export function mayBeVisitorToken(text: string): boolean {
  return text.length >= MIN_CHARS && text.startsWith("eyJ");
}

/** A header that was found to be one of ours: those of all tokens of a key are alike. */
let lastHeader = "";

/** Whether a text means to be a visitor token. It need not be a good one. */
export function isVisitorToken(text: string): boolean {
  if (!mayBeVisitorToken(text) || text.length > MAX_VISITOR_TOKEN_CHARS || !FORM.test(text)) {
    return false;
  }
  const first = text.slice(0, text.indexOf("."));
  if (first === lastHeader) return true;
  if (json(first)?.typ !== VISITOR_TOKEN_TYPE) return false;
  lastHeader = first;
  return true;
}

/** What a token says of itself before anything of it is checked. */
export interface Unchecked {
  kid: string | undefined;
  aud: string | undefined;
}

/** Reads a token without checking it; undefined for what does not mean to be one. */
export function readVisitorToken(text: string): Unchecked | undefined {
  if (!isVisitorToken(text)) return undefined;
  const [first = "", second = ""] = text.split(".");
  const word = (value: unknown) => typeof value === "string" ? value : undefined;
  return { kid: word(json(first)?.kid), aud: word(json(second)?.aud) };
}

function json(part: string): Record<string, unknown> | undefined {
  try {
    const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const JTI = /^[\w-]{1,64}$/;
const METHOD = /^[A-Z][A-Z-]{0,23}$/;
/** Longest list of a limit. */
const MAX_ITEMS = 32;

const time = (value: unknown) => Number.isSafeInteger(value) && value as number >= 0;
const words = (fits: (word: string) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.length <= MAX_ITEMS &&
  value.every((item) => typeof item === "string" && fits(item));

const CLAIMS: Readonly<Record<keyof VisitorClaims, (value: unknown) => boolean>> = {
  aud: (value) => typeof value === "string",
  jti: (value) => typeof value === "string" && JTI.test(value),
  iat: time,
  exp: time,
  nbf: time,
  path: words((path) => path.length <= 256 && pathSegments(path) !== undefined),
  method: words((method) => METHOD.test(method)),
  ip: words((ip) => ip.length <= 64),
  uses: (value) => time(value) && value !== 0,
};

/**
 * The claims in a payload. One that is not known may be a limit of a later release, so it refuses
 * the token rather than be ignored.
 */
export function parseClaims(value: unknown): VisitorClaims | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const known = Object.entries(value).every(([name, one]) =>
    Object.hasOwn(CLAIMS, name) && CLAIMS[name as keyof VisitorClaims](one)
  );
  const needed = ["aud", "jti", "iat", "exp"].every((name) => Object.hasOwn(value, name));
  return known && needed ? value as VisitorClaims : undefined;
}

/**
 * Dots, slashes, backslashes and zeros behind a percent sign, however often that is encoded; and what
 * careless decoders make one of: overlong UTF-8, and the `%u` of old servers.
 */
const TRICKS = /%(?:25)*(?:2e|2f|5c|00|c[01]|e0%(?:25)*[89]|f0%(?:25)*8|u)/i;
/** What is cut, or decoded, to a segment of dots alone by some servers: `..;x`, `..%20`, `%09..`. */
const DOTS = /^(?:%(?:25)*[012][\da-f])*\.{1,2}(?:[;%]|$)/i;

/**
 * The segments of a path; undefined for one that two programs might read differently, such as one
 * with `..`, an empty segment or an encoded slash, and for what is no path.
 */
export function pathSegments(path: string): string[] | undefined {
  if (!path.startsWith("/") || /[\\?#\s\xc0\xc1]/.test(path) || TRICKS.test(path)) return undefined;
  const segments = path.slice(1).split("/");
  const odd = segments.some((segment, at) =>
    DOTS.test(segment) || (/^(?:;|$)/.test(segment) && at < segments.length - 1)
  );
  return odd ? undefined : segments;
}

/** What stands in a token for a client id or alias. */
export async function audienceOf(id: string): Promise<string> {
  return (await sha256(new TextEncoder().encode(id))).slice(0, 22);
}

/** The `kid` of a public key, given as the base64url of its 32 bytes. */
export async function keyIdOf(publicKey: string): Promise<string> {
  return (await sha256(Uint8Array.fromBase64(publicKey, { alphabet: "base64url" }))).slice(0, 8);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
