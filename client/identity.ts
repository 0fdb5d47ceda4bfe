/**
 * The client id of a machine that was given none: the same one each time, from what the machine
 * tells of itself.
 *
 * @module
 */

import { readVariable } from "@agentx/common/cli";
import { v4, v5 } from "@std/uuid";

/** Namespace of these ids, RFC 9562 §5.5. */
const NAMESPACE = "5b9a6f0e-0c5f-5d0b-9a35-3f7c2a1e8d47";

/** Files with an id of the machine: Linux with systemd, Linux with D-Bus alone, macOS. */
export const MACHINE_ID_FILES = [
  "/etc/machine-id",
  "/var/lib/dbus/machine-id",
  "/etc/hostid",
] as const;

/** Names the distribution, on Linux. */
export const OS_RELEASE_FILE = "/etc/os-release";

/** Variables with the name of the user: Unix, then Windows. */
export const USER_VARIABLES = ["USER", "LOGNAME", "USERNAME"] as const;

/** What an id is made of; a source that is missing is empty. */
export interface Machine {
  host: string;
  machineId: string;
  user: string;
  os: string;
  arch: string;
  distribution: string;
}

/** Whether the permission is there already: an id is not worth a question. */
function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function readFirst(paths: readonly string[]): string {
  for (const path of paths) {
    if (!granted({ name: "read", path })) continue;
    try {
      const text = Deno.readTextFileSync(path).trim();
      if (text !== "") return text;
    } catch { /* not on this system */ }
  }
  return "";
}

/** Looks at this machine, as far as the permissions reach. */
export function thisMachine(): Machine {
  const user = USER_VARIABLES.map(readVariable).find((name) => name !== undefined) ?? "";
  const release = Deno.build.os === "linux" ? readFirst([OS_RELEASE_FILE]) : "";
  return {
    host: granted({ name: "sys", kind: "hostname" }) ? Deno.hostname() : "",
    machineId: readFirst(MACHINE_ID_FILES),
    user,
    os: Deno.build.os,
    arch: Deno.build.arch,
    distribution: /^ID="?([^"\n]*)"?$/m.exec(release)?.[1] ?? "",
  };
}

/**
 * The UUID v5 of a machine: SHA-1 over its six sources, a line each. Without a host name and a
 * machine id it would be the id of many machines; then it is random, and good for one run.
 */
export function machineClientId(machine: Machine): string {
  const { host, machineId, user, os, arch, distribution } = machine;
  if (host === "" && machineId === "") return v4();
  return v5([host, machineId, user, os, arch, distribution].join("\n"), NAMESPACE);
}
