/**
 * A slow link between a peer's two programs: starts `delay.ts` and says where to dial instead.
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";
import { listens } from "./ports.ts";
import { Running } from "./process.ts";
import { freePort } from "../../tests/ports.ts";

const DELAY = fileURLToPath(new URL("delay.ts", import.meta.url));

/** One end of a route. */
export interface Address {
  hostname?: string;
  port: number;
}

/** Addresses to dial in place of the real ones, in the order asked for. */
export interface Link extends AsyncDisposable {
  routes: Required<Address>[];
}

/** Puts `delayMs` each way before every target; undefined when there is no delay to put. */
export async function delayed(
  bench: Bench,
  delayMs: number | undefined,
  targets: (Address & { listen?: Address })[],
): Promise<Link | undefined> {
  if (delayMs === undefined) return undefined;
  const routes = targets.map(({ listen = { port: freePort() } }) => whole(listen));
  const args = targets.map((target, at) => `${text(routes[at]!)}=${text(whole(target))}`);
  const delay = new Running(bench, Deno.execPath(), [
    ...["run", "--no-prompt", "--allow-net", DELAY, `${delayMs}`],
    ...args,
  ]);
  try {
    for (const { port, hostname } of routes) {
      await delay.ready(() => listens(port, hostname), bench.signal);
    }
  } catch (error) {
    await delay[Symbol.asyncDispose]();
    throw error;
  }
  return { routes, [Symbol.asyncDispose]: () => delay[Symbol.asyncDispose]() };
}

function whole({ hostname = "127.0.0.1", port }: Address): Required<Address> {
  return { hostname, port };
}

function text({ hostname, port }: Required<Address>): string {
  return `${hostname}:${port}`;
}
