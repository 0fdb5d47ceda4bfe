/**
 * Where visitors find this client, in the words to show to people.
 *
 * @module
 */

import { formatAddress, hostOf } from "@agentx/common";
import type { ClientConfig } from "./config.ts";

/** The URLs the server told, under the name it was dialled by if it knows none of its own. */
export function visitorUrls(
  { serverAddr, clientId, requireVisitorToken }:
    & Pick<ClientConfig, "serverAddr" | "clientId">
    & Partial<Pick<ClientConfig, "requireVisitorToken">>,
  told: readonly string[] | undefined,
): string[] {
  const host = hostOf({ hostname: serverAddr });
  // A first generation server does not say; 17003 is the default public port.
  const urls = told ?? [`http://0.0.0.0:17003/?token=${encodeURIComponent(clientId)}`];
  const web = urls.flatMap((text) => {
    const url = URL.parse(text);
    // They are printed for people to open, so nothing but a web page is passed on.
    if (url === null || !/^https?:$/.test(url.protocol)) return [];
    if (url.hostname === "0.0.0.0") url.hostname = host;
    // It would open nothing; `arpc token create --url` makes one that does.
    if (requireVisitorToken) url.searchParams.delete("token");
    return [url.href];
  });
  return [...new Set(web)];
}

/**
 * The addresses that visitor tokens of a client go with, by client id and alias: without a token.
 * None of a first generation server, which knows no such tokens.
 */
export function visitorSites(
  config: Pick<ClientConfig, "serverAddr" | "clientId" | "aliases">,
  told: readonly string[] | undefined,
): Map<string, string> {
  const names = [config.clientId, ...config.aliases];
  return new Map(
    (told ?? []).slice(0, names.length).flatMap((text, at) =>
      visitorUrls({ ...config, requireVisitorToken: true }, [text]).map((found) => {
        const url = new URL(found);
        url.search = url.hash = "";
        return [names[at]!, url.href];
      })
    ),
  );
}

/** Where the port of its own is, under the name the server was dialled by; nowhere if it has none. */
export function remoteUrls(
  { serverAddr }: Pick<ClientConfig, "serverAddr">,
  port: number | undefined,
): string[] {
  // It is printed for people, like the others.
  const good = Number.isInteger(port) && port! >= 1 && port! <= 65535;
  return good ? [`tcp://${formatAddress({ hostname: serverAddr, port: port! })}`] : [];
}
