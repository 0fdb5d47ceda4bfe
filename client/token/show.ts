/**
 * What people are shown of a visitor token.
 *
 * @module
 */

import { print as printText } from "@agentx/common/cli";
import { stateFolder } from "../state.ts";
import type { Issued } from "./ledger.ts";

/**
 * The folder with the key and the ledger.
 *
 * @param keyFile where the key lies, if elsewhere: then it does without the folder.
 * @throws {Error} when the home folder is not known.
 */
export function tokenFolder(): string;
export function tokenFolder(keyFile: string | undefined): string | undefined;
export function tokenFolder(keyFile?: string): string | undefined {
  const folder = stateFolder();
  if (folder !== undefined || keyFile !== undefined) return folder;
  throw new Error(
    "Visitor tokens are kept in ~/.arp-client, and where that is is not known: set HOME",
  );
}

/** The limits in words; empty without any. */
export function limitsOf({ path, method, ip, uses }: Issued): string {
  return [
    ...(path ?? []),
    ...(method ?? []),
    ...(ip ?? []),
    ...(uses === undefined ? [] : [uses === 1 ? "1 visit" : `${uses} visits`]),
  ].join(" ");
}

/** A time as people write it, in the zone of this machine. */
export function moment(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Prints text and a line end. */
export function print(text: string): void {
  printText(`${text}\n`);
}
