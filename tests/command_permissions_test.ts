/**
 * That command mode may do no more than it needs: the CLIs that are there, and the folders that they
 * and their projects lie in.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "@std/path";
import { type CliHome, cliHome, codex, withClis } from "./clis.ts";
import { commandPermissions, CommandRig, onlyPrograms } from "./command.ts";
import { peerTest } from "./peers.ts";
import { startModel } from "./model/mod.ts";

/** Elsewhere the programs of the system have other names. */
const os = ["linux", "darwin"] as const;

/** What it could want to do beyond that; each prints its name if it is let. */
function attempts(home: CliHome): Record<string, string> {
  const inHome = (...path: string[]) => JSON.stringify(join(home.path, ...path));
  return {
    "read a file of the system": `Deno.readTextFileSync("/etc/passwd")`,
    "list a folder of the system": `[...Deno.readDirSync("/")]`,
    "read a key in the home": `Deno.readTextFileSync(${inHome(".ssh/id_ed25519")})`,
    "read the credentials of a CLI": `Deno.readTextFileSync(${inHome(".codex/auth.json")})`,
    "write a project": `Deno.writeTextFileSync(${inHome("project/x")}, "x")`,
    "write the settings of a CLI": `Deno.writeTextFileSync(${inHome(".codex/config.toml")}, "x")`,
    "write beside the home": `Deno.writeTextFileSync(${inHome("../x")}, "x")`,
    "write a CLI": `Deno.writeTextFileSync(${inHome("bin/codex")}, "x")`,
    "run a shell": `new Deno.Command("/bin/sh", { args: ["-c", "true"] }).outputSync()`,
    "run itself": `new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync()`,
    "run a CLI with a library of its own": `new Deno.Command(${
      inHome("bin/codex")
    }, { env: { LD_PRELOAD: "x" } }).outputSync()`,
    "read all variables": `Deno.env.toObject()`,
    "read a secret in a variable": `Deno.env.get("AWS_SECRET_ACCESS_KEY_OF_SOMEBODY")`,
    "load a library": `Deno.dlopen("/lib/libc.so", {})`,
    "reach another host": `await Deno.connect({ hostname: "127.0.0.9", port: 9 })`,
    "listen for others": `Deno.listen({ hostname: "0.0.0.0", port: 0 }).close()`,
  };
}

/** What it needs. */
function needs(home: CliHome): Record<string, string> {
  const inHome = (...path: string[]) => JSON.stringify(join(home.path, ...path));
  return {
    "list a project": `[...Deno.readDirSync(${inHome("project")})]`,
    "write its own state": `Deno.writeTextFileSync(${inHome(".arp-client/x")}, "x")`,
    "run a CLI": `new Deno.Command(${inHome("bin/codex")}, { args: ["--version"] }).outputSync()`,
    "reach a port of this machine":
      `await Deno.connect({ hostname: "127.0.0.1", port: 9 }).catch((error) => {
        if (error instanceof Deno.errors.NotCapable) throw error;
      })`,
  };
}

/** Which of these a set of permissions does not deny. */
async function allowed(
  tries: Record<string, string>,
  flags: readonly string[],
  env: Record<string, string>,
): Promise<string[]> {
  const source = Object.entries(tries).map(([name, code]) => `
    try { ${code}; console.log(${JSON.stringify(name)}); }
    catch (error) { if (error.name !== "NotCapable") console.log(${JSON.stringify(name)}, error); }
  `).join("");
  const module = `data:application/javascript,${encodeURIComponent(source)}`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, module],
    env,
    clearEnv: true,
    stdin: "null",
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

peerTest({
  name: "command mode may reach its CLIs and its folders, and nothing else",
  ...withClis(codex),
  os,
}, async () => {
  await using model = startModel();
  await using home = await cliHome(model);
  await home.write(".ssh/id_ed25519", "secret");
  await home.write(".codex/auth.json", "secret");
  await home.write(".arp-client/identity", "x");
  const env = { ...home.env, ...await onlyPrograms(home, ["codex"]) };
  const root = join(home.path, "project");
  const flags = ["--command-mode", "--project-root", root, "--enable-fs", "--enable-mcp"];
  const granted = await commandPermissions(["--client-id", "laptop", ...flags], env);
  deepEqual(await allowed(attempts(home), granted, env), []);
  deepEqual(await allowed(needs(home), granted, env), Object.keys(needs(home)));
  const running = granted.find((flag) => flag.startsWith("--allow-run"))!;
  match(running, /bin\/codex/);
  ok(!/deno|\bsh\b|bash|opencode/.test(running), running);
});

peerTest({
  name: "with all permissions, command mode gives up the kinds that it does not need",
  ...withClis(codex),
  os,
}, async () => {
  const spy = `data:application/javascript,${
    encodeURIComponent(`
    const original = Deno.serve;
    Deno.serve = (...args) => {
      Deno.serve = original;
      const of = (query) => Deno.permissions.querySync(query).state === "granted";
      const all = ["run", "ffi", "write", "read", "env", "sys", "net"].filter((name) => of({ name }));
      console.log("left: " + all.join(" "));
      return original(...args);
    };
  `)
  }`;
  await using rig = await CommandRig.start({
    prepare: (home) => onlyPrograms(home, ["codex"]),
    runtime: ["-A", "--preload", spy],
  });
  // The URL follows as soon as it is known.
  equal(rig.client.stdout.split("\n")[0], "left: run write read env net");
});
