import { deepStrictEqual } from "node:assert/strict";
import type { LogLevel } from "@std/log";
import { consoleSink } from "./console_sink.ts";

Deno.test("consoleSink() says a record as one line, by the method of its level", () => {
  const said: [string, unknown[]][] = [];
  const note = (method: string) => (...args: unknown[]) => void said.push([method, args]);
  const sink = consoleSink({
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  });
  for (const level of ["trace", "info", "warning", "fatal"] as LogLevel[]) {
    sink({
      category: ["arps", "pool"],
      level,
      message: ["100 %s\nof it"],
      rawMessage: "100 %s\nof it",
      timestamp: 0,
      properties: { client: "#abcd1234" },
    });
  }
  deepStrictEqual(said.map(([method]) => method), ["debug", "info", "warn", "error"]);
  for (const [, [format, line, ...rest]] of said) {
    deepStrictEqual([format, rest], ["%s", []]);
    const { message, logger, properties } = JSON.parse(String(line));
    deepStrictEqual([message, logger, properties], [
      "100 %s\nof it",
      "arps.pool",
      { client: "#abcd1234" },
    ]);
  }
});
