import { ok, rejects, strictEqual } from "node:assert/strict";
import { type Command, encodeFrame, Peek, readFrame, writeAll } from "@agentx/common";
import { readAll } from "../common/testdata/conn.ts";
import { netTest, within } from "../common/testdata/gate.ts";
import { type ClientSignals, runClient } from "./client.ts";
import type { ClientConfig } from "./config.ts";
import { ReplacedError } from "./link.ts";

/** A server of the test's own: what it does with each connection is its script. */
class Server implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  #closed = false;
  readonly config: ClientConfig = {
    clientId: "my-app",
    aliases: [],
    serverAddr: "127.0.0.1",
    controlPort: this.#listener.addr.port,
    proxyPort: this.#listener.addr.port,
    localAddr: "127.0.0.1",
    localPort: 9,
    remotePort: undefined,
    service: undefined,
    dbUser: undefined,
    authToken: undefined,
    requireVisitorToken: false,
    tls: undefined,
    autoReconnect: true,
    reconnectMax: 20,
    grace: 1000,
  };

  /** Takes the next registration and answers it. */
  async welcome(...answers: Command[]): Promise<Deno.TcpConn> {
    const conn = await within(5000, "a client", this.#listener.accept());
    const first = await readFrame(new Peek(conn));
    strictEqual(first?.type, "Register");
    for (const answer of answers) await writeAll(conn, encodeFrame(answer));
    return conn;
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
  }
}

const WELCOME: Command = {
  type: "RegisterResult",
  success: true,
  error: null,
  version: 2,
  public_urls: ["http://0.0.0.0:1/?token=my-app"],
};

function signals(): { drain: AbortController; now: AbortController; both: ClientSignals } {
  const [drain, now] = [new AbortController(), new AbortController()];
  return { drain, now, both: { drain: drain.signal, now: now.signal } };
}

netTest("runClient() comes back after each lost link, until it is told to stop", async () => {
  using server = new Server();
  const { drain, both } = signals();
  const online: (readonly string[])[] = [];
  const running = runClient(server.config, { online: (urls) => online.push(urls) }, both);
  for (let round = 0; round < 3; round++) (await server.welcome(WELCOME)).close();
  using last = await server.welcome(WELCOME);
  drain.abort();
  await within(5000, "the end of the client", running);
  strictEqual((await readAll(last)).length, 0);
  ok(online.length >= 3);
  ok(online.every(([url]) => url === "http://127.0.0.1:1/?token=my-app"));
});

netTest("runClient() tries again when it was refused, and ends between two tries", async () => {
  using server = new Server();
  const { drain, both } = signals();
  const running = runClient(server.config, { online: () => {} }, both);
  const refusal: Command = { type: "RegisterResult", success: false, error: "taken" };
  for (let round = 0; round < 2; round++) (await server.welcome(refusal)).close();
  drain.abort();
  await within(5000, "the end of the client", running);
});

netTest("runClient() leaves a server alone for as long as that wishes, at the least", async () => {
  using server = new Server();
  const { drain, both } = signals();
  const running = runClient(server.config, { online: () => {} }, both);
  const refusal: Command = {
    type: "RegisterResult",
    success: false,
    error: "wrong",
    retry_s: 0.1,
  };
  const times: number[] = [];
  for (let round = 0; round < 4; round++) {
    (await server.welcome(refusal)).close();
    times.push(performance.now());
  }
  drain.abort();
  await within(5000, "the end of the client", running);
  const waits = times.slice(1).map((time, at) => time - times[at]!);
  // Doubled each time, far beyond the 20 ms of this client's own; timers may be a little early.
  ok(waits.every((wait, at) => wait >= 95 * 2 ** at), `${waits}`);
});

netTest("runClient() without reconnecting throws where and why the link was lost", async () => {
  using server = new Server();
  const config = { ...server.config, autoReconnect: false };
  const place = `Server 127.0.0.1:${config.controlPort}`;
  const cases: [Command[], string][] = [
    [[WELCOME], "cannot be reached: the server ended the link"],
    [
      [{ type: "RegisterResult", success: false, error: "client_id is invalid" }],
      "refused the registration: client_id is invalid",
    ],
    [[], "cannot be reached: the server hung up instead of an answer"],
  ];
  for (const [answers, why] of cases) {
    const running = runClient(config, { online: () => {} }, signals().both);
    const ended = rejects(running, { message: `${place} ${why}` });
    (await server.welcome(...answers)).close();
    await within(5000, why, ended);
  }
  server[Symbol.dispose]();
  await rejects(runClient(config, { online: () => {} }, signals().both), {
    message: `${place} cannot be reached: Connection refused`,
  });
});

netTest("runClient() does not come back when another registration took its id", async () => {
  using server = new Server();
  const running = runClient(server.config, { online: () => {} }, signals().both);
  const ended = rejects(running, ReplacedError);
  const replaced: Command = { type: "RegisterResult", success: false, error: "replaced" };
  using _conn = await server.welcome(WELCOME, replaced);
  await within(5000, "the end of the client", ended);
});

netTest("runClient() that was told to stop before never connects", async () => {
  using server = new Server();
  const { drain, both } = signals();
  drain.abort();
  await runClient(server.config, { online: () => ok(false, "it went online") }, both);
});
