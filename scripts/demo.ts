/**
 * `deno task demo`: a server, a client and a sample app, each as in real life; checks that a
 * visitor reaches the app through the public port, prints the URL, and stays until Ctrl-C.
 *
 * Piped, standard output is the URL and nothing else.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { reason } from "@agentx/common";
import { shutdownSignals } from "@agentx/common/cli";
import { banner } from "../client/banner.ts";
import * as client from "../client/program.ts";
import { OPTIONS as CLIENT_OPTIONS } from "../client/options.ts";
import * as server from "../server/program.ts";
import { OPTIONS as SERVER_OPTIONS } from "../server/options.ts";
import { SampleApp } from "./demo/app.ts";
import { CHECKS } from "./demo/checks.ts";
import { EndedError, Program } from "./demo/program.ts";

const HELP = `Usage: deno task demo [options]

Starts arps, arpc and a sample web app on this machine, visits the app through the public port,
prints the URL and stays until Ctrl-C. The usual ports are used if they are free (17001, 17002,
17003, and 3000 for the app), else free ones.

Options:
  --check     exit after the visit: 0 when everything worked, else 1
  --lan       let other devices in, such as your phone: listen on all addresses
  -h, --help  print this help
`;

/** The port a development server would have. */
const APP_PORT = 3000;
const LOOPBACK = "127.0.0.1";

const encoder = new TextEncoder();
const say = (text: string) => void Deno.stderr.writeSync(encoder.encode(text));
const print = (text: string) => void Deno.stdout.writeSync(encoder.encode(text));

const styled = Deno.stderr.isTerminal() && !Deno.noColor;
const style = (code: string, text: string) => styled ? `\x1b[${code}m${text}\x1b[0m` : text;

/** One line about a step that was taken. */
function report(good: boolean, what: string, details: string): void {
  const mark = good ? style("32", styled ? "✓" : "ok") : style("31", styled ? "✗" : "FAILED");
  say(`  ${mark} ${what.padEnd(12)} ${style("2", details)}\n`);
}

/** Starts `arps` on the usual ports; if one is taken, on ports of the system's choice. */
async function startServer(
  bind: string,
): Promise<{ arps: Program; control: number; proxy: number }> {
  const usual = {};
  const free = { "control-port": "0", "proxy-port": "0", "public-port": "0" };
  for (const ports of [usual, free]) {
    const arps = await Program.start({
      name: "arps",
      main: "server/main.ts",
      options: SERVER_OPTIONS,
      flags: { bind, grace: "1", ...ports },
      permissions: server.permissions,
    });
    try {
      const ready = await arps.logged("Server ready");
      const port = (name: string) => Number(String(ready[name]).split(":").pop());
      report(true, "arps", `${ready.public}  ${arps.grants.join(" ")}`);
      return { arps, control: port("control"), proxy: port("proxy") };
    } catch (error) {
      await arps[Symbol.asyncDispose]();
      const taken = error instanceof EndedError && error.message.includes("another program uses");
      if (!taken || ports === free) throw error;
    }
  }
  throw new Error("unreachable");
}

/** An address of this machine that others in its network can reach. */
function lanAddress(): string {
  const found = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !/^(127|169\.254)\./.test(address)
  );
  if (found === undefined) throw new Error("Cannot use --lan: this machine is in no network");
  return found.address;
}

/** Visits the app as a browser would; true when all of it worked. */
async function visit(url: URL): Promise<boolean> {
  let good = true;
  for (const { name, run } of CHECKS) {
    try {
      report(true, name, await run(url));
    } catch (error) {
      good = false;
      report(false, name, reason(error));
    }
  }
  return good;
}

/** Shows the URL: to a person with what it is, to a program alone. */
async function show(url: URL, app: string, lan: boolean): Promise<void> {
  const terminal = Deno.stdout.isTerminal();
  const columns = terminal && lan ? Deno.consoleSize().columns : 0;
  const screen = { terminal, colour: terminal && !Deno.noColor, columns };
  print(await banner({ urls: [url.href], local: app }, screen));
}

/** @returns the exit code. */
async function demo({ check, lan }: { check: boolean; lan: boolean }): Promise<number> {
  using shutdown = shutdownSignals();
  const stopped = new Promise<void>((resolve) => {
    shutdown.drain.addEventListener("abort", () => resolve(), { once: true });
  });
  // The visit is to this machine: a proxy that the user has for the web would not find it.
  Deno.env.set("NO_PROXY", LOOPBACK);

  say(style("1", "\n  ARP demo\n\n"));
  const host = lan ? lanAddress() : LOOPBACK;
  const { arps, control, proxy } = await startServer(lan ? "0.0.0.0" : LOOPBACK);
  await using _arps = arps;
  await using app = new SampleApp(APP_PORT);
  const local = `${LOOPBACK}:${app.address.port}`;
  await using arpc = await Program.start({
    name: "arpc",
    main: "client/main.ts",
    options: CLIENT_OPTIONS,
    flags: {
      "client-id": "demo",
      "control-port": String(control),
      "proxy-port": String(proxy),
      "local-port": String(app.address.port),
      "grace": "1",
    },
    permissions: client.permissions,
  });
  const url = new URL(await arpc.printed());
  report(true, "arpc", `demo → ${local}  ${arpc.grants.join(" ")}`);

  const good = await visit(url);
  if (good) {
    url.hostname = host;
    await show(url, local, lan);
  }
  if (good && !check) await Promise.race([stopped, arps.ended(), arpc.ended()]);
  // What each would wait for ends first: the app's live streams, then the server's visitors.
  app.endStreams();
  arps.stop();
  return good ? 0 : 1;
}

function options(): { check: boolean; lan: boolean } | number {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        check: { type: "boolean", default: false },
        lan: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (!values.help) return values;
    print(HELP);
    return 0;
  } catch (error) {
    say(`demo: ${reason(error)}\n\n${HELP}`);
    return 2;
  }
}

if (import.meta.main) {
  const wanted = options();
  if (typeof wanted === "number") Deno.exit(wanted);
  try {
    Deno.exit(await demo(wanted));
  } catch (error) {
    say(`\ndemo: ${reason(error)}\n`);
    Deno.exit(1);
  }
}
