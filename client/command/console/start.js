/** The form for a new session. Defines `arp.showStart`. */
/* global arp */
(() => {
  const { el, json, replace, state } = arp;
  const main = document.querySelector("#main");

  function showStart() {
    const prompt = el("textarea", {
      name: "prompt",
      required: true,
      placeholder: "What should it do?",
    });
    const executor = el("select", el("option", "Looking for CLIs…"), {
      name: "executor",
      onchange: choose,
    });
    const mode = el("select", { name: "permission_mode" });
    const folder = el("input", { name: "project_path", placeholder: "The first project root" });
    folder.setAttribute("list", "folders");
    const hint = el("p.soft.small.hint");
    const error = el("p.error", { hidden: true, role: "alert" });
    const go = el("button.primary", "Start", { disabled: true });
    let all = [];

    function choose() {
      const chosen = all.find(({ name }) => name === executor.value);
      if (chosen === undefined) return;
      const allowed = chosen.modes.filter((one) => one.allowed);
      mode.replaceChildren(...allowed.map((one) => el("option", one.name, { value: one.name })));
      mode.onchange = () => {
        modeHint.textContent = allowed.find(({ name }) => name === mode.value)?.about ?? "";
      };
      mode.onchange();
      hint.textContent = chosen.installed
        ? `${chosen.version}. ${chosen.login}`
        : `${chosen.problem ?? "Not installed"}. ${chosen.install}`;
      go.disabled = !chosen.installed;
    }

    const modeHint = el("p.soft.small.hint");
    const field = (text, ...inside) => el("label", text, inside);
    const form = el(
      "form.start",
      field("Prompt", prompt),
      el("div.pair", field("CLI", executor, hint), field("Permissions", mode, modeHint)),
      el(
        "div.pair",
        field("Folder", folder),
        field("Model", el("input", { name: "model", placeholder: "The CLI's own choice" })),
      ),
      el(
        "label.check",
        el("input", { type: "checkbox", name: "resume_last" }),
        "Go on with the last session in this folder",
      ),
      error,
      el("div.row", go),
      el("datalist", { id: "folders" }),
      { onsubmit: start },
    );

    async function start(event) {
      event.preventDefault();
      const given = Object.fromEntries(
        [...new FormData(form)].filter(([, value]) => value !== ""),
      );
      go.disabled = true;
      try {
        const body = { ...given, resume_last: form.elements.resume_last.checked };
        const session = await json("sessions", { method: "POST", body });
        location.replace(`#/s/${session.id}`);
        state.refresh();
      } catch (problem) {
        error.textContent = problem.message;
        error.hidden = false;
        go.disabled = false;
      }
    }

    main.replaceChildren(
      el(
        "header.bar",
        el("a.button.back", "‹", { href: "#/", "aria-label": "All sessions" }),
        el("h1.title", "New session"),
      ),
      el("div.scroll", form),
    );
    json("executors").then(({ executors }) => {
      all = executors.toSorted((a, b) => Number(b.installed) - Number(a.installed));
      executor.replaceChildren(
        ...all.map(({ name, title, installed }) =>
          el("option", installed ? title : `${title} (not installed)`, { value: name })
        ),
      );
      choose();
    }, (problem) => {
      error.textContent = problem.message;
      error.hidden = false;
    });
    const update = () => {
      const folders = [...new Set(state.sessions.map(({ project_path }) => project_path))];
      replace(form.querySelector("#folders"), folders.map((value) => el("option", { value })));
    };
    update();
    return { stop() {}, id: undefined, update };
  }

  arp.showStart = showStart;
})();
