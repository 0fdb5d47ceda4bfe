/** Shows the OpenAPI document of this very arpc. */
/* global arp */
(() => {
  const { el, json, link } = arp;
  const main = document.querySelector("#main");
  const index = document.querySelector("#index");
  /** How deep schemas are shown in one another; they may contain themselves. */
  const MAX_DEPTH = 4;
  let components = {};

  for (const anchor of document.querySelectorAll("[data-href]")) {
    anchor.href = link(anchor.dataset.href);
  }

  /** A text with `code` in it. */
  function rich(text) {
    return text.split("`").map((part, i) => i % 2 === 1 ? el("code", part) : part);
  }

  function resolve(schema) {
    const name = /^#\/components\/schemas\/(.*)$/.exec(schema?.$ref ?? "")?.[1];
    return name === undefined ? schema ?? {} : { ...components[name], refName: name };
  }

  /** A schema in a few words. */
  function typeOf(given) {
    const schema = resolve(given);
    const many = schema.anyOf ?? schema.oneOf;
    if (many !== undefined) return [...new Set(many.map(typeOf))].join(" or ");
    if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    const types = [schema.type ?? "any"].flat().filter((type) => type !== "null");
    const shown = types.map((type) => {
      if (type === "array") return `${typeOf(schema.items)}[]`;
      if (type === "object" && schema.refName !== undefined) return schema.refName;
      return schema.format === undefined ? type : `${type} (${schema.format})`;
    });
    if ([schema.type].flat().includes("null")) shown.push("null");
    return shown.join(" or ");
  }

  function limitsOf(schema) {
    const said = [];
    if (schema.minimum !== undefined || schema.maximum !== undefined) {
      said.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
    }
    if (schema.maxLength !== undefined) said.push(`up to ${schema.maxLength} characters`);
    if (schema.maxItems !== undefined) said.push(`up to ${schema.maxItems}`);
    if (schema.default !== undefined) said.push(`default ${JSON.stringify(schema.default)}`);
    return said.join(", ");
  }

  function field(name, given, required, depth) {
    const schema = resolve(given);
    const limits = limitsOf(schema);
    const example = schema.example ?? schema.examples?.[0];
    return el(
      "div",
      el("dt", name, required && el("span.must", " *", { title: "required" })),
      el(
        "dd",
        el("span.type", typeOf(given), limits && ` · ${limits}`),
        schema.description && el("div", rich(schema.description)),
        example !== undefined &&
          el("div.soft.small", "Example: ", el("code", JSON.stringify(example))),
        depth > 0 && fieldsOf(schema, depth - 1),
      ),
    );
  }

  /** The fields of an object, or of the objects in a list. */
  function fieldsOf(given, depth = MAX_DEPTH) {
    const schema = resolve(given);
    const many = schema.anyOf ?? schema.oneOf ?? schema.allOf;
    if (many !== undefined) {
      const inside = many.map((one) => fieldsOf(one, depth)).filter((one) => one !== undefined);
      return inside.length === 0 ? undefined : el("div", inside);
    }
    if (schema.type === "array") return fieldsOf(schema.items, depth);
    const properties = Object.entries(schema.properties ?? {});
    if (properties.length === 0) return undefined;
    const required = schema.required ?? [];
    return el(
      "dl.fields",
      properties.map(([name, one]) => field(name, one, required.includes(name), depth)),
    );
  }

  function contentOf(content) {
    return Object.entries(content ?? {}).map(([type, { schema }]) =>
      el(
        "div",
        el("div", el("code", type), " ", el("span.type", typeOf(schema))),
        resolve(schema).description && el("p.soft.small", rich(resolve(schema).description)),
        fieldsOf(schema),
      )
    );
  }

  function parametersOf(parameters) {
    return el(
      "dl.fields",
      parameters.map((one) => {
        const shown = field(one.name, one.schema, one.required, 1);
        shown.querySelector(".type").append(` · in ${one.in}`);
        if (one.description && !resolve(one.schema).description) {
          shown.querySelector("dd").append(el("div", rich(one.description)));
        }
        return shown;
      }),
    );
  }

  function operation(path, method, one) {
    const good = Object.entries(one.responses).filter(([status]) => status < "300");
    const bad = Object.entries(one.responses).filter(([status]) => status >= "300");
    return el(
      "details.operation",
      { id: idOf(path, method) },
      el(
        "summary",
        el(`span.method.${method}`, method),
        el("span.path", path),
        el("span.about", one.summary ?? ""),
      ),
      el(
        "div.inside",
        one.description && el("p", rich(one.description)),
        one.parameters?.length > 0 &&
          el("div", el("h3", "Parameters"), parametersOf(one.parameters)),
        one.requestBody && el("div", el("h3", "Body"), contentOf(one.requestBody.content)),
        good.map(([status, answer]) =>
          el(
            "div",
            el("h3", el("span.status.good", status), ` ${answer.description}`),
            contentOf(answer.content),
          )
        ),
        el(
          "div",
          el("h3", "Errors"),
          el(
            "div.small",
            bad.map(([status, { description }], i) => [
              i > 0 && ", ",
              el("span.status", status),
              ` ${description}`,
            ]),
          ),
        ),
      ),
    );
  }

  const idOf = (path, method) => `${method}${path.replaceAll(/[^a-z]+/gi, "-")}`;

  function show(document_) {
    components = document_.components?.schemas ?? {};
    document.title = document_.info.title;
    const all = Object.entries(document_.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]) => ({ path, method, one }))
    );
    main.replaceChildren(
      el("h1", document_.info.title, " ", el("span.chip", document_.info.version)),
      el("p.intro", rich(document_.info.description)),
    );
    for (const { name, description } of document_.tags) {
      const own = all.filter(({ one }) => one.tags?.includes(name));
      main.append(el(
        "section",
        el("h2", name),
        description && el("p.soft", description),
        own.map(({ path, method, one }) => operation(path, method, one)),
      ));
      index.append(
        el("h3", name),
        ...own.map(({ path, method, one }) =>
          el("a", one.summary.split(";")[0], {
            href: `#${idOf(path, method)}`,
            onclick: openTarget,
          })
        ),
      );
    }
    openTarget();
  }

  function openTarget(event) {
    const id = event?.currentTarget?.hash ?? location.hash;
    const target = document.getElementById(decodeURIComponent(id.slice(1)));
    if (target?.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  }

  document.querySelector("#filter").oninput = ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    for (const section of main.querySelectorAll("section")) {
      for (const one of section.querySelectorAll(".operation")) {
        const text = one.querySelector("summary").textContent.toLowerCase();
        one.hidden = !words.every((word) => text.includes(word));
      }
      section.hidden = section.querySelector(".operation:not([hidden])") === null;
    }
  };

  json("openapi.json").then(show, (error) => {
    main.replaceChildren(el("p.must", error.message));
  });
})();
