/**
 * `arpc --check`: whether the options are enough for a run, and the files that they name of use.
 * Nothing is started.
 *
 * @module
 */

import { reason } from "@agentx/common";
import { mistakesOf, type Values } from "@agentx/common/cli";
import type { Place } from "./command/config.ts";
import { COMMAND_OPTIONS } from "./command/options.ts";
import { localPort } from "./config.ts";
import type { OPTIONS } from "./options.ts";

/** @param values those that could be read. */
export async function examine(
  values: Partial<Values<typeof OPTIONS>>,
  place: Place,
): Promise<string[]> {
  const { "tls-ca": ca, "command-mode": command, "visitor-key-file": key } = values;
  const all = values as Values<typeof OPTIONS>;
  return [
    // One that is bad was told of.
    ...("local-port" in values ? mistakesOf(() => localPort(all)) : []),
    ...(ca === undefined ? [] : await examineCa(ca)),
    ...(key === undefined ? [] : await examineKey(key)),
    ...(command && Object.keys(COMMAND_OPTIONS).every((key) => key in values)
      ? await examineCommand(all, place)
      : []),
  ];
}

async function examineCa(file: string): Promise<string[]> {
  const { readCertificates } = await import("@agentx/common/tls/certificate");
  try {
    readCertificates(await Deno.readTextFile(file));
    return [];
  } catch (error) {
    return [`--tls-ca ${file}: ${reason(error)}`];
  }
}

async function examineKey(file: string): Promise<string[]> {
  const { publicKey } = await import("./token/key.ts");
  return mistakesOf(() => publicKey(file));
}

async function examineCommand(values: Values<typeof OPTIONS>, place: Place): Promise<string[]> {
  const { commandConfig } = await import("./command/config.ts");
  return mistakesOf(() => commandConfig(values, place));
}
