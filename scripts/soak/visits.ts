/**
 * What visitors of the soak do: each visit moves random bytes and compares their SHA-256.
 * @module
 */
import { noise, sha256 } from "./noise.ts";

/** Wrong bytes: what must never happen, whatever is broken. */
export class Mismatch extends Error {
  override name = "Mismatch";
}

/** Bytes moved, both ways together. */
export type Moved = number;

/** Most bytes of a visit. */
const MOST_BYTES = 4 * 1024 * 1024;
/** How long a visit may take, in milliseconds. */
const VISIT_MS = 60_000;

/** Where a visitor goes, and on which connections. */
export interface Way {
  /** `http://HOST:PORT` or `https://HOST:PORT` */
  url: string;
  token: string;
  client: Deno.HttpClient;
}

const dice = (sides: number) => Math.floor(Math.random() * sides);
/** Many small ones and a few large ones, and nothing at all. */
const size = () => dice(20) === 0 ? 0 : Math.floor(MOST_BYTES ** Math.random());

/** The visits over HTTP, by name. */
export const VISITS: Readonly<Record<string, (way: Way) => Promise<Moved>>> = {
  download: (way) => download(way, ""),
  "chunked download": (way) => download(way, "&chunked"),
  upload: (way) => upload(way, false),
  "chunked upload": (way) => upload(way, true),
  abandoned,
  events,
  socket,
};

async function ask(way: Way, path: string, init: RequestInit = {}): Promise<Response> {
  const url = `${way.url}${path}${path.includes("?") ? "&" : "?"}token=${way.token}`;
  // Every other visit on a connection of its own.
  const headers = dice(2) === 0 ? { connection: "close" } : undefined;
  const signal = AbortSignal.timeout(VISIT_MS);
  const response = await fetch(url, {
    ...init,
    signal,
    client: way.client,
    ...(headers && { headers }),
  });
  if (response.status !== 200) {
    throw new Error(`${response.status} ${(await response.text()).trim().slice(0, 100)}`);
  }
  return response;
}

/** Reads a body; what came must be how `wanted` begins, and all of it if it came to its end. */
async function compare(body: ReadableStream<Uint8Array> | null, wanted: Uint8Array) {
  const pieces: Uint8Array[] = [];
  let broken: unknown;
  try {
    for await (const piece of body ?? []) pieces.push(piece);
  } catch (error) {
    broken = error ?? new Error("it broke off");
  }
  const came = new Blob(pieces as BlobPart[]);
  const got = new Uint8Array(await came.arrayBuffer());
  const whole = broken === undefined ? wanted : wanted.subarray(0, got.length);
  if (sha256(got) !== sha256(whole)) {
    throw new Mismatch(`${got.length} bytes came, and not the ${wanted.length} that were sent`);
  }
  if (broken !== undefined) throw broken;
}

async function download(way: Way, how: string): Promise<Moved> {
  const [seed, bytes] = [dice(1e9), size()];
  const { body } = await ask(way, `/random?seed=${seed}&bytes=${bytes}${how}`);
  await compare(body, noise(seed, bytes));
  return bytes;
}

async function upload(way: Way, chunked: boolean): Promise<Moved> {
  const sent = noise(dice(1e9), size());
  const { body } = await ask(way, "/echo", {
    method: "POST",
    body: chunked ? new Blob([sent]).stream() : sent,
  });
  await compare(body, sent);
  return 2 * sent.length;
}

/** Leaves in the middle. */
async function abandoned(way: Way): Promise<Moved> {
  const seed = dice(1e9);
  const { body } = await ask(way, `/random?seed=${seed}&bytes=${MOST_BYTES}`);
  const reader = body!.getReader();
  const { value = new Uint8Array() } = await reader.read();
  await reader.cancel();
  if (sha256(value) !== sha256(noise(seed, value.length))) {
    throw new Mismatch("the beginning of another answer came");
  }
  return value.length;
}

async function events(way: Way): Promise<Moved> {
  const count = 10 + dice(90);
  const response = await ask(way, `/events?count=${count}`);
  const wanted = Array.from({ length: count }, (_, nth) => `id: ${nth}\ndata: event ${nth}\n\n`);
  const bytes = new TextEncoder().encode(wanted.join(""));
  await compare(response.body, bytes);
  return bytes.length;
}

async function socket(way: Way): Promise<Moved> {
  const url = `${way.url.replace("http", "ws")}/socket?token=${way.token}`;
  const socket = new WebSocket(url, { client: way.client });
  socket.binaryType = "arraybuffer";
  const timer = setTimeout(() => socket.close(), VISIT_MS);
  const heard: ((data: ArrayBuffer | Error) => void)[] = [];
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  const ended = new Error("the socket ended");
  socket.onerror = () => {};
  socket.onmessage = ({ data }) => heard.shift()?.(data);
  void closed.then(() => heard.forEach((tell) => tell(ended)));
  let moved = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      void closed.then(() => reject(ended));
    });
    for (let left = 1 + dice(20); left > 0; left--) {
      const sent = noise(dice(1e9), Math.floor(60_000 ** Math.random()));
      const answer = new Promise<ArrayBuffer | Error>((resolve) => heard.push(resolve));
      if (socket.readyState !== WebSocket.OPEN) throw ended;
      socket.send(sent);
      const got = await answer;
      if (got instanceof Error) throw got;
      if (sha256(new Uint8Array(got)) !== sha256(sent)) throw new Mismatch("another message came");
      moved += 2 * sent.length;
    }
  } finally {
    clearTimeout(timer);
    socket.close();
    await closed;
  }
  return moved;
}

/** Sends raw bytes to an echo, and compares. */
export async function talk(port: number): Promise<Moved> {
  const sent = noise(dice(1e9), size());
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => conn.close(), VISIT_MS);
  try {
    const sending = (async () => {
      for (let at = 0; at < sent.length;) at += await conn.write(sent.subarray(at));
      await conn.closeWrite();
    })();
    sending.catch(() => {}); // the reading side meets the same end
    const buffer = new Uint8Array(65536);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const got = await conn.read(buffer);
        if (got === null) controller.close();
        else controller.enqueue(buffer.slice(0, got));
      },
    });
    await compare(body, sent);
    await sending;
  } finally {
    clearTimeout(timer);
    try {
      conn.close();
    } catch { /* too late: it was closed */ }
  }
  return 2 * sent.length;
}
