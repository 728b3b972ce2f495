"use strict";
(() => {
  const { runs, panels, colours, dashes } = JSON.parse(document.getElementById("data").textContent);
  const svg = document.getElementById("curves"), card = document.getElementById("card");
  const WIDE = 250, HIGH = 270, LEFT = 46, TOP = 28, BOTTOM = 40, RIGHT = 8;
  const legend = 22 * Math.ceil((colours.length + dashes.length) / 3);
  svg.setAttribute("viewBox", `0 0 ${WIDE * panels.length} ${HIGH + legend + 6}`);
  const lines = [];
  let chosen = -1, hovered = -1;

  const make = (name, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    svg.appendChild(node);
    return node;
  };
  const say = (name, text) => {
    const node = document.createElement(name);
    node.textContent = text;
    return node;
  };

  panels.forEach((panel, number) => {
    const start = number * WIDE, own = runs.filter(run => run.panel === panel.name);
    const values = own.flatMap(run => run.loss).filter(v => v !== null);
    const low = Math.min(...values), high = Math.max(...values), span = high - low || 1;
    const last = Math.max(2, ...own.map(run => run.loss.length));
    const across = i => start + LEFT + (WIDE - LEFT - RIGHT) * i / (last - 1);
    const upward = v => TOP + 6 + (HIGH - TOP - BOTTOM - 12) * (high - v) / span;
    make("text", { class: "title", x: start + LEFT, y: 16 }, `${panel.name}, in ${panel.unit}`);
    make("path", { class: "axis",
      d: `M${start + LEFT} ${TOP}V${HIGH - BOTTOM}H${start + WIDE - RIGHT}` });
    for (const v of [low, low + span / 2, high])
      make("text", { x: start + LEFT - 5, y: upward(v) + 4, "text-anchor": "end" }, v.toFixed(2));
    for (const epoch of [1, last])
      make("text", { x: across(epoch - 1), y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, epoch);
    make("text", { x: start + (LEFT + WIDE) / 2, y: HIGH - 6, "text-anchor": "middle" }, "epoch");
    for (const run of own) {
      const points = run.loss.map((v, i) => [across(i), upward(v), v]).filter(p => p[2] !== null);
      const line = make("polyline", { class: "run", stroke: run.colour,
        "stroke-dasharray": run.dash, points: points.map(p => `${p[0]},${p[1]}`).join(" ") });
      lines.push({ run, line, points });
    }
  });
  [...colours, ...dashes].forEach((one, i) => {
    const x = LEFT + i % 3 * 240, y = HIGH + 14 + 22 * Math.floor(i / 3);
    make("path", { class: "run strong", d: `M${x} ${y - 4}h30`, stroke: one.colour,
      "stroke-dasharray": one.dash });
    make("text", { x: x + 38, y }, one.name);
  });

  const look = () => lines.forEach(({ line }, i) => {
    const on = i === chosen || i === hovered;
    line.setAttribute("class", `run${on ? " strong" : chosen + hovered > -2 ? " faint" : ""}`);
  });
  const show = i => {
    const { run } = lines[i], list = document.createElement("ol");
    list.append(...run.ten.map(title => say("li", title)));
    card.replaceChildren(say("h2", run.name), ...run.measures.map(m => say("p", m)),
      say("p", run.ten.length ? "Its ten films for you:" : "This run has no model."), list);
  };
  const choose = i => { chosen = i; show(i); look(); };

  // The nearest line to the pointer, by the distance to its points and what lies between two.
  const nearest = event => {
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    const scale = Math.min(box.width / view.width, box.height / view.height);
    const x = (event.clientX - box.left - (box.width - view.width * scale) / 2) / scale;
    const y = (event.clientY - box.top - (box.height - view.height * scale) / 2) / scale;
    let best = -1, least = 14;
    lines.forEach(({ points }, i) => points.forEach(([a, b], j) => {
      const [c, d] = points[Math.max(0, j - 1)], square = (a - c) ** 2 + (b - d) ** 2 || 1;
      const t = Math.min(1, Math.max(0, ((x - c) * (a - c) + (y - d) * (b - d)) / square));
      const apart = Math.hypot(x - c - t * (a - c), y - d - t * (b - d));
      if (apart < least) { best = i; least = apart; }
    }));
    return best;
  };
  svg.addEventListener("pointermove", event => {
    const i = nearest(event);
    if (i === hovered) return;
    hovered = i;
    if (i >= 0) show(i); else if (chosen >= 0) show(chosen);
    look();
  });
  svg.addEventListener("pointerleave", () => {
    hovered = -1;
    if (chosen >= 0) show(chosen);
    look();
  });
  svg.addEventListener("click", event => {
    const i = nearest(event);
    if (i >= 0) choose(i);
  });
  svg.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose((Math.max(chosen, step > 0 ? -1 : 0) + step + lines.length) % lines.length);
  });

  document.querySelector(".live").hidden = false;
  card.append(say("p", "Choose a run: a line of a panel."));
})();
