import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Peek, ProtocolError } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { type Answer, holds, MAX_HEAD_BYTES, readAnswer, readReason } from "./answer.ts";

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: arp\r\n\r\n";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Reads an answer that comes in these pieces, and then the end of the stream. */
async function read(...pieces: string[]): Promise<{ answer: Answer; peek: Peek }> {
  const peek = new Peek(new FakeConn(...pieces.map(bytesOf)).end());
  return { answer: await readAnswer(peek), peek };
}

/** Why an answer was a refusal. */
async function why(...pieces: string[]): Promise<string> {
  const { answer, peek } = await read(...pieces);
  return await readReason(peek, answer);
}

async function refuses(message: RegExp, ...pieces: string[]): Promise<void> {
  await rejects(read(...pieces), (error) => {
    ok(error instanceof ProtocolError, String(error));
    ok(message.test(error.message), error.message);
    return true;
  });
}

Deno.test("readAnswer() reads the head and leaves every byte behind it", async () => {
  const { answer, peek } = await read(SWITCHING + "SSH-2.0-x\r\n\r\n");
  strictEqual(answer.status, 101);
  strictEqual(answer.phrase, "Switching Protocols");
  deepStrictEqual([...answer.headers], [["connection", "Upgrade"], ["upgrade", "arp"]]);
  deepStrictEqual(peek.bytes, bytesOf("SSH-2.0-x\r\n\r\n"));
});

Deno.test("readAnswer() reads a head cut anywhere", async () => {
  const all = SWITCHING + "\r\n";
  for (let at = 1; at < all.length; at++) {
    const { answer, peek } = await read(all.slice(0, at), all.slice(at));
    strictEqual(answer.status, 101);
    while (await peek.fill()) { /* to the end */ }
    deepStrictEqual(peek.bytes, bytesOf("\r\n"), `cut at ${at}`);
  }
  strictEqual((await read(...all)).answer.status, 101);
});

Deno.test("readAnswer() passes interim answers over", async () => {
  const { answer, peek } = await read(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + SWITCHING + "x",
  );
  strictEqual(answer.status, 101);
  deepStrictEqual(peek.bytes, bytesOf("x"));
});

Deno.test("readAnswer() joins lines of one name, and trims white space", async () => {
  const { answer } = await read(
    "HTTP/1.0 200\r\nA:b \r\na:\t c\r\nB:\r\nConnection: keep-alive, UPGRADE\r\n\r\n",
  );
  deepStrictEqual([answer.status, answer.phrase], [200, ""]);
  strictEqual(answer.headers.get("a"), "b, c");
  strictEqual(answer.headers.get("b"), "");
  ok(holds(answer, "connection", "upgrade"));
  ok(!holds(answer, "connection", "up"));
  ok(!holds(answer, "upgrade", "arp"));
});

Deno.test("readAnswer() refuses at the first byte what is no HTTP", async () => {
  const peek = new Peek(new FakeConn(bytesOf("S")));
  await rejects(readAnswer(peek), /it does not speak HTTP/);
  await refuses(/does not speak HTTP/, "SSH-2.0-OpenSSH\r\n");
  await refuses(/does not speak HTTP/, "HTTP/2 200\r\n\r\n");
  await refuses(/does not speak HTTP/, "\x15\x03\x01\x00\x02\x02\x46");
});

Deno.test("readAnswer() refuses what RFC 9112 does not allow", async () => {
  await refuses(/HTTP\/1\.1/, "HTTP/1.2 101 x\r\n\r\n");
  await refuses(/HTTP\/1\.1/, "HTTP/1.1  101 x\r\n\r\n");
  await refuses(/HTTP\/1\.1/, "HTTP/1.1 099 x\r\n\r\n");
  await refuses(/HTTP\/1\.1/, "HTTP/1.1 1010\r\n\r\n");
  await refuses(/bare LF/, "HTTP/1.1 101 x\nUpgrade: arp\n\n");
  await refuses(/bare LF/, "HTTP/1.1 101 x\r\n\n");
  await refuses(/no header/, "HTTP/1.1 101 x\r\nUpgrade : arp\r\n\r\n");
  await refuses(/no header/, "HTTP/1.1 101 x\r\nA: b\r\n  folded\r\n\r\n");
  await refuses(/no header/, "HTTP/1.1 101 x\r\nA: \x00\r\n\r\n");
  await refuses(/no header/, "HTTP/1.1 101 x\r\nA: b\rc\r\n\r\n");
});

Deno.test("readAnswer() says when the connection ended first", async () => {
  await rejects(read(""), Deno.errors.UnexpectedEof);
  await rejects(read("HTTP/1.1 101 Swi"), Deno.errors.UnexpectedEof);
});

Deno.test("readAnswer() reads no more than 64 KiB, interim answers included", async () => {
  const start = "HTTP/1.1 200 OK\r\nA: ";
  const fits = start + "x".repeat(MAX_HEAD_BYTES - start.length - 4) + "\r\n\r\n";
  strictEqual((await read(fits)).answer.status, 200);
  await refuses(/more than 65536 bytes/, fits.replace("x", "xx"));
  await refuses(/more than 65536 bytes/, start + "x".repeat(MAX_HEAD_BYTES));
  await refuses(/more than 65536 bytes/, "HTTP/1.1 103 x\r\n\r\n" + fits);
  await refuses(/more than 65536 bytes/, "HTTP/1.1 103 x\r\n\r\n".repeat(5000));
});

Deno.test("readReason() gives the server's words as one line", async () => {
  const text = "Client 'x' not found\nCheck the token.\n";
  const type = "Content-Type: text/plain; charset=utf-8\r\n";
  const head = `HTTP/1.1 404 Not Found\r\n${type}Content-Length: ${text.length}\r\n\r\n`;
  strictEqual(await why(head + text), "404, Client 'x' not found. Check the token.");
  strictEqual(await why(head, text.slice(0, 9), text.slice(9)), await why(head + text));
  // To the end of the stream, and no further than it says.
  strictEqual(await why(`HTTP/1.1 503 x\r\n${type}\r\nNobody`, " there"), "503, Nobody there");
  strictEqual(await why(head + text + "HTTP/1.1"), await why(head + text));
  strictEqual(await why(head + "broke o"), "404, broke o");
});

Deno.test("readReason() makes do with the status where there are no words for a terminal", async () => {
  const page = "<html>404</html>";
  strictEqual(
    await why("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n" + page),
    "404, Not Found",
  );
  strictEqual(await why("HTTP/1.1 502\r\nContent-Length: 0\r\n\r\n"), "502");
  const chunked = "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
  strictEqual(await why("HTTP/1.1 502 Bad Gateway\r\n" + chunked), "502, Bad Gateway");
});

Deno.test("readReason() keeps escapes and floods off the terminal", async () => {
  const head = "HTTP/1.1 500 x\r\nContent-Type: text/plain\r\n\r\n";
  strictEqual(await why(head + "\x1b[31mred\x07\x00\r\n\r\nend"), "500, [31mred. end");
  ok((await why(head + "x".repeat(1_000_000))).length < 600);
});
