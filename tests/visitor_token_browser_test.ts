/**
 * A link with a visitor token, opened by a real browser.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { browser, faultsOf, launch } from "./browsers.ts";
import { PATIENCE_MS, startClient, startServer, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { httpService, stepsOf } from "./services.ts";
import { Home } from "./tokens.ts";

const PAGE = `<!doctype html><html lang="en"><title>page</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<p id="said">-</p>
<script>
fetch("/data").then((answer) => answer.text()).then((text) => {
  document.querySelector("#said").textContent = text;
});
const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket");
globalThis.over = new Promise((resolve) => socket.onclose = () => resolve(true));
globalThis.heard = new Promise((resolve) => socket.onmessage = (event) => resolve(event.data));
</script>`;

peerTest({
  name: "visitor tokens: a browser opens a link, and the token leaves its address",
  permissions: [...WHOLE_PROGRAM, { name: "sys" }],
  peers: [browser],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  const step = stepsOf(t);
  using home = new Home();
  const seen: string[] = [];
  await using service = httpService((request) => {
    const { pathname } = new URL(request.url);
    seen.push(`${request.url} ${[...request.headers].join(" ")}`);
    if (pathname === "/socket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => socket.send("hello");
      return response;
    }
    if (pathname === "/style.css") {
      return new Response("p { color: rgb(1, 2, 3) }", { headers: { "content-type": "text/css" } });
    }
    if (pathname === "/data") return new Response("fetched");
    return new Response(PAGE, { headers: { "content-type": "text/html" } });
  });
  await using server = await startServer();
  const url = (await home.token(
    "site",
    ...["--label", "guest", "--uses", "1", "--url", server.url],
  )).trim();
  await using _client = await startClient({
    server,
    id: "site",
    port: service.addr.port,
    flags: ["--require-visitor-token", "--service", "none"],
    env: home.env,
  });
  const chrome = await launch();
  await using _chrome = { [Symbol.asyncDispose]: () => chrome.close() };
  const context = await chrome.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = faultsOf(page);

  await step("the page loads whole, with its parts, and a socket", async () => {
    match(url, /^http:\/\/127\.0\.0\.1:\d+\/\?token=eyJ/);
    const response = await page.goto(url, { waitUntil: "load" });
    equal(response?.status(), 200);
    equal(page.url(), `${server.url}/`);
    await page.locator("#said", { hasText: "fetched" }).waitFor();
    equal(
      await page.evaluate("getComputedStyle(document.querySelector('p')).color"),
      "rgb(1, 2, 3)",
    );
    equal(await page.evaluate("globalThis.heard"), "hello");
    equal(await page.evaluate("document.cookie"), "", "no script can read it");
    equal(await page.evaluate("document.referrer"), "");
    const [cookie] = await context.cookies();
    deepEqual(
      [cookie?.name, cookie?.httpOnly, cookie?.sameSite, cookie?.path],
      ["arp_token", true, "Lax", "/"],
    );
    const left = cookie!.expires - Date.now() / 1000;
    ok(left > 86_000 && left <= 86_401, `${left}`);
    deepEqual(faults, []);
  });
  await step(
    "a reload, and the same link again, are still the one visit it is good for",
    async () => {
      equal((await page.reload())?.status(), 200);
      equal((await page.goto(url))?.status(), 200);
      equal(page.url(), `${server.url}/`);
      deepEqual(faults, []);
    },
  );
  await step("nobody else gets in by the link", async () => {
    const other = await chrome.newContext();
    const stranger = await other.newPage();
    equal((await stranger.goto(url))?.status(), 401);
    match(await stranger.locator("h1").innerText(), /^This visitor token is used up$/);
    await other.close();
  });
  await step("the service saw nothing of the token", () => {
    ok(seen.length > 5);
    ok(seen.every((request) => !request.includes("eyJ") && !request.includes("arp_token")));
  });
  await step("once revoked, the socket ends, and a reload says why", async () => {
    await page.evaluate("globalThis.heard");
    equal((await home.run("revoke", "guest")).code, 0);
    equal(await within(PATIENCE_MS, "the socket's end", page.evaluate("globalThis.over")), true);
    equal((await page.reload())?.status(), 401);
    equal(await page.locator("h1").innerText(), "This visitor token was revoked");
    deepEqual(await context.cookies(), [], "a browser does not keep what is dead");
  });
});
