/** A question of a CLI, with what answers it. Defines `arp.question`. */
/* global arp */
(() => {
  const { el, json, state } = arp;

  /** A question with what answers it, as long as it waits. */
  function question(permission) {
    const { id, title, toolName, toolInput, status, scopes, denyReason } = permission;
    const input = typeof toolInput === "string" ? toolInput : JSON.stringify(toolInput, null, 2);
    if (status !== "pending") {
      return el(
        "div.ask.over",
        el("h3", title),
        el("p.soft.small", decided(permission), denyReason && `: ${denyReason}`),
      );
    }
    const error = el("p.error.small", { hidden: true });
    const reason = el("input", { placeholder: "Why not (optional)", "aria-label": "Why not" });
    const buttons = [
      el("button.primary", "Allow", { type: "button", onclick: () => answer("approve", "once") }),
      scopes.includes("session") &&
      el("button", "Allow for this session", {
        type: "button",
        onclick: () => answer("approve", "session"),
      }),
      scopes.includes("always") &&
      el("button", "Always allow", { type: "button", onclick: () => answer("approve", "always") }),
      el("button.danger", "Deny", { type: "button", onclick: () => answer("deny") }),
    ].filter(Boolean);
    async function answer(action, scope) {
      for (const button of buttons) button.disabled = true;
      const denyReason = reason.value.trim();
      try {
        await json(`permissions/${id}/decision`, {
          method: "POST",
          body: {
            action,
            ...(scope === undefined ? {} : { scope }),
            ...(action === "deny" && denyReason !== "" ? { denyReason } : {}),
          },
        });
      } catch (problem) {
        error.textContent = problem.message;
        error.hidden = false;
      }
      state.refresh();
    }
    return el(
      "div.ask",
      el("h3", title),
      el("p.soft.small", `${toolName} wants to be used with`),
      el("pre", input),
      el("div.row", buttons),
      reason,
      error,
      { role: "group", "aria-label": `Question: ${title}` },
    );
  }

  function decided({ status, scope }) {
    if (status !== "approved") {
      return { denied: "Denied", expired: "Expired" }[status] ?? "Withdrawn";
    }
    return scope === "session" || scope === "always" ? `Allowed (${scope})` : "Allowed";
  }

  arp.question = question;
})();
