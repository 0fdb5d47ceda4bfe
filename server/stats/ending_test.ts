import { strictEqual } from "node:assert/strict";
import { DeadlineError, ProtocolError } from "@agentx/common";
import { linkEnd, visitorEnd } from "./ending.ts";

Deno.test("a link ends for one of a few reasons", () => {
  strictEqual(linkEnd(undefined, false), "closed");
  strictEqual(linkEnd(undefined, true), "reset");
  strictEqual(linkEnd(new DeadlineError("nothing heard"), false), "heartbeat_lost");
  strictEqual(linkEnd(new ProtocolError("not JSON"), false), "protocol_error");
});

Deno.test("a visitor ends in one of a few ways", () => {
  const ways: Record<string, string> = {
    "done": "done",
    "visitor reset": "reset",
    "reset": "reset",
    "refused 502": "refused",
    "rejected: no such user": "refused",
    "left without a word": "silent",
    "greeted, left": "unrecognised",
    "service ended first": "service_ended",
    "failed: something that may well be long": "failed",
    "TLS: it came without TLS: HTTP": "tls_failed",
    "kicked": "kicked",
    "visitor token revoked": "token_revoked",
    "visitor token expired": "token_expired",
    "client vanished": "vanished",
    "what nobody thought of": "other",
  };
  for (const [words, way] of Object.entries(ways)) strictEqual(visitorEnd(words), way, words);
});
