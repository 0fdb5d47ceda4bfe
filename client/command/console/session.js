/** One session, live. Defines `arp.showSession`. */
/* global arp */
(() => {
  const { el, json, events, transcript, state } = arp;
  const main = document.querySelector("#main");

  function showSession(id) {
    const stop = new AbortController();
    const flow = el("div.flow", { role: "log", "aria-live": "polite", "aria-label": "Output" });
    const scroll = el("div.scroll", flow);
    const title = el("h1.title", "…");
    const about = el("p.soft.small");
    const cancel = el("button", "Cancel", { type: "button", hidden: true, onclick: end });
    const remove = el("button.danger.quiet", "Delete", { type: "button", onclick: drop });
    const input = el("textarea", { rows: 1, placeholder: "Follow up…", "aria-label": "Follow up" });
    const send = el("button.primary", "Send");
    const error = el("p.error.small.flow", { hidden: true, role: "alert" });
    const form = el("form", input, send, { onsubmit: followUp });
    input.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      // On a phone there is no other way to begin a new line.
      if (matchMedia("(pointer: coarse)").matches) return;
      event.preventDefault();
      form.requestSubmit();
    };
    /** Whether the end stays in sight when there is more; until one scrolls up. */
    let follows = true;
    scroll.onscroll = () => {
      follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    };
    const grown = new ResizeObserver(() => {
      if (follows) scroll.scrollTop = scroll.scrollHeight;
    });
    grown.observe(flow);
    main.replaceChildren(
      el(
        "header.bar",
        el("a.button.back", "‹", { href: "#/", "aria-label": "All sessions" }),
        el("div.names", title, about),
        el("div.actions", cancel, remove),
      ),
      scroll,
      el("div.write", error, form),
    );

    function tell(problem) {
      error.textContent = problem?.message ?? "";
      error.hidden = problem === undefined;
    }

    async function end() {
      cancel.disabled = true;
      await json(`sessions/${id}/cancel`, { method: "POST" }).then(() => tell(), tell);
      cancel.disabled = false;
      state.refresh();
    }

    async function drop() {
      if (!confirm("Delete this session with its output?")) return;
      try {
        await json(`sessions/${id}`, { method: "DELETE" });
        location.hash = "#/";
        state.refresh();
      } catch (problem) {
        tell(problem);
      }
    }

    async function followUp(event) {
      event.preventDefault();
      const prompt = input.value.trim();
      if (prompt === "") return;
      send.disabled = true;
      try {
        await json(`sessions/${id}/messages`, { method: "POST", body: { prompt } });
        input.value = "";
        tell();
        wake();
      } catch (problem) {
        tell(problem);
      }
      send.disabled = false;
      state.refresh();
    }

    function update(info = state.sessions.find((one) => one.id === id)) {
      if (info === undefined) return;
      title.textContent = info.title;
      title.title = info.title;
      const queued = info.queued > 0 ? ` · ${info.queued} waiting` : "";
      about.replaceChildren(
        el(`span.dot.${info.status}`),
        ` ${info.status}${queued} · ${info.executor} · ${info.permission_mode} · ${info.project_path}`,
      );
      about.title = info.project_path;
      cancel.hidden = info.status !== "running" && info.queued === 0;
      remove.hidden = !cancel.hidden;
      if (info.status === "running") wake();
    }

    /** Begins to listen again when it had come to an end. */
    let wake = () => {};
    async function listen() {
      const said = transcript(flow);
      let cursor;
      for (let wait = 500; !stop.signal.aborted;) {
        try {
          const more = cursor === undefined ? {} : { "Last-Event-ID": cursor };
          for await (
            const event of events(`sessions/${id}?format=events`, { signal: stop.signal, more })
          ) {
            said.take(event);
            cursor = event.id ?? cursor;
            wait = 500;
          }
          state.refresh();
          await new Promise((resolve) => {
            wake = resolve;
            stop.signal.addEventListener("abort", resolve, { once: true });
          });
          wake = () => {};
        } catch (problem) {
          if (stop.signal.aborted) return;
          if (problem.status === 404) return tell(problem);
          await new Promise((resolve) => setTimeout(resolve, wait));
          wait = Math.min(wait * 2, 10_000);
        }
      }
    }
    listen();
    json(`sessions/${id}`).then(update, tell);
    return {
      id,
      stop() {
        stop.abort();
        grown.disconnect();
      },
      update: () => update(),
    };
  }

  arp.showSession = showSession;
})();
