import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { createApp } from "../client/command/app.ts";
import { TestBed } from "../client/command/sessions/testdata/executor.ts";
import { depsOf } from "../client/command/testdata/api.ts";
import { Served } from "../client/command/testdata/mcp.ts";
import { browser, faultsOf, launch } from "./browsers.ts";
import { PATIENCE_MS } from "./patience.ts";
import { type Peer, peerTest, type PeerTestOptions, WHOLE_PROGRAM } from "./peers.ts";
import { Site, stepsOf } from "./services.ts";

const KEY = "correct-horse-battery";
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

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

/** Fills in the form for a new session and starts it. */
async function start(page: Page, prompt: string): Promise<void> {
  await page.getByRole("link", { name: "New session" }).first().click();
  await page.getByLabel("Prompt").fill(prompt);
  await page.locator('select[name="executor"] option', { hasText: "Test CLI" })
    .waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/#\/s\//);
}

/** Whether something stands out of the window to the right. */
const overflows = (page: Page) =>
  page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");

peerTest({
  name: "browser: the console starts, shows and steers sessions through the tunnel",
  ...WITH_BROWSER,
}, async (t) => {
  const step = stepsOf(t);
  await using bed = await TestBed.make();
  await using served = new Served(createApp(depsOf(bed)));
  const port = Number(new URL(served.url).port);
  // Two clients of one server, which their pages tell apart by no more than their tokens.
  await using site = await Site.start({ laptop: port, other: 9 });
  await using chrome = await open();
  const context = await chrome.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = faultsOf(page);
  const shown = (text: string) => page.locator("#main").getByText(text, { exact: true }).waitFor();

  await step("the page loads by itself alone", async () => {
    const loaded = new Set<string>();
    page.on("request", (request) => loaded.add(new URL(request.url()).pathname));
    await page.goto(`${site.url}/?token=laptop`);
    await page.getByText("Choose a session, or start one.").waitFor();
    ok([...loaded].every((path) => path === "/" || path.startsWith("/api/")), [...loaded].join());
  });
  await step("a session is started, and its lines come as they are written", async () => {
    await start(page, "say first words\nask Bash\nsay last words");
    await shown("first words");
    await page.getByRole("link", { name: /first words/ }).waitFor();
  });
  await step("a question is allowed", async () => {
    const question = page.getByRole("group", { name: "Question: Use Bash" });
    match(await question.textContent() ?? "", /"command": "Bash"/);
    await question.getByRole("button", { name: "Allow", exact: true }).click();
    await shown("Allowed");
    await page.getByText("last words").last().waitFor();
    await shown("completed");
  });
  await step("a follow-up goes on, and is cancelled", async () => {
    await page.getByLabel("Follow up").fill("say second turn\nsleep");
    await page.keyboard.press("Enter");
    await shown("second turn");
    await page.getByRole("button", { name: "Cancel" }).click();
    await shown("cancelled");
    await page.getByRole("button", { name: "Cancel" }).waitFor({ state: "hidden" });
  });
  await step("a question is denied with a reason", async () => {
    await page.getByLabel("Follow up").fill("ask Write");
    await page.getByRole("button", { name: "Send" }).click();
    const question = page.getByRole("group", { name: "Question: Use Write" });
    await question.getByLabel("Why not").fill("not today");
    await question.getByRole("button", { name: "Deny" }).click();
    await shown("Denied: not today");
    const [{ permissions }] = [
      await (await page.request.get(
        `${site.url}/api/permissions?token=laptop`,
      )).json(),
    ];
    deepEqual([permissions[0].status, permissions[0].denyReason], ["denied", "not today"]);
  });
  await step("a reload shows all of it again, though another client was opened since", async () => {
    const other = await context.newPage();
    await other.goto(`${site.url}/?token=other`);
    await other.close();
    await page.reload();
    await shown("second turn");
    await shown("Denied: not today");
    equal(await page.locator(".said.user").count(), 3);
  });
  await step("what cannot be started is said", async () => {
    await page.getByRole("link", { name: "New session" }).first().click();
    await page.getByLabel("Prompt").fill("say x");
    await page.getByLabel("Folder", { exact: true }).fill("/");
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByRole("alert").getByText(/project/).waitFor();
  });
  await step("a session is deleted", async () => {
    page.on("dialog", (dialog) => dialog.accept());
    await page.getByRole("link", { name: /first words/ }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Choose a session, or start one.").waitFor();
    await page.getByRole("link", { name: /first words/ }).waitFor({ state: "detached" });
  });
  // What was refused above, and the streams that ended with the page they were for.
  deepEqual(
    faults.filter((fault) => !/^failed: |422|status of 422/.test(fault)),
    [],
  );
});

peerTest({
  name: "browser: the console works on a phone, with a key",
  ...WITH_BROWSER,
}, async (t) => {
  const step = stepsOf(t);
  await using bed = await TestBed.make();
  const deps = depsOf(bed);
  await using served = new Served(createApp({ ...deps, config: { ...deps.config, apiKey: KEY } }));
  await using chrome = await open();
  const context = await chrome.newContext({ ...PHONE, colorScheme: "dark" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);

  await step("it asks for the key until it is right, and keeps it in its tab", async () => {
    await page.goto(served.url);
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("API key").fill("wrong-wrong");
    await dialog.getByRole("button", { name: "Unlock" }).click();
    await dialog.getByText("That key is wrong. Try again.").waitFor();
    await dialog.getByLabel("API key").fill(KEY);
    await dialog.getByRole("button", { name: "Unlock" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.reload();
    await page.getByRole("link", { name: "New session" }).first().waitFor();
    equal(await dialog.isVisible(), false);
    deepEqual(await page.evaluate("[localStorage.length, document.cookie]"), [0, ""]);
  });
  await step("a question is answered", async () => {
    await start(page, "ask Bash\nsay done");
    equal(await overflows(page), false);
    await page.getByRole("button", { name: "Allow for this session" }).tap();
    await page.getByText("Allowed (session)").waitFor();
    await page.getByText("done", { exact: true }).waitFor();
    equal(await overflows(page), false);
  });
  await step("the list is a page of its own", async () => {
    equal(await page.locator("#sessions").isVisible(), false);
    await page.getByRole("link", { name: "All sessions" }).tap();
    await page.getByRole("link", { name: /ask Bash/ }).waitFor();
    equal(await page.locator("#main").isVisible(), false);
    equal(await overflows(page), false);
  });
  await step("the docs show the document", async () => {
    await page.goto(`${served.url}/docs`);
    await page.getByRole("heading", { name: /ARP command mode/ }).waitFor();
    await page.getByText("/sessions/{id}/messages").click();
    await page.locator("details[open]").getByText("What the CLI is to do").waitFor();
    await page.getByLabel("Filter").fill("delete");
    equal(await page.getByText("/sessions/{id}/messages").isVisible(), false);
    equal(await overflows(page), false);
  });
});
