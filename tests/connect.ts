/**
 * Runs `arpc connect` under its real permissions: to its end, as a local port, or for ssh.
 *
 * @module
 */

import { permissionFlags, readOptions } from "@agentx/common/cli";
import { fileURLToPath } from "node:url";
import { CONNECT_OPTIONS } from "../client/connect/options.ts";
import { CONNECT, connectPermissions } from "../client/connect/program.ts";
import { latin1 } from "./http_wire.ts";
import { PATIENCE_MS, Program, type TestServer, within } from "./helpers.ts";

const MODULE = fileURLToPath(new URL("../client/main.ts", import.meta.url));

/** Arguments of `deno` that run `arpc connect` with these flags and what they need. */
export async function denoArguments(
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<string[]> {
  const own = Object.entries(env).filter(([name]) => /^ARPC_/.test(name));
  const implied = own.map(([name, value]) =>
    `--${name.slice("ARPC_".length).toLowerCase().replaceAll("_", "-")}=${value}`
  );
  const request = await readOptions(CONNECT.about, CONNECT_OPTIONS, [...implied, ...flags]);
  if (request.kind !== "run") throw new Error("flags for a run expected");
  const needed = permissionFlags({
    ...connectPermissions(request.values),
    env: own.map(([name]) => name),
  });
  return ["run", "--quiet", "--no-prompt", ...needed, MODULE, "connect", ...flags];
}

/** Flags that lead to the service of a client. */
export function to(server: Pick<TestServer, "publicPort">, token: string): string[] {
  return ["--token", token, "--server", `127.0.0.1:${server.publicPort}`];
}

/** An `arpc connect` with a local port. */
export class Listening extends Program {
  /** The port it listens on. */
  port = 0;
}

/** Starts `arpc connect --listen`, on a port of the system's choice unless the flags say another. */
export async function startListening(
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<Listening> {
  const all = ["--log-level", "debug", ...flags];
  if (!flags.includes("--listen")) all.push("--listen", "0");
  const program = new Listening("../client/main.ts", [], [], env, {
    args: await denoArguments(all, env),
  });
  try {
    const { properties } = await program.message("Listening");
    program.port = Number(String(properties.address).split(":").pop());
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a program that ends on its own said; output as Latin-1. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Starts `arpc connect` with its standard input and output in the test's hands. */
export async function spawnStdio(
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<Deno.ChildProcess> {
  return new Deno.Command(Deno.execPath(), {
    args: await denoArguments(flags, env),
    env: { ...env, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `arpc connect` with an input to its end. */
export async function runStdio(
  flags: readonly string[],
  input: string | ReadableStream<Uint8Array<ArrayBuffer>>,
  env: Record<string, string> = {},
  ended: () => void = () => {},
): Promise<Outcome> {
  const child = await spawnStdio(flags, env);
  const body = typeof input === "string"
    ? new Blob([latin1(input) as Uint8Array<ArrayBuffer>]).stream()
    : input;
  // It may end without having read all.
  const feeding = body.pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await within(PATIENCE_MS, "an end", child.output()).finally(
    ended,
  );
  await feeding;
  return {
    code,
    out: Array.from(stdout, (byte) => String.fromCharCode(byte)).join(""),
    err: new TextDecoder().decode(stderr),
  };
}

/** The same, but the input stays open until the end, as that of a terminal does. */
export async function converse(
  flags: readonly string[],
  input: string,
  env: Record<string, string> = {},
): Promise<Outcome> {
  let end = () => {};
  const open = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(latin1(input) as Uint8Array<ArrayBuffer>);
      end = () => controller.close();
    },
  });
  return await runStdio(flags, open, env, () => end());
}

/** The option of `ssh` and `scp` that goes by `arpc connect`; `%h` is for ssh to replace. */
export async function proxyCommand(flags: readonly string[]): Promise<string[]> {
  const HOST = "the-host";
  const named = flags.map((flag) => flag === "%h" ? HOST : flag);
  const words = [Deno.execPath(), ...await denoArguments(named)];
  // ssh gives it to a shell, after it has looked for its own %-words.
  const quoted = words.map((word) => word === HOST ? "%h" : `'${word.replaceAll("%", "%%")}'`);
  return ["-o", `ProxyCommand=${quoted.join(" ")}`];
}
