/**
 * `arpc connect` between standard input and output and a service.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { runStdio, spawnStdio, to } from "./connect.ts";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { digest, echo, RawService, sha256, Site, stepsOf, stream } from "./services.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere signals do not reach programs. */
const os = ["linux", "darwin"] as const;
/** In blocks of 1 MiB. */
const BULK = 100;

peerTest(
  { name: "connect --stdio: every byte both ways, and each end by itself", permissions },
  async (t) => {
    const step = stepsOf(t);
    await using mirror = echo();
    await using sums = new RawService(async (wire) => {
      await wire.send(await digest(wire.pieces()));
    });
    const sent = sha256();
    await using source = new RawService(async (wire) => {
      for await (const block of stream(BULK, sent)) await wire.send(block);
    });
    await using greeter = new RawService(async (wire) => {
      await wire.send("220 hello\r\n");
      await wire.rest().catch(() => {});
    });
    await using site = await Site.start({
      mirror: mirror.port,
      sums: sums.port,
      source: source.port,
      greeter: greeter.port,
    });
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
    await step("all bytes there are, and nothing else, even with a full log", async () => {
      const flags = [...to(site.server, "mirror"), "--stdio", "--log-level", "trace"];
      const { code, out, err } = await runStdio(flags, all);
      deepEqual([code, out], [0, all]);
      match(err, /"message":"Service reached"/);
    });
    await step("standard input and output are the default, and say nothing more", async () => {
      deepEqual(await runStdio(to(site.server, "mirror"), "hello"), {
        code: 0,
        out: "hello",
        err: "",
      });
    });
    await step("options from the environment", async () => {
      const env = { ARPC_TOKEN: "mirror", ARPC_SERVER: `127.0.0.1:${site.port}` };
      deepEqual(await runStdio([], "hello", env), { code: 0, out: "hello", err: "" });
    });
    await step("100 MiB up, and the answer after the end of the input", async () => {
      const hash = sha256();
      const { code, out } = await runStdio(to(site.server, "sums"), stream(BULK, hash));
      deepEqual([code, out], [0, `${hash.digest("hex")} of ${BULK * 2 ** 20} bytes`]);
    });
    await step("100 MiB down, though the input never ends", async () => {
      await using child = await spawnStdio(to(site.server, "source"));
      const got = await within(PATIENCE_MS, "download", digest(child.stdout));
      equal(got, `${sent.digest("hex")} of ${BULK * 2 ** 20} bytes`);
      equal((await child.status).code, 0);
      await Promise.allSettled([child.stdin.close(), child.stderr.cancel()]);
    });
    await step("the first words of a service", async () => {
      deepEqual(
        await runStdio(to(site.server, "greeter"), ""),
        { code: 0, out: "220 hello\r\n", err: "" },
      );
    });
    await step("an output that nobody reads any more is an end", async () => {
      await using child = await spawnStdio(to(site.server, "mirror"));
      await child.stdout.cancel();
      const writer = child.stdin.getWriter();
      await writer.write(new Uint8Array(1));
      equal((await within(PATIENCE_MS, "an end", child.status)).code, 0);
      await writer.close().catch(() => {});
      equal(await new Response(child.stderr).text(), "");
    });
  },
);

peerTest(
  { name: "connect --stdio: whoever does not read is not flooded", permissions, os },
  async () => {
    let sent = 0;
    await using service = new RawService(async (wire) => {
      for await (const block of stream(1000, sha256())) {
        await wire.send(block);
        sent += block.length;
      }
    });
    await using site = await Site.start({ app: service.port });
    await using child = await spawnStdio(to(site.server, "app"));
    let before = -1;
    // Until a second passes in which nothing more was taken.
    await eventually("back-pressure", async () => {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return sent > 0 && sent === before;
    });
    ok(sent < 200 * 2 ** 20, `${sent} bytes on the way`);
    child.kill("SIGKILL");
    await Promise.allSettled([child.stdin.close(), child.stdout.cancel(), child.stderr.cancel()]);
  },
);

peerTest({
  name: "connect: killed in the middle, it frees its place at the server",
  permissions,
  os,
}, async (t) => {
  const step = stepsOf(t);
  await using service = new RawService(async (wire) => {
    for await (const block of stream(1000, sha256())) await wire.send(block);
  });
  await using site = await Site.start({ app: service.port }, ["--max-visitors", "1"]);
  for (const nth of [1, 2]) {
    // The second gets in because the first is gone.
    await step(`${nth}`, async () => {
      await using child = await spawnStdio(to(site.server, "app"));
      const reader = child.stdout.getReader();
      ok(!(await within(PATIENCE_MS, "the first bytes", reader.read())).done);
      child.kill("SIGKILL");
      const left = await site.server.messages("Visitor left", nth);
      equal(left.at(-1)?.properties.protocol, "arp");
      await reader.cancel();
      await Promise.allSettled([child.stdin.close(), child.stderr.cancel()]);
    });
  }
});
