/**
 * What a running program holds: descriptors, memory, and the heap that is alive.
 *
 * @module
 */

import type { Program } from "../helpers.ts";
import { PATIENCE_MS, within } from "../patience.ts";

/** Flags of Deno under which {@link Vitals} can look into a program. */
export const INSPECTED: readonly string[] = ["--inspect=127.0.0.1:0"];

/** What a program holds at one moment; memory in bytes. */
export interface Holding {
  /** Open descriptors: sockets, pipes, files. */
  fds: number;
  /** Resident memory. */
  rss: number;
  /** What is alive after a collection of all garbage, buffers outside of V8's heap included. */
  heap: number;
}

/** Looks into a program by the inspector of its runtime. */
export class Vitals implements AsyncDisposable {
  #next = 1;
  readonly #answers = new Map<number, (result: Record<string, number>) => void>();

  private constructor(private readonly pid: number, private readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      const { id, result } = JSON.parse(data);
      this.#answers.get(id)?.(result);
    };
  }

  /**
   * @param program started with {@link INSPECTED}.
   * @param ports of its own, which are not the inspector's.
   */
  static async of(program: Program, ports: readonly number[] = []): Promise<Vitals> {
    // A runtime told to be quiet does not say where its inspector listens.
    const port = listening(program.pid).find((port) => !ports.includes(port));
    if (port === undefined) throw new Error("the program was started without an inspector");
    const list = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = await list.json();
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    const vitals = new Vitals(program.pid, socket);
    await within(
      PATIENCE_MS,
      "the inspector",
      new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("the inspector cannot be reached"));
      }),
    );
    return vitals;
  }

  /** Collects the program's garbage and counts what is left. */
  async look(): Promise<Holding> {
    await this.#ask("HeapProfiler.collectGarbage");
    const usage = await this.#ask("Runtime.getHeapUsage");
    const { usedSize = NaN, backingStorageSize = NaN } = usage;
    return { fds: this.fds(), rss: this.rss(), heap: usedSize + backingStorageSize };
  }

  /** Open descriptors now. */
  fds(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  /** Resident memory now. */
  rss(): number {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => this.socket.onclose = resolve);
    this.socket.close();
    await within(PATIENCE_MS, "the end of the inspection", closed);
  }

  #ask(method: string): Promise<Record<string, number>> {
    const { promise, resolve } = Promise.withResolvers<Record<string, number>>();
    const id = this.#next++;
    this.#answers.set(id, resolve);
    this.socket.send(JSON.stringify({ id, method }));
    return within(PATIENCE_MS, method, promise).finally(() => this.#answers.delete(id));
  }
}

/** Ports of this machine on which a process listens. */
function listening(pid: number): number[] {
  const inodes = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch { /* closed meanwhile */ }
  }
  // Address and port, remote ones, state (0A: listens), and the inode as the tenth field.
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = ""]) => state === "0A" && inodes.has(inode))
    .map(([, local = ""]) => parseInt(local.split(":")[1] ?? "", 16));
}
