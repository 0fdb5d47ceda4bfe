/**
 * rathole, with its defaults (no encryption, TCP_NODELAY, eight warm tunnels).
 * @module
 */
import { join } from "node:path";
import { delayed } from "../link.ts";
import { find, missing, need } from "../programs.ts";
import type { Peer } from "./mod.ts";
import { startPair } from "./pair.ts";
import { freePort } from "../../../tests/ports.ts";

export const rathole: Peer = {
  name: "rathole",
  kind: "tunnel",
  canDelay: true,
  missing: () => find("rathole") ? undefined : missing("rathole"),
  async start(bench, { servicePort, delayMs }) {
    const [control, port] = [freePort(), freePort()];
    const link = await delayed(bench, delayMs, [{ port: control }]);
    const dial = link?.routes[0]?.port ?? control;
    const server = join(bench.folder, `rathole-server-${control}.toml`);
    const client = join(bench.folder, `rathole-client-${control}.toml`);
    await Deno.writeTextFile(server, serverConfig(control, port));
    await Deno.writeTextFile(client, clientConfig(dial, servicePort));
    const program = need("rathole");
    return await startPair(bench, {
      first: { program, args: ["--server", server], port: control },
      second: { program, args: ["--client", client] },
      port,
      between: link,
    });
  },
};

function serverConfig(control: number, port: number): string {
  return `[server]
bind_addr = "127.0.0.1:${control}"
default_token = "bench"
[server.services.bench]
bind_addr = "127.0.0.1:${port}"
`;
}

function clientConfig(control: number, servicePort: number): string {
  return `[client]
remote_addr = "127.0.0.1:${control}"
default_token = "bench"
[client.services.bench]
local_addr = "127.0.0.1:${servicePort}"
`;
}
