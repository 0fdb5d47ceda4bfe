/**
 * `arpc --remote-port`: who gets which port of the server, and when it is free again.
 *
 * @module
 */

import { permissionFlags } from "@agentx/common/cli";
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import * as server from "../server/program.ts";
import { FaultyRelay } from "./faulty.ts";
import {
  PATIENCE_MS,
  Program,
  startClient,
  startServer,
  type TestServer,
  WHOLE_PROGRAM,
  within,
} from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { eventually, frame, isRefused, RawClient, readFrame } from "./raw_peers.ts";
import { echo, RawService } from "./services.ts";
import { freePort, freePorts } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** Elsewhere a signal is no message, but the end. */
const os = ["linux", "darwin"] as const;
/** The services here need not be looked at. */
const QUIET = ["--service", "none", "--reconnect-interval", "0.2"];

/** A client with a port of its own. */
function startOwn(
  server: Pick<TestServer, "controlPort" | "proxyPort">,
  service: { port: number },
  wanted: number,
  { id = "app", eager = false, flags = [] as string[] } = {},
): Promise<Program> {
  const all = [...QUIET, "--remote-port", `${wanted}`, ...flags];
  return startClient({ server, id, port: service.port, flags: all, eager });
}

/** The port that a client says it was given. */
async function given(client: Program): Promise<number> {
  await client.message("Registered");
  let port = NaN;
  await eventually("the port printed", () => {
    port = Number(/^tcp:\/\/127\.0\.0\.1:(\d+)$/m.exec(client.stdout)?.[1]);
    return !Number.isNaN(port);
  });
  return port;
}

/** Whether an echo answers there. */
async function echoes(port: number): Promise<boolean> {
  using wire = await Wire.dial(port);
  await wire.send("hello");
  await wire.finish();
  return await wire.last() === "hello";
}

/** Why a client was refused. */
async function refusal(client: Program, from = 0): Promise<unknown> {
  return (await client.message("No link to the server", { from })).properties.why;
}

peerTest(
  { name: "remote port: given, shown, and free when its client goes", permissions, os },
  async (t) => {
    const port = freePort();
    await using service = echo();
    await using server = await startServer(["--allow-ports", `${port}`]);
    ok(await isRefused(port), "nothing is opened before somebody asks");
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await t.step(signal, async () => {
        const from = server.logs.length;
        await using client = await startOwn(server, service, port);
        equal(await given(client), port);
        match(
          client.stdout,
          /^http:\/\/127\.0\.0\.1:\d+\/\?token=app\ntcp:\/\/127\.0\.0\.1:\d+\n$/,
        );
        const { properties } = await server.message("Client registered", { from });
        equal(properties.remote_port, port);
        ok(await echoes(port));
        client.kill(signal);
        await eventually("a free port", () => isRefused(port));
      });
    }
  },
);

peerTest(
  { name: "remote port: free when the network of its client is gone", permissions },
  async () => {
    const port = freePort();
    await using service = echo();
    await using server = await startServer(["--allow-ports", `${port}`, "--heartbeat", "0.2"]);
    await using relay = await FaultyRelay.listen(server.controlPort);
    const via = { controlPort: relay.port, proxyPort: server.proxyPort };
    await using client = await startOwn(via, service, port);
    ok(await echoes(port));
    relay.accepting = false;
    relay.loseAll();
    await server.message("Client lost");
    await eventually("a free port", () => isRefused(port));
    const from = client.logs.length;
    relay.accepting = true;
    await client.message("Registered", { from });
    ok(await echoes(port));
  },
);

