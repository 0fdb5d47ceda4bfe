import { ok, rejects, strictEqual } from "node:assert/strict";
import { Peek, PlainDuplex } from "@agentx/common";
import { FakeConn } from "../../common/testdata/conn.ts";
import { within } from "../../common/testdata/gate.ts";
import { joinStdio } from "./stdio.ts";

const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);

/** Standard input and output (one fake serves as both), and the service. */
class Bench {
  readonly terminal = new FakeConn();
  readonly service = new FakeConn();

  start(held = ""): Promise<{ up: number; down: number }> {
    const peek = new Peek(this.service.push(bytes(held)));
    const joined = joinStdio(new PlainDuplex(peek), this.terminal, this.terminal);
    return within(5000, "the end", joined);
  }

  get shown(): string {
    return decoder.decode(this.terminal.written);
  }

  get sent(): string {
    return decoder.decode(this.service.written);
  }

  /** Waits until something holds; every step of a fake connection is a turn or two. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 1000) throw new Error(`${what}: not within 1000 turns`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

Deno.test("joinStdio() passes bytes both ways, and counts them", async () => {
  const bench = new Bench();
  const joined = bench.start("220 hello\r\n");
  bench.terminal.push(bytes("HE"), bytes("LO\r\n"));
  await bench.until("the request", () => bench.sent === "HELO\r\n");
  bench.service.push(bytes("250 ok\r\n")).end();
  const { up, down } = await joined;
  strictEqual(bench.shown, "220 hello\r\n250 ok\r\n");
  strictEqual(up, 6);
  strictEqual(down, 19);
});

Deno.test("joinStdio() passes the end of the input on while the answer still flows", async () => {
  const bench = new Bench();
  const joined = bench.start();
  bench.terminal.push(bytes("all of it")).end();
  await bench.until("the end of the input", () => bench.service.ended);
  strictEqual(bench.sent, "all of it");
  bench.service.push(bytes("answer")).end();
  await joined;
  strictEqual(bench.shown, "answer");
  ok(bench.service.closed);
});

Deno.test("joinStdio() ends with the service, though nobody has typed anything", async () => {
  const bench = new Bench();
  const joined = bench.start();
  bench.service.push(bytes("bye")).end();
  await joined;
  strictEqual(bench.shown, "bye");
  ok(bench.service.closed);
  ok(!bench.terminal.closed && !bench.terminal.ended, "it is not ours alone");
});

Deno.test("joinStdio() shows all that came before a service left in the middle of the input", async () => {
  const bench = new Bench();
  const joined = bench.start();
  bench.service.onWrite = () => {
    throw new Deno.errors.BrokenPipe("gone");
  };
  bench.terminal.push(bytes("a long upload"));
  await bench.until("the upload", () => bench.service.writes.length > 0);
  bench.service.push(bytes("413 too much")).end();
  await joined;
  strictEqual(bench.shown, "413 too much");
});

Deno.test("joinStdio() fails when the connection breaks off", async () => {
  const bench = new Bench();
  const joined = bench.start();
  bench.service.push(bytes("half")).fail(new Deno.errors.ConnectionReset("reset"));
  await rejects(joined, /^Error: The connection to the service broke off$/);
  strictEqual(bench.shown, "half");
});

Deno.test("joinStdio() ends quietly when nobody reads its output any more", async () => {
  const bench = new Bench();
  bench.terminal.onWrite = () => {
    throw new Deno.errors.BrokenPipe("head has seen enough");
  };
  await bench.start("line\n");
  ok(bench.service.closed);
});

Deno.test("joinStdio() fails when its output does", async () => {
  const bench = new Bench();
  bench.terminal.onWrite = () => {
    throw new Error("No space left on device");
  };
  await rejects(bench.start("line\n"), /No space left on device/);
  ok(bench.service.closed);
});

Deno.test("joinStdio() writes the rest of what a write did not take", async () => {
  const bench = new Bench();
  bench.terminal.maxWrite = 3;
  const joined = bench.start("0123456789");
  bench.service.end();
  await joined;
  strictEqual(bench.shown, "0123456789");
});
