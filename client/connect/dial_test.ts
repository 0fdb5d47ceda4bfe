import { ok, rejects, strictEqual } from "node:assert/strict";
import { closeQuietly, DeadlineError } from "@agentx/common";
import { netTest, within } from "../../common/testdata/gate.ts";
import { dialServer } from "./dial.ts";

/** A port whose listener accepts and says nothing, to the end. */
class Silent implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #held: Deno.Conn[] = [];
  readonly #accepting: Promise<void>;

  constructor() {
    this.#accepting = (async () => {
      for await (const conn of this.#listener) this.#held.push(conn);
    })();
  }

  get server() {
    return { hostname: "127.0.0.1", port: this.#listener.addr.port, tls: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const conn of this.#held) closeQuietly(conn);
  }
}

netTest("dialServer() connects without TLS unless told otherwise", async () => {
  await using silent = new Silent();
  const conn = await dialServer({ ...silent.server, tls: false });
  strictEqual(conn.remoteAddr.port, silent.server.port);
  conn.close();
});

netTest("dialServer() gives up on a server that does not shake hands", async () => {
  await using silent = new Silent();
  await rejects(
    within(5000, "giving up", dialServer(silent.server, { timeout: 100 })),
    (error) => error instanceof DeadlineError && /nothing came within/.test(error.message),
  );
});

netTest("dialServer() gives up when told to", async () => {
  await using silent = new Silent();
  const told = new Error("told to");
  const stop = new AbortController();
  const dialling = dialServer(silent.server, { signal: stop.signal });
  const timer = setTimeout(() => stop.abort(told), 20);
  await rejects(within(5000, "giving up", dialling), (error) => error === told);
  clearTimeout(timer);
});

netTest("dialServer() says why nobody answered", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const tls of [true, false]) {
    await rejects(dialServer({ hostname: "127.0.0.1", port, tls }), (error) => {
      ok(error instanceof Deno.errors.ConnectionRefused);
      return true;
    });
  }
});
