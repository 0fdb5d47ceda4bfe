/**
 * Ends with 0 if the `arps` of this container serves: what its HEALTHCHECK runs.
 *
 * @module
 */

import { connect } from "node:tls";

const HOST = "127.0.0.1";
const DEADLINE_MS = 2000;

const port = Number(Deno.env.get("ARPS_ADMIN_PORT"));
// Whether the port speaks TLS may stand in a file that this program cannot read, so it tries both;
// TLS first, for such a port logs who comes without.
Deno.exit(await servesTls() || await servesPlain() ? 0 : 1);

/** The certificate says nothing of 127.0.0.1, so it is not checked: nothing secret is sent. */
function servesTls(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
      socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    });
    socket.setTimeout(DEADLINE_MS, () => resolve(false));
    socket.on("data", (bytes) => resolve(/^HTTP\/1\.1 200 /.test(bytes.toString("latin1"))));
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}

async function servesPlain(): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    return (await fetch(`http://${HOST}:${port}/healthz`, { signal })).ok;
  } catch {
    return false;
  }
}
