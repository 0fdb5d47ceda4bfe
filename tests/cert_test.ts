/**
 * `arps cert`, from its first line to a client that comes in by what it printed.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Scratch } from "./daemons.ts";
import { startClient, startServer, WHOLE_PROGRAM } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { httpService } from "./services.ts";
import { type Outcome, run } from "./tls.ts";
import { identityFlags } from "./tls_site.ts";

const MODULE = fileURLToPath(new URL("../server/main.ts", import.meta.url));

/** Runs it with the permissions that it says it needs. */
async function cert(...flags: string[]): Promise<Outcome> {
  const deno = (permissions: string[], ...more: string[]) =>
    run(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", ...permissions, MODULE, "cert"],
      ...[...flags, ...more],
    ]);
  const { words } = await deno([], "--print-permissions");
  return await deno(words.split("\n").filter((line) => line.startsWith("--allow-")));
}

peerTest(
  { name: "arps cert: a server and a client by what it printed", permissions: WHOLE_PROGRAM },
  async () => {
    await using folder = new Scratch();
    await using service = httpService(() => new Response("hello"));
    const files = { cert: `${folder.path}/c.pem`, key: `${folder.path}/k.pem` };
    const out = ["--out-cert", files.cert, "--out-key", files.key];
    const made = await cert("--self-signed", "--name", "localhost", "--name", "192.0.2.7", ...out);
    equal(made.code, 0, made.words);
    match(made.words, /^Names {8}localhost, 192\.0\.2\.7$/m);
    if (Deno.build.os !== "windows") {
      equal((await Deno.stat(files.key)).mode! & 0o777, 0o600);
    }
    const [, print = ""] = /arpc --tls --tls-fingerprint (\S+) --server-addr localhost/
      .exec(made.words) ?? [];
    await using server = await startServer(identityFlags(files));
    const flags = ["--tls", "--service", "none", "--tls-fingerprint", print];
    const { port } = service.addr;
    await using _client = await startClient({ server, id: "app", port, flags });
    using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(files.cert)] });
    const url = `https://localhost:${server.publicPort}/?token=app`;
    equal(await (await fetch(url, { client })).text(), "hello");

    const shown = await cert("--fingerprint", files.cert);
    ok(shown.words.includes(`\nOf its key   ${print}\n`), shown.words);
    match(shown.words, /^SHA-256 {6}(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
    const again = await cert("--self-signed", ...out);
    match(again.words, /--out-key .*expected no such file, found one; --renew keeps the key/);
    equal(again.code, 2);
    const key = await Deno.readTextFile(files.key);
    const renewed = await cert("--self-signed", "--renew", "--days", "3", ...out);
    equal(renewed.code, 0, renewed.words);
    match(renewed.words, /^Names {8}localhost, 192\.0\.2\.7$/m);
    ok(renewed.words.includes(print));
    equal(await Deno.readTextFile(files.key), key);
    if (Deno.build.os !== "windows") {
      equal((await Deno.stat(files.key)).mode! & 0o777, 0o600);
    }
    equal((await cert("--self-signed", "--force", ...out)).code, 0);
    ok(await Deno.readTextFile(files.key) !== key);
    match(
      (await cert("--fingerprint", files.key)).words,
      /expected a certificate, PEM, found none/,
    );
    match((await cert()).words, /expected either --self-signed or --fingerprint, found neither/);
  },
);
