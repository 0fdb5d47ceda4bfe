/**
 * The services behind the tunnels: nginx with one small page and one large file, and iperf3. Each can tell
 * whether a port leads to it, which is how a peer's readiness is observed.
 * @module
 */
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { capture, Running } from "./process.ts";
import { need } from "./programs.ts";
import { visit } from "./visitors.ts";
import { freePort } from "../../tests/ports.ts";

/** Size of the file that nginx serves as `/large`: longer than a sample lasts through any tunnel so far. */
const LARGE_BYTES = 2 * 1024 ** 3;

/** iperf3 itself would wait for ever for an answer that does not come. */
const PROBE_MS = 5000;

/** A program to expose. */
export interface Service extends AsyncDisposable {
  port: number;
  /** Whether the service answers at `port`. */
  answersAt(port: number): Promise<boolean>;
}

/** nginx with one worker, no access log, and keep-alive that never ends on its own. */
export async function startNginx(bench: Bench): Promise<Service> {
  const folder = join(bench.folder, "nginx");
  await Deno.mkdir(join(folder, "www"), { recursive: true });
  await Deno.writeTextFile(join(folder, "www", "index.html"), page());
  using large = await Deno.create(join(folder, "www", "large"));
  await large.truncate(LARGE_BYTES);
  const port = freePort();
  const config = join(folder, "nginx.conf");
  await Deno.writeTextFile(config, nginxConfig(folder, port));

  const nginx = new Running(bench, need("nginx"), ["-e", "stderr", "-p", folder, "-c", config]);
  const answersAt = async (at: number) => {
    try {
      return await visit(at, bench.signal) > 0;
    } catch {
      bench.signal.throwIfAborted();
      return false;
    }
  };
  return await readied(bench, nginx, { port, answersAt });
}

/** An iperf3 server; it takes one test at a time. */
export async function startIperf(bench: Bench): Promise<Service> {
  const port = freePort();
  const iperf = new Running(bench, need("iperf3"), ["-s", "-B", "127.0.0.1", "-p", `${port}`]);
  const answersAt = async (at: number) => {
    // A bare connection would count as a broken test, so the question is a whole short one.
    const args = ["-c", "127.0.0.1", "-p", `${at}`, "-n", "64K", "--connect-timeout", "2000"];
    try {
      return (await capture(need("iperf3"), args, bench.signal, PROBE_MS)).code === 0;
    } catch {
      bench.signal.throwIfAborted();
      return false;
    }
  };
  return await readied(bench, iperf, { port, answersAt });
}

async function readied(
  bench: Bench,
  running: Running,
  { port, answersAt }: Pick<Service, "port" | "answersAt">,
): Promise<Service> {
  try {
    await running.ready(() => answersAt(port), bench.signal);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  return { port, answersAt, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

function page(): string {
  return `<!doctype html>\n<title>bench</title>\n<p>${"one small page ".repeat(40)}</p>\n`;
}

/** One process without a master: it then needs no rights and no user of its own. */
function nginxConfig(folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join("\n");
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 16000; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=10;
${temporary}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder}/www;
  }
}
`;
}
