/**
 * Options of `arpc token create`, `list` and `revoke`.
 *
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS } from "@agentx/common";
import {
  count,
  list,
  type Option,
  RUNNING_OPTIONS,
  text,
  textCodec,
  toggle,
} from "@agentx/common/cli";

const WHO = "Whose";
const WHAT = "What it is good for";
const HOW = "How";

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};
const TIME = /^(\d{1,9})([smhdw])$/;
/** Longest life of a token, in seconds. */
const MAX_TTL_S = 366 * 86_400;

const CLIENT = text({
  about: "client id, or an alias, that is visited (default: of the last run of arpc)",
  group: WHO,
  arg: "<id>",
  pattern: CLIENT_ID,
  expects: CLIENT_ID_EXPECTS,
});
const JSON_OUT = toggle({ about: "print JSON", group: HOW, default: false, once: true });
/** `all` already stands for every token where they are taken back. */
const LABEL = /^(?!all$)[^\p{Cc}\s][^\p{Cc}]{0,63}$/u;

/** Life of a token that is told none, in seconds. */
export const DEFAULT_TTL_S = 86_400;

/** The key in a place of one's own; `arpc` itself has this option as well. */
export const VISITOR_KEY_FILE: Option<string> = text({
  about: "file with the key of visitor tokens, for a machine or container that keeps none itself " +
    "(default: ~/.arp-client/visitor-key.json)",
  group: WHO,
  arg: "<file>",
});

/** Those of `create` by flag. */
export const CREATE_OPTIONS = {
  "client-id": { ...CLIENT, private: true },
  "label": text({
    about: "whom it is for; you can list and revoke by it",
    group: WHO,
    arg: "<name>",
    pattern: LABEL,
    expects: 'a name of 1 to 64 characters, other than "all"',
    once: true,
  }),
  "ttl": {
    about: "how long it is good for, such as 30m, 2h or 7d, at most 366d (default: 1d)",
    group: WHAT,
    arg: "<time>",
    expects: "a number and s, m, h, d or w, from 1s to 366d",
    schema: textCodec(TIME, parseTime, formatTime),
    once: true,
  } as Option<number>,
  "path": list({
    about: "a path of the service and all below it; repeatable",
    group: WHAT,
    arg: "<path>",
    pattern: /^\/[^?#]*$/,
    expects: "a path such as /docs",
    once: true,
  }),
  "method": list({
    about: "a method of requests, GET meaning HEAD as well; repeatable",
    group: WHAT,
    arg: "<method>",
    pattern: /^[A-Za-z][A-Za-z-]{0,23}$/,
    expects: "a method such as GET",
    once: true,
  }),
  "ip": list({
    about: "addresses of visitors, as address or CIDR block; repeatable",
    group: WHAT,
    arg: "<cidr>",
    pattern: /^[0-9A-Fa-f.:]+(?:\/\d{1,3})?$/,
    expects: "an address or a CIDR block such as 192.0.2.0/24",
    once: true,
  }),
  "uses": count({
    about: "number of visits, 0 for any; a browser with its cookie is one",
    group: WHAT,
    default: 0,
    once: true,
  }),
  "url": text({
    about:
      "address of your server, such as https://tunnel.example.com, for the URL that is printed " +
      "(default: where arpc was last found by that id)",
    group: HOW,
    arg: "<address>",
    pattern: /^https?:\/\/[^\s?#]+$/,
    expects: "http(s)://HOST[:PORT]",
  }) as Option<string>,
  "bare": toggle({
    about: "print the token alone, as psql, mariadb and arpc connect want it",
    group: HOW,
    default: false,
    once: true,
  }),
  "visitor-key-file": VISITOR_KEY_FILE,
  "json": JSON_OUT,
  ...RUNNING_OPTIONS,
};

/** Those of `list` by flag. */
export const LIST_OPTIONS = {
  "all": toggle({ about: "also those that have expired", group: HOW, default: false, once: true }),
  "json": JSON_OUT,
  ...RUNNING_OPTIONS,
};

/** Those of `revoke` by flag. */
export const REVOKE_OPTIONS = {
  "which": text({
    about: "id, the start of an id, or label; or all",
    group: WHO,
    arg: "<token>",
    once: true,
  }),
  "new-key": toggle({
    about: "with all: also make a new key, for which no token is good that the last one signed",
    group: HOW,
    default: false,
    once: true,
  }),
  "visitor-key-file": VISITOR_KEY_FILE,
  ...RUNNING_OPTIONS,
};

function parseTime(text: string): number | undefined {
  const [, digits, unit] = TIME.exec(text) ?? [];
  const seconds = Number(digits) * (UNITS[unit ?? ""] ?? NaN);
  return seconds >= 1 && seconds <= MAX_TTL_S ? seconds : undefined;
}

/** In the longest unit that needs no fraction. */
function formatTime(seconds: number): string {
  const [unit, length] = Object.entries(UNITS).findLast(([, length]) => seconds % length === 0)!;
  return `${seconds / length}${unit}`;
}
