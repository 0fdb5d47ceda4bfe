/**
 * Who takes part in a soak.
 *
 * ```text
 * steady visitors ── arps ── arpc "steady" ── service      never meets a fault
 * raw visitors ───── arps ── arpc "raw" ───── service      by `arpc connect`, never meets a fault
 * shaken visitors ── arps ══ relays ══ arpc "shaken" ── service of its own; all of it does
 * sealed visitors ══ relay ══ arps (TLS) ══ relays ══ arpc "sealed" (TLS) ── service; all ways do
 * ```
 * @module
 */
import { denoArguments, to } from "../../tests/connect.ts";
import { Scratch } from "../../tests/daemons.ts";
import { FaultyRelay } from "../../tests/faults/relay.ts";
import { INSPECTED, Vitals } from "../../tests/faults/vitals.ts";
import { Program, startClient, startServer, type TestServer } from "../../tests/helpers.ts";
import { freePort } from "../../tests/ports.ts";
import { identify } from "../../tests/tls.ts";

/** Seconds between two heartbeats: a half-open link is to be noticed within the soak. */
const HEARTBEAT_S = 2;
/** Flags of a server: as many warm tunnels at each look. */
const SERVER = [
  ...["--log-level", "info", "--heartbeat", String(HEARTBEAT_S)],
  ...["--pool-size", "4", "--max-pool-size", "4"],
];
/** A long soak must not keep every line of it; and the services need not be looked at. */
const QUIET = ["--log-level", "info", "--service", "none"];
/** Of clients that lose their links. */
const SHAKEN = [...QUIET, "--reconnect-interval", "2"];
/** The name in the certificate, by which visitors come. */
const NAME = "localhost";

/** Programs that are looked into. The shaken client and its service are killed too often for that. */
export type Watched =
  | "arps"
  | "arpc steady"
  | "arpc raw"
  | "arpc connect"
  | "arps TLS"
  | "arpc TLS";

/** A client that meets faults. */
export interface Victim {
  readonly name: "shaken" | "sealed";
  /** Where its visitors come. */
  readonly url: string;
  /** Whom they trust, in PEM. */
  readonly ca: string | undefined;
  /** What is on the ways to it; visitors may come without any. */
  readonly relays: Readonly<
    Record<"control" | "tunnels", FaultyRelay> & Partial<Record<"visitors", FaultyRelay>>
  >;
  readonly client: Program;
  /** Kills the client or its service with -9, and starts it. */
  restart(which: "client" | "service"): Promise<void>;
}

/** A bug that a program has caught, and gone on. */
const FAULT = "Unhandled fault";

/** The programs of a soak. */
export class Site implements AsyncDisposable {
  /** Bugs that programs have told of, the first ones. */
  readonly unhandled: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  readonly #vitals = new Map<Watched, Vitals>();
  readonly #programs = new Map<string, Program>();
  #sealed: Victim | undefined;
  #service: Service | undefined;

  private constructor(
    readonly server: TestServer,
    private readonly relays: Record<"control" | "tunnels", FaultyRelay>,
    private readonly shakenPorts: readonly [http: number, raw: number],
    /** Where `arpc connect` listens. */
    readonly rawPort: number,
  ) {}

  /** Starts everything. */
  static async open(): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const [ports, shakenPorts] = [[freePort(), freePort()], [freePort(), freePort()]] as const;
    stack.use(await Service.start(ports));
    const server = stack.use(await startServer(SERVER, {}, INSPECTED));
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
    const site = new Site(server, relays, shakenPorts, rawPort);
    site.#stack.use(stack.move());
    try {
      await site.#watch("arps", server, portsOf(server));
      await site.#watch("arpc steady", steady);
      await site.#watch("arpc raw", raw);
      await site.#watch("arpc connect", connect, [rawPort]);
      await site.#seal(ports[0]);
      await site.#restart("service");
      await site.#restart("client");
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Insides of the programs that are looked into. */
  get vitals(): ReadonlyMap<Watched, Vitals> {
    return this.#vitals;
  }

  /** The clients that meet faults. */
  get victims(): readonly Victim[] {
    const client = this.#programs.get("arpc shaken")!;
    const { relays, server: { url } } = this;
    const restart = (which: "client" | "service") => this.#restart(which);
    return [{ name: "shaken", url, ca: undefined, relays, client, restart }, this.#sealed!];
  }

  /**
   * Forgets what the programs logged, but for bugs: hours of it would fill this program's memory, and
   * each program is asked for bugs only when it ends.
   */
  forget(): void {
    for (const [name, program] of this.#programs) this.#forget(name, program);
  }

  #forget(name: string, program: Program): void {
    const found = program.logs.filter(({ message }) => message === FAULT);
    for (const { properties } of found) {
      // The first are enough to find the reason.
      if (this.unhandled.length < 100) {
        this.unhandled.push(`${name}: ${JSON.stringify(properties)}`);
      }
    }
    program.logs.length = 0;
    program.stderr = "";
  }

  async #watch(name: Watched, program: Program, ports: readonly number[] = []): Promise<void> {
    this.#programs.set(name, program);
    this.#vitals.set(name, this.#stack.use(await Vitals.of(program, ports)));
  }

  /** A server and a client with TLS, and relays on all ways between those and visitors. */
  async #seal(port: number): Promise<void> {
    const folder = this.#stack.use(new Scratch());
    const { cert, key } = await identify(folder, NAME);
    const flags = [...SERVER, "--tls-cert", cert, "--tls-key", key];
    const server = this.#stack.use(await startServer(flags, {}, INSPECTED));
    await this.#watch("arps TLS", server, portsOf(server));
    const listen = async (port: number) => this.#stack.use(await FaultyRelay.listen(port));
    const relays = {
      control: await listen(server.controlPort),
      tunnels: await listen(server.proxyPort),
      visitors: await listen(server.publicPort),
    };
    const client = this.#stack.use(
      await startClient({
        server: { controlPort: relays.control.port, proxyPort: relays.tunnels.port },
        id: "sealed",
        port,
        flags: [...SHAKEN, "--tls", "--tls-ca", cert, "--tls-server-name", NAME],
        runtime: INSPECTED,
      }),
    );
    await this.#watch("arpc TLS", client);
    this.#sealed = {
      name: "sealed",
      url: `https://${NAME}:${relays.visitors.port}`,
      ca: await Deno.readTextFile(cert),
      relays,
      client,
      restart: () => Promise.reject(new Error("the sealed client and its service are not killed")),
    };
  }

  async #restart(which: "client" | "service"): Promise<void> {
    if (which === "service") {
      await this.#service?.[Symbol.asyncDispose]();
      this.#service = await Service.start(this.shakenPorts);
      return;
    }
    await this.#end("arpc shaken");
    const { control, tunnels } = this.relays;
    const server = { controlPort: control.port, proxyPort: tunnels.port };
    const [port] = this.shakenPorts;
    const client = await startClient({ server, id: "shaken", port, flags: SHAKEN });
    this.#programs.set("arpc shaken", client);
  }

  /** Kills a program with -9. */
  async #end(name: string): Promise<void> {
    const program = this.#programs.get(name);
    if (program === undefined) return;
    program.kill();
    await program.status();
    this.#forget(name, program);
    await program[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("arpc shaken");
    await this.#service?.[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}

function portsOf({ controlPort, proxyPort, publicPort }: TestServer): number[] {
  return [controlPort, proxyPort, publicPort];
}

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
