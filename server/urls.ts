/**
 * Where visitors find a client.
 *
 * @module
 */

/** What the server knows of its own names. */
export interface PublicNames {
  /** `--public-url`, if the owner gave one: scheme, host and port that visitors use. */
  publicUrl?: string | undefined;
  /** `--domain` */
  domain?: string | undefined;
  /** Whether the public port speaks TLS. */
  tls?: boolean;
  /** Port really bound. */
  port: number;
}

/**
 * A token that comes back from a host name as it is: in small letters, as browsers write them, and
 * no punycode, which they may read as something else.
 */
const DNS_LABEL = /^(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * One URL a token. Without a name of its own the server writes the host `0.0.0.0`, and the client
 * puts the name it dialled.
 */
export function publicUrls(
  tokens: readonly string[],
  { publicUrl, domain, tls, port }: PublicNames,
): string[] {
  const base = new URL(publicUrl ?? `http${tls ? "s" : ""}://${domain ?? "0.0.0.0"}:${port}/`);
  return tokens.map((token) => {
    const url = new URL(base);
    if (domain !== undefined && DNS_LABEL.test(token)) url.hostname = `${token}.${domain}`;
    else {
      // Below the domain a host name is some client's own, and no token counts there.
      if (domain !== undefined && url.hostname.endsWith(`.${domain.toLowerCase()}`)) {
        url.hostname = domain;
      }
      url.searchParams.set("token", token);
    }
    return url.href;
  });
}
