import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { tag } from "@agentx/common";
import { Admin } from "./admin.ts";
import { faultsOf } from "./browsers.ts";
import { leastContrast, open, overflows, stumblingBlocks, WITH_BROWSER } from "./dashboards.ts";
import { PATIENCE_MS, startClient, startServer } from "./helpers.ts";
import { peerTest } from "./peers.ts";
import { Download, HeldService, RawClient, visit } from "./raw_peers.ts";
import { stepsOf } from "./services.ts";
import { freePort } from "./ports.ts";

const KEY = "the-key-of-the-owner";
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

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
        await row.getByRole("cell", { name: /^1 ?1 in all/ }).waitFor();
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
        await row.getByText("registered 2×").waitFor();
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