peerTest({ name: "remote port: refused with the reason", permissions }, async (t) => {
  const [own, used] = [freePort(), freePort()];
  await using service = echo();
  await using server = await startServer(["--allow-ports", `${own},${used}`]);
  await t.step("not allowed", async () => {
    await using client = await startOwn(server, service, 22, { eager: true });
    match(String(await refusal(client)), /^port 22 is not in --allow-ports \d+(,\d+|-\d+)$/);
    match(
      String((await server.message("Registration refused")).properties.why),
      /^port 22 is not in/,
    );
    equal(client.stdout, "");
  });
  await t.step("taken by another program, until that ends", async () => {
    const other = new RawService(() => Promise.resolve(), used);
    await using client = await startOwn(server, service, used, { eager: true });
    try {
      equal(await refusal(client), `port ${used} is taken by another program`);
    } finally {
      await other[Symbol.asyncDispose]();
    }
    equal(await given(client), used);
    ok(await echoes(used));
  });
  await t.step("taken by another client, until that goes", async () => {
    await using first = await startOwn(server, service, own, { id: "secret" });
    await using second = await startOwn(server, service, own, { eager: true });
    equal(await refusal(second), `port ${own} is taken by another client`);
    first.kill();
    equal(await given(second), own);
  });
  await t.step("--no-auto-reconnect", async () => {
    const flags = ["--no-auto-reconnect"];
    await using client = await startOwn(server, service, 22, { eager: true, flags });
    equal((await within(PATIENCE_MS, "an end", client.status())).code, 1);
    match(client.stderr, /^arpc: Server \S+ refused the registration: port 22 is not in/m);
  });
});

peerTest({ name: "remote port: none without --allow-ports", permissions }, async () => {
  await using service = echo();
  await using server = await startServer();
  await using client = await startOwn(server, service, 0, { eager: true });
  equal(await refusal(client), "this server gives out no ports: start arps with --allow-ports");
});

peerTest({ name: "remote port: 0 is any, and the same one again", permissions }, async () => {
  await using service = echo();
  const first = freePorts(20);
  const allowed = ["--allow-ports", `${first}-${first + 19}`];
  let before: number;
  {
    await using server = await startServer(allowed);
    await using one = await startOwn(server, service, 0);
    await using two = await startOwn(server, service, 0, { id: "other" });
    before = await given(one);
    notEqual(before, await given(two));
    ok(await echoes(before) && await echoes(await given(two)));
  }
  await using server = await startServer(allowed);
  await using one = await startOwn(server, service, 0);
  equal(await given(one), before);
});

