/**
 * Starts a program under exactly the permissions it needs.
 *
 * @module
 */

import type { Options, Values } from "./options.ts";
import { complain, print } from "./output.ts";
import type { Request } from "./request.ts";
import { telemetryNames, telemetryVariables } from "./telemetry.ts";
import { UsageError } from "./usage.ts";

/**
 * Flags of V8 for both programs: collect garbage early. By default the young generation grows to
 * three times 16 MB and the old one waits long for its first collection; for programs that mostly
 * pass bytes on, that slack was more than half of what a visitor cost.
 */
export const V8_FLAGS = ["--max-semi-space-size=2", "--initial-old-space-size=16"] as const;

/** What a program may do; every list is of what Deno's flag of that name takes. */
export interface Permissions {
  net?: readonly string[];
  read?: readonly string[];
  write?: readonly string[];
  env?: readonly string[];
  sys?: readonly string[];
  run?: readonly string[];
}

/**
 * The permissions as flags of `deno run`; an empty list gives no flag.
 *
 * @throws {UsageError} on a path that no flag can name, rather than grant others in its place.
 */
export function permissionFlags(permissions: Permissions): string[] {
  return Object.entries(permissions)
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => {
      const comma = list.find((item: string) => item.includes(","));
      if (comma !== undefined) {
        throw new UsageError(`Cannot grant access to ${comma}: Deno ends a path at a comma`);
      }
      return `--allow-${name}=${[...new Set(list)].join(",")}`;
    });
}

/**
 * Gives up every kind of permission but those named, for programs that hold more than they need: a
 * compiled binary carries its grants baked in.
 */
export async function revokeAllBut(...kept: Deno.PermissionName[]): Promise<void> {
  const kinds: Deno.PermissionName[] = ["run", "ffi", "write", "read", "env", "sys", "net"];
  for (const name of kinds) {
    if (!kept.includes(name)) await Deno.permissions.revoke({ name } as Deno.PermissionDescriptor);
  }
}

/**
 * Runs a module in a Deno of its own, with these terminals, and passes signals on.
 *
 * @returns its exit code.
 */
export async function launch(
  module: URL,
  args: readonly string[],
  permissions: Permissions,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--v8-flags=${V8_FLAGS.join(",")}`,
      ...permissionFlags(permissions),
      module.href,
      ...args,
    ],
    env: telemetryVariables(),
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  // Windows delivers Ctrl-C to the whole console; elsewhere the child takes two signals that come
  // together for one, so passing on what the terminal sent to it as well does no harm.
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = signals.map((signal) => {
    const pass = () => {
      try {
        if (Deno.build.os !== "windows") child.kill(signal);
      } catch { /* it has ended */ }
    };
    Deno.addSignalListener(signal, pass);
    return { signal, pass };
  });
  try {
    return (await child.status).code;
  } finally {
    for (const { signal, pass } of listeners) Deno.removeSignalListener(signal, pass);
  }
}

/**
 * The whole of a `launch.ts`: reads the options, computes what they need, and runs the program under
 * that, or prints it.
 *
 * @param words what stands in front of the arguments for the program to know itself by.
 * @returns the exit code; a failure was told on standard error.
 */
export async function launchProgram<O extends Options>(
  name: string,
  main: URL,
  args: readonly string[],
  readRequest: (args: readonly string[]) => Promise<Request<O>>,
  permissions: (values: Values<O>) => Permissions | Promise<Permissions>,
  words: readonly string[] = [],
): Promise<number> {
  const show = (text: string) => {
    print(text);
    return 0;
  };
  try {
    const request = await readRequest(args);
    if (request.kind === "print") return show(request.text);
    const own = await permissions(request.values);
    const needed = { ...own, env: [...own.env ?? [], ...telemetryNames()] };
    if ((request.values as Record<string, unknown>)["print-permissions"]) {
      return show(permissionFlags(needed).join("\n") + "\n");
    }
    return await launch(main, [...words, ...args], needed);
  } catch (error) {
    return complain(name, error);
  }
}
