/**
 * The programs `arps auth hash` and `arps auth check`: what they are called, and what they may do.
 *
 * @module
 */

import { readVariable, type Subcommand, subcommand, UsageError } from "@agentx/common/cli";
import { resolve as absolute } from "@std/path";
import denoJson from "../deno.json" with { type: "json" };
import { CHECK_OPTIONS, HASH_OPTIONS } from "./options.ts";

/** Where a client, too, takes its token from. */
const TOKEN_VARIABLE = "ARP_AUTH_TOKEN";

const shared = { version: denoJson.version, prefix: "ARPS" };

/** `arps auth hash`. */
export const HASH: Subcommand = subcommand({
  word: "auth hash",
  brief: "makes a token for a client, or the hash of one, for --auth-file",
  about: {
    ...shared,
    name: "arps auth hash",
    summary:
      "Prints the slow hash of a token, or with --id an entry for --auth-file, to standard " +
      "output. A token is read from standard input, or made and shown on standard error.",
    examples: [
      ["arps auth hash --generate --id alice >> auth.toml", "a new client; shows its token once"],
      ["arps auth hash --generate --id 'team-*' --ports 20000-20010", "a team, with ports"],
      ["pass show alice | arps auth hash", "the hash of a token that there is"],
    ],
  },
  options: HASH_OPTIONS,
  permissions: ({ config }) => ({ read: config === undefined ? [] : [absolute(config)] }),
  run: async (values) => (await import("./hash.ts")).runHash(values),
});

/** `arps auth check`. */
export const CHECK: Subcommand = subcommand({
  word: "auth check",
  brief: "checks an --auth-file, and whether a client would be let in",
  about: {
    ...shared,
    name: "arps auth check",
    summary: "Checks an --auth-file, and whether a server with it would let a client in.",
    exits:
      "0 if a server can use the file, and would let the client in that was named, if one was; " +
      "1 if it would not; 2 if the file or an option is of no use",
    examples: [
      ["arps auth check --auth-file auth.toml", "is the file all right?"],
      [
        "pass show alice | arps auth check --auth-file auth.toml --client-id alice",
        "would she be let in?",
      ],
    ],
  },
  options: CHECK_OPTIONS,
  permissions: ({ config, "auth-file": file }) => ({
    read: [config, file].filter((path) => path !== undefined).map((path) => absolute(path)),
    env: [TOKEN_VARIABLE].filter((name) => readVariable(name) !== undefined),
  }),
  run: async (values) => {
    const { "auth-file": file } = values;
    if (file === undefined) throw new UsageError("--auth-file: expected the file, found none");
    const { runCheck } = await import("./check.ts");
    await runCheck(file, values, readVariable(TOKEN_VARIABLE));
  },
});
