/**
 * What both pages need: requests with the key, and small helpers to make elements. A plain script:
 * it defines `arp` for the script that follows it in the page.
 */
// deno-lint-ignore no-unused-vars
const arp = (() => {
  const KEY = "arp-api-key";

  /**
   * The client's token, if the page was opened with it. Said with every request: the server's
   * cookie holds that of the tab which was opened last.
   */
  const token = new URLSearchParams(location.search).get("token")?.split("/")[0] ?? null;

  /** The page's folder; it was opened as `/?token=ID/docs` or as `/docs`, below whatever prefix. */
  const base = new URL(".", location.href);

  function headers(more = {}) {
    const all = { ...more };
    const key = sessionStorage.getItem(KEY);
    if (key) all["Authorization"] = `Bearer ${key}`;
    if (token !== null) all["X-ARP-Token"] = token;
    return all;
  }

  /** Sends a request; asks for the key when it is missing or wrong. Throws an Error with `status`. */
  async function request(path, { method = "GET", body, accept, signal, more = {} } = {}) {
    for (;;) {
      const response = await fetch(new URL(`api/${path}`, base), {
        method,
        signal,
        cache: "no-store",
        headers: headers({
          "Accept": accept ?? "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...more,
        }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return response;
      const problem = await response.json().catch(() => ({}));
      if (response.status === 401 || (response.status === 429 && /API key/.test(problem.detail))) {
        await askForKey(response.status === 429 ? problem.detail : undefined);
        continue;
      }
      throw Object.assign(new Error(describe(problem, response)), { status: response.status });
    }
  }

  function describe(problem, response) {
    const fields = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`);
    return [problem.detail ?? problem.error ?? `The server answered ${response.status}`, ...fields]
      .join("\n");
  }

  /** The JSON of an answer. */
  async function json(path, options) {
    const response = await request(path, options);
    return response.status === 204 ? undefined : await response.json();
  }

  let asking;
  /** Asks for the key once, however many requests want it. */
  function askForKey(why) {
    asking ??= new Promise((resolve) => {
      const had = sessionStorage.getItem(KEY) !== null;
      const dialog = document.querySelector("#key");
      const form = dialog.querySelector("form");
      dialog.querySelector("[data-why]").textContent = why ??
        (had ? "That key is wrong. Try again." : "This arpc was started with an API key.");
      dialog.oncancel = (event) => event.preventDefault();
      form.onsubmit = (event) => {
        event.preventDefault();
        sessionStorage.setItem(KEY, form.elements.key.value.trim());
        form.reset();
        dialog.close();
        asking = undefined;
        resolve();
      };
      dialog.showModal();
    });
    return asking;
  }

  /**
   * The events of a stream, until it ends or is called off. EventSource cannot send the key.
   */
  async function* events(path, { accept = "text/event-stream", ...options } = {}) {
    const response = await request(path, { ...options, accept });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const event = { event: "message", data: "", id: undefined };
          for (const line of part.split("\n")) {
            const [, name, text] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
            if (name === "data") event.data += (event.data === "" ? "" : "\n") + text;
            else if (name === "event" || name === "id") event[name] = text;
          }
          if (event.data !== "") yield event;
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** An element: `el("p.soft", "text", child, { title: "…", onclick() {} })`. */
  function el(what, ...content) {
    const [tag, ...classes] = what.split(".");
    const element = document.createElement(tag || "div");
    if (classes.length > 0) element.className = classes.join(" ");
    for (const one of content.flat()) {
      if (one === undefined || one === null || one === false) continue;
      if (one instanceof Node || typeof one !== "object") element.append(one);
      else {
        for (const [name, value] of Object.entries(one)) {
          if (name in element) element[name] = value;
          else element.setAttribute(name, value);
        }
      }
    }
    return element;
  }

  /** A link to another page of ours that keeps the token. */
  function link(path) {
    const url = new URL(path, base);
    if (token !== null) url.searchParams.set("token", token);
    return url.href;
  }

  /** Changes children only when something has changed, so that nothing is lost of what has focus. */
  function replace(parent, children) {
    const text = children.map((child) => child.outerHTML).join();
    if (parent.dataset.text === text) return;
    parent.dataset.text = text;
    parent.replaceChildren(...children);
  }

  /** What the parts of the console share. */
  const state = { sessions: [], questions: [], refresh() {} };

  return { json, events, el, replace, link, state };
})();
