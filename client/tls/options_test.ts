import { UsageError } from "@agentx/common/cli";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fileTest } from "../../common/testdata/gate.ts";
import { readRequest } from "../program.ts";
import { tlsChoice } from "./options.ts";

const OFF = {
  "tls": false,
  "tls-ca": undefined,
  "tls-server-name": undefined,
  "tls-fingerprint": undefined,
  "tls-control": true,
  "tls-proxy": true,
};
const PRINT = Array.from({ length: 32 }, (_, at) => at.toString(16).padStart(2, "0"));

/** Whether the flag takes it. */
async function isPrint(text: string): Promise<boolean> {
  try {
    await readRequest(["--local-port", "1", "--tls", "--tls-fingerprint", text]);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

Deno.test("tlsChoice() is nothing without --tls, and refuses what would do nothing then", () => {
  strictEqual(tlsChoice(OFF), undefined);
  throws(() => tlsChoice({ ...OFF, "tls-fingerprint": PRINT.join("") }), {
    name: "UsageError",
    message: "--tls-fingerprint: expected --tls as well, found none",
  });
});

Deno.test("tlsChoice() takes a fingerprint however it is written", async () => {
  const written = [
    PRINT.join(""),
    PRINT.join(":"),
    PRINT.join(":").toUpperCase(),
    `sha256:${PRINT.join("")}`,
  ];
  for (const print of written) {
    strictEqual(await isPrint(print), true);
    const choice = tlsChoice({ ...OFF, "tls": true, "tls-fingerprint": print });
    strictEqual(choice?.trust.fingerprint, PRINT.join(""));
  }
  for (const print of ["", PRINT.slice(1).join(":"), `${PRINT.join("")}00`, "md5:00"]) {
    strictEqual(await isPrint(print), false);
  }
});

fileTest("tlsChoice() reads the file that it will trust", () => {
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, "certificates");
    deepStrictEqual(tlsChoice({ ...OFF, "tls": true, "tls-ca": file, "tls-proxy": false }), {
      trust: { ca: { file, pem: "certificates" }, serverName: undefined, fingerprint: undefined },
      control: true,
      proxy: false,
    });
  } finally {
    Deno.removeSync(file);
  }
  throws(() => tlsChoice({ ...OFF, "tls": true, "tls-ca": file }), {
    name: "UsageError",
    message: /^--tls-ca .*: cannot be read: /,
  });
});
