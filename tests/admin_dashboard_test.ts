import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { tag } from "@agentx/common";
import type { Browser, Page } from "playwright-core";
import { Admin } from "./admin.ts";
import { browser, faultsOf, launch } from "./browsers.ts";
import { PATIENCE_MS, startClient, startServer } from "./helpers.ts";
import { type Peer, peerTest, type PeerTestOptions, WHOLE_PROGRAM } from "./peers.ts";
import { Download, HeldService, RawClient, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const KEY = "the-key-of-the-owner";
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

const WITH_BROWSER: Omit<PeerTestOptions, "name"> & { peers: Peer[] } = {
  permissions: [...WHOLE_PROGRAM, { name: "sys" }],
  peers: [browser],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
};

/** A browser that is closed at the end. */
async function open(): Promise<Browser & AsyncDisposable> {
  const chrome = await launch();
  return Object.assign(chrome, { [Symbol.asyncDispose]: () => chrome.close() });
}

/** Whether something stands out of the window to the right. */
const overflows = (page: Page) =>
  page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");

/** What who cannot see the page, or uses the keyboard, would stumble over. */
async function stumblingBlocks(page: Page): Promise<string[]> {
  const found = await page.evaluate(`(() => {
    const found = [];
    const shown = (node) => node.checkVisibility();
    const nameOf = (node) =>
      (node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent || "").trim();
    for (const node of document.querySelectorAll("button, input, select, dialog, [role=img]")) {
      if (shown(node) && nameOf(node) === "") found.push("without a name: " + node.outerHTML);
    }
    for (const node of document.querySelectorAll("section")) {
      const label = node.getAttribute("aria-labelledby");
      if (!node.hasAttribute("aria-label") && !document.getElementById(label)) {
        found.push("without a heading: " + node.className);
      }
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("twice: #" + id);
    if (document.documentElement.lang === "") found.push("no language");
    if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
    return found;
  })()`);
  return found as string[];
}

/** The least contrast of text on the page, by WCAG 2's formula, and whose it is. */
async function leastContrast(page: Page): Promise<{ ratio: number; text: string }> {
  return await page.evaluate(`(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return canvas.getImageData(0, 0, 1, 1).data;
    };
    const light = ([r, g, b]) => {
      const part = (value) => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
      return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
    };
    const behind = (node) => {
      for (; node; node = node.parentElement) {
        const color = rgba(getComputedStyle(node).backgroundColor);
        if (color[3] === 255) return color;
      }
      return [255, 255, 255];
    };
    let least = { ratio: 21, text: "" };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement: node, data } = walker.currentNode;
      if (data.trim() === "" || !node.checkVisibility() || node.closest("script, style, [disabled], .hidden")) continue;
      const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))];
      const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      if (ratio < least.ratio) least = { ratio, text: data.trim() };
    }
    return least;
  })()`);
}

peerTest(
  { name: "dashboard: an owner logs in, watches, and kicks", ...WITH_BROWSER },
  async (t) => {
    const step = stepsOf(t);
    const port = freePort();
    const flags = ["--admin-port", String(port), "--heartbeat", "0.5"];
    const env = { ARPS_ADMIN_KEY: KEY };
    await using service = new HeldService();
    await using chrome = await open();
    const context = await chrome.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const faults = faultsOf(page);
    const id = "the-id-of-a-client";
    const name = await tag(id);
    const row = page.getByRole("row", { name });
    const gone: string[] = [];
    {
      await using server = await startServer(flags, env);
      const admin = Admin.of(server, KEY);

      await step("the key is asked for until it is right", async () => {
        await page.goto(admin.url);
        await page.getByLabel("Admin key").fill("wrong-wrong");
        await page.keyboard.press("Enter");
        await page.getByText("The admin key is wrong").waitFor();
        strictEqual(await overflows(page), false);
        await page.getByLabel("Admin key").fill(KEY);
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByText("No client is online yet.").waitFor();
        await page.getByText(`arpc --server-addr 127.0.0.1 --control-port ${server.controlPort}`)
          .waitFor();
      });
      await step("no script can read the cookie, and the page keeps no key", async () => {
        const kept = await page.evaluate("document.cookie + JSON.stringify(localStorage)");
        ok(!String(kept).includes(KEY) && !String(kept).includes("arps_admin="));
        const [cookie] = await context.cookies();
        deepStrictEqual(
          [cookie?.name, cookie?.httpOnly, cookie?.sameSite],
          ["arps_admin", true, "Strict"],
        );
      });

      using _other = await RawClient.register(server, "another-client");
      await using client = await startClient({
        server,
        id,
        port: service.port,
        flags: ["--service", "none"],
      });
      await step("clients appear by themselves", async () => {
        await row.waitFor();
        await page.getByRole("row", { name: await tag("another-client") }).waitFor();
        await page.getByRole("listitem").filter({ hasText: `${name} registered from` }).waitFor();
      });
      await step("traffic shows while it flows, and the visitor when it has left", async () => {
        using download = await Download.begin(server.publicPort, id);
        await row.getByRole("cell", { name: /^1 ?0 before/ }).waitFor();
        await row.getByRole("cell", { name: /^200 kB/ }).waitFor();
        await page.getByRole("button", { name: "Live" }).click();
        await page.getByRole("region", { name: "Visitors" }).getByText(name).waitFor();
        service.release();
        strictEqual(await download.finishes(), true);
        await page.getByText("Nobody is here right now.").waitFor();
        await page.getByRole("button", { name: "Recent" }).click();
        await page.getByRole("region", { name: "Visitors" }).getByText("done").waitFor();
        await row.getByRole("cell", { name: /^400 kB/ }).waitFor();
      });
      await step("the filter and the order do what they say", async () => {
        const filter = page.getByLabel("Filter clients by");
        const other = page.getByRole("row", { name: await tag("another-client") });
        await filter.fill(name.slice(1, 6));
        await other.waitFor({ state: "detached" });
        await filter.fill("nothing-like-it");
        await page.getByText("No client fits “nothing-like-it”.").waitFor();
        await page.getByRole("button", { name: "Show all" }).click();
        await other.waitFor();
        await page.getByRole("button", { name: "Client", exact: true }).click();
        const tags = await page.locator("table.clients button.tag").allTextContents();
        deepStrictEqual(tags, tags.toSorted());
        const heading = page.locator("table.clients").getByRole("columnheader", { name: "Client" });
        strictEqual(await heading.getAttribute("aria-sort"), "ascending");
      });
      await step("nobody stumbles, in the light or in the dark", async () => {
        deepStrictEqual(await stumblingBlocks(page), []);
        const backgrounds = new Set<unknown>();
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          backgrounds.add(
            await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"),
          );
          const { ratio, text } = await leastContrast(page);
          ok(ratio >= 4.5, `${colorScheme}: ${ratio.toFixed(2)} for ${text}`);
        }
        strictEqual(backgrounds.size, 2);
      });
      await step("one client is looked at, with the keyboard alone", async () => {
        await page.getByRole("button", { name: `${name}, online` }).focus();
        await page.keyboard.press("Enter");
        const panel = page.getByRole("dialog", { name: `Client ${name}` });
        await panel.getByText("found a warm tunnel").waitFor();
        deepStrictEqual(await stumblingBlocks(page), []);
        await page.keyboard.press("Escape");
        await panel.waitFor({ state: "detached" });
        match(String(await page.evaluate("document.activeElement.textContent")), new RegExp(name));
      });
      await step("it is kicked, once that is confirmed, and seen to come back", async () => {
        const from = client.logs.length;
        await row.getByRole("button", { name: "Kick" }).click();
        const question = page.getByRole("dialog", { name: `Kick ${name}` });
        await question.getByRole("button", { name: "Cancel" }).click();
        await question.waitFor({ state: "detached" });
        await row.getByRole("button", { name: "Kick" }).click();
        await question.getByLabel("It may come back").selectOption("at once");
        await question.getByRole("button", { name: "Kick", exact: true }).click();
        await question.waitFor({ state: "detached" });
        await page.getByText("was kicked").waitFor();
        await client.message("Registered", { from });
        await row.getByText("2 times").waitFor();
      });
      await step("one that leaves is shown as gone", async () => {
        client.kill("SIGKILL");
        await row.getByText(/^left/).waitFor();
        strictEqual(await row.getByRole("button", { name: "Kick" }).count(), 0);
      });
      strictEqual((await visit(server.publicPort, `/?token=${id}`)).start.slice(9, 12), "503");
      gone.push(...faults.splice(0));
    }
    await step("a server that is gone is said to be, and found when it is back", async () => {
      await page.getByRole("alert").getByText("What you see is how it was.").waitFor();
      await using _server = await startServer(flags, env);
      await page.getByRole("button", { name: "Try now" }).click();
      // It has forgotten all sessions.
      await page.getByLabel("Admin key").fill(KEY);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByText("No client is online yet.").waitFor();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("Admin key").waitFor();
    });
    // What was refused in front of the login, and by the wrong key.
    deepStrictEqual(gone.filter((fault) => !/401/.test(fault)), []);
  },
);

