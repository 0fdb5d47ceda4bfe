/** The console: the list of sessions, and what is shown beside it. */
/* global arp */
(() => {
  const { el, json, link, replace, question, showSession, showStart, state } = arp;
  const app = document.querySelector("#app");
  const main = document.querySelector("#main");
  const trouble = document.querySelector("#trouble");
  /** How often the list is asked for, in milliseconds; only while somebody looks. */
  const REFRESH_MS = 3000;

  /** What is shown in the main part; called off when something else is. */
  let shown = { stop() {}, id: undefined, update() {} };

  for (const anchor of document.querySelectorAll("[data-href]")) {
    anchor.href = link(anchor.dataset.href);
  }

  /** Requests for the list so far, and those that have no answer yet. */
  let asked = 0;
  let open = 0;

  async function refresh() {
    const mine = ++asked;
    open++;
    try {
      const [list, waiting] = await Promise.all([
        json("sessions?limit=100"),
        json("permissions?status=pending&limit=50"),
      ]);
      // An answer that has been overtaken tells of what was.
      if (mine !== asked) return;
      state.sessions = list.sessions;
      state.questions = waiting.permissions;
      trouble.hidden = true;
    } catch (error) {
      trouble.textContent = `Cannot reach arpc: ${error.message}`;
      trouble.hidden = false;
      return;
    } finally {
      open--;
    }
    showList();
    shown.update();
  }

  function showList() {
    const foreign = state.questions.filter(({ session_id }) => session_id === null);
    replace(
      document.querySelector("#waiting"),
      foreign.map((one) =>
        el(
          "a.item.asks",
          el("div.title", one.title),
          el("div.meta", "A CLI elsewhere asks"),
          { href: `#/ask/${one.id}` },
        )
      ),
    );
    replace(document.querySelector("#sessions"), state.sessions.map(listed));
    const { length } = state.questions;
    document.title = length > 0 ? `(${length}) ARP` : "ARP";
  }

  function listed(session) {
    const { id, title, status, executor, project_path, updated_at, pending_permissions } = session;
    return el(
      `a.item${pending_permissions > 0 ? ".asks" : ""}`,
      el("div.title", title),
      el(
        "div.meta",
        el(`span.dot.${status}`, { title: status }),
        el("span", executor),
        el("span.where", folderName(project_path), { title: project_path }),
        el("span", ago(updated_at)),
      ),
      { href: `#/s/${id}`, "aria-current": String(shown.id === id) },
    );
  }

  const folderName = (path) => path.split(/[\\/]/).findLast((part) => part !== "") ?? path;

  function ago(time) {
    const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
    if (seconds < 60) return "now";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    return new Date(time).toLocaleDateString();
  }

  function showQuestion(id) {
    const flow = el("div.flow");
    main.replaceChildren(
      el(
        "header.bar",
        el("a.button.back", "‹", { href: "#/", "aria-label": "All sessions" }),
        el("h1.title", "Question"),
      ),
      el("div.scroll", flow),
    );
    let before;
    const update = () =>
      json(`permissions/${id}`).then((permission) => {
        if (permission.status === before) return;
        before = permission.status;
        flow.replaceChildren(question(permission));
      }, (problem) => flow.replaceChildren(el("p.error", problem.message)));
    update();
    return { stop() {}, id: undefined, update };
  }

  function showNothing() {
    main.replaceChildren(el(
      "div.empty",
      el("p.soft", "Choose a session, or start one."),
      el("a.button.primary", "New session", { href: "#/new" }),
    ));
    return { stop() {}, id: undefined, update() {} };
  }

  function route() {
    shown.stop();
    const [, what = "", id = ""] = location.hash.split("/");
    app.classList.toggle("home", what === "");
    if (what === "s") shown = showSession(id);
    else if (what === "new") shown = showStart();
    else if (what === "ask") shown = showQuestion(id);
    else shown = showNothing();
    showList();
  }

  state.refresh = refresh;
  addEventListener("hashchange", () => {
    route();
    refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  setInterval(() => {
    if (!document.hidden && open === 0) refresh();
  }, REFRESH_MS);
  route();
  refresh();
})();
