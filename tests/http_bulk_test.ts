import { equal, ok } from "node:assert/strict";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import {
  BLOCK_BYTES,
  blocks,
  digest,
  httpService,
  sha256,
  Site,
  stepsOf,
  stream,
} from "./services.ts";

const permissions = WHOLE_PROGRAM;
/** In blocks of 1 MiB. */
const BULK = 100;
const BYTES = BULK * BLOCK_BYTES;

peerTest({ name: "HTTP: 100 MiB arrive as sent", permissions }, async (t) => {
  const step = stepsOf(t);
  let hash = sha256();
  await using service = httpService(async (request) => {
    if (request.method === "POST") {
      const framing = request.headers.get("content-length") ??
        request.headers.get("transfer-encoding");
      return new Response(`${await digest(request.body!)}, ${framing}`);
    }
    const length = new URL(request.url).pathname === "/length";
    const headers = new Headers(length ? { "Content-Length": String(BYTES) } : {});
    return new Response(stream(BULK, hash), { headers });
  });
  await using site = await Site.start({ bulk: service.addr.port });
  const url = (path: string) => `${site.url}${path}?token=bulk`;

  await step("up, with a length", async () => {
    using visitor = await site.visit();
    const sent = sha256();
    await visitor.send(
      `POST /?token=bulk HTTP/1.1\r\nHost: test\r\nContent-Length: ${BYTES}\r\n\r\n`,
    );
    const upload = async () => {
      for (const block of blocks(BULK)) {
        sent.update(block);
        await visitor.send(block);
      }
    };
    await within(PATIENCE_MS, "upload", upload());
    const { body } = await visitor.response();
    equal(body, `${sent.digest("hex")} of ${BYTES} bytes, ${BYTES}`);
  });
  await step("up, in chunks", async () => {
    const sent = sha256();
    const answer = fetch(url("/"), { method: "POST", body: stream(BULK, sent) });
    const response = await within(PATIENCE_MS, "upload", answer);
    equal(await response.text(), `${sent.digest("hex")} of ${BYTES} bytes, chunked`);
  });
  for (const path of ["/length", "/chunks"]) {
    await step(`down, ${path === "/length" ? "with a length" : "in chunks"}`, async () => {
      hash = sha256();
      const response = await fetch(url(path));
      equal(response.headers.get("content-length"), path === "/length" ? String(BYTES) : null);
      const got = await within(PATIENCE_MS, "download", digest(response.body!));
      equal(got, `${hash.digest("hex")} of ${BYTES} bytes`);
    });
  }
});

peerTest(
  { name: "HTTP: 500 visitors at once, each with its own answer", permissions },
  async () => {
    const COUNT = 500;
    let open = 0;
    const all = Promise.withResolvers<void>();
    await using service = httpService(async (request) => {
      // Nobody is answered before everybody is here.
      if (++open === COUNT) all.resolve();
      await all.promise;
      return new Response(new URL(request.url).searchParams.get("nth"));
    });
    await using site = await Site.start({ many: service.addr.port }, ["--queue-size", `${COUNT}`]);
    using _stop = { [Symbol.dispose]: () => all.resolve() };
    const visits = Array.from({ length: COUNT }, async (_, nth) => {
      using visitor = await site.visit();
      await visitor.send(`GET /?token=many&nth=${nth} HTTP/1.1\r\nHost: test\r\n\r\n`);
      return (await visitor.response()).body === String(nth);
    });
    ok((await within(PATIENCE_MS, "all answers", Promise.all(visits))).every(Boolean));
  },
);
