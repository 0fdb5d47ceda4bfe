import { deepEqual, equal } from "node:assert/strict";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import {
  BLOCK_BYTES,
  blocks,
  digest,
  echo,
  RawService,
  sha256,
  Site,
  stepsOf,
} from "./services.ts";
import type { Wire } from "./http_wire.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;
/** In blocks of 1 MiB. */
const BULK = 100;
const RAW = ["--default-client", "raw"];
/** Nothing that is recognised starts like that. */
const BINARY = "\x01";

/** Sends 100 MiB; resolves with what {@link digest} must make of it. */
async function upload(wire: Wire): Promise<string> {
  const hash = sha256();
  for (const block of blocks(BULK)) {
    hash.update(block);
    await wire.send(block);
  }
  await wire.finish();
  return `${hash.digest("hex")} of ${BULK * BLOCK_BYTES} bytes`;
}

peerTest({ name: "raw: 100 MiB each way arrive as sent", permissions }, async (t) => {
  const step = stepsOf(t);
  let sent = "";
  const heard = Promise.withResolvers<string>();
  await using service = new RawService(async (wire) => {
    const wish = await wire.take(2);
    // The end of the visitor's bytes must come through, and the way back stay open.
    if (wish === BINARY + "u") await wire.send(await digest(wire.pieces()));
    if (wish === BINARY + "d") {
      sent = await upload(wire);
      heard.resolve(await wire.rest());
    }
  });
  await using site = await Site.start({ raw: service.port }, RAW);
  await step("up, and the answer after the visitor's end", async () => {
    using visitor = await site.visit();
    await visitor.send(BINARY + "u");
    const expected = await within(PATIENCE_MS, "upload", upload(visitor));
    equal(await visitor.rest(), expected);
  });
  await step("down, and the visitor's words after the service's end", async () => {
    using visitor = await site.visit();
    await visitor.send(BINARY + "d");
    const got = await within(PATIENCE_MS, "download", digest(visitor.pieces()));
    await visitor.send("thank you");
    await visitor.finish();
    const { properties } = await site.server.log(({ message, properties }) =>
      message === "Visitor left" && Number(properties.down) > 1000
    );
    equal(got, sent);
    equal(await within(PATIENCE_MS, "the visitor's words", heard.promise), "thank you");
    deepEqual(
      [properties.up, properties.down, properties.end],
      [BINARY.length + "d".length + "thank you".length, BULK * BLOCK_BYTES, "done"],
    );
  });
  await step("both at once", async () => {
    await using both = echo();
    await using twin = await Site.start({ raw: both.port }, RAW);
    using visitor = await twin.visit();
    await visitor.send(BINARY);
    equal(await visitor.take(1), BINARY);
    const [expected, got] = await within(
      PATIENCE_MS,
      "echo",
      Promise.all([upload(visitor), digest(visitor.pieces())]),
    );
    equal(got, expected);
  });
});

peerTest({ name: "raw: 500 visitors at once, each with its own bytes", permissions }, async () => {
  await using service = echo();
  await using site = await Site.start({ raw: service.port }, [...RAW, "--queue-size", "500"]);
  const visitors = await Promise.all(Array.from({ length: 500 }, () => site.visit()));
  try {
    for (const round of ["first", "second"]) {
      const said = await Promise.all(visitors.map(async (visitor, nth) => {
        const words = `${BINARY}${round} words of ${nth}`;
        await visitor.send(words);
        return await visitor.take(words.length) === words;
      }));
      // Nobody left before the last was served: in the second round all 500 are still there.
      deepEqual(said.filter((right) => !right), []);
    }
    equal(service.connections, 500);
  } finally {
    for (const visitor of visitors) visitor[Symbol.dispose]();
  }
});

peerTest(
  { name: "raw: a service that speaks first greets a silent visitor", permissions },
  async () => {
    await using service = new RawService(async (wire) => {
      await wire.send("220 ready\r\n");
      await wire.send(`you said ${await wire.until("\n")}`);
    });
    await using site = await Site.start({ raw: service.port }, [...RAW, "--head-timeout", "0.1"]);
    using visitor = await site.visit();
    equal(await visitor.until("\n"), "220 ready\r\n");
    await visitor.send("EHLO\n");
    equal(await visitor.rest(), "you said EHLO\n");
  },
);

peerTest({ name: "raw: whoever leaves, the other end hears of it", permissions }, async () => {
  const failed = Promise.withResolvers<void>();
  await using service = new RawService(async (wire, nth) => {
    await wire.send(await wire.take(1));
    if (nth > 1) return;
    // Without an end in sight: only a visitor that is gone can stop it.
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) await wire.send(block).catch((error) => (failed.resolve(), Promise.reject(error)));
  });
  await using site = await Site.start({ raw: service.port }, RAW);
  const first = await site.visit();
  await first.send(BINARY);
  await first.take(1);
  first[Symbol.dispose]();
  await within(PATIENCE_MS, "a failure at the service", failed.promise);
  using second = await site.visit();
  await second.send(BINARY);
  equal(await second.last(), BINARY);
});

peerTest({ name: "raw: the service is down, then up again", permissions }, async () => {
  const port = freePort();
  await using site = await Site.start({ raw: port }, RAW);
  using early = await site.visit();
  await early.send(BINARY);
  equal(await early.last(), "");
  const { properties } = await site.server.message("Visitor left");
  equal(properties.end, "refused 502");
  await using _service = new RawService(async (wire) => wire.send(await wire.take(1)), port);
  using late = await site.visit();
  await late.send(BINARY);
  equal(await late.last(), BINARY);
});

peerTest(
  { name: "raw: without a default client nobody serves unknown bytes", permissions },
  async () => {
    await using service = echo();
    await using site = await Site.start({ other: service.port });
    using visitor = await site.visit();
    await visitor.send(BINARY);
    equal(await visitor.last(), "");
    const { properties } = await site.server.message("Visitor left");
    equal(properties.end, "protocol not recognised");
    equal(service.connections, 0);
  },
);
