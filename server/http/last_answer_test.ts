import { equal } from "node:assert/strict";
import { latin1, latin1Bytes } from "@agentx/common";
import { HeadScanner, parseResponseHead } from "@agentx/common/http";
import { lastAnswer } from "./last_answer.ts";

/** An answer as it goes to its visitor for the last time. */
function last(answer: string): string {
  const bytes = latin1Bytes(answer);
  const lines = new HeadScanner().scan(bytes);
  return latin1(lastAnswer(bytes, parseResponseHead(bytes, lines!)));
}

Deno.test("the last answer says that it is, and is otherwise as it came", () => {
  const cases: [came: string, goes: string][] = [
    ["A: 1\r\nB:2", "A: 1\r\nB:2\r\nConnection: close"],
    ["connection:keep-alive\r\nA: \xe4", "A: \xe4\r\nConnection: close"],
    ["A: 1\r\nConnection: Keep-Alive\r\nB: 2", "A: 1\r\nB: 2\r\nConnection: close"],
    ["Connection: X-A, keep-alive\r\nconnection: X-B", "Connection: X-A, X-B, close"],
    ["Connection: close\r\nA: 1", "A: 1\r\nConnection: close"],
    ["Content-Length: 5", "Content-Length: 5\r\nConnection: close"],
  ];
  for (const [came, goes] of cases) {
    equal(
      last(`HTTP/1.1 200 OK\r\n${came}\r\n\r\nConnection: keep-alive\r\n\r\n`),
      `HTTP/1.1 200 OK\r\n${goes}\r\n\r\nConnection: keep-alive\r\n\r\n`,
    );
  }
  equal(last("HTTP/1.1 204 \r\n\r\n"), "HTTP/1.1 204 \r\nConnection: close\r\n\r\n");
});
