/**
 * The dashboard in a real browser: trouble is seen at a glance, something can be done about it, and
 * it fits every window.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { tag } from "@agentx/common";
import { hashToken } from "../server/auth/scrypt.ts";
import { Admin } from "./admin.ts";
import { faultsOf } from "./browsers.ts";
import { Scratch } from "./daemons.ts";
import { leastContrast, open, overflows, tooSmall, WITH_BROWSER } from "./dashboards.ts";
import { PATIENCE_MS, startClient, startServer } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { freePort } from "./ports.ts";
import { Download, HeldService, RawClient, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";

const TOKEN = "correct-horse-battery";
const PRINTER = "the-id-of-the-printer";
const SHOP = "the-id-of-the-shop";
const LAPTOP = "the-id-of-a-laptop";
const GONE = "the-id-of-one-that-left";

peerTest(
  { name: "dashboard: trouble is seen at a glance, and something is done", ...WITH_BROWSER },
  async (t) => {
    const step = stepsOf(t);
    await using folder = new Scratch();
    const file = `${folder.path}/clients.json`;
    const hash = await hashToken(TOKEN);
    const comments: Record<string, string> = {
      [PRINTER]: "Print service",
      [SHOP]: "Shop",
      [LAPTOP]: "Alice's laptop",
    };
    const clients = [PRINTER, SHOP, LAPTOP, GONE].map((id) => ({
      id,
      hash,
      comment: comments[id],
    }));
    await Deno.writeTextFile(file, JSON.stringify({ clients }));
    await using server = await startServer(["--admin-port", "0", "--auth-file", file]);
    await using chrome = await open();
    const page = await (await chrome.newContext()).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const faults = faultsOf(page);
    /** Everything that the page sends. */
    const sent: string[] = [];
    page.on("request", (request) => sent.push(`${request.url()} ${request.postData()}`));
    await page.goto(Admin.of(server).url);
    const alert = page.getByRole("region", { name: "Needs attention" });
    const rowOf = async (id: string) =>
      page.locator("table.clients").getByRole("row", { name: await tag(id) });
    const events = page.locator("section", { has: page.locator("#events") });

    const env = { ARP_AUTH_TOKEN: TOKEN };
    const flags = ["--service", "none"];
    const port = freePort();
    await using _printer = await startClient({ server, id: PRINTER, port, flags, env });
    await using held = new HeldService();
    await using _shop = await startClient({ server, id: SHOP, port: held.port, flags, env });
    const fields = { version: 2, auth: TOKEN, client_version: "9.8.7" };
    using _laptop = await RawClient.register(server, LAPTOP, fields);
    (await RawClient.register(server, GONE, fields))[Symbol.dispose]();

    await step("a service that cannot be reached, until it can", async () => {
      const row = await rowOf(PRINTER);
      await row.getByText("Print service").waitFor();
      strictEqual(await row.locator(".state.on").count(), 1);
      await visit(server.publicPort, `/?token=${PRINTER}`);
      await alert.getByText("Service unreachable").waitFor();
      await alert.getByRole("button", { name: "Print service" }).waitFor();
      await row.getByText("1 visit failed").waitFor();
      strictEqual(await row.locator(".state.bad").count(), 1);
      await row.getByRole("button", { name: "online, service unreachable" }).waitFor();
      await using _service = new HeldService(port);
      await visit(server.publicPort, `/?token=${PRINTER}`);
      await row.locator(".state.on").waitFor();
      await alert.getByText("Service unreachable").waitFor({ state: "detached" });
    });
    await step("a client that opens no tunnel", async () => {
      await alert.getByText("Opens no tunnel").waitFor();
      const row = await rowOf(LAPTOP);
      strictEqual(await row.locator(".state.warn").count(), 1);
      await page.getByText("Only 1 in trouble").click();
      await (await rowOf(SHOP)).waitFor({ state: "detached" });
      await row.waitFor();
      await page.getByText("Only 1 in trouble").click();
      await (await rowOf(SHOP)).waitFor();
    });
    await step("who was refused, and how often", async () => {
      using _guess = await RawClient.register(server, SHOP, { version: 2, auth: "wrong" });
      await visit(server.publicPort, "/?token=nobody");
      await alert.getByText("Client with a wrong token").waitFor();
      await events.getByRole("button", { name: "Refused" }).click();
      await events.getByText("Client with a wrong token").waitFor();
      await events.getByText("Visitor who named no client that is here").waitFor();
      await events.getByText("http 404").waitFor();
    });
    await step("an id that is typed finds its client, and leaves the page for nobody", async () => {
      const filter = page.getByLabel("Filter clients by");
      await filter.fill(SHOP);
      await (await rowOf(PRINTER)).waitFor({ state: "detached" });
      await (await rowOf(SHOP)).waitFor();
      await filter.fill("alice");
      await (await rowOf(LAPTOP)).waitFor();
      await (await rowOf(SHOP)).waitFor({ state: "detached" });
      await filter.fill("");
      ok(sent.length > 0 && !sent.some((text) => text.includes(SHOP)));
    });
    await step("who left keeps its version", async () => {
      await (await rowOf(GONE)).getByText("9.8.7").waitFor();
    });
    await step("one visitor is ended", async () => {
      using download = await Download.begin(server.publicPort, SHOP);
      await page.getByRole("button", { name: "Live" }).click();
      const row = page.locator("table.visitors").getByRole("row", { name: "Shop" });
      await row.getByRole("cell", { name: "1", exact: true }).waitFor();
      await row.getByRole("button", { name: /^End the visit of 127/ }).click();
      strictEqual(await download.finishes(), false);
      await row.waitFor({ state: "detached" });
    });
    await step("a ban is seen, and lifted", async () => {
      const name = await tag(GONE);
      await (await rowOf(GONE)).getByRole("button", { name: "Ban" }).click();
      const question = page.getByRole("dialog", { name: `Ban ${name}` });
      await question.getByLabel("It may come back").selectOption("after 1 week");
      await question.getByRole("button", { name: "Ban", exact: true }).click();
      await question.waitFor({ state: "detached" });
      await events.getByRole("button", { name: "Bans 1" }).click();
      await events.getByText(/^6 d 23 h left/).waitFor();
      {
        using early = await RawClient.register(server, GONE, fields);
        strictEqual(early.answer.success, false);
      }
      await events.getByRole("button", { name: `Lift the ban of ${name}` }).click();
      await events.getByText("Nobody is banned.").waitFor();
      using back = await RawClient.register(server, GONE, fields);
      strictEqual(back.answer.success, true);
      await events.getByRole("button", { name: "Events" }).click();
      await events.getByText("is banned no more").waitFor();
    });
    await step("it can be read, and used, in every window", async () => {
      // One that is offline is written softly.
      await (await rowOf(GONE)).getByText(/^left/).waitFor();
      const kick = (await rowOf(SHOP)).getByRole("button", { name: "Kick" });
      const total = (await rowOf(SHOP)).locator(".c-total");
      for (
        const [width, height] of [[1440, 900], [1024, 768], [768, 1024], [390, 844], [320, 640]]
      ) {
        await page.setViewportSize({ width: width!, height: height! });
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          strictEqual(await overflows(page), false, `${width}`);
          const { ratio, text } = await leastContrast(page);
          ok(ratio >= 4.5, `${width} ${colorScheme}: ${ratio.toFixed(2)} for ${text}`);
        }
        for (const part of [kick, total]) {
          const box = await part.boundingBox();
          ok(box !== null && box.x >= 0 && box.x + box.width <= width! - 8, JSON.stringify(box));
        }
        if (width! < 700) deepStrictEqual(await tooSmall(page), []);
      }
    });
    deepStrictEqual(faults, []);
  },
);

peerTest(
  { name: "dashboard: a phone shows the first command whole, and copies it", ...WITH_BROWSER },
  async () => {
    await using server = await startServer(["--admin-port", "0"]);
    await using chrome = await open();
    const context = await chrome.newContext({
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(Admin.of(server).url);
    const command = page.locator(".command code");
    await command.waitFor();
    const hidden = await page.evaluate(`(() => {
      const pre = document.querySelector(".command pre");
      return pre.scrollWidth - pre.clientWidth;
    })()`);
    strictEqual(hidden, 0);
    strictEqual(await overflows(page), false);
    await page.getByRole("button", { name: "Copy" }).tap();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate("navigator.clipboard.readText()");
    strictEqual(copied, await command.textContent());
    match(String(copied), /^arpc --server-addr 127\.0\.0\.1 .*--local-port 8080$/);
    deepStrictEqual(await tooSmall(page), []);
  },
);