peerTest({ name: "dashboard: it fits a phone, with many clients", ...WITH_BROWSER }, async () => {
  await using server = await startServer(["--admin-port", "0", "--max-links-per-ip", "0"]);
  const clients = await Promise.all(
    Array.from({ length: 300 }, (_, nth) => RawClient.register(server, `client-${nth}`)),
  );
  using stack = new DisposableStack();
  for (const client of clients) stack.use(client);
  await using chrome = await open();
  const context = await chrome.newContext({ ...PHONE, colorScheme: "dark" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = faultsOf(page);
  await page.goto(Admin.of(server).url);
  await page.getByRole("heading", { name: "Clients 300" }).waitFor();
  strictEqual(await page.locator("button.tag").count(), 50);
  strictEqual(await overflows(page), false);
  await page.getByRole("button", { name: "Show more" }).tap();
  strictEqual(await page.locator("button.tag").count(), 250);
  strictEqual(await overflows(page), false);
  await page.getByLabel("Order").selectOption("Online for");
  await page.locator("button.tag").first().tap();
  const panel = page.getByRole("dialog");
  await panel.getByText("found a warm tunnel").waitFor();
  strictEqual(await overflows(page), false);
  const box = await panel.boundingBox();
  ok(box !== null && box.x >= 0 && box.width <= 360, JSON.stringify(box));
  await panel.getByRole("button", { name: "Kick…" }).tap();
  await page.getByRole("dialog", { name: /^Kick/ }).getByRole("button", {
    name: "Kick",
    exact: true,
  })
    .tap();
  await panel.getByText("Offline").waitFor();
  await panel.getByRole("button", { name: "Close" }).tap();
  await page.getByRole("heading", { name: "Clients 299" }).waitFor();
  deepStrictEqual(faults, []);
});
