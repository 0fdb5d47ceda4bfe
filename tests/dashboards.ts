/**
 * The dashboard in a real browser, and what a test asks of how it looks.
 *
 * @module
 */

import type { Browser, Page } from "playwright-core";
import { browser, launch } from "./browsers.ts";
import { type Peer, type PeerTestOptions, WHOLE_PROGRAM } from "./peers.ts";

/** For tests with a browser. */
export const WITH_BROWSER: Omit<PeerTestOptions, "name"> & { peers: Peer[] } = {
  permissions: [...WHOLE_PROGRAM, { name: "sys" }],
  peers: [browser],
  // The browser's driver keeps timers and pipes of its own.
  sanitizeOps: false,
  sanitizeResources: false,
};

/** A browser that is closed at the end. */
export async function open(): Promise<Browser & AsyncDisposable> {
  const chrome = await launch();
  return Object.assign(chrome, { [Symbol.asyncDispose]: () => chrome.close() });
}

/** Whether something stands out of the window to the right. */
export const overflows = (page: Page): Promise<unknown> =>
  page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");

/** What who cannot see the page, or uses the keyboard, would stumble over. */
export async function stumblingBlocks(page: Page): Promise<string[]> {
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
export async function leastContrast(page: Page): Promise<{ ratio: number; text: string }> {
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
      let clear = 1;
      for (let at = node; at; at = at.parentElement) clear *= getComputedStyle(at).opacity;
      if (data.trim() === "" || !node.checkVisibility() || node.closest("script, style, [disabled], .hidden")) continue;
      const back = behind(node);
      const text = rgba(getComputedStyle(node).color);
      const seen = [0, 1, 2].map((at) => text[at] * clear + back[at] * (1 - clear));
      const [a, b] = [light(seen), light(back)];
      const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      if (ratio < least.ratio) least = { ratio, text: data.trim() };
    }
    return least;
  })()`);
}

/** Buttons and fields that are too small for a finger. */
export async function tooSmall(page: Page): Promise<string[]> {
  const found = await page.evaluate(`(() => {
    const found = [];
    for (const node of document.querySelectorAll("button, select, input:not([type=checkbox]), .check")) {
      const { width, height } = node.getBoundingClientRect();
      if (!node.checkVisibility() || node.closest("thead")) continue;
      if (height < 43.5 || width < 43.5) found.push(node.textContent + " " + width + "x" + height);
    }
    return found;
  })()`);
  return found as string[];
}
