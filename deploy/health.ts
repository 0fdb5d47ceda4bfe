/**
 * Ends with 0 if the `arps` of this container serves: what its HEALTHCHECK runs.
 *
 * @module
 */

const port = Deno.env.get("ARPS_ADMIN_PORT");
const { ok } = await fetch(`http://127.0.0.1:${port}/healthz`, {
  signal: AbortSignal.timeout(3000),
});
Deno.exit(ok ? 0 : 1);
