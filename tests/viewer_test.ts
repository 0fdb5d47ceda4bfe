import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { peerTest } from "./peers.ts";
import { Viewer } from "./viewer.ts";

const ALL = Array.from({ length: 5 }, (_, i) => `id: e:${i + 1}\ndata: {"i":${i + 1}}\n\n`);

/** A stream of these pieces, and whether it breaks off behind them or ends. */
function answer(pieces: readonly string[], breaks = false): Response {
  const encoder = new TextEncoder();
  const rest = [...pieces];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = rest.shift();
      if (piece !== undefined) controller.enqueue(encoder.encode(piece));
      else if (breaks) controller.error(new TypeError("connection reset"));
      else controller.close();
    },
  });
  const headers = { "content-type": "text/event-stream", "x-session-id": "s" };
  return new Response(body, { headers });
}

Deno.test("a viewer sees a stream to its end", async () => {
  const open = () => Promise.resolve(answer(["retry: 5\n\n: still here\n\n", ...ALL]));
  await using viewer = new Viewer(open);
  const third = await viewer.next(({ data }) => data.i === 3);
  deepEqual(third, { n: 3, epoch: "e", event: "message", text: '{"i":3}', data: { i: 3 } });
  await viewer.ended();
  viewer.gapless();
  deepEqual([viewer.seen.length, viewer.comments, viewer.lastId], [5, 1, "e:5"]);
  equal(viewer.session, "s");
  await rejects(viewer.next(({ data }) => data.i === 6), /seen last:\n1/);
});

Deno.test("a persistent viewer comes back with the id of the last whole event", async () => {
  const visits: (string | undefined)[] = [];
  const answers = [
    answer(["data: {", '"i":1}\nid: e:1\n\n', ALL[1]!, "id: e:3\ndata: {}\n"], true),
    new Response("nobody", { status: 503 }),
    answer(ALL.slice(2, 3), true),
    answer(ALL.slice(3)),
  ];
  const open = (lastId: string | undefined) => {
    visits.push(lastId);
    return Promise.resolve(answers.shift()!);
  };
  await using viewer = new Viewer(open, { persistent: true });
  await viewer.ended();
  viewer.gapless();
  deepEqual(visits, [undefined, "e:2", "e:2", "e:3"]);
  deepEqual(viewer.seen.map(({ data }) => data.i), [1, 2, 3, 4, 5]);
});

Deno.test("a viewer notices what is missing, what comes twice, and what is no stream", async () => {
  const gap = new Viewer(() => Promise.resolve(answer([ALL[0]!, ALL[2]!])));
  await gap.ended();
  throws(() => gap.gapless());

  const twice = new Viewer(() => Promise.resolve(answer([ALL[0]!, ALL[0]!])));
  await rejects(twice.ended(), /line 1 came again/);

  const none = new Viewer(() => Promise.resolve(new Response("{}")), { persistent: true });
  await rejects(none.ended(), /200 text\/plain/);

  const broken = new Viewer(() => Promise.resolve(answer([ALL[0]!], true)));
  await rejects(broken.ended(), /connection reset/);
});

peerTest({
  name: "a viewer that is cut off comes back for the rest",
  permissions: [{ name: "net", host: "127.0.0.1" }],
}, async () => {
  let from = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    // The first visit never ends by itself.
    const pieces = from === 0 ? ALL.slice(0, from = 2) : ALL.slice(2);
    if (from++ > 2) return answer(pieces);
    return new Response(
      ReadableStream.from((async function* () {
        for (const piece of pieces) yield new TextEncoder().encode(piece);
        await new Promise<void>((resolve) => left.promise.then(resolve));
      })()),
      { headers: { "content-type": "text/event-stream" } },
    );
  });
  const left = Promise.withResolvers<void>();
  await using viewer = new Viewer(
    (_id, signal) => fetch(`http://127.0.0.1:${server.addr.port}`, { signal }),
    { persistent: true },
  );
  await viewer.next(({ n }) => n === 2);
  viewer.cut();
  await viewer.ended();
  viewer.gapless();
  equal(viewer.visits, 2);
  left.resolve();
  await server.shutdown();
});
