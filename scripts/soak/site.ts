/**
 * Who takes part in a soak.
 *
 * ```text
 * steady visitors ── arps ── arpc "steady" ── service      never meets a fault
 * raw visitors ───── arps ── arpc "raw" ───── service      by `arpc connect`, never meets a fault
 * shaken visitors ── arps ══ relays ══ arpc "shaken" ── service of its own; all of it does
 * ```
 * @module
 */
import { denoArguments, to } from "../../tests/connect.ts";
import { FaultyRelay } from "../../tests/faults/relay.ts";
import { INSPECTED, Vitals } from "../../tests/faults/vitals.ts";
import { Program, startClient, startServer, type TestServer } from "../../tests/helpers.ts";
import { freePort } from "../../tests/ports.ts";

/** Seconds between two heartbeats: a half-open link is to be noticed within the soak. */
const HEARTBEAT_S = 2;
/** As many warm tunnels at each look. */
const POOL = ["--pool-size", "4", "--max-pool-size", "4"];

/** Programs that are looked into. */
export type Watched = "arps" | "arpc steady" | "arpc raw" | "arpc connect";

/** The programs of a soak. */
export class Site implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #shaken: Program | undefined;
  #service: Service | undefined;

  private constructor(
    readonly server: TestServer,
    readonly relays: Readonly<Record<"control" | "tunnels", FaultyRelay>>,
    readonly vitals: Readonly<Record<Watched, Vitals>>,
    /** Where `arpc connect` listens. */
    readonly rawPort: number,
    private readonly programs: readonly Program[],
    private readonly shakenPorts: readonly [http: number, raw: number],
  ) {}

  /** Starts everything. */
  static async open(): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const ports = [freePort(), freePort()] as const;
    const shakenPorts = [freePort(), freePort()] as const;
    stack.use(await Service.start(ports));
    const flags = ["--log-level", "info", "--heartbeat", String(HEARTBEAT_S), ...POOL];
    const server = stack.use(await startServer(flags, {}, INSPECTED));
    const relays = {
      control: stack.use(await FaultyRelay.listen(server.controlPort)),
      tunnels: stack.use(await FaultyRelay.listen(server.proxyPort)),
    };
    const start = async (id: string, port: number) =>
      stack.use(await startClient({ server, id, port, flags: QUIET, runtime: INSPECTED }));
    const [steady, raw] = [await start("steady", ports[0]), await start("raw", ports[1])];
    const connect = stack.use(await startConnect(server));
    const { properties } = await connect.message("Listening");
    const rawPort = Number(String(properties.address).split(":").pop());
    const own = [server.controlPort, server.proxyPort, server.publicPort];
    const vitals = {
      "arps": stack.use(await Vitals.of(server, own)),
      "arpc steady": stack.use(await Vitals.of(steady)),
      "arpc raw": stack.use(await Vitals.of(raw)),
      "arpc connect": stack.use(await Vitals.of(connect, [rawPort])),
    };
    const site = new Site(
      server,
      relays,
      vitals,
      rawPort,
      [server, steady, raw, connect],
      shakenPorts,
    );
    site.#stack.use(stack.move());
    await site.restartService();
    await site.restartClient();
    return site;
  }

  /** The client that meets faults. */
  get shaken(): Program {
    return this.#shaken!;
  }

  /** Forgets what the programs logged: hours of it would fill this program's memory. */
  forget(): void {
    for (const program of this.programs) {
      program.logs.length = 0;
      program.stderr = "";
    }
  }

  /** Kills the shaken client with -9, if there is one, and starts it. */
  async restartClient(): Promise<void> {
    await this.#shaken?.[Symbol.asyncDispose]();
    const { control, tunnels } = this.relays;
    const server = { controlPort: control.port, proxyPort: tunnels.port };
    const [port] = this.shakenPorts;
    const flags = [...QUIET, "--reconnect-interval", "2"];
    this.#shaken = await startClient({ server, id: "shaken", port, flags });
  }

  /** Kills the shaken service with -9, if there is one, and starts it. */
  async restartService(): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]();
    this.#service = await Service.start(this.shakenPorts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shaken?.[Symbol.asyncDispose]();
    await this.#service?.[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** A long soak must not keep every line of it; and the services need not be looked at. */
const QUIET = ["--log-level", "info", "--service", "none"];

/** `arpc connect` to the raw client, on a local port. */
async function startConnect(server: TestServer): Promise<Program> {
  const args = await denoArguments([...to(server, "raw"), "--listen", "0", "--log-level", "info"]);
  args.splice(1, 0, ...INSPECTED);
  return new Program("", [], [], {}, { args });
}

/** A service in a process of its own. */
class Service implements AsyncDisposable {
  private constructor(private readonly child: Deno.ChildProcess) {}

  static async start(ports: readonly number[]): Promise<Service> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--allow-net"],
        new URL("./service.ts", import.meta.url).href,
        ...ports.map(String),
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    reader.releaseLock();
    return new Service(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.stdout.cancel();
    await this.child.status;
  }
}
