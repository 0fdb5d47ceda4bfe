/**
 * What passes through a port that `arpc --remote-port` got: real programs that know nothing of ARP,
 * crowds, and visitors that misbehave.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { accepts, Daemon, Scratch } from "./daemons.ts";
import {
  PATIENCE_MS,
  type Program,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { eventually } from "./raw_peers.ts";
import { BLOCK_BYTES, blocks, digest, echo, RawService } from "./services.ts";
import { scp, SSH_PEERS, startSshd } from "./sshd.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
const redisServer = peer("redis-server", "apt-get install redis-server");

/** A server, and a client with a port of its own there. */
class Own implements AsyncDisposable {
  private constructor(
    readonly port: number,
    readonly server: TestServer,
    readonly client: Program,
  ) {}

  /** @param flags of the server. */
  static async start(service: { port: number }, ...flags: string[]): Promise<Own> {
    const port = freePort();
    const server = await startServer(["--allow-ports", `${port}`, ...flags]);
    try {
      const own = ["--remote-port", `${port}`];
      const client = await startClient({ server, id: "app", port: service.port, flags: own });
      return new Own(port, server, client);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** How the visitors so far ended, once there are so many. */
  async ends(count: number): Promise<unknown[]> {
    const lines = await this.server.messages("Visitor left", count);
    return lines.map(({ properties }) => properties.end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

peerTest({ name: "own port: ssh and scp", permissions, peers: SSH_PEERS }, async (t) => {
  await using sshd = await startSshd();
  await using own = await Own.start(sshd);
  const noise = [...blocks(8)];
  const bytes = new Uint8Array(await new Blob(noise).arrayBuffer());
  const expected = await digest(noise);
  await t.step("a command's exit code and words", async () => {
    const { code, stdout, stderr } = await sshd.run(own.port, "echo out; echo err >&2; exit 7");
    deepEqual([code, new TextDecoder().decode(stdout), stderr], [7, "out\n", "err\n"]);
  });
  await t.step("8 MiB through it and back", async () => {
    const { stdout } = await sshd.run(own.port, "cat", bytes);
    equal(await digest([stdout]), expected);
  });
  await t.step("ten at once", async () => {
    const codes = await Promise.all(
      Array.from({ length: 10 }, (_, nth) => sshd.run(own.port, `exit ${nth}`)),
    );
    deepEqual(codes.map(({ code }) => code), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
  await t.step("scp, there and back", async () => {
    await using folder = new Scratch();
    await Deno.writeFile(`${folder.path}/a`, bytes);
    const there = `${sshd.user}@127.0.0.1:${folder.path}/b`;
    for (const [from, to] of [[`${folder.path}/a`, there], [there, `${folder.path}/c`]]) {
      const args = [...sshd.options, "-P", `${own.port}`, from!, to!];
      const { success, stderr } = await new Deno.Command(scp.path, { args }).output();
      ok(success, new TextDecoder().decode(stderr));
    }
    equal(await digest([await Deno.readFile(`${folder.path}/c`)]), expected);
  });
});

peerTest({ name: "own port: redis", permissions, peers: [redisServer] }, async () => {
  await using folder = new Scratch();
  const port = freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  await using _redis = await Daemon.start(redisServer.path, args, folder, () => accepts(port));
  await using own = await Own.start({ port });
  using wire = await Wire.dial(own.port);
  // Ten thousand commands in one go, as a pipeline sends them.
  const COUNT = 10_000;
  await Promise.all([
    wire.send("INCR n\r\n".repeat(COUNT)),
    wire.take(Array.from({ length: COUNT }, (_, nth) => `:${nth + 1}\r\n`).join("").length),
  ]);
  await wire.send("GET n\r\n");
  equal(await wire.until("\r\n") + await wire.until("\r\n"), `$5\r\n${COUNT}\r\n`);
});

peerTest(
  { name: "own port: a service that speaks first is not waited for", permissions },
  async () => {
    await using service = new RawService(async (wire) => {
      await wire.send("220 mail.example ESMTP\r\n");
      await wire.send(`you said ${await wire.until("\n")}`);
    });
    await using own = await Own.start(service, "--server-first-wait", "60000");
    // Neither side's first words may have to wait for the other's.
    using wire = await Wire.dial(own.port);
    equal(await within(1000, "the greeting", wire.until("\n")), "220 mail.example ESMTP\r\n");
    await wire.send("EHLO\n");
    equal(await wire.rest(), "you said EHLO\n");
    wire[Symbol.dispose]();
    const { properties } = await own.server.message("Visitor left");
    deepEqual([properties.protocol, properties.end], ["tcp", "done"]);
  },
);

peerTest({ name: "own port: each direction ends on its own", permissions }, async (t) => {
  await using service = new RawService(async (wire) => {
    const wish = await wire.take(1);
    if (wish === "r") return await wire.send(`after your end: ${await wire.rest()}`);
    await wire.send("before mine");
    await wire.finish();
    heard.resolve(await wire.rest());
  });
  const heard = Promise.withResolvers<string>();
  await using own = await Own.start(service);
  await t.step("the visitor's first", async () => {
    using wire = await Wire.dial(own.port);
    await wire.send("rhello");
    await wire.finish();
    equal(await wire.rest(), "after your end: hello");
  });
  await t.step("the service's first", async () => {
    using wire = await Wire.dial(own.port);
    await wire.send("s");
    equal(await wire.rest(), "before mine");
    await wire.send("and now I");
    await wire.finish();
    equal(await within(PATIENCE_MS, "the last words", heard.promise), "and now I");
  });
});

peerTest(
  { name: "own port: 300 visitors at once, each with its own bytes", permissions },
  async () => {
    await using service = echo();
    await using own = await Own.start(service, "--queue-size", "300");
    const visitors = await Promise.all(Array.from({ length: 300 }, () => Wire.dial(own.port)));
    try {
      for (const round of ["first", "second"]) {
        const said = await Promise.all(visitors.map(async (visitor, nth) => {
          const words = `${round} words of ${nth}`;
          await visitor.send(words);
          return await visitor.take(words.length) === words;
        }));
        deepEqual(said.filter((right) => !right), []);
      }
    } finally {
      for (const visitor of visitors) visitor[Symbol.dispose]();
    }
    await own.server.messages("Visitor left", 300);
  },
);

peerTest(
  { name: "own port: a visitor that does not read holds up itself alone", permissions },
  async () => {
    const block = new Uint8Array(BLOCK_BYTES);
    let sent = 0;
    const gone = Promise.withResolvers<void>();
    await using service = new RawService(async (wire) => {
      if (await wire.take(1) === "a") return await wire.send("hello");
      for (;; sent++) {
        await wire.send(block).catch((error) => (gone.resolve(), Promise.reject(error)));
      }
    });
    await using own = await Own.start(service);
    const deaf = await Wire.dial(own.port);
    await deaf.send("b");
    let before = -1;
    // Until the service is held back too.
    await eventually("back-pressure", async () => {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return sent > 0 && sent === before;
    });
    ok(sent < 64, `${sent} MiB are held somewhere`);
    using other = await Wire.dial(own.port);
    await other.send("a");
    equal(await other.rest(), "hello");
    deaf[Symbol.dispose]();
    await within(PATIENCE_MS, "the end at the service", gone.promise);
  },
);

peerTest({ name: "own port: visitors over a limit are closed", permissions }, async (t) => {
  await using service = echo();
  for (const [flag, end] of [["--max-visitors", "refused 429"], ["--max-per-ip", undefined]]) {
    await t.step(flag!, async () => {
      await using own = await Own.start(service, flag!, "2");
      const visitors = await Promise.all([Wire.dial(own.port), Wire.dial(own.port)]);
      for (const visitor of visitors) {
        await visitor.send("a");
        equal(await visitor.take(1), "a");
      }
      using third = await Wire.dial(own.port);
      equal(await third.last(), "");
      if (end === undefined) await own.server.message("Address over its limit");
      else deepEqual(await own.ends(1), [end]);
      for (const visitor of visitors) visitor[Symbol.dispose]();
      await own.ends(end === undefined ? 2 : 3);
      using again = await Wire.dial(own.port);
      await again.send("a");
      equal(await again.take(1), "a");
    });
  }
});

peerTest({ name: "own port: without a service its visitors are closed", permissions }, async () => {
  const port = freePort();
  await using own = await Own.start({ port });
  using early = await Wire.dial(own.port);
  equal(await early.last(), "");
  deepEqual(await own.ends(1), ["refused 502"]);
  await using _service = new RawService((wire) => wire.send("hello"), port);
  using late = await Wire.dial(own.port);
  equal(await late.rest(), "hello");
});
