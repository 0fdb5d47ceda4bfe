/**
 * The service of the soak, a program of its own so that it can be killed: HTTP on the first port given,
 * an echo of raw bytes on the second. Says `ready` when it serves.
 * @module
 */
import { noise } from "./noise.ts";

const [http = 0, raw = 0] = Deno.args.map(Number);
const PIECE_BYTES = 50_000;

/** `GET /random?seed&bytes`, with `chunked` in pieces and without a length. */
function random(query: URLSearchParams): Response {
  const bytes = noise(Number(query.get("seed")), Number(query.get("bytes")));
  if (!query.has("chunked")) return new Response(bytes);
  let at = 0;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at += PIECE_BYTES));
      },
    }),
  );
}

/** `GET /events?count`: server-sent events that say their number. */
function events(query: URLSearchParams): Response {
  const encoder = new TextEncoder();
  const count = Number(query.get("count"));
  let nth = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (nth >= count) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, 10));
      controller.enqueue(encoder.encode(`id: ${nth}\ndata: event ${nth++}\n\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** `GET /socket`: a WebSocket that says all it hears. */
function socket(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = () => {};
  return response;
}

Deno.serve({ hostname: "127.0.0.1", port: http, onListen: () => {} }, (request) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/random":
      return random(searchParams);
    case "/events":
      return events(searchParams);
    case "/socket":
      return socket(request);
    case "/echo":
      return new Response(request.body);
    default:
      return new Response("hello");
  }
});

async function echo(conn: Deno.TcpConn): Promise<void> {
  try {
    // The `pipeTo` of a connection would close the way back with the way there.
    const buffer = new Uint8Array(65536);
    for (let got = await conn.read(buffer); got !== null; got = await conn.read(buffer)) {
      for (let at = 0; at < got;) at += await conn.write(buffer.subarray(at, got));
    }
    await conn.closeWrite();
  } catch {
    /* its visitor left */
  } finally {
    conn.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: raw });
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
for await (const conn of listener) void echo(conn);
