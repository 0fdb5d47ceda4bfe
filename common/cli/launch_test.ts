import { deepStrictEqual, throws } from "node:assert/strict";
import { permissionFlags } from "./launch.ts";
import { UsageError } from "./usage.ts";
import { testWith } from "../testdata/gate.ts";

Deno.test("permissionFlags() writes a flag a kind, and none for an empty list", () => {
  deepStrictEqual(
    permissionFlags({
      net: ["0.0.0.0:17001", "[::]:17002"],
      env: [],
      read: ["/etc/machine-id"],
      sys: ["hostname"],
    }),
    [
      "--allow-net=0.0.0.0:17001,[::]:17002",
      "--allow-read=/etc/machine-id",
      "--allow-sys=hostname",
    ],
  );
  deepStrictEqual(permissionFlags({}), []);
});

Deno.test("permissionFlags() names each thing once", () => {
  deepStrictEqual(permissionFlags({ net: ["127.0.0.1", "127.0.0.1", "::1"] }), [
    "--allow-net=127.0.0.1,::1",
  ]);
});

Deno.test("permissionFlags() refuses a path with a comma, which deno would take for two", () => {
  for (const kind of ["read", "write"]) {
    throws(
      () => permissionFlags({ [kind]: ["/etc/machine-id", "/home/a,b/.arp-client"] }),
      (error) => error instanceof UsageError && error.message.includes("/home/a,b/.arp-client"),
    );
  }
});

testWith(
  [{ name: "run" }, { name: "env" }, { name: "read" }],
  "deno grants what permissionFlags() asks for, and no more",
  async () => {
    const asked = { read: ["/arp test/a", "/arp=b"], net: ["127.0.0.1:17001", "[::1]:17002"] };
    const descriptors = [
      { name: "read", path: "/arp test/a/b" },
      { name: "read", path: "/arp=b" },
      { name: "read", path: "/arp test" },
      { name: "net", host: "127.0.0.1:17001" },
      { name: "net", host: "[::1]:17002" },
      { name: "net", host: "127.0.0.1:17002" },
      { name: "sys", kind: "hostname" },
    ];
    const script = `console.log(JSON.stringify(${JSON.stringify(descriptors)}
      .map((one) => Deno.permissions.querySync(one).state)))`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...permissionFlags(asked),
        `data:text/javascript,${encodeURIComponent(script)}`,
      ],
      stdin: "null",
    }).output();
    const granted = (JSON.parse(new TextDecoder().decode(stdout)) as string[])
      .map((state) => state === "granted");
    deepStrictEqual(granted, [true, true, false, true, true, false, false]);
  },
);
