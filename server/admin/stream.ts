/**
 * Server-sent events for those who watch: how things stand, then what changes each second.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

import type { Change, Monitor } from "./monitor.ts";

/** Time between two comments that keep a silent stream from being taken for a dead one. */
const HEARTBEAT_MS = 15_000;
/** Bytes of changes that may wait for a slow reader, who is then cut off and comes back. */
const MAX_WAITING = 1024 * 1024;
/** Who may watch at a time. */
export const MAX_WATCHERS = 64;

const encoder = new TextEncoder();

/** One event. */
function event(name: string, data: unknown): Uint8Array {
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** The streams of all who watch. What is new is put into words once, for all of them. */
export class Streams implements Disposable {
  #stack = new DisposableStack();
  #open = new Set<{ push(bytes: Uint8Array): void; end(): void }>();

  /** @param snapshot how things stand. */
  constructor(monitor: Monitor, private readonly snapshot: () => unknown) {
    this.#stack.use(monitor.listen((change) => this.#tell(change)));
    const timer = setInterval(() => this.#push(encoder.encode(": still here\n\n")), HEARTBEAT_MS);
    this.#stack.defer(() => clearInterval(timer));
  }

  /** How many watch. */
  get count(): number {
    return this.#open.size;
  }

  /** A stream for one more; undefined when there are too many. */
  open(): ReadableStream<Uint8Array> | undefined {
    if (this.#open.size >= MAX_WATCHERS) return undefined;
    let one: { push(bytes: Uint8Array): void; end(): void };
    // How things stand is one answer, whatever its size; only what comes then can pile up.
    let credit = 0;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const unread = () => -(controller.desiredSize ?? 0);
        controller.enqueue(event("snapshot", this.snapshot()));
        credit = unread();
        one = {
          push: (bytes) => {
            credit = Math.min(credit, unread());
            controller.enqueue(bytes);
            if (unread() <= credit + MAX_WAITING) return;
            this.#open.delete(one);
            controller.error(new Error("the reader is too slow"));
          },
          end: () => {
            this.#open.delete(one);
            controller.close();
          },
        };
        this.#open.add(one);
      },
      cancel: () => void this.#open.delete(one),
    }, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
  }

  /** Ends them all. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
    for (const one of [...this.#open]) one.end();
  }

  #tell({ second, clients, gone, numbers, visitors, events, refusals }: Change): void {
    if (this.#open.size === 0) return;
    if (clients !== undefined || gone !== undefined) {
      this.#push(event("clients", { changed: clients ?? [], gone: gone ?? [] }));
    }
    if (numbers !== undefined) this.#push(event("numbers", numbers));
    if (visitors !== undefined) this.#push(event("visitors", visitors));
    if (events !== undefined) this.#push(event("events", events));
    if (refusals !== undefined) this.#push(event("refusals", refusals));
    this.#push(event("second", second));
  }

  #push(bytes: Uint8Array): void {
    for (const one of [...this.#open]) one.push(bytes);
  }
}
