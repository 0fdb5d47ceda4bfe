/**
 * Options of command mode: one table. Beside them stand those of `arpc` itself.
 *
 * @module
 */

import {
  count,
  list,
  port,
  ports,
  seconds,
  secretFile,
  secretText,
  text,
  toggle,
} from "@agentx/common/cli";
import { DEFAULT_LIMITS, KIB, MIB } from "./config.ts";

const MODE = "Command mode";
const LIMITS = "Limits of command mode";

/** The options by flag. */
export const COMMAND_OPTIONS = {
  "command-mode": toggle({
    about: "serve an API, an MCP server and a page that start and steer AI coding CLIs here",
    group: MODE,
    default: false,
  }),
  "enable-mcp": toggle({
    about: "also serve MCP on a port of this machine (through the tunnel it is at /mcp anyway)",
    group: MODE,
    default: false,
  }),
  "mcp-port": port({ about: "that port, on 127.0.0.1", group: MODE, default: 9021 }),
  "project-root": list({
    about: "folder that projects must lie in; repeatable (default: your home folder)",
    arg: "<folder>",
    group: MODE,
  }),
  "api-key": secretText({
    about: "who uses the API must know it; in ARP_API_KEY it stays out of the list of processes",
    arg: "<key>",
    group: MODE,
  }),
  "api-key-file": secretFile("api-key", MODE),
  "allow-bypass": toggle({
    about: "let sessions choose modes in which a CLI asks nobody and is not sandboxed",
    group: MODE,
    default: false,
  }),
  "enable-fs": toggle({
    about: "let the API list and read the files of projects",
    group: MODE,
    default: false,
  }),
  "proxy-allow": ports({
    about: "ports that /proxy may reach, such as 3000 or 3000-3999; repeatable " +
      "(default: all but those of well-known databases)",
    group: MODE,
  }),
  "cors-origin": list({
    about: "origin whose pages may use the API, such as https://app.example.com; repeatable",
    arg: "<origin>",
    group: MODE,
    pattern: /^https?:\/\/[^/\s]+$/,
    expects: "an origin: https://HOST[:PORT]",
  }),
  "pass-env": list({
    about: "variable that CLIs get beside the usual ones; repeatable",
    arg: "<name>",
    group: MODE,
    pattern: /^(?!ARP|CLAUDECODE|LD_|DYLD_)[A-Za-z_][A-Za-z0-9_]*$/,
    expects: "the name of a variable, none of ARP… CLAUDECODE… LD_… DYLD_…",
  }),
  "state-dir": text({
    about: "folder of the database of sessions (default: ~/.arp-client)",
    arg: "<folder>",
    group: MODE,
  }),
  "max-sessions": count({
    about: "sessions that may run at once",
    group: LIMITS,
    default: DEFAULT_LIMITS.sessions,
    min: 1,
    max: 1000,
  }),
  "max-body-mb": count({
    about: "MiB of a request's body",
    group: LIMITS,
    default: DEFAULT_LIMITS.body / MIB,
    min: 1,
    max: 1024,
  }),
  "max-prompt-kb": count({
    about: "KiB of a prompt",
    group: LIMITS,
    default: DEFAULT_LIMITS.prompt / KIB,
    min: 1,
  }),
  "max-output-mb": count({
    about: "MiB that are kept of a session's output; the oldest goes first",
    group: LIMITS,
    default: DEFAULT_LIMITS.output / MIB,
    min: 1,
  }),
  "approval-timeout": seconds({
    about: "until a question that nobody answers is denied",
    group: LIMITS,
    default: DEFAULT_LIMITS.approvalTimeout / 1000,
    min: 1,
  }),
  "cli-idle": seconds({
    about: "how long a CLI is kept running for the next message",
    group: LIMITS,
    default: DEFAULT_LIMITS.idle / 1000,
  }),
};
