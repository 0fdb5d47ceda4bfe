import { UsageError } from "@agentx/common/cli";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fileTest } from "../../common/testdata/gate.ts";
import { readRequest } from "../program.ts";
import { tlsChoice } from "./options.ts";

const OFF = {
  "tls": false,
  "tls-ca": undefined,
  "tls-server-name": undefined,
  "tls-fingerprint": [],
  "tls-control": true,
  "tls-proxy": true,
};
const PRINT = Array.from({ length: 32 }, (_, at) => at.toString(16).padStart(2, "0"));

const DIGEST = Uint8Array.fromHex(PRINT.join(""));

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
  throws(() => tlsChoice({ ...OFF, "tls-fingerprint": [PRINT.join("")] }), {
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
    const choice = tlsChoice({ ...OFF, "tls": true, "tls-fingerprint": [print] });
    deepStrictEqual(choice?.trust.pins, [{ of: "certificate", digest: DIGEST }]);
  }
  const key = `sha256//${DIGEST.toBase64()}`;
  strictEqual(await isPrint(key), true);
  const both = tlsChoice({ ...OFF, "tls": true, "tls-fingerprint": [key, PRINT.join("")] });
  deepStrictEqual(both?.trust.pins, [
    { of: "key", digest: DIGEST },
    { of: "certificate", digest: DIGEST },
  ]);
  const wrong = ["", PRINT.slice(1).join(":"), `${PRINT.join("")}00`, "md5:00"];
  for (const print of [...wrong, `${key}=`, key.slice(0, -1), key.replace("//", "/")]) {
    strictEqual(await isPrint(print), false, print);
  }
});

fileTest("--tls-fingerprint may be one or many, wherever it stands", async () => {
  const [one, two] = [PRINT.join(""), `sha256//${DIGEST.toBase64()}`];
  const file = Deno.makeTempFileSync({ suffix: ".toml" });
  const pinsOf = async (...args: string[]) => {
    const request = await readRequest(["--local-port", "1", "--tls", ...args]);
    return request.kind === "run" ? request.values["tls-fingerprint"] : undefined;
  };
  try {
    const flags = ["--tls-fingerprint", one, "--tls-fingerprint", two];
    deepStrictEqual(await pinsOf(...flags), [one, two]);
    for (const given of [`"${one}"`, `["${one}"]`]) {
      Deno.writeTextFileSync(file, `tls-fingerprint = ${given}`);
      deepStrictEqual(await pinsOf("--config", file), [one]);
    }
    Deno.writeTextFileSync(file, `tls-fingerprint = ["${one}", "${two}"]`);
    deepStrictEqual(await pinsOf("--config", file), [one, two]);
    Deno.env.set("ARPC_TLS_FINGERPRINT", `${one}, ${two}`);
    deepStrictEqual(await pinsOf(), [one, two]);
  } finally {
    Deno.env.delete("ARPC_TLS_FINGERPRINT");
    Deno.removeSync(file);
  }
});

fileTest("tlsChoice() reads the file that it will trust", () => {
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, "certificates");
    deepStrictEqual(tlsChoice({ ...OFF, "tls": true, "tls-ca": file, "tls-proxy": false }), {
      trust: { ca: { file, pem: "certificates" }, serverName: undefined },
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
