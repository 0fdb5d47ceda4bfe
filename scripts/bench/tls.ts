/**
 * What TLS costs: the same load on ARP without it, with it between visitors and the server, and with it on all
 * three ports. The ways take turns, so that a noisy moment hits all alike.
 *
 * ```sh
 * deno run -A scripts/bench/tls.ts [--seconds 3] [--rounds 3] [--quick]
 * ```
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { V8_FLAGS } from "@agentx/common/cli";
import { selfSigned } from "../../server/cert/self_signed.ts";
import { Bench, print, progress } from "./bench.ts";
import { parseOptions } from "./options.ts";
import { type Command, startPair } from "./peers/pair.ts";
import type { RunningPeer } from "./peers/mod.ts";
import { capture, waitUntil } from "./process.ts";
import { need } from "./programs.ts";
import { type Service, startNginx } from "./services.ts";
import { median } from "./stats.ts";
import { PATH } from "./visitors.ts";
import { parseWrk } from "./wrk.ts";
import { freePort } from "../../tests/ports.ts";

/** Where TLS is spoken. */
const WAYS = ["none", "public port", "all ports"] as const;
type Way = typeof WAYS[number];

const HOST = "localhost";
/** curl's exit code when its time is up; what it read until then counts. */
const TIME_UP = 28;

/** The files of a certificate. */
interface Identity {
  cert: string;
  key: string;
}

/** One kind of load, and its unit. */
interface Load {
  what: string;
  unit: string;
  measure(bench: Bench, origin: string, identity: Identity): Promise<number>;
}

const LOADS: readonly Load[] = [
  { what: "one stream, download (curl)", unit: "Gbit/s", measure: download },
  {
    what: "64 keep-alive connections (wrk)",
    unit: "requests/s",
    measure: (bench, origin) => requests(bench, origin, 64, []),
  },
  {
    what: "a connection for each request, 8 at once (wrk)",
    unit: "requests/s",
    measure: (bench, origin) => requests(bench, origin, 8, ["-H", "Connection: close"]),
  },
];

async function download(bench: Bench, origin: string, { cert }: Identity): Promise<number> {
  const { port } = new URL(origin);
  const { code, stdout, stderr } = await capture(
    need("curl"),
    [
      ...["-sS", "-o", "/dev/null", "--max-time", `${bench.options.seconds}`],
      ...["--cacert", cert, "--resolve", `${HOST}:${port}:127.0.0.1`],
      ...["-w", "%{http_code} %{size_download} %{time_total}"],
      `${origin}/large${PATH.slice(1)}`,
    ],
    bench.signal,
    bench.sampleLimitMs,
  );
  const [status, bytes = 0, seconds = NaN] = stdout.split(" ").map(Number);
  if (status !== 200 || (code !== 0 && code !== TIME_UP)) {
    throw new Error(`Cannot measure: curl got status ${status}: ${stderr.trim()}`);
  }
  return bytes * 8 / 1e9 / seconds;
}

async function requests(
  bench: Bench,
  origin: string,
  connections: number,
  more: readonly string[],
): Promise<number> {
  const { stdout, stderr } = await capture(
    need("wrk"),
    ["-t1", `-c${connections}`, `-d${bench.options.seconds}s`, ...more, `${origin}${PATH}`],
    bench.signal,
    bench.sampleLimitMs,
  );
  return parseWrk(stdout + stderr).perSecond;
}

/** Starts arps and arpc, and waits until a visitor gets through. */
async function start(
  bench: Bench,
  way: Way,
  service: Service,
  { cert, key }: Identity,
): Promise<RunningPeer & { origin: string }> {
  const [control, proxy, port] = [freePort(), freePort(), freePort()];
  const ports = ["--control-port", `${control}`, "--proxy-port", `${proxy}`];
  const server = ["--bind", "127.0.0.1", "--public-port", `${port}`, ...ports];
  const client = ["--local-port", `${service.port}`, "--service", "none", ...ports];
  if (way !== "none") server.push("--tls-cert", cert, "--tls-key", key);
  if (way === "public port") server.push("--no-tls-control", "--no-tls-proxy");
  if (way === "all ports") client.push("--tls", "--tls-ca", cert, "--tls-server-name", HOST);
  const pair = await startPair(bench, {
    first: {
      ...arp("server", [...server, "--default-client", "bench", "--max-per-ip", "0"]),
      port: control,
    },
    second: arp("client", [...client, "--client-id", "bench"]),
    port,
  });
  const origin = `${way === "none" ? "http" : "https"}://${HOST}:${port}`;
  const comesThrough = async () => {
    const args = ["-sfk", "-o", "/dev/null", origin.replace(HOST, "127.0.0.1")];
    return (await capture(need("curl"), args, bench.signal)).code === 0;
  };
  await waitUntil(comesThrough, bench.signal, `arp, TLS on ${way}`, () => pair.assertAlive());
  return { ...pair, origin, assertAlive: () => pair.assertAlive() };
}

function arp(side: "server" | "client", args: string[]): Command {
  const script = fileURLToPath(new URL(`../../${side}/main.ts`, import.meta.url));
  const flags = ["run", "--no-prompt", `--v8-flags=${V8_FLAGS.join(",")}`];
  const needs = ["--allow-net", "--allow-read", "--allow-sys=hostname"];
  return {
    program: Deno.execPath(),
    args: [...flags, ...needs, script, ...args, "--log-level", "warning"],
  };
}

async function main(): Promise<void> {
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort(new Error("interrupted")));
  await using bench = new Bench(parseOptions(Deno.args), stop.signal);
  const identity = { cert: join(bench.folder, "cert.pem"), key: join(bench.folder, "key.pem") };
  const { cert, key } = await selfSigned([HOST, "127.0.0.1"], 1);
  await Deno.writeTextFile(identity.cert, cert);
  await Deno.writeTextFile(identity.key, key, { mode: 0o600 });
  await using stack = new AsyncDisposableStack();
  const service = stack.use(await startNginx(bench));
  const running = [];
  for (const way of WAYS) {
    running.push({ way, peer: stack.use(await start(bench, way, service, identity)) });
  }
  const width = Math.max(...LOADS.map(({ what }) => what.length));
  for (const { what, unit, measure } of LOADS) {
    const samples = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
    for (let round = 0; round <= bench.options.rounds; round++) {
      progress(round === 0 ? `${what}: warm-up` : `${what}: round ${round}`);
      for (let nth = 0; nth < running.length; nth++) {
        const { way, peer } = running[(nth + round) % running.length]!;
        const value = await measure(bench, peer.origin, identity);
        if (round > 0) samples.get(way)!.push(value);
      }
    }
    const [plain = NaN, ...others] = WAYS.map((way) => median(samples.get(way)!));
    const cells = others.map((value, nth) =>
      `TLS on ${WAYS[nth + 1]} ${format(value)} (${(value / plain).toFixed(2)}x)`
    );
    print(`${what.padEnd(width)}  ${unit.padEnd(10)}  ${format(plain)}  ${cells.join("  ")}\n`);
  }
}

function format(value: number): string {
  return value.toFixed(value < 100 ? 2 : 0).padStart(7);
}

await main();
Deno.exit(0);
