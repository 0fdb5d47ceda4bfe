import { strictEqual, throws } from "node:assert/strict";
import { write } from "./output.ts";

Deno.test("write() goes on where a pipe took only some of it", () => {
  let taken = "";
  const writeSync = (bytes: Uint8Array) => {
    const part = bytes.subarray(0, 3);
    taken += new TextDecoder().decode(part);
    return part.length;
  };
  write({ writeSync }, "more than three");
  strictEqual(taken, "more than three");
});

Deno.test("write() minds nobody who stopped reading, and tells of all else", () => {
  const failing = (error: Error) => ({
    writeSync: () => {
      throw error;
    },
  });
  write(failing(new Deno.errors.BrokenPipe("gone")), "text");
  throws(() => write(failing(new Deno.errors.BadResource("closed")), "text"), /closed/);
});
