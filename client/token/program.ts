/**
 * The programs `arpc token create`, `list` and `revoke`: what they are called, and what they may do.
 *
 * @module
 */

import {
  type About,
  type Options,
  optionVariables,
  type Permissions,
  readVariable,
  runningFiles,
  type Subcommand,
  subcommand,
} from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import { HOME_VARIABLES, stateFolder } from "../state.ts";
import { VERSION } from "../version.ts";
import { draftOf } from "./key.ts";
import { CREATE_OPTIONS, LIST_OPTIONS, REVOKE_OPTIONS } from "./options.ts";

function about(
  word: string,
  summary: string,
  examples: About["examples"],
  operand?: string,
): About {
  return {
    name: `arpc ${word}`,
    version: VERSION,
    prefix: "ARPC",
    summary,
    examples,
    ...(operand === undefined ? {} : { operand }),
  };
}

const CREATE_ABOUT = about(
  "token create",
  "Makes a token that lets somebody visit this machine's service for a while, and prints the URL " +
    "with it: once, for it is kept nowhere. Whoever has it may use it.",
  [
    ["arpc token create --ttl 2h --label alice", "for two hours, to be revoked as alice"],
    [
      "arpc token create --ttl 7d --path /docs --method GET",
      "a link to read the documentation, and nothing else",
    ],
    ["arpc token create --ttl 30m --uses 1 --ip 203.0.113.0/24", "one visit, from one network"],
    [
      'psql -h your-server.com -p 17003 -U "postgres?token=$(arpc token create --bare)"',
      "for a database",
    ],
  ],
);
const LIST_ABOUT = about("token list", "Lists the visitor tokens that were made on this machine.", [
  ["arpc token list", "those that have not expired"],
]);
const REVOKE_ABOUT = about(
  "token revoke",
  "Takes visitor tokens back. A running arpc tells its server within a second, and whoever " +
    "visits by one is cut off; one that does not run tells it when it comes back.",
  [
    ["arpc token revoke alice", "all that carry this label"],
    ["arpc token revoke 4f1d", "the one whose id begins so"],
    ["arpc token revoke all", "every one of this machine"],
  ],
  "which",
);

/** `arpc token …`, loaded only when asked for. */
export const TOKEN: readonly Subcommand[] = [
  subcommand({
    word: "token create",
    brief: "makes a token that lets somebody visit your service for a while",
    about: CREATE_ABOUT,
    options: CREATE_OPTIONS,
    permissions: (values) => permissions(CREATE_ABOUT, CREATE_OPTIONS, values, true),
    run: async (values) => {
      const { runCreate } = await import("./create.ts");
      await runCreate(values);
    },
  }),
  subcommand({
    word: "token list",
    brief: "lists such tokens",
    about: LIST_ABOUT,
    options: LIST_OPTIONS,
    permissions: (values) => permissions(LIST_ABOUT, LIST_OPTIONS, values, false),
    run: async (values) => {
      const { runList } = await import("./list.ts");
      runList(values);
    },
  }),
  subcommand({
    word: "token revoke",
    brief: "takes them back",
    about: REVOKE_ABOUT,
    options: REVOKE_OPTIONS,
    permissions: (values) => permissions(REVOKE_ABOUT, REVOKE_OPTIONS, values, true),
    run: async (values) => {
      const { runRevoke } = await import("./revoke.ts");
      await runRevoke(values);
    },
  }),
];

function permissions<O extends Options>(
  about: About,
  options: O,
  values: Parameters<typeof runningFiles>[0] & { "visitor-key-file"?: string | undefined },
  write: boolean,
): Permissions {
  const given = values["visitor-key-file"];
  const key = given === undefined ? [] : [absolute(given), draftOf(absolute(given))];
  const folder = stateFolder();
  const state = folder === undefined ? [] : [folder];
  const files = runningFiles(values, options);
  return {
    env: [...optionVariables(about, options), ...HOME_VARIABLES]
      .filter((name) => readVariable(name) !== undefined),
    read: [...state, ...key, ...files.read],
    write: [...(write ? [...state, ...key] : []), ...files.write],
  };
}
