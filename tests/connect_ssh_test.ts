/**
 * `arpc connect` as the `ProxyCommand` of OpenSSH's own programs, to a real sshd.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { proxyCommand, to } from "./connect.ts";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { blocks, digest, Site, stepsOf } from "./services.ts";
import { scp, ssh, SSH_PEERS, startSshd } from "./sshd.ts";

const permissions = WHOLE_PROGRAM;
/** In blocks of 1 MiB. */
const BULK = 20;

/** A program's end. */
async function run(path: string, args: readonly string[]) {
  const { code, stdout, stderr } = await within(
    PATIENCE_MS,
    path,
    new Deno.Command(path, { args: [...args], stdin: "null" }).output(),
  );
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** {@link BULK} blocks in one piece. */
function bulk(): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(BULK * 2 ** 20);
  let at = 0;
  for (const block of blocks(BULK)) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

peerTest({
  name: "connect --stdio: ssh and scp by ProxyCommand",
  permissions,
  peers: SSH_PEERS,
  os: ["linux", "darwin"],
}, async (t) => {
  const step = stepsOf(t);
  await using sshd = await startSshd();
  await using site = await Site.start({ "my-laptop": sshd.port });
  const via = await proxyCommand([...to(site.server, "my-laptop"), "--stdio"]);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const remote = (command: string, input?: Uint8Array) =>
    within(PATIENCE_MS, command, sshd.run(via, command, input));

  await step("a command, its outputs and its exit code", async () => {
    const { code, stdout, stderr } = await remote("echo out; echo err >&2; exit 7");
    deepEqual([code, decode(stdout), stderr], [7, "out\n", "err\n"]);
  });
  await step("the host's name as the token", async () => {
    const named = await proxyCommand(["--token", "%h", "--server", `127.0.0.1:${site.port}`]);
    const args = [...sshd.options, ...named, `${sshd.user}@my-laptop`, "echo hello"];
    deepEqual(await run(ssh.path, args), { code: 0, out: "hello\n", err: "" });
  });
  const data = bulk();
  const sum = await digest([data]);
  await step("20 MiB there and back", async () => {
    const { code, stdout } = await remote("cat", data);
    deepEqual([code, await digest([stdout])], [0, sum]);
  });
  await step("an answer after the end of the input", async () => {
    const { code, stdout } = await remote("wc -c; echo done", data);
    equal(code, 0);
    match(decode(stdout), new RegExp(`^\\s*${data.length}\ndone\n$`));
  });
  await step("several sessions at once", async () => {
    const found = await Promise.all([1, 2, 3, 4].map((nth) => remote(`echo ${nth}`)));
    deepEqual(found.map(({ stdout }) => decode(stdout)), ["1\n", "2\n", "3\n", "4\n"]);
  });
  await step("scp, there and back", async () => {
    const [up, there, back] = ["up", "there", "back"].map((name) => `${sshd.folder.path}/${name}`);
    await Deno.writeFile(up!, data);
    const copy = (from: string, to: string) =>
      run(scp.path, [...sshd.options, ...via, "-q", from, to]);
    const host = `${sshd.user}@my-laptop`;
    deepEqual(await copy(up!, `${host}:${there}`), { code: 0, out: "", err: "" });
    deepEqual(await copy(`${host}:${there}`, back!), { code: 0, out: "", err: "" });
    for (const path of [there!, back!]) equal(await digest([await Deno.readFile(path)]), sum);
  });
  await step("a token that nobody has is told to the user of ssh", async () => {
    const nobody = await proxyCommand(to(site.server, "nobody"));
    const args = [...sshd.options, ...nobody, `${sshd.user}@my-laptop`, "true"];
    const { code, err } = await run(ssh.path, args);
    equal(code, 255);
    match(err, /^arpc connect: Refused by \S+ with 404, Client '…' not found\. /m);
    ok(!err.includes("nobody"));
  });
  await step("every session ended well", async () => {
    const left = await site.server.messages("Visitor left", 11);
    // ssh may kill its ProxyCommand before that has ended.
    const good = ["done", "reset", "refused 404"];
    for (const { properties } of left) {
      ok(good.includes(String(properties.end)), `${properties.end}`);
    }
  });
});
