import { rejects, strictEqual } from "node:assert/strict";
import type { Duplex } from "@agentx/common";
import { Refusal } from "@agentx/common/http";
import { awaitAnswer } from "./answer.ts";
import { message } from "./testdata/packets.ts";

const encoder = new TextEncoder();

/** One that never says a word. */
function silent(): Duplex {
  const { sink, source, close } = service();
  return { sink, close, source: { ...source, fill: () => new Promise(() => {}) } };
}

/** A service that says this, piece by piece; an error is one of its connection. */
function service(...pieces: (Uint8Array | string | Error)[]): Duplex {
  let bytes: Uint8Array = new Uint8Array(0);
  const source = {
    get bytes() {
      return bytes;
    },
    get size() {
      return bytes.length;
    },
    consume: () => {
      throw new Error("the answer is the visitor's");
    },
    fill: () => {
      const piece = pieces.shift();
      if (piece instanceof Error) return Promise.reject(piece);
      if (piece === undefined) return Promise.resolve(false);
      bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
      return Promise.resolve(true);
    },
  };
  return { source, sink: undefined as never, close: () => {} };
}

const refused = (message: string) => (error: unknown) =>
  error instanceof Refusal && error.status === 502 && error.message === message;

Deno.test("awaitAnswer() knows PostgreSQL's answers", async () => {
  const error = message("E", "SFATAL\0\0");
  const answers = [
    message("R", 0),
    message("N", "\0"),
    message("v", 0, 0),
    error,
    "Ecannot fork\n",
    message("E", "x".repeat(0x10a - 4)),
  ];
  for (const answer of [...answers, "R", error.subarray(0, 1)]) {
    const speaker = service(answer);
    await awaitAnswer(silent(), speaker);
    strictEqual(speaker.source.size, answer.length);
  }
});

Deno.test("awaitAnswer() reads no more than what is there", async () => {
  const speaker = service(message("R", 0), new Error("read again"));
  await speaker.source.fill();
  await awaitAnswer(silent(), speaker);
});

Deno.test("awaitAnswer() refuses other services", async () => {
  const mysql = ["R", "N", "E", "v"].map((length) => `${length}\0\0\0\n8.0.36\0`);
  const refusal = refused("The service answered with something else than PostgreSQL");
  for (const words of ["HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-x", "-ERR", "NOTICE", ...mysql]) {
    await rejects(awaitAnswer(silent(), service(words)), refusal, JSON.stringify(words));
  }
});

Deno.test("awaitAnswer() refuses a service that leaves without a word", async () => {
  const refusal = refused("The service closed the connection without an answer");
  await rejects(awaitAnswer(silent(), service()), refusal);
  await rejects(awaitAnswer(silent(), service(new Deno.errors.ConnectionReset())), refusal);
});

Deno.test("awaitAnswer() passes on what is no end of a connection", async () => {
  await rejects(awaitAnswer(silent(), service(new TypeError("broken"))), TypeError);
});

Deno.test("awaitAnswer() does not wait for the sake of a visitor that has left", async () => {
  await awaitAnswer(service(), silent());
  await awaitAnswer(service(new Deno.errors.ConnectionReset()), silent());
});

Deno.test("awaitAnswer() waits on for a visitor that says more", async () => {
  const speaker = service("SSH-2.0-x");
  const { fill } = speaker.source;
  speaker.source.fill = () => new Promise((resolve) => setTimeout(() => resolve(fill()), 5));
  const visitor = service("more");
  await rejects(
    awaitAnswer(visitor, speaker),
    refused("The service answered with something else than PostgreSQL"),
  );
  strictEqual(visitor.source.size, "more".length);
});
