/**
 * Server-sent events of what happens now; those of a session's log are in `sessions/stream.ts`.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 * @module
 */

/** Time between two comments that keep a silent stream from being taken for a dead one. */
const HEARTBEAT_MS = 15_000;
/** Bytes that may wait for a slow reader, who is then cut off and comes back for the present state. */
const MAX_WAITING = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/** Writes one event; its data as JSON. */
export type Emit = (event: string, data: unknown) => void;

/**
 * A stream of events, until its reader leaves.
 *
 * @param start told to begin; the returned is disposed of at the end.
 */
export function eventStream(
  start: (emit: Emit) => Disposable,
  heartbeat: number = HEARTBEAT_MS,
): ReadableStream<Uint8Array> {
  let source: Disposable | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let open = true;
  // How things stand at first is one answer, whatever its size; only what comes then can pile up.
  let begun = false;
  let credit = 0;
  const end = () => {
    open = false;
    clearInterval(timer);
    source?.[Symbol.dispose]();
    source = undefined;
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const unread = () => -(controller.desiredSize ?? 0);
      const write = (text: string) => {
        if (!open) return;
        // It is given less credit as it reads.
        if (begun) credit = Math.min(credit, unread());
        controller.enqueue(encoder.encode(text));
        if (!begun) credit = unread();
        if (unread() < credit + MAX_WAITING) return;
        end();
        controller.error(new Error("the reader is too slow"));
      };
      write(": open\n\n");
      source = start((event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      timer = setInterval(() => write(": still here\n\n"), heartbeat);
      begun = true;
    },
    cancel: end,
  }, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
}

/**
 * A stream that is written as fast as it is read.
 *
 * @param write gives the text piece by piece; it has to end soon after the signal is aborted.
 */
export function pulledStream(
  write: (signal: AbortSignal) => AsyncGenerator<string, void>,
): ReadableStream<Uint8Array> {
  const left = new AbortController();
  const pieces = write(left.signal);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      left.abort();
      await pieces.return();
    },
  }, { highWaterMark: 0 });
}
