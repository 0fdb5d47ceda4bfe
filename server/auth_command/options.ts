/**
 * Options of `arps auth hash` and `arps auth check`. None of them is a token: those of others are in
 * the list of processes.
 *
 * @module
 */

import { CLIENT_ID, CLIENT_ID_EXPECTS } from "@agentx/common";
import {
  choice,
  list,
  port,
  ports,
  SUBCOMMAND_OPTIONS,
  text,
  toggle,
  type Values,
} from "@agentx/common/cli";

const ENTRY = "The client";
const FILE = "What to check";
const OUTPUT = "Output";

const PATTERN = {
  arg: "<id>",
  pattern: /^[A-Za-z0-9._~:@*-]{1,128}$/,
  expects: `${CLIENT_ID_EXPECTS} and, in a pattern, *`,
};
const ID = { arg: "<id>", pattern: CLIENT_ID, expects: CLIENT_ID_EXPECTS };

/** The options of `arps auth hash`, by flag. */
export const HASH_OPTIONS = {
  "generate": toggle({
    about: "make a new token and show it, instead of reading one from standard input",
    group: ENTRY,
    default: false,
    once: true,
  }),
  "id": text({
    about: "client id or pattern such as team-*: prints a whole entry for --auth-file",
    group: ENTRY,
    ...PATTERN,
    once: true,
  }),
  "alias": list({
    about: "name or pattern it may use besides; repeatable",
    group: ENTRY,
    ...PATTERN,
    once: true,
  }),
  "ports": ports({
    about: "ports it may ask for with --remote-port; repeatable",
    group: ENTRY,
    once: true,
  }),
  "expires": text({
    about: "when it is good no more",
    arg: "<time>",
    group: ENTRY,
    pattern: /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/,
    expects: "a date or a time with its zone, such as 2027-01-31 or 2027-01-31T18:00:00Z",
    once: true,
  }),
  "comment": text({
    about: "whose it is",
    group: ENTRY,
    pattern: /^\P{Cc}{1,200}$/u,
    expects: "1 to 200 characters on one line",
    once: true,
  }),
  "format": choice({
    about: "of an entry",
    group: OUTPUT,
    choices: ["toml", "json"],
    default: "toml",
    once: true,
  }),
  ...SUBCOMMAND_OPTIONS,
};

/** The options of `arps auth check`, by flag. */
export const CHECK_OPTIONS = {
  "auth-file": text({ about: "the file (required)", arg: "<file>", group: FILE }),
  "client-id": text({
    about: "would this client be let in? Its token comes from ARP_AUTH_TOKEN, else from " +
      "standard input",
    group: FILE,
    ...ID,
    once: true,
  }),
  "alias": list({ about: "with this alias; repeatable", group: FILE, ...ID, once: true }),
  "remote-port": port({ about: "with this port of its own", group: FILE, once: true }),
  ...SUBCOMMAND_OPTIONS,
};

/** The values of {@link HASH_OPTIONS}. */
export type HashValues = Values<typeof HASH_OPTIONS>;
/** The values of {@link CHECK_OPTIONS}. */
export type CheckValues = Values<typeof CHECK_OPTIONS>;
