/**
 * Watches a session's stream and looks at the times on its lines.
 *
 * @module
 */

/** What a viewer saw. */
export interface Seen {
  /** Milliseconds from the write to here, a line each. */
  latencies: number[];
  count: number;
  inOrder: boolean;
  /** When the first line was written. */
  first: number | undefined;
  /** How long the writer took, in milliseconds. */
  took: number | undefined;
}

/** Reads a stream to its end. */
export async function watch(response: Promise<Response>): Promise<Seen> {
  const { body, status } = await response;
  if (status !== 200 || body === null) throw new Error(`Cannot watch: status ${status}`);
  const seen: Seen = {
    latencies: [],
    count: 0,
    inOrder: true,
    first: undefined,
    took: undefined,
  };
  // What a viewer costs here is counted as well, so it is no more than it must be.
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let half = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return seen;
    const now = performance.timeOrigin + performance.now();
    const lines = (half + decoder.decode(value, { stream: true })).split("\n");
    half = lines.pop() ?? "";
    for (const line of lines) take(line, now, seen);
  }
}

function take(line: string, now: number, seen: Seen): void {
  if (line.startsWith('data: {"type":"bench"')) {
    const { n, at } = JSON.parse(line.slice(6));
    seen.inOrder &&= n === seen.count;
    seen.count++;
    seen.first ??= at;
    if (seen.latencies.length < 10_000) seen.latencies.push(now - at);
  } else if (line.startsWith('data: {"type":"result"')) {
    seen.took = JSON.parse(line.slice(6)).took;
  }
}
