import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { HeadScanner, Refusal } from "@agentx/common/http";
import { answerHead } from "./answer_head.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const headOf = (text: string) => answerHead(bytes(text), new HeadScanner());

Deno.test("answerHead() waits for the whole head", () => {
  const whole = "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
  const scanner = new HeadScanner();
  for (let end = 0; end < whole.length; end++) {
    strictEqual(answerHead(bytes(whole.slice(0, end)), scanner), "more", `${end}`);
  }
  const head = answerHead(bytes(whole), scanner);
  deepStrictEqual(typeof head === "object" && [head.status, head.size], [204, whole.length]);
});

Deno.test("answerHead() refuses at the first byte that no answer has", () => {
  for (const text of ["5", "SSH-2.0-x\r\n", "HTTQ", "\r\n"]) {
    throws(() => headOf(text), (error) => error instanceof Refusal && error.status === 502, text);
  }
});

Deno.test("answerHead() leaves a careless head alone", () => {
  strictEqual(headOf("HTTP/1.1 OK\r\n\r\n"), undefined);
});
