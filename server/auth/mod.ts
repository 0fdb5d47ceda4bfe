/**
 * Who may register as what.
 *
 * @module
 */

import { isLoopback, type Register } from "@agentx/common";
import type { ServerConfig } from "../config.ts";

/** What a client may do, once it has shown who it is. */
export interface Grant {
  /** Whether it may have this public port of its own. */
  mayOpen(port: number): boolean;
  /**
   * Why the client may be here no more; undefined while it may. The text is for the client.
   *
   * @param port of its own, if it has one.
   */
  withdrawn(port?: number): string | undefined;
}

/** Decides about registrations. */
export interface Authenticator {
  /**
   * Checks the secret of a registration, and whether its id and aliases are the client's to use.
   *
   * @param address of the client, for the limit of failures.
   * @throws {RegistrationError} when it may not register; the message tells no secret.
   */
  authenticate(command: Register, address: string): Promise<Grant>;
  /** What the owner of the server wrote beside the entry that speaks for an id. */
  comment?(id: string): string | undefined;
  /** Calls back from now on when grants may have been withdrawn. */
  watch(withdrawn: () => void): void;
}

/** May do whatever the server offers. */
export const EVERYTHING: Grant = { mayOpen: () => true, withdrawn: () => undefined };

/** Anybody may register. */
export const OPEN: Authenticator = {
  authenticate: () => Promise.resolve(EVERYTHING),
  watch: () => {},
};

/** An {@link Authenticator} with the file behind it, which is watched until disposed. */
export interface OpenAuthenticator extends AsyncDisposable {
  readonly auth: Authenticator;
}

/**
 * What `--auth-token` and `--auth-file` come to.
 *
 * @throws {UsageError} that names the file and what is wrong in it.
 */
export async function openAuthenticator(
  { authToken, authFile }: Pick<ServerConfig, "authToken" | "authFile">,
): Promise<OpenAuthenticator> {
  if (authToken === undefined && authFile === undefined) {
    return { auth: OPEN, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // Whoever asks for no secret need not pay for checking one.
  const { Gate } = await import("./gate.ts");
  const gate = await Gate.open({ token: authToken, file: authFile });
  return { auth: gate, [Symbol.asyncDispose]: () => gate[Symbol.asyncDispose]() };
}

/**
 * Whether everybody may register, and from elsewhere than this machine; of interest before the
 * permission to read the environment is given up.
 *
 * @returns what to tell the owner; undefined when it is not so.
 */
export function openTo(
  { authToken, authFile, bind }: Pick<ServerConfig, "authToken" | "authFile" | "bind">,
): { bind: string; hint?: string } | undefined {
  if (authToken !== undefined || authFile !== undefined || isLoopback(bind)) return undefined;
  // A secret in the environment does nothing where the program may not read it.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "ARP_AUTH_TOKEN" });
  const hint = "the environment is not read without --allow-env";
  return { bind, ...(state === "granted" ? {} : { hint }) };
}
