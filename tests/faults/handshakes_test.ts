/**
 * Handshakes that come to nothing, hundreds of them: what is left of each would fill a program's memory
 * at the pace of whoever wants that, long before anybody has shown who it is.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import { Scratch } from "../daemons.ts";
import { startClient, startServer, WHOLE_PROGRAM } from "../helpers.ts";
import { Wire } from "../http_wire.ts";
import { within } from "../patience.ts";
import { peerTest } from "../peers.ts";
import { eventually } from "../raw_peers.ts";
import { identify, openssl } from "../tls.ts";
import { identityFlags, NAME } from "../tls_site.ts";
import { INSPECTED, Vitals } from "./vitals.ts";

const permissions = WHOLE_PROGRAM;
/** Where programs keep their descriptors is known of Linux. */
const os = ["linux"] as const;
const peers = [openssl];

/** Handshakes until code is compiled and caches are full; none of them counts. */
const WARM_UP = 60;
/** Handshakes that count. */
const COUNTED = 240;
const AT_ONCE = 20;
/**
 * What may be left of each, in bytes, all that the program does beside included. A `TLSSocket` that is
 * not destroyed is 14 KB.
 */
const LEFT_BYTES = 3 * 1024;
/** For hundreds of handshakes on a machine that is busy with others, in milliseconds. */
const MANY_MS = 120_000;

/** Fails if something is left of what `work` does so many times. */
async function leavesNothing(
  vitals: Vitals,
  work: (times: number) => Promise<void>,
): Promise<void> {
  await work(WARM_UP);
  const before = await vitals.look();
  await work(COUNTED);
  await eventually("its descriptors to be released", () => vitals.fds() <= before.fds);
  const { heap } = await vitals.look();
  const each = (heap - before.heap) / COUNTED;
  ok(each < LEFT_BYTES, `${each.toFixed(0)} bytes are left of each`);
}

/** The first message of somebody who wants TLS. */
async function clientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port }),
  ]);
  const tls = await Deno.startTls(client, { hostname: NAME });
  const shaking = tls.handshake().catch(() => {});
  const buffer = new Uint8Array(16 * 1024);
  const got = await within(20_000, "a ClientHello", server.read(buffer));
  server.close();
  await shaking;
  tls.close();
  equal(buffer[0], 22); // RFC 8446 §5.1: a handshake
  return buffer.slice(0, got!);
}

/** Ways to leave; each is told the port. */
async function leavers(): Promise<Record<string, (port: number) => Promise<void>>> {
  const hello = await clientHello();
  return {
    "half a ClientHello": async (port) => {
      using wire = await Wire.dial(port);
      await wire.send(hello.subarray(0, hello.length / 2));
      await wire.finish();
      equal(await wire.last(), "");
    },
    "a ClientHello, then it leaves": async (port) => {
      using wire = await Wire.dial(port);
      await wire.send(hello);
      // The server has answered, and waits for the rest of it.
      await wire.take(200);
    },
    "a server that is not trusted": async (port) => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      const tls = await Deno.startTls(conn, { hostname: NAME });
      match(String(await tls.handshake().catch((error) => error)), /certificate|UnknownIssuer/i);
      tls.close();
    },
  };
}

/** So many times, some at a time. */
async function repeat(times: number, task: () => Promise<void>): Promise<void> {
  let left = times;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await task();
  }));
}

peerTest(
  {
    name: "faults: handshakes given up by who comes leave nothing in arps",
    permissions,
    os,
    peers,
  },
  async (t) => {
    await using folder = new Scratch();
    const flags = identityFlags(await identify(folder, NAME));
    await using server = await startServer(
      [...flags, "--max-links-per-ip", "0", "--log-level", "info"],
      {},
      INSPECTED,
    );
    const { controlPort, proxyPort, publicPort } = server;
    await using vitals = await Vitals.of(server, [controlPort, proxyPort, publicPort]);
    const ports = [controlPort, proxyPort, publicPort];
    for (const [name, leave] of Object.entries(await leavers())) {
      await t.step(name, () =>
        leavesNothing(vitals, async (times) => {
          let nth = 0;
          await repeat(times, () => leave(ports[nth++ % ports.length]!));
        }));
    }
  },
);

/** A client that tries again and again, without a link ever coming about; `why` is in each line of it. */
async function fails(port: number, flags: readonly string[], why: RegExp): Promise<void> {
  const quiet = ["--service", "none", "--log-level", "warning"];
  await using client = await startClient({
    server: { controlPort: port, proxyPort: port },
    id: "app",
    port: 1,
    flags: [...quiet, "--reconnect-interval", "0.05", "--tls", ...flags],
    runtime: INSPECTED,
    eager: true,
  });
  const tries = async (times: number) => {
    const lines = await client.messages("No link to the server", times, { ms: MANY_MS });
    for (const { properties } of lines) match(String(properties.why), why);
    client.logs.splice(0, client.logs.indexOf(lines.at(-1)!) + 1);
  };
  await tries(1);
  await using vitals = await Vitals.of(client);
  await leavesNothing(vitals, tries);
}

peerTest(
  { name: "faults: handshakes that come to nothing leave nothing in arpc", permissions, os, peers },
  async (t) => {
    await using folder = new Scratch();
    const flags = identityFlags(await identify(folder, NAME));
    await using server = await startServer(flags);
    const trusted = server.controlPort;
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const rude = (listener.addr as Deno.NetAddr).port;
    const hangingUp = (async () => {
      for await (const conn of listener) {
        await conn.read(new Uint8Array(16 * 1024)).catch(() => {});
        conn.close();
      }
    })();
    const cases: [name: string, port: number, flags: string[], why: RegExp][] = [
      ["a server hangs up", rude, [], /no TLS came about/],
      ["another fingerprint", trusted, ["--tls-fingerprint", "ab".repeat(32)], /is another one/],
      ["another authority", trusted, ["--tls-server-name", NAME], /certificate/],
    ];
    // Each mostly waits.
    const results = await Promise.all(cases.map(([name, port, flags, why]) =>
      t.step({
        name,
        fn: () => fails(port, flags, why),
        // Steps that run side by side would take each other's resources for leaks.
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
      })
    ));
    listener.close();
    await hangingUp;
    ok(results.every((result) => result));
  },
);
