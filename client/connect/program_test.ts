import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { readOptions, UsageError } from "@agentx/common/cli";
import { CONNECT_OPTIONS } from "./options.ts";
import { CONNECT, connectPermissions } from "./program.ts";

const read = (args: readonly string[]) => readOptions(CONNECT.about, CONNECT_OPTIONS, args);

/** The network that a run with these flags asks for. */
async function net(...flags: string[]): Promise<readonly string[] | undefined> {
  const request = await read(["--token", "app", ...flags]);
  ok(request.kind === "run");
  return connectPermissions(request.values).net;
}

Deno.test("connectPermissions() asks for the server and, if need be, the port to listen on", async () => {
  deepStrictEqual(await net("--server", "example.com"), ["example.com:17003"]);
  deepStrictEqual(await net("--server", "https://[::1]"), ["[::1]:443"]);
  deepStrictEqual(
    await net("--server", "example.com:80", "--listen", "5432"),
    ["example.com:80", "127.0.0.1:5432"],
  );
  deepStrictEqual(
    await net("--server", "example.com", "--listen", "[::1]:0"),
    ["example.com:17003", "[::1]"],
  );
});

Deno.test("the program teaches, and refuses what it does not know", async () => {
  const help = await read(["--help"]);
  ok(help.kind === "print");
  match(help.text, /^Usage: arpc connect /);
  for (const word of ["--token", "--server", "--listen", "--stdio", "ProxyCommand", "ARPC_TOKEN"]) {
    ok(help.text.includes(word), word);
  }
  await rejects(read(["--tokn", "x"]), (error) => {
    ok(error instanceof UsageError);
    match(error.message, /; did you mean --token\?\nSee arpc connect --help\.$/);
    return true;
  });
  await rejects(read(["my-app"]), /too many arguments/);
});
