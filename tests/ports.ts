/**
 * Free ports of 127.0.0.1, for listeners that cannot choose one themselves or that end and come back.
 *
 * Test files run side by side, each in a worker that knows nothing of the others, and whoever is given
 * a port listens on it only later. So each worker takes a block of ports first, by listening on the
 * block's first port for as long as the worker lives, and gives out the others in turn.
 *
 * @module
 */

/** Below the ranges from which systems take the ports of outgoing connections (32768 is the lowest). */
const FIRST = 20_000;
const LAST = 32_000;
/** Ports of a block, the one that marks it as taken included. */
const BLOCK = 100;

// Taken while the file is loaded, since what a test opens it has to close.
const net = Deno.permissions.querySync({ name: "net" }).state === "granted";
const block = net ? takeBlock() : undefined;
let given = 0;

/** A port that is free now, and that nobody else here is given while the worker lives. */
export function freePort(): number {
  return freePorts(1);
}

/** The first of so many such ports in a row. */
export function freePorts(count: number): number {
  if (block === undefined) throw new Error("Cannot look for a free port: run with --allow-net");
  for (let tries = 1; tries < BLOCK; tries++) {
    if (given + count >= BLOCK) given = 0;
    const port = block + 1 + given;
    given += count;
    if (range(port, count).every((one) => tryListen(one))) return port;
  }
  throw new Error(`No free port from ${block} to ${block + BLOCK - 1}: close what listens there`);
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, nth) => first + nth);
}

function takeBlock(): number {
  const blocks = (LAST - FIRST) / BLOCK;
  const from = Math.floor(Math.random() * blocks);
  for (let nth = 0; nth < blocks; nth++) {
    const first = FIRST + (from + nth) % blocks * BLOCK;
    if (tryListen(first, true)) return first;
  }
  throw new Error(`No free block of ports from ${FIRST} to ${LAST}: end what listens there`);
}

/** Whether the port could be listened on; `keep` goes on listening, and keeps no process alive. */
function tryListen(port: number, keep = false): boolean {
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    if (keep) listener.unref();
    else listener.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
