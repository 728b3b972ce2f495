// A reading of openapi.json: each address, what it takes and what it answers.
"use strict";

(async () => {
  const api = await (await fetch("openapi.json")).json();

  function element(name, text = "", ...children) {
    const made = document.createElement(name);
    made.textContent = text;
    made.append(...children);
    return made;
  }

  const resolve = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema);

  // A schema as an example of its shape, for people.
  function shape(schema, depth = 0) {
    const s = resolve(schema) || {};
    if (depth > 4) return "…";
    if (s.anyOf) return s.anyOf.map((one) => shape(one, depth + 1)).join(" or ");
    if (s.type === "object" && s.properties) {
      return Object.fromEntries(Object.entries(s.properties).map(([k, v]) => [k, shape(v, depth + 1)]));
    }
    if (s.type === "array") return [shape(s.items, depth + 1)];
    return s.type || "anything";
  }

  const block = (schema) => {
    const pre = element("pre", JSON.stringify(shape(schema), null, 2));
    pre.tabIndex = 0; // it may scroll sideways
    return pre;
  };

  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, what] of Object.entries(methods)) {
      const section = element("section");
      section.append(element("h2", `${method.toUpperCase()} ${path}`), element("p", what.description || what.summary));
      if (what.parameters?.length) {
        const list = element("ul");
        for (const one of what.parameters) {
          const { minimum, maximum, default: usual } = one.schema;
          const range = minimum === undefined ? "" : `, ${minimum} to ${maximum}`;
          const standard = usual === undefined ? "" : `, ${JSON.stringify(usual)} if left out`;
          list.append(element("li", `${one.name}: ${shape(one.schema)}${range}${standard}`));
        }
        section.append(list);
      }
      const body = what.requestBody?.content["application/json"]?.schema;
      if (body) section.append(element("p", "Takes:"), block(body));
      for (const [status, answer] of Object.entries(what.responses)) {
        const schema = answer.content?.["application/json"]?.schema;
        section.append(element("p", `${status}: ${answer.description}`));
        if (schema && status === "200" && Object.keys(resolve(schema)).length > 1) section.append(block(schema));
      }
      document.getElementById("paths").append(section);
    }
  }
  document.body.dataset.ready = "true";
})();
