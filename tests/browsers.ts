/**
 * A real browser, for tests.
 *
 * @module
 */

import type { Browser, BrowserContext, Page } from "playwright-core";
import { type Peer, peer } from "./peers.ts";

export const browser: Peer = peer(
  ["chromium", "chromium-browser", "google-chrome"],
  "apt-get install chromium",
);

/** Keeps it from traffic of its own. */
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A headless browser without any traffic of its own. */
export async function launch(): Promise<Browser> {
  // It reads the environment as soon as it is imported, which a plain `deno test` may not.
  const { chromium } = await import("playwright-core");
  return await chromium.launch({ executablePath: browser.path, args: QUIET });
}

/** One with a profile, in a folder: only such opens connections ahead. */
export async function launchWithProfile(folder: string): Promise<BrowserContext> {
  const { chromium } = await import("playwright-core");
  return await chromium.launchPersistentContext(folder, {
    executablePath: browser.path,
    args: QUIET,
  });
}

/** Everything that goes wrong on a page from now on. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("requestfailed", (request) => faults.push(`failed: ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`thrown: ${error}`));
  page.on("console", (message) => {
    const type = message.type();
    if (type === "error" || type === "warning") faults.push(`${type}: ${message.text()}`);
  });
  return faults;
}
