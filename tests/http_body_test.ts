import { deepEqual, equal, match } from "node:assert/strict";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { answer, field, get, latin1, post, status, type Wire } from "./http_wire.ts";
import { peer, peerTest } from "./peers.ts";
import { digest, httpService, RawService, Recorder, Site, stepsOf } from "./services.ts";

const permissions = WHOLE_PROGRAM;
const curl = peer("curl", "apt-get install curl");
const CHUNKED = ["POST /?token=a HTTP/1.1", "Host: test", "Transfer-Encoding: chunked", "", ""]
  .join("\r\n");
/** Every byte there is. */
const ALL_BYTES = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));

peerTest({ name: "bodies: pass byte for byte", permissions }, async (t) => {
  const step = stepsOf(t);
  let heard = Promise.withResolvers<string>();
  let reply = answer("");
  let pieces: string[] = [];
  let mark = "";
  await using service = new RawService(async (wire) => {
    for (;;) {
      heard.resolve(await wire.until(mark));
      await wire.send(reply);
      for (const piece of pieces) await wire.send(piece);
    }
  });
  await using site = await Site.start({ a: service.port });
  /** What comes to the service of `request`, from its body on, when it ends with `end`. */
  const sent = async (request: string[], end: string) => {
    heard = Promise.withResolvers();
    mark = end;
    using visitor = await site.visit();
    for (const piece of request) await visitor.send(piece);
    const all = await within(PATIENCE_MS, "the request", heard.promise);
    const response = await visitor.response();
    return { body: all.slice(all.indexOf("\r\n\r\n") + 4), response };
  };

  await step("a body of known length with every byte", async () => {
    const { body } = await sent([post("/?token=a", ALL_BYTES + "end")], "end");
    equal(body, ALL_BYTES + "end");
  });
  const chunks = [
    "5\r\nhello\r\n",
    '00A;name=value;q="x"\r\n0123456789\r\n',
    "1\r\n\0\r\n",
    "0\r\nX-Sum: 12\r\nX-Sum: 13\r\n\r\n",
  ];
  await step("chunks with extensions, and trailers", async () => {
    equal((await sent([CHUNKED + chunks.join("")], "13\r\n\r\n")).body, chunks.join(""));
  });
  await step("the same, byte by byte", async () => {
    equal((await sent([...CHUNKED + chunks.join("")], "13\r\n\r\n")).body, chunks.join(""));
  });
  await step("an answer in chunks with extensions and trailers", async () => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    reply = head + chunks.join("");
    const { response } = await sent([get("/?token=a")], "\r\n\r\n");
    equal(response.head, head);
    equal(response.body, "hello" + "0123456789" + "\0");
    equal(response.trailers, "X-Sum: 12\r\nX-Sum: 13\r\n");
  });
  await step("an answer in pieces, one byte at a time", async () => {
    const whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks.join("");
    reply = "";
    pieces = [...whole];
    const { response } = await sent([get("/?token=a")], "\r\n\r\n");
    pieces = [];
    deepEqual([response.body, response.trailers], [
      "hello0123456789\0",
      "X-Sum: 12\r\nX-Sum: 13\r\n",
    ]);
  });
  await step("an answer's head and body with every byte they may have", async () => {
    const head =
      "HTTP/1.1 299 \xdcbrig  \r\nx-lower: a\r\nX-Lower:  b \t\r\nX-Latin: \xe4\xff\r\n" +
      "X-Empty:\r\nContent-Length: 256\r\n\r\n";
    reply = head + ALL_BYTES;
    const { response } = await sent([get("/?token=a")], "\r\n\r\n");
    deepEqual([response.head, response.body], [head, ALL_BYTES]);
  });
});

peerTest(
  { name: "bodies: arrive as they are sent, not when they are whole", permissions },
  async () => {
    const wires = Promise.withResolvers<Wire>();
    const done = Promise.withResolvers<void>();
    await using service = new RawService((wire) => (wires.resolve(wire), done.promise));
    await using site = await Site.start({ a: service.port });
    using visitor = await site.visit();
    await visitor.send(CHUNKED);
    const wire = await within(PATIENCE_MS, "a connection", wires.promise);
    await wire.until("\r\n\r\n");
    // Each side answers what the other has just said.
    await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await visitor.until("\r\n\r\n");
    for (let nth = 0; nth < 10; nth++) {
      await visitor.send(`1\r\n${nth}\r\n`);
      equal(await wire.take(6), `1\r\n${nth}\r\n`);
      await wire.send(`1\r\n${nth}\r\n`);
      equal(await visitor.take(6), `1\r\n${nth}\r\n`);
    }
    done.resolve();
  },
);

