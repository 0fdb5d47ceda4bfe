/**
 * Two clients on one server, with a relay on every way of the first, and visitors that notice
 * whatever happens to them.
 *
 * ```text
 * victim ── relay ──┐
 * bystanders ───────┤ arps ══ relay (control) ══ arpc "app" ── relay ── service
 *                   │      ══ relay (tunnels) ══
 * a bystander ──────┘      ═══════════════════ arpc "other" ──────── service
 * ```
 *
 * @module
 */

import { type Program, startClient, startServer, type TestServer } from "../helpers.ts";
import { type Bystander, Listener, Steady } from "./bystanders.ts";
import { FaultyRelay, type Link } from "./relay.ts";
import { CheckedService } from "./service.ts";
import { INSPECTED, Vitals } from "./vitals.ts";

/** Where a fault strikes. */
export type Place = "control" | "idle tunnel" | "busy tunnel" | "visitor" | "service";

/** The ways that have a relay. */
type Way = "control" | "tunnel" | "visitor" | "service";

/** One server, two clients, four relays, three bystanders. */
export class Stage implements AsyncDisposable {
  private constructor(
    readonly service: CheckedService,
    readonly server: TestServer,
    readonly relays: Readonly<Record<Way, FaultyRelay>>,
    /** The client behind the relays. */
    readonly client: Program,
    /** Inside of the server and of that client. */
    readonly vitals: Readonly<Record<"arps" | "arpc", Vitals>>,
    /** A visitor of that client who comes again and again. */
    readonly steady: Steady,
    /** All of them. */
    readonly bystanders: readonly Bystander[],
    /** The tunnel of the one whose answer never ends. */
    private readonly streaming: Link,
    private readonly stack: AsyncDisposableStack,
  ) {}

  /** @param heartbeat seconds. */
  static async open(heartbeat: number): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const service = stack.use(new CheckedService());
    const flags = [
      ...["--heartbeat", String(heartbeat)],
      // As many warm tunnels at the end as at the beginning.
      ...["--pool-size", "1", "--max-pool-size", "1"],
    ];
    const server = stack.use(await startServer(flags, {}, INSPECTED));
    const listen = async (port: number) => stack.use(await FaultyRelay.listen(port));
    const relays = {
      control: await listen(server.controlPort),
      tunnel: await listen(server.proxyPort),
      visitor: await listen(server.publicPort),
      service: await listen(service.port),
    };
    const start = async (
      id: string,
      port: number,
      server: { controlPort: number; proxyPort: number },
    ) => {
      const flags = ["--service", "none", "--reconnect-interval", "0.3"];
      return stack.use(await startClient({ server, id, port, flags, runtime: INSPECTED }));
    };
    const via = { controlPort: relays.control.port, proxyPort: relays.tunnel.port };
    const [client] = await Promise.all([
      start("app", relays.service.port, via),
      start("other", service.port, server),
    ]);
    const ports = [server.controlPort, server.proxyPort, server.publicPort];
    const vitals = {
      arps: stack.use(await Vitals.of(server, ports)),
      arpc: stack.use(await Vitals.of(client)),
    };
    const steady = stack.use(new Steady("steady", server.publicPort, "app"));
    const stream = stack.use(new Listener("stream", server.publicPort, "app"));
    const other = stack.use(new Steady("other", server.publicPort, "other"));
    const streaming = relays.tunnel.carrying("/stream/");
    await Promise.all([steady.begin(), stream.begin(), other.begin()]);
    return new Stage(
      service,
      server,
      relays,
      client,
      vitals,
      steady,
      [steady, stream, other],
      await streaming,
      stack.move(),
    );
  }

  /** What the programs said last, for whoever has to find a fault. */
  get story(): string {
    const last = (name: string, { stderr }: Program) =>
      stderr.trimEnd().split("\n").slice(-15).map((line) => `${name}: ${line}`);
    return [...last("arps", this.server), ...last("arpc", this.client)].join("\n");
  }

  /** The tunnels of the client that serve nobody at this very moment. */
  async idleTunnels(): Promise<Link[]> {
    // As soon as a request of the steady one passes it is known which tunnel is its own.
    const own = await this.relays.tunnel.carrying("POST /echo/steady");
    return this.relays.tunnel.links.filter((link) => link !== own && link !== this.streaming);
  }

  /** Lets all relays work again. */
  heal(): void {
    for (const relay of Object.values(this.relays)) relay.heal();
  }

  /**
   * Ends what was lost, as the systems at its ends do when nobody answers them for long enough: for a
   * connection in use that takes longer than a test can wait.
   */
  endLost(): void {
    for (const relay of Object.values(this.relays)) relay.endLost();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}
