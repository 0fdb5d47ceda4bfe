import { dirname, join } from "@std/path";
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browser, faultsOf, launch } from "./browsers.ts";
import { PATIENCE_MS, WHOLE_PROGRAM, within } from "./helpers.ts";
import { peer, peerTest } from "./peers.ts";
import { Site, stepsOf } from "./services.ts";

const node = peer("node", "apt-get install nodejs");
const npm = peer("npm", "apt-get install npm");

const APP = join(import.meta.dirname!, "vite_app");
const INSTALLED = join(import.meta.dirname!, "../.cache/vite_app");

peerTest({
  name: "browser: a real Vite app is loaded whole, navigated, reloaded and hot-updated",
  permissions: [...WHOLE_PROGRAM, { name: "sys" }],
  peers: [browser, node, npm],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
}, async (t) => {
  const step = stepsOf(t);
  await using app = await ViteApp.start();
  await using site = await Site.start({ vite: app.port });
  const chrome = await launch();
  await using _chrome = { [Symbol.asyncDispose]: () => chrome.close() };
  const context = await chrome.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = faultsOf(page);

  await step("the link that a person gets loads the page with all its parts", async () => {
    const loaded: string[] = [];
    page.on("response", (response) => loaded.push(new URL(response.url()).pathname));
    const hot = hotReload(page);
    const response = await page.goto(`${site.url}/?token=vite`, { waitUntil: "networkidle" });
    equal(response?.status(), 200);
    equal(await page.locator("h1").textContent(), "Home");
    const look = await page.evaluate(`[
      getComputedStyle(document.body).color,
      getComputedStyle(document.querySelector("main")).color,
      ...Array.from(document.images, (image) => image.naturalWidth > 0),
    ]`);
    deepEqual(look, ["rgb(1, 2, 3)", "rgb(4, 5, 6)", true, true]);
    for (const part of ["/@vite/client", "/src/main.js", "/src/main.css", "/src/mark.svg"]) {
      ok(loaded.includes(part), `${part} among ${loaded}`);
    }
    const cookies = await context.cookies();
    deepEqual(
      cookies.map(({ name, value, httpOnly, sameSite }) => [name, value, httpOnly, sameSite]),
      [["arp_token", "vite", true, "Lax"]],
    );
    // Its socket carries a token of Vite's own, which is none of ours.
    const token = await within(PATIENCE_MS, "the hot-reload socket", hot);
    ok(token !== null && token !== "vite");
  });
  await step("links within the app, back and forward", async () => {
    const shown = (title: string) => page.locator("h1", { hasText: title }).waitFor();
    await page.getByRole("link", { name: "About" }).click();
    await shown("About");
    await page.goBack();
    await shown("Home");
    await page.goForward();
    await shown("About");
    equal(page.url(), `${site.url}/about`, "the token is nowhere but in the cookie");
  });
  await step("a reload there, and the hot-reload socket connects again", async () => {
    const hot = hotReload(page);
    await page.reload({ waitUntil: "networkidle" });
    equal(await page.locator("h1").textContent(), "About");
    await within(PATIENCE_MS, "the hot-reload socket", hot);
  });
  await step("a change to a file arrives without a reload", async () => {
    await page.evaluate("globalThis.kept = true");
    await app.edit("src/greeting.js", 'export const greeting = "changed";\n');
    await page.locator("#greeting", { hasText: "changed" }).waitFor();
    equal(await page.evaluate("globalThis.kept"), true);
  });
  await step("nothing failed, and the console stayed clean", () => deepEqual(faults, []));
});

/** Resolves when the next WebSocket of the page has heard from Vite, with its `token`. */
function hotReload(page: Page): Promise<string | null> {
  return new Promise((resolve) =>
    page.once("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => {
        if (!String(payload).includes('"connected"')) return;
        resolve(new URL(socket.url()).searchParams.get("token"));
      }))
  );
}

/** Vite with a copy of the app that may be edited. */
class ViteApp implements AsyncDisposable {
  private constructor(
    private readonly process: Deno.ChildProcess,
    private readonly root: string,
    /** It listens on. */
    readonly port: number,
  ) {}

  static async start(): Promise<ViteApp> {
    const vite = await installVite();
    const root = await Deno.makeTempDir({ prefix: "arp-vite-" });
    await copyFolder(APP, root);
    const process = new Deno.Command(node.path, {
      args: [join(root, "serve.js"), vite, root],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    let said = "";
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.includes("\n")) break;
    }
    const port = Number(said);
    if (!(port > 0)) throw new Error(`Vite did not start: ${said}`);
    return new ViteApp(process, root, port);
  }

  /** Writes a file of the app anew. */
  async edit(file: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.root, file), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stdin.close();
    await this.process.status;
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Vite as the app's lock file wants it, fetched once; the file of its API. */
async function installVite(): Promise<string> {
  const lock = await Deno.readTextFile(join(APP, "package-lock.json"));
  const there = await Deno.readTextFile(join(INSTALLED, "done")).catch(() => "");
  if (there !== lock) {
    await Deno.mkdir(INSTALLED, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) {
      await Deno.copyFile(join(APP, file), join(INSTALLED, file));
    }
    const { success, stderr } = await new Deno.Command(npm.path, {
      args: ["ci", "--no-audit", "--no-fund", "--ignore-scripts"],
      cwd: INSTALLED,
    }).output();
    if (!success) throw new Error(`npm cannot fetch Vite: ${new TextDecoder().decode(stderr)}`);
    await Deno.writeTextFile(join(INSTALLED, "done"), lock);
  }
  return join(INSTALLED, "node_modules/vite/dist/node/index.js");
}

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const target = join(to, name);
    await Deno.mkdir(dirname(target), { recursive: true });
    if (isDirectory) await copyFolder(join(from, name), target);
    else await Deno.copyFile(join(from, name), target);
  }
}