peerTest(
  { name: "remote port: a new registration keeps it open all the while", permissions },
  async () => {
    const port = freePort();
    await using server = await startServer(["--allow-ports", `${port}`]);
    const fields = { version: 2, remote_port: port };
    const clients = [await RawClient.register(server, "app", fields)];
    let over = false;
    let visitors = 0;
    const visiting = (async () => {
      for (; !over; visitors++) {
        // A refused one throws.
        (await Wire.dial(port))[Symbol.dispose]();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    try {
      for (let round = 0; round < 5; round++) {
        const next = await RawClient.register(server, "app", fields);
        equal((next.answer as unknown as { remote_port: number }).remote_port, port);
        clients.push(next);
        const seen = visitors;
        await Promise.race([visiting, eventually("visitors", () => visitors > seen + 5)]);
      }
    } finally {
      over = true;
      await visiting;
      for (const client of clients) client[Symbol.dispose]();
    }
    await eventually("a free port", () => isRefused(port));
  },
);

peerTest({ name: "remote port: kept when the service is declared late", permissions }, async () => {
  const port = freePort();
  const speak = Promise.withResolvers<void>();
  await using service = new RawService(async (wire) => {
    await speak.promise;
    await wire.send("SSH-2.0-late\r\n");
    await wire.last();
  });
  await using server = await startServer(["--allow-ports", `${port}`]);
  const flags = ["--remote-port", `${port}`];
  await using client = await startClient({ server, id: "app", port: service.port, flags });
  speak.resolve();
  const [, anew] = await server.messages("Client registered", 2);
  deepEqual([anew?.properties.service, anew?.properties.remote_port], ["ssh", port]);
  await client.messages("Registered", 2);
  using wire = await Wire.dial(port);
  equal(await wire.until("\n"), "SSH-2.0-late\r\n");
  equal(client.logs.filter(({ message }) => message === "No link to the server").length, 0);
});

peerTest(
  { name: "remote port: a registration without one gives it back", permissions },
  async () => {
    const port = freePort();
    await using server = await startServer(["--allow-ports", `${port}`]);
    using _first = await RawClient.register(server, "app", { version: 2, remote_port: port });
    ok(!await isRefused(port));
    using second = await RawClient.register(server, "app", { version: 2 });
    equal("remote_port" in second.answer, false);
    await eventually("a free port", () => isRefused(port));
  },
);

peerTest(
  { name: "remote port: not for clients of the first generation", permissions },
  async () => {
    const port = freePort();
    await using server = await startServer(["--allow-ports", `${port}`]);
    using client = await RawClient.register(server, "app", { remote_port: port });
    deepEqual(client.answer, { success: true, error: null });
    ok(await isRefused(port));
  },
);

peerTest({ name: "remote port: nonsense is refused, and harms nobody", permissions }, async () => {
  const port = freePort();
  await using server = await startServer(["--allow-ports", `${port}`]);
  for (const remote_port of [-1, 65536, 1.5, 1e300]) {
    using client = await RawClient.register(server, "app", { version: 2, remote_port });
    equal(client.answer.error, "remote_port is invalid: use 0 to 65535");
  }
  using client = await RawClient.register(server, "app", { version: 2, remote_port: port });
  equal(client.answer.success, true);
});

peerTest({ name: "remote port: an old server is complained of", permissions }, async () => {
  await using service = echo();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const old = { controlPort: listener.addr.port, proxyPort: listener.addr.port };
  await using client = await startOwn(old, service, 20_000, { eager: true });
  using wire = new Wire(await listener.accept());
  equal(JSON.parse((await readFrame(wire))!).Register.remote_port, 20_000);
  await wire.send(frame(`{"RegisterResult":{"success":true,"error":null}}`));
  await client.message("No --remote-port: the server is too old to give out ports");
  await client.message("Registered");
});

peerTest({
  name: "remote port: a draining server closes it and lets its visitors finish",
  permissions,
  os,
}, async () => {
  const port = freePort();
  await using service = echo();
  await using server = await startServer(["--allow-ports", `${port}`]);
  await using _client = await startOwn(server, service, port);
  using visitor = await Wire.dial(port);
  await visitor.send("a");
  equal(await visitor.take(1), "a");
  server.kill("SIGTERM");
  await server.message("Draining");
  await eventually("a closed port", () => isRefused(port));
  await visitor.send("b");
  equal(await visitor.take(1), "b");
  await visitor.finish();
  equal(await visitor.rest(), "");
  equal((await within(PATIENCE_MS, "an end", server.status())).code, 0);
});

peerTest({ name: "remote port: bad --allow-ports end with code 2", permissions }, async () => {
  const run = async (...flags: string[]) => {
    await using program = new Program("../server/main.ts", flags, ["--allow-net"], {});
    const { code } = await within(PATIENCE_MS, "an end", program.status());
    return `${code} ${program.stderr}`;
  };
  const cases: [string[], RegExp][] = [
    [
      ["--allow-ports", "20100-20000"],
      /^2 arps: --allow-ports: expected ports of 1 to 65535, or ranges/,
    ],
    [["--allow-ports", "0"], /^2 arps: --allow-ports: expected .*, found \["0"\]/],
    [["--allow-ports", "web"], /^2 arps: --allow-ports: expected /],
    [
      ["--allow-ports", "17000-17100"],
      /^2 arps: 3 problems\n {2}--allow-ports and --control-port: expected different/,
    ],
  ];
  for (const [flags, words] of cases) match(await run(...flags), words);
});

Deno.test("remote port: the permissions name few ports one by one, and many not at all", async () => {
  const flags = async (...more: string[]) => {
    const request = await server.readRequest(["--bind", "127.0.0.1", ...more]);
    ok(request.kind === "run");
    return permissionFlags(server.permissions(request.values))[0];
  };
  equal(
    await flags("--allow-ports", "20000-20001,443"),
    "--allow-net=" +
      [17001, 17002, 17003, 443, 20000, 20001].map((port) => `127.0.0.1:${port}`).join(","),
  );
  equal((await flags("--allow-ports", "20000-20255"))!.split(",").length, 259);
  equal(await flags("--allow-ports", "20000-20256"), "--allow-net=127.0.0.1");
  match((await flags("--allow-ports", "20000", "--public-port", "0"))!, /,127\.0\.0\.1,127/);
});
