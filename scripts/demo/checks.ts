/**
 * What the demo tries through the public port before it says that all is well.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";

/** How long one check may take, in milliseconds. */
const CHECK_MS = 10_000;
const UPLOAD_BYTES = 8_000_000;

/** Something that must work. */
export interface Check {
  name: string;
  /** @returns what it found, in a few words. */
  run(visitor: URL): Promise<string>;
}

/** In the order they are tried. */
export const CHECKS: readonly Check[] = [
  { name: "page", run: page },
  { name: "live events", run: events },
  { name: "WebSocket", run: echo },
  { name: "upload", run: upload },
];

/** The URL of a path of the app, with the token. */
function at(visitor: URL, path: string): URL {
  const url = new URL(visitor);
  url.pathname = path;
  return url;
}

async function get(url: URL, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CHECK_MS) });
  if (response.status === 200) return response;
  throw new Error(`${response.status} instead of 200: ${(await response.text()).trim()}`);
}

async function page(visitor: URL): Promise<string> {
  const since = performance.now();
  const text = await (await get(visitor)).text();
  if (!text.includes("<title>ARP demo</title>")) throw new Error("this is another page");
  return `${text.length} bytes in ${ms(since)}`;
}

async function events(visitor: URL): Promise<string> {
  const since = performance.now();
  const { body } = await get(at(visitor, "/events"));
  for await (const text of body!.pipeThrough(new TextDecoderStream())) {
    if (!text.startsWith("data: {")) throw new Error("the stream starts with something else");
    // Leaving the loop ends the request: the stream itself never would.
    return `the first after ${ms(since)}, the stream still open`;
  }
  throw new Error("the stream ended without an event");
}

async function echo(visitor: URL): Promise<string> {
  const url = at(visitor, "/echo");
  url.protocol = "ws:";
  const socket = new WebSocket(url);
  const said = crypto.randomUUID();
  let since = 0;
  try {
    const heard = await new Promise((resolve, reject) => {
      const fail = () => reject(new Error("no echo: the connection ended"));
      const timer = setTimeout(() => reject(new Error("no echo in time")), CHECK_MS);
      socket.onopen = () => {
        since = performance.now();
        socket.send(said);
      };
      socket.onmessage = ({ data }) => {
        clearTimeout(timer);
        resolve(data);
      };
      socket.onerror = socket.onclose = () => {
        clearTimeout(timer);
        fail();
      };
    });
    if (heard !== said) throw new Error("the echo says something else");
    return `echo in ${ms(since)}`;
  } finally {
    const closed = new Promise((resolve) => socket.onclose = resolve);
    if (socket.readyState !== WebSocket.CLOSED) {
      socket.close();
      await closed;
    }
  }
}

async function upload(visitor: URL): Promise<string> {
  const body = new Uint8Array(randomBytes(UPLOAD_BYTES));
  const since = performance.now();
  const answer = await (await get(at(visitor, "/upload"), { method: "POST", body })).json();
  const seconds = (performance.now() - since) / 1000;
  if (answer.sha256 !== createHash("sha256").update(body).digest("hex")) {
    throw new Error("the app received other bytes than were sent");
  }
  return `8 MB at ${Math.round(8 / seconds)} MB/s, same SHA-256`;
}

function ms(since: number): string {
  return `${(performance.now() - since).toFixed(1)} ms`;
}
