/**
 * arps and arpc from this checkout, under the permissions they are meant to run with. `--default-client` lets
 * iperf3 in, which has no token to show; `--max-per-ip 0` because every visitor here has the same address.
 * @module
 */
import { V8_FLAGS } from "@agentx/common/cli";
import { fileURLToPath } from "node:url";
import { delayed } from "../link.ts";
import type { Peer, Setup } from "./mod.ts";
import { startPair } from "./pair.ts";
import { freePort } from "../../../tests/ports.ts";

const SERVER = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));
const CLIENT = fileURLToPath(new URL("../../../client/main.ts", import.meta.url));
/** The token of ours. */
export const CLIENT_ID = "bench";

export const arp: Peer = {
  name: "arp",
  kind: "ours",
  canDelay: true,
  missing: () => undefined,
  async start(bench, setup) {
    const [control, proxy, port] = [freePort(), freePort(), freePort()];
    const link = await delayed(bench, setup.delayMs, [{ port: control }, { port: proxy }]);
    const dial = link?.routes.map((route) => route.port) ?? [control, proxy];
    return await startPair(bench, {
      first: {
        ...deno(SERVER, ["--allow-net"], [
          ...["--bind", "127.0.0.1", "--public-port", `${port}`],
          ...ports(control, proxy),
          ...pool(setup),
          ...["--default-client", CLIENT_ID, "--max-per-ip", "0"],
        ]),
        port: control,
      },
      second: deno(CLIENT, ["--allow-net", "--allow-sys=hostname"], [
        ...["--client-id", CLIENT_ID, "--server-addr", "127.0.0.1"],
        ...ports(dial[0]!, dial[1]!),
        ...["--local-addr", "127.0.0.1", "--local-port", `${setup.servicePort}`],
      ]),
      port,
      between: link,
    });
  },
};

function deno(script: string, permissions: string[], args: string[]) {
  const v8 = [`--v8-flags=${Deno.env.get("ARP_BENCH_V8_FLAGS") ?? V8_FLAGS.join(",")}`];
  return {
    program: Deno.execPath(),
    args: ["run", "--no-prompt", ...v8, ...permissions, script, ...args, "--log-level", "warning"],
  };
}

function ports(control: number, proxy: number): string[] {
  return ["--control-port", `${control}`, "--proxy-port", `${proxy}`];
}

function pool({ poolSize, maxPoolSize }: Setup): string[] {
  return [
    ...poolSize === undefined ? [] : ["--pool-size", `${poolSize}`],
    ...maxPoolSize === undefined ? [] : ["--max-pool-size", `${maxPoolSize}`],
  ];
}
