import { deepEqual, equal } from "node:assert/strict";
import { browser, faultsOf, launchWithProfile } from "./browsers.ts";
import { PATIENCE_MS, WHOLE_PROGRAM } from "./helpers.ts";
import { Wire } from "./http_wire.ts";
import { DbSite } from "./mysql.ts";
import { peerTest } from "./peers.ts";
import { eventually, RawClient } from "./raw_peers.ts";
import { httpService, stepsOf } from "./services.ts";

/** In milliseconds. What a browser leaves idle is closed a while after it could have been greeted. */
const WAIT = 300;
const FLAGS = ["--server-first-wait", `${WAIT}`, "--head-timeout", "2"];

const html = (origin: string) =>
  `<!doctype html><title>page</title>
<link rel="icon" href="data:,">
<link rel="preconnect" href="${origin}">
<link rel="preconnect" href="${origin}" crossorigin>
<h1></h1>
<script>
  document.querySelector("h1").textContent = location.pathname;
  globalThis.many = async () => {
    const all = Array.from({ length: 30 }, async (_, n) => {
      // Some share the page's connections, some those that were opened for nobody in particular.
      const credentials = n % 2 === 0 ? "include" : "omit";
      const answer = await fetch("/part/" + n + "?token=web", { credentials, cache: "no-store" });
      return answer.ok && await answer.text() === "/part/" + n;
    });
    return (await Promise.all(all)).filter((right) => !right).length;
  };
</script>`;

peerTest({
  name: "mysql: a browser that opens connections ahead notices nothing",
  permissions: [...WHOLE_PROGRAM, { name: "sys" }],
  peers: [browser],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  const step = stepsOf(t);
  await using service = httpService(({ url }) => {
    const { pathname, origin } = new URL(url);
    return pathname.startsWith("/part/")
      ? new Response(pathname)
      : new Response(html(origin), { headers: { "content-type": "text/html" } });
  });
  await using site = await DbSite.start({ web: service.addr.port }, FLAGS);
  using _db = await RawClient.register(site.server, "db", { version: 2, service: "mysql" });
  const ended = (how: string) =>
    site.server.logs.filter(({ message, properties }) =>
      message === "Visitor left" && properties.end === how
    ).length;
  const profile = await Deno.makeTempDir({ prefix: "arp-test-" });
  await using _profile = {
    [Symbol.asyncDispose]: () => Deno.remove(profile, { recursive: true }),
  };
  const chrome = await launchWithProfile(profile);
  await using _chrome = { [Symbol.asyncDispose]: () => chrome.close() };
  const page = await chrome.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = faultsOf(page);

  await step("a silent visitor is greeted", async () => {
    equal(await silence(site.port), "\n");
  });
  await step("a page that opens connections ahead", async () => {
    const response = await page.goto(`${site.server.url}/?token=web`, { waitUntil: "load" });
    equal(response?.status(), 200);
    equal(await silence(site.port), "", "this address is a browser's now");
    // Beside that one, such as the page opened: they lay as long as visitors of MySQL do, and longer.
    await site.server.log(() => ended("stayed silent") > 1);
    equal(ended("greeted, left"), 1);
  });
  for (const path of ["/second", "/third"]) {
    await step(`30 requests at once, then ${path}, with connections idle longer`, async () => {
      equal(await page.evaluate("many()"), 0);
      await page.goto(`${site.server.url}${path}`, { waitUntil: "load" });
      equal(await page.locator("h1").textContent(), path);
      // For so long they lie where a visitor of MySQL would have been greeted.
      await page.evaluate(`new Promise((resolve) => setTimeout(resolve, ${2 * WAIT}))`);
      equal(await page.evaluate("many()"), 0);
    });
  }
  await step("nothing failed, and the console stayed clean", () => {
    deepEqual(faults, []);
    equal(ended("greeted, left"), 1);
  });
  await step("when the browser has gone, the next silent visitor is greeted", async () => {
    await chrome.close();
    await eventually("a greeting", async () => await silence(site.port) === "\n");
  });
});

/** What a silent visitor hears behind the packet's header: the version of a greeting, or nothing. */
async function silence(port: number): Promise<string> {
  using wire = await Wire.dial(port);
  return (await wire.take(5).catch(() => "")).slice(4);
}
