/**
 * `arpc connect` through reverse proxies in front of the public port, set up as
 * `docs/tls-proxy.md` says.
 *
 * @module
 */

import { deepEqual, equal, match } from "node:assert/strict";
import { converse, runStdio, startListening } from "./connect.ts";
import { accepts, Daemon, Scratch, setpriv } from "./daemons.ts";
import { WHOLE_PROGRAM } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { peerTest } from "./peers.ts";
import { echo, RawService, Site, stepsOf } from "./services.ts";
import { identify, type Identity, nginx, openssl } from "./tls.ts";
import { freePort } from "./ports.ts";

const permissions = WHOLE_PROGRAM;

/** nginx in front of a port, with TLS or without. */
async function proxy(folder: Scratch, to: number, identity?: Identity) {
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder.path}/${kind};`).join("\n");
  const config = folder.write(
    `nginx-${port}.conf`,
    `daemon off;
     master_process off;
     pid ${folder.path}/nginx-${port}.pid;
     error_log stderr error;
     events { worker_connections 1000; }
     http {
       access_log off;
       ${temporary}
       map $http_upgrade $connection_upgrade {
         default upgrade;
         ''      '';
       }
       server {
         listen 127.0.0.1:${port} ${identity === undefined ? "" : "ssl http2"};
         ${identity === undefined ? "" : `ssl_certificate ${identity.cert};`}
         ${identity === undefined ? "" : `ssl_certificate_key ${identity.key};`}
         location / {
           proxy_pass http://127.0.0.1:${to};
           proxy_http_version 1.1;
           proxy_set_header Host $http_host;
           proxy_set_header Upgrade $http_upgrade;
           proxy_set_header Connection $connection_upgrade;
           proxy_buffering off;
           proxy_request_buffering off;
           proxy_read_timeout 1h;
         }
       }
     }`,
  );
  const args = ["-e", "stderr", "-p", folder.path, "-c", config];
  const daemon = await Daemon.start(nginx.path, args, folder, () => accepts(port));
  return { port, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

peerTest({
  name: "connect: through nginx, by HTTP and by HTTPS",
  permissions,
  peers: [nginx, openssl, setpriv],
  os: ["linux"],
}, async (t) => {
  const step = stepsOf(t);
  await using folder = new Scratch();
  await using mirror = echo();
  await using greeter = new RawService(async (wire) => {
    await wire.send("220 hello\r\n");
    await wire.until("QUIT\r\n");
    await wire.send("221 bye\r\n");
  });
  await using site = await Site.start({ mirror: mirror.port, greeter: greeter.port });
  const identity = await identify(folder, "localhost");
  await using http = await proxy(folder, site.port);
  await using https = await proxy(folder, site.port, identity);
  const ways: [name: string, server: string, env: Record<string, string>][] = [
    ["HTTP", `http://127.0.0.1:${http.port}`, {}],
    ["HTTPS", `https://localhost:${https.port}`, { DENO_CERT: identity.cert }],
  ];
  for (const [name, server, env] of ways) {
    await step(`${name}: a service that speaks first`, async () => {
      const flags = ["--token", "greeter", "--server", server];
      deepEqual(
        await converse(flags, "QUIT\r\n", env),
        { code: 0, out: "220 hello\r\n221 bye\r\n", err: "" },
      );
    });
    await step(`${name}: a local port`, async () => {
      await using local = await startListening(["--token", "mirror", "--server", server], env);
      const words = "0123456789".repeat(100_000);
      await Promise.all([1, 2, 3].map(async () => {
        using visitor = await Wire.dial(local.port);
        const [got] = await Promise.all([visitor.take(words.length), visitor.send(words)]);
        equal(got === words, true);
      }));
    });
    await step(`${name}: the server's own words`, async () => {
      const { code, err } = await runStdio(["--token", "nope", "--server", server], "", env);
      equal(code, 1);
      match(err, /with 404, Client '…' not found\. Check the token/);
    });
  }
  const fails = async (why: RegExp, server: string, env: Record<string, string> = {}) => {
    const { code, out, err } = await runStdio(["--token", "mirror", "--server", server], "x", env);
    deepEqual([code, out], [1, ""]);
    match(err, why);
  };
  await step("HTTPS: a certificate that nobody vouches for", () =>
    fails(
      /^arpc connect: Cannot reach the server https:\/\/localhost:\d+: nobody whom this machine trusts vouches/,
      `https://localhost:${https.port}`,
    ));
  await step("HTTPS: a certificate of another name", () =>
    fails(
      /^arpc connect: Cannot reach the server .*: the server's certificate is for localhost, .*, not for 127/,
      `https://127.0.0.1:${https.port}`,
      { DENO_CERT: identity.cert },
    ));
  await step("HTTPS where there is HTTP, and the other way round", async () => {
    await fails(
      /^arpc connect: Cannot reach the server https:.*: /,
      `https://127.0.0.1:${http.port}`,
    );
    await fails(
      /^arpc connect: (Refused by .* with 400|No answer of arps)/,
      `127.0.0.1:${https.port}`,
    );
  });
  await step("502: the server behind it is gone", async () => {
    await site.server[Symbol.asyncDispose]();
    await fails(
      /^arpc connect: Refused by .* with 502, Bad Gateway$/m,
      `http://127.0.0.1:${http.port}`,
    );
  });
});
