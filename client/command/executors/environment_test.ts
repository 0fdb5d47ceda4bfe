import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { testWith } from "../../../common/testdata/gate.ts";
import {
  COMMON_VARIABLES,
  isWithheld,
  passedVariables,
  programEnvironment,
} from "./environment.ts";
import { EXECUTORS } from "./mod.ts";

Deno.test("what is ours is passed on to nobody, whoever asks for it", () => {
  const ours = [
    "ARPC_API_KEY",
    "arp_api_key",
    "CLAUDECODE",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "A=B",
  ];
  for (const name of ours) ok(isWithheld(name), name);
  const names = passedVariables([{ env: ["OWN_KEY", ...ours] }], ["GIVEN", ...ours]);
  deepStrictEqual(names.filter((name) => !COMMON_VARIABLES.includes(name)), ["OWN_KEY", "GIVEN"]);
  for (const { name, env } of EXECUTORS) {
    deepStrictEqual(env.filter(isWithheld), [], name);
  }
});

testWith([{ name: "env" }], "a CLI gets what is set and named, and nothing else", () => {
  const set = {
    ARPC_API_KEY: "secret",
    AGENTX_TEST_KEY: "key",
    AGENTX_TEST_GIVEN: "given",
    AGENTX_TEST_OTHER: "other",
  };
  for (const [name, value] of Object.entries(set)) Deno.env.set(name, value);
  try {
    const executor = { env: ["AGENTX_TEST_KEY", "AGENTX_TEST_UNSET"] };
    const found = programEnvironment(executor, ["AGENTX_TEST_GIVEN", "ARPC_API_KEY"], { OWN: "1" });
    strictEqual(found.AGENTX_TEST_KEY, "key");
    strictEqual(found.AGENTX_TEST_GIVEN, "given");
    strictEqual(found.OWN, "1");
    strictEqual(found.NO_COLOR, "1");
    strictEqual(found.PATH, Deno.env.get("PATH"));
    for (const name of ["ARPC_API_KEY", "AGENTX_TEST_OTHER", "AGENTX_TEST_UNSET"]) {
      ok(!(name in found), name);
    }
  } finally {
    for (const name of Object.keys(set)) Deno.env.delete(name);
  }
});

testWith([{ name: "env" }], "a terminal that is none is called one that CLIs know", () => {
  const before = Deno.env.get("TERM");
  try {
    for (
      const [term, expected] of [["dumb", "xterm-256color"], ["", "xterm-256color"], [
        "vt220",
        "vt220",
      ]] as const
    ) {
      Deno.env.set("TERM", term);
      strictEqual(programEnvironment({ env: [] }).TERM, expected);
    }
  } finally {
    if (before === undefined) Deno.env.delete("TERM");
    else Deno.env.set("TERM", before);
  }
});

Deno.test({
  name: "without permission to read any variable, none is read",
  permissions: "none",
  fn: () => {
    deepStrictEqual(programEnvironment({ env: ["HOME"] }), {
      NO_COLOR: "1",
      TERM: "xterm-256color",
    });
  },
});
