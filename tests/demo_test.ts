import { equal, match, ok } from "node:assert/strict";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";

const DEMO = new URL("../scripts/demo.ts", import.meta.url).href;

function command(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", DEMO, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

const decoder = new TextDecoder();

peerTest(
  { name: "demo --check visits the app in every way and ends with 0", permissions: WHOLE_PROGRAM },
  async () => {
    // Neither settings for the programs nor a proxy for the web may get in the way.
    const env = {
      ARPC_LOCAL_PORT: "nonsense",
      ARPS_PUBLIC_PORT: "nonsense",
      HTTP_PROXY: "http://127.0.0.1:9",
      http_proxy: "http://127.0.0.1:9",
    };
    const output = await command(["--check"], env).output();
    const said = decoder.decode(output.stderr);
    equal(output.code, 0, said);
    for (const name of ["arps", "arpc", "page", "live events", "WebSocket", "upload"]) {
      match(said, new RegExp(`^ {2}ok ${name} `, "m"));
    }
    match(decoder.decode(output.stdout), /^http:\/\/127\.0\.0\.1:\d+\/\?token=demo\n$/);
  },
);

peerTest(
  {
    name: "demo prints nothing but its URL to a pipe, serves until SIGINT, and leaves nothing",
    permissions: WHOLE_PROGRAM,
    os: ["linux", "darwin"],
  },
  async () => {
    await using demo = command([]).spawn();
    const log = new Response(demo.stderr).text();
    const lines = demo.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await within(PATIENCE_MS, "the URL", lines.read());
    match(value, /^http:\/\/\S+\n$/, value);
    const url = new URL(value.trim());
    const page = await fetch(url, { headers: { Accept: "text/html" } });
    match(await page.text(), /<title>ARP demo<\/title>/);
    const cookie = page.headers.get("set-cookie") ?? "";
    match(cookie, /^arp_token=demo; Path=\/; HttpOnly; SameSite=Lax$/);
    // What a browser fetches next has no token in its URL.
    const style = await fetch(new URL("/style.css", url), {
      headers: { Cookie: "arp_token=demo" },
    });
    equal(style.headers.get("content-type"), "text/css; charset=utf-8");
    ok((await style.text()).length > 1000);
    // An open stream must not keep it from stopping.
    const events = await fetch(new URL("/events?token=demo", url));
    const stream = events.body!.getReader();
    await stream.read();

    demo.kill("SIGINT");
    const { code } = await within(PATIENCE_MS, "the end", demo.status);
    equal(code, 0, await log);
    equal((await lines.read()).done, true);
    await stream.read().then(() => stream.cancel(), () => {});
    await log;
    await Promise.allSettled([stream.closed]);
    const { port } = url;
    const gone = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })
      .then((conn) => conn.close(), (error) => error);
    ok(gone instanceof Deno.errors.ConnectionRefused, "the public port is still open");
  },
);

peerTest(
  { name: "demo takes free ports when a usual one is taken", permissions: WHOLE_PROGRAM },
  async () => {
    // Another test may hold it already, which does as well.
    const taken = await Promise.try(() => Deno.listen({ hostname: "127.0.0.1", port: 17002 }))
      .catch(() => undefined);
    try {
      const output = await command(["--check"]).output();
      equal(output.code, 0, decoder.decode(output.stderr));
    } finally {
      taken?.close();
    }
  },
);

peerTest({ name: "demo refuses an unknown flag", permissions: WHOLE_PROGRAM }, async () => {
  const { code, stderr } = await command(["--nonsense"]).output();
  equal(code, 2);
  match(decoder.decode(stderr), /--nonsense[^]*Usage: deno task demo/);
});