peerTest({ name: "bodies: an answer before the upload is through", permissions }, async (t) => {
  const step = stepsOf(t);
  const TOO_LARGE = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n";
  let close = false;
  await using service = new RawService(async (wire) => {
    for (;;) {
      const head = await wire.until("\r\n\r\n");
      if (head.startsWith("GET")) {
        await wire.send(answer("next"));
        continue;
      }
      await wire.send(`${TOO_LARGE}${close ? "Connection: close\r\n" : ""}\r\nbig!`);
      // It leaves with half of the upload unread.
      if (close) return;
      let left = Number(field({ head }, "content-length"));
      for (; left > 0; left -= Math.min(left, 65536)) await wire.take(Math.min(left, 65536));
    }
  });
  await using site = await Site.start({ a: service.port });
  const LENGTH = 4 * 1024 * 1024;
  const upload = `POST /?token=a HTTP/1.1\r\nHost: test\r\nContent-Length: ${LENGTH}\r\n\r\n`;
  await step("arrives, and the connection goes on after the upload", async () => {
    close = false;
    using visitor = await site.visit();
    await visitor.send(upload);
    const response = await visitor.response();
    deepEqual([status(response), response.body], [413, "big!"]);
    await visitor.send(new Uint8Array(LENGTH));
    await visitor.send(get("/?token=a"));
    equal((await visitor.response()).body, "next");
  });
  await step("arrives, also when the service closes while the visitor still sends", async () => {
    close = true;
    for (let nth = 0; nth < 50; nth++) {
      using visitor = await site.visit();
      const sending = visitor.send(upload).then(() => visitor.send(new Uint8Array(LENGTH)))
        .catch(() => "cut off");
      const response = await visitor.response();
      deepEqual([status(response), response.body], [413, "big!"]);
      visitor[Symbol.dispose]();
      await sending;
    }
  });
});

peerTest(
  { name: "bodies: Expect: 100-continue with curl", permissions, peers: [curl] },
  async (t) => {
    const step = stepsOf(t);
    await using service = httpService(async (request) => new Response(await digest(request.body!)));
    await using refusing = new RawService(async (wire) => {
      await wire.until("\r\n\r\n");
      await wire.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      await wire.last();
    });
    await using site = await Site.start({ a: service.addr.port, no: refusing.port });
    const body = "x".repeat(100_000);
    const run = async (token: string) => {
      const process = new Deno.Command(curl.path, {
        // An hour to wait for 100: without one the test hangs and fails.
        args: [
          ...["-sv", "--expect100-timeout", "3600", "-H", "Expect: 100-continue"],
          ...["--data-binary", "@-", `${site.url}/?token=${token}`],
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const input = process.stdin.getWriter();
      await input.write(latin1(body)).then(() => input.close());
      const { stdout, stderr } = await within(PATIENCE_MS, "curl", process.output());
      return { out: new TextDecoder().decode(stdout), talk: new TextDecoder().decode(stderr) };
    };
    await step("the body follows the service's 100", async () => {
      const { out, talk } = await run("a");
      match(talk, /< HTTP\/1.1 100 Continue/);
      equal(out, await digest([latin1(body)]));
    });
    await step("no body follows the service's refusal", async () => {
      const { talk } = await run("no");
      match(talk, /< HTTP\/1.1 403 /);
    });
    await step("no body follows the server's own answer", async () => {
      const { out, talk } = await run("nobody");
      match(talk, /< HTTP\/1.1 404 /);
      match(out, /^Client 'nobody' not found\n/);
    });
  },
);

peerTest(
  { name: "bodies: HEAD by curl, and a body with GET", permissions, peers: [curl] },
  async () => {
    await using recorder = new Recorder("A");
    await using site = await Site.start({ a: recorder.port });
    const run = async (...args: string[]) => {
      const { stdout } = await new Deno.Command(curl.path, { args: ["-s", ...args] }).output();
      return new TextDecoder().decode(stdout);
    };
    match(
      await run("-I", `${site.url}/x?token=a`),
      /^HTTP\/1.1 200 OK\r\nContent-Length: \d+\r\n\r\n$/,
    );
    equal(await run("-X", "GET", "-d", "text", `${site.url}/?token=a`), "A GET /?token=a");
    equal(recorder.last.body, "text");
  },
);
