/**
 * The token behind a visitor's names: `mysql -u root -p "shop?token=my-db"`, or `root?token=my-db`
 * as user.
 *
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS } from "@agentx/common";
import { isVisitorToken } from "@agentx/common/visitor-token";

const MARK = "?token=";

/** A visitor's names without the token, and the token if there was one. */
export interface Names {
  user: string;
  database: string;
  token: string | undefined;
}

/** Takes the token off both names; what is wrong with them if that cannot be. */
export function takeToken(user: string, database: string): Names | string {
  const names = [split(user), split(database)] as const;
  const tokens = names.flatMap(({ token }) => token ?? []);
  if (tokens.some((token) => !CLIENT_ID.test(token) && !isVisitorToken(token))) {
    return `The token behind ?token= is not a valid client id: use ${CLIENT_ID_EXPECTS}`;
  }
  if (new Set(tokens).size > 1) return "The user and the database name two different tokens";
  return { user: names[0].name, database: names[1].name, token: tokens[0] };
}

function split(text: string): { name: string; token?: string } {
  const at = text.indexOf(MARK);
  if (at < 0) return { name: text };
  // `?token=$(grep client-id ~/.arp-client/config)` gives `?token=client-id=ID`.
  const token = text.slice(at + MARK.length).replace(/^client-id=/i, "");
  return { name: text.slice(0, at), token };
}
