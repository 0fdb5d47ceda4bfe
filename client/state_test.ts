import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "@std/path";
import { fileTest, testWith } from "../common/testdata/gate.ts";
import { readState, stateFile, stateFolder, writeState } from "./state.ts";

async function inFolder(run: (folder: string) => void): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    run(join(home, ".arp-client"));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

fileTest("writeState() leaves the client id for the next run", () =>
  inFolder((folder) => {
    writeState(folder, "my-app");
    strictEqual(Deno.readTextFileSync(stateFile(folder)), "client-id=my-app\n");
    strictEqual(readState(folder).get("client-id"), "my-app");
  }));

fileTest(
  "writeState() replaces the id and keeps every other line as it is",
  () =>
    inFolder((folder) => {
      Deno.mkdirSync(folder);
      const other = "# mine\n server-addr = example.com\n\nlocal-port=3000";
      Deno.writeTextFileSync(
        stateFile(folder),
        `client-id=old\r\n${other}\n  client-id = older\n\n\n`,
      );
      writeState(folder, "new");
      strictEqual(Deno.readTextFileSync(stateFile(folder)), `client-id=new\n${other}\n`);
      writeState(folder, "newer");
      strictEqual(Deno.readTextFileSync(stateFile(folder)), `client-id=newer\n${other}\n`);
    }),
);

fileTest(
  "writeState() puts a new file in the place of the old, and leaves no draft",
  () =>
    inFolder((folder) => {
      writeState(folder, "one");
      using old = Deno.openSync(stateFile(folder));
      writeState(folder, "two");
      // Whoever reads the old file at that moment reads it to its end.
      const buffer = new Uint8Array(100);
      const size = old.readSync(buffer)!;
      strictEqual(new TextDecoder().decode(buffer.subarray(0, size)), "client-id=one\n");
      deepStrictEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["config"]);
    }),
);

fileTest("writeState() keeps folder and file to their owner", () =>
  inFolder((folder) => {
    if (Deno.build.os === "windows") return;
    writeState(folder, "my-app");
    strictEqual(Deno.statSync(folder).mode! & 0o777, 0o700);
    strictEqual(Deno.statSync(stateFile(folder)).mode! & 0o777, 0o600);
  }));

fileTest(
  "readState() reads defaults for any option, and names the file",
  () =>
    inFolder((folder) => {
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(
        stateFile(folder),
        "client-id = my-app \r\nserver-addr=a=b\nempty=\n# local-port=1\nnonsense\n",
      );
      const state = readState(folder);
      strictEqual(state.get("client-id"), "my-app");
      strictEqual(state.get("server-addr"), "a=b");
      for (const key of ["empty", "local-port", "nonsense", "__proto__", "toString"]) {
        strictEqual(state.get(key), undefined, key);
      }
      strictEqual(state.describe("client-id"), `${stateFile(folder)}: "client-id"`);
    }),
);

fileTest(
  "readState() is empty without a file, and without a home folder",
  () =>
    inFolder((folder) => {
      strictEqual(readState(folder).get("client-id"), undefined);
      strictEqual(readState(undefined).get("client-id"), undefined);
    }),
);

Deno.test({
  name: "readState() is empty without permission, and asks nobody",
  permissions: "none",
  fn: () => {
    strictEqual(stateFolder(), undefined);
    strictEqual(readState("/nowhere").get("client-id"), undefined);
  },
});

testWith([{ name: "env" }], "stateFolder() stands in the home folder", () => {
  const before = Deno.env.get("HOME");
  try {
    Deno.env.set("HOME", join("/home", "alice"));
    strictEqual(stateFolder(), join("/home", "alice", ".arp-client"));
  } finally {
    if (before === undefined) Deno.env.delete("HOME");
    else Deno.env.set("HOME", before);
  }
  ok(before === undefined || stateFolder() !== undefined);
});
