/** What a session said, as it comes. Defines `arp.transcript`. */
/* global arp */
(() => {
  const { el, question } = arp;
  /** Entries that are shown; the oldest go. */
  const MAX_SHOWN = 3000;

  function transcript(flow) {
    const tools = new Map();
    const asked = new Map();
    let text;

    function add(element) {
      text = undefined;
      flow.append(element);
      while (flow.childElementCount > MAX_SHOWN) flow.firstElementChild.remove();
      return element;
    }

    function say(what, content) {
      if (content?.type === "image") return add(el("p.note", "(an image)"));
      if (typeof content?.text !== "string") return;
      if (text?.what !== what) {
        const element = add(el(what === "agent" ? "div.said" : "div.thought"));
        text = { what, whole: "", element, drawn: true };
      }
      text.whole += content.text;
      if (text.drawn) draw(text);
    }

    /** Once for all that comes between two frames. */
    function draw(one) {
      one.drawn = false;
      requestAnimationFrame(() => {
        one.drawn = true;
        if (one.what === "agent") one.element.replaceChildren(...formatted(one.whole));
        else one.element.textContent = one.whole;
      });
    }

    function tool(update) {
      let known = tools.get(update.toolCallId);
      if (known === undefined) {
        const parts = { dot: el("span.dot"), name: el("span.name"), inside: el("div.inside") };
        add(el("details.tool", el("summary", parts.dot, parts.name), parts.inside));
        known = { parts, all: {} };
        tools.set(update.toolCallId, known);
      }
      Object.assign(known.all, update);
      const { title, status, rawInput, rawOutput, content } = known.all;
      known.parts.name.textContent = title ?? update.toolCallId;
      known.parts.dot.className = `dot ${{ in_progress: "running" }[status] ?? status ?? ""}`;
      const inside = [
        rawInput !== undefined && el("pre", pretty(rawInput)),
        ...(content ?? []).map(toolContent),
        rawOutput !== undefined && !content?.length && el("pre", pretty(rawOutput)),
      ];
      known.parts.inside.replaceChildren(...inside.filter(Boolean));
      known.parts.inside.hidden = known.parts.inside.childElementCount === 0;
    }

    const kinds = {
      user_message(line) {
        add(el("div.said.user", line.text));
        for (const { name } of line.attachments ?? []) add(el("p.note", `Attached: ${name}`));
      },
      permission_request({ permission }) {
        asked.set(permission.id, add(question(permission)));
      },
      permission_resolved({ permission }) {
        const element = question(permission);
        const before = asked.get(permission.id);
        if (before === undefined) add(element);
        else before.replaceWith(element);
        asked.set(permission.id, element);
      },
      notice: (line) => add(el("p.note", line.text)),
      reset() {
        tools.clear();
        asked.clear();
        flow.replaceChildren();
        add(el("p.note", "What came before is not kept any more."));
      },
      completion({ status, exit_code, reason }) {
        const code = status === "failed" && exit_code !== null ? ` (exit ${exit_code})` : "";
        add(el(
          "div.end",
          el("span.why", el(`span.dot.${status}`), ` ${status}${code}`, reason && `: ${reason}`),
        ));
      },
    };

    return {
      take({ event, data }) {
        const value = JSON.parse(data);
        if (event !== "session_update") return kinds[value.type]?.(value);
        const { sessionUpdate: kind, content } = value;
        if (kind === "agent_message_chunk") say("agent", content);
        else if (kind === "agent_thought_chunk") say("thought", content);
        else if (kind === "tool_call" || kind === "tool_call_update") tool(value);
        else if (kind === "plan") {
          const done = { completed: "✓", in_progress: "▸" };
          const lines = value.entries.map((one) => `${done[one.status] ?? "·"} ${one.content}`);
          add(el("p.note", lines.join("\n")));
        }
      },
    };
  }

  const pretty = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);

  function toolContent({ type, content, path, oldText, newText }) {
    if (type === "diff") {
      const lines = (tag, text) => (text ?? "").split("\n").map((line) => el(tag, line || " "));
      return el(
        "div",
        el("p.small.soft.mono", path),
        el("pre.diff", oldText ? lines("del", oldText) : [], lines("ins", newText)),
      );
    }
    return el("pre", content?.text ?? `(${content?.type ?? type})`);
  }

  /** A block of code, also one that has no end yet. */
  const FENCE = /^```[^\n]*\n([\s\S]*?)(?:^```[^\S\n]*$|$(?![\s\S]))/m;

  /** Text with its code set off; everything else stays as it was written. */
  function formatted(whole) {
    return whole.split(FENCE).flatMap((part, i) => {
      const text = part.replace(/^\n+|\n+$/g, "");
      if (i % 2 === 1) return [el("pre", el("code", text))];
      return text.split(/`([^`\n]+)`/).map((piece, j) => j % 2 === 1 ? el("code", piece) : piece);
    });
  }

  arp.transcript = transcript;
})();
