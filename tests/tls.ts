/**
 * HTTPS services with certificates of their own, and visitors that check those.
 *
 * @module
 */

import { accepts, Daemon, type Scratch } from "./daemons.ts";
import { PATIENCE_MS } from "./helpers.ts";
import { peer } from "./peers.ts";
import { freePort } from "./ports.ts";

export const openssl = peer("openssl", "apt-get install openssl");
export const nginx = peer("nginx", "apt-get install nginx-light", ["/usr/sbin"]);

/** A key and a certificate for itself. */
export interface Identity {
  /** Paths. */
  key: string;
  cert: string;
}

/** Makes an identity of that name; it is good for every host below it as well. */
export async function identify(folder: Scratch, name: string): Promise<Identity> {
  const key = `${folder.path}/${name}.key`;
  const cert = `${folder.path}/${name}.pem`;
  const names = `subjectAltName=DNS:${name},DNS:*.${name}`;
  await folder.run(openssl.path, [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"],
    ...["-days", "2", "-subj", `/CN=${name}`, "-addext", names],
    // Some visitors take no certificate of an authority for one of a service.
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert],
  ]);
  return { key, cert };
}

/** An HTTPS service of the platform that answers with `page`. */
export async function httpsService(
  { key, cert }: Identity,
  page: string,
): Promise<Deno.HttpServer<Deno.NetAddr>> {
  return Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    key: await Deno.readTextFile(key),
    cert: await Deno.readTextFile(cert),
    onListen: () => {},
  }, () => new Response(page));
}

/** nginx as an HTTPS service. */
export class Nginx implements AsyncDisposable {
  private constructor(private readonly daemon: Daemon, readonly port: number) {}

  static async start(folder: Scratch, { key, cert }: Identity, page: string): Promise<Nginx> {
    const port = freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((kind) => `${kind}_temp_path ${folder.path}/${kind};`).join("\n");
    // One process without a master: it then needs no rights and no user of its own.
    const config = folder.write(
      "nginx.conf",
      `daemon off;
       master_process off;
       pid ${folder.path}/nginx.pid;
       error_log stderr error;
       events { worker_connections 1000; }
       http {
         access_log off;
         ${temporary}
         server {
           listen 127.0.0.1:${port} ssl http2;
           ssl_certificate ${cert};
           ssl_certificate_key ${key};
           return 200 "${page}";
         }
       }`,
    );
    const args = ["-e", "stderr", "-p", folder.path, "-c", config];
    return new Nginx(
      await Daemon.start(nginx.path, args, folder, () => accepts(port)),
      port,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.daemon[Symbol.asyncDispose]();
  }
}

/** What a program said and how it ended. */
export interface Outcome {
  code: number;
  /** All its words. */
  words: string;
}

/** Runs a program to its end. */
export async function run(path: string, args: readonly string[], input = ""): Promise<Outcome> {
  const process = new Deno.Command(path, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).spawn();
  const writer = process.stdin.getWriter();
  // It may have ended without waiting for its input.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, words: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Asks for a page with `openssl s_client`, which shows what became of the handshake. */
export function connect(port: number, ...args: string[]): Promise<Outcome> {
  const request = "GET / HTTP/1.0\r\nHost: test\r\n\r\n";
  return run(
    openssl.path,
    ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...args],
    request,
  );
}
