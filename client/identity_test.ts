import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { CLIENT_ID } from "@agentx/common";
import { testWith } from "../common/testdata/gate.ts";
import { type Machine, machineClientId, thisMachine } from "./identity.ts";

const MACHINE: Machine = {
  host: "box",
  machineId: "0123456789abcdef0123456789abcdef",
  user: "alice",
  os: "linux",
  arch: "x86_64",
  distribution: "debian",
};
const NAMELESS: Machine = { ...MACHINE, host: "", machineId: "" };
const UUID_V5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("machineClientId() is the same for the same machine, in every version of this program", () => {
  // A changed value here means that every machine gets another id, and its visitors a 404.
  strictEqual(machineClientId(MACHINE), "43d95cb3-3f92-538d-a1e5-605824eb2801");
});

Deno.test("machineClientId() is a UUID v5 of the six sources, a line each", () => {
  const namespace = Uint8Array.fromHex("5b9a6f0e0c5f5d0b9a353f7c2a1e8d47");
  const name = "box\n0123456789abcdef0123456789abcdef\nalice\nlinux\nx86_64\ndebian";
  const digest = createHash("sha1").update(namespace).update(name).digest();
  digest[6] = digest[6]! & 0x0f | 0x50;
  digest[8] = digest[8]! & 0x3f | 0x80;
  const hex = new Uint8Array(digest.subarray(0, 16)).toHex();
  strictEqual(machineClientId(MACHINE).replaceAll("-", ""), hex);
});

Deno.test("machineClientId() differs when any source differs, or is missing", () => {
  const ids = new Set([machineClientId(MACHINE)]);
  for (const key of Object.keys(MACHINE) as (keyof Machine)[]) {
    ids.add(machineClientId({ ...MACHINE, [key]: "other" }));
    ids.add(machineClientId({ ...MACHINE, [key]: "" }));
  }
  strictEqual(ids.size, 1 + 2 * Object.keys(MACHINE).length);
});

Deno.test("machineClientId() does not mix sources up", () => {
  notStrictEqual(
    machineClientId({ ...MACHINE, user: "ab", os: "c" }),
    machineClientId({ ...MACHINE, user: "a", os: "bc" }),
  );
});

Deno.test("machineClientId() needs only a host name or a machine id", () => {
  for (
    const machine of [
      { ...NAMELESS, host: "box" },
      { ...NAMELESS, machineId: "1" },
      { host: "box", machineId: "", user: "", os: "", arch: "", distribution: "" },
    ]
  ) {
    match(machineClientId(machine), UUID_V5);
    strictEqual(machineClientId(machine), machineClientId(machine));
  }
});

Deno.test("machineClientId() is random where it would be the id of many machines", () => {
  match(machineClientId(NAMELESS), UUID_V4);
  notStrictEqual(machineClientId(NAMELESS), machineClientId(NAMELESS));
});

Deno.test("machineClientId() is a valid client id, whatever the machine is called", () => {
  const text = fc.string({ unit: "binary" });
  const machine = fc.record({
    host: text,
    machineId: text,
    user: text,
    os: text,
    arch: text,
    distribution: text,
  });
  fc.assert(fc.property(machine, (machine) => ok(CLIENT_ID.test(machineClientId(machine)))));
});

Deno.test({
  name: "thisMachine() without permissions asks nobody and leaves out what it may not see",
  permissions: "none",
  fn: () => {
    deepStrictEqual(thisMachine(), {
      host: "",
      machineId: "",
      user: "",
      os: Deno.build.os,
      arch: Deno.build.arch,
      distribution: "",
    });
  },
});

testWith(
  [{ name: "sys", kind: "hostname" }, { name: "read" }, { name: "env" }],
  "thisMachine() sees the same machine each time",
  () => {
    const machine = thisMachine();
    strictEqual(machine.host, Deno.hostname());
    deepStrictEqual(thisMachine(), machine);
    for (const value of Object.values(machine)) ok(!/[\n\r]/.test(value), value);
  },
);
