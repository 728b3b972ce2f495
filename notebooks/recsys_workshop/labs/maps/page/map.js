"use strict";
(() => {
  const { films, labels, you } = JSON.parse(document.getElementById("data").textContent);
  const svg = document.getElementById("map"), card = document.getElementById("card");
  const search = document.getElementById("search"), hits = document.getElementById("hits");
  const W = 760, H = 620, PAD = 44;
  const range = side => {
    const all = films.map(f => f[side]), low = Math.min(...all), high = Math.max(...all);
    const more = 0.06 * (high - low || 1);
    return [low - more, high + more];
  };
  const whole = { x: range("x"), y: range("y") };
  let view = { x: [...whole.x], y: [...whole.y] }, chosen = -1, hovered = -1;

  const make = (name, attributes, parent, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  };
  const left = value => PAD + (W - PAD - 8) * (value - view.x[0]) / (view.x[1] - view.x[0]);
  const top = value => 8 + (H - PAD - 8) * (view.y[1] - value) / (view.y[1] - view.y[0]);
  const place = f => [left(f.x), top(f.y)];
  const inside = ([x, y]) => x >= PAD && x <= W - 8 && y >= 8 && y <= H - PAD;

  const steps = ([low, high]) => {
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough);
    const found = [];
    for (let v = Math.ceil(low / step); v * step <= high; v++)
      found.push(+(v * step).toPrecision(6));
    return found;
  };

  // Only its direction counts: it ends at nine tenths of the way to the map's edge.
  const arrow = () => {
    const reach = (side, v) => v > 0 ? whole[side][1] / v : v < 0 ? whole[side][0] / v : Infinity;
    const far = 0.9 * Math.min(reach("x", you[0]), reach("y", you[1]));
    const [x0, y0] = [left(0), top(0)], [x, y] = [left(you[0] * far), top(you[1] * far)];
    if (!inside([x, y]) || !inside([x0, y0])) return;
    const turn = Math.atan2(y - y0, x - x0) * 180 / Math.PI;
    make("line", { class: "you", x1: x0, y1: y0, x2: x, y2: y }, svg);
    make("path", { class: "you", d: "M0 0l-12 5v-10z",
      transform: `translate(${x} ${y}) rotate(${turn})` }, svg);
    const length = Math.hypot(x - x0, y - y0), out = v => 20 * v / length;
    make("text", { class: "who", x: x + out(x - x0), y: y + out(y - y0) + 5,
      "text-anchor": "middle" }, svg, "you");
  };

  // The first genres that most films have, by colour and shape; all others are grey dots.
  const first = f => (f.genres || "").split(", ")[0];
  const count = {};
  for (const f of films) if (first(f)) count[first(f)] = (count[first(f)] || 0) + 1;
  const kinds = Object.keys(count).sort((a, b) => count[b] - count[a]).slice(0, 5);
  const kind = f => kinds.indexOf(first(f));
  const SHAPES = [
    (x, y, s) => `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0z`,
    (x, y, s) => `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}z`,
    (x, y, s) => `M${x} ${y - 1.2 * s}l${1.2 * s} ${2 * s}h${-2.4 * s}z`,
    (x, y, s) => `M${x} ${y + 1.2 * s}l${1.2 * s} ${-2 * s}h${-2.4 * s}z`,
    (x, y, s) => `M${x - s} ${y - s}l${2 * s} ${2 * s}M${x + s} ${y - s}l${-2 * s} ${2 * s}`,
  ];
  const shape = (which, x, y, s) => (SHAPES[which] || SHAPES[0])(x, y, which < 0 ? 0.7 * s : s);

  const draw = () => {
    svg.replaceChildren();
    for (const v of steps(view.x))
      make("text", { x: left(v), y: H - 26, "text-anchor": "middle" }, svg, v);
    for (const v of steps(view.y))
      make("text", { x: PAD - 6, y: top(v) + 4, "text-anchor": "end" }, svg, v);
    if (view.x[0] < 0 && view.x[1] > 0)
      make("line", { class: "zero", x1: left(0), x2: left(0), y1: 8, y2: H - PAD }, svg);
    if (view.y[0] < 0 && view.y[1] > 0)
      make("line", { class: "zero", x1: PAD, x2: W - 8, y1: top(0), y2: top(0) }, svg);
    make("text", { x: (W + PAD) / 2, y: H - 6, "text-anchor": "middle" }, svg, labels[0]);
    make("text", { transform: `translate(12 ${(H - PAD) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, svg, labels[1]);
    const near = chosen < 0 ? [] : films[chosen].near;
    const order = films.map((_, i) => i).filter(i => inside(place(films[i])));
    const rank = i =>
      (i === chosen ? 3 : near.includes(i) ? 2 : films[i].mine === undefined ? 0 : 1);
    order.sort((a, b) => rank(a) - rank(b));
    for (const i of order) {
      const [x, y] = place(films[i]), own = films[i].mine !== undefined;
      const look = (own ? "film mine" : `film g${kind(films[i])}`) + (near.includes(i) ? " near" : "")
        + (i === chosen ? " chosen" : "");
      const size = i === chosen ? 9 : own ? 7 : 5;
      if (own) make("path", { class: look,
        d: `M${x} ${y - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}z` }, svg);
      else make("path", { class: look, d: shape(kind(films[i]), x, y, size) }, svg);
    }
    if (you) arrow();
    const boxes = [];
    for (const i of new Set([chosen, hovered, ...near])) {
      if (i < 0 || !inside(place(films[i]))) continue;
      const [x, y] = place(films[i]), onLeft = x < W / 2;
      const name = make("text", { class: near.includes(i) ? "name close" : "name",
        x: onLeft ? x + 12 : x - 12, y: y < 30 ? y + 20 : y - 10,
        "text-anchor": onLeft ? "start" : "end" }, svg, films[i].title);
      const box = name.getBBox(), free = boxes.every(b => b.x > box.x + box.width
        || b.x + b.width < box.x || b.y > box.y + box.height || b.y + b.height < box.y);
      if (free || i === hovered || i === chosen) boxes.push(box); else name.remove();
    }
  };

  const button = (text, act) => {
    const node = document.createElement("button");
    node.type = "button";
    node.textContent = text;
    node.addEventListener("click", act);
    return node;
  };
  const line = (name, text) => {
    const node = document.createElement(name);
    node.textContent = text;
    return node;
  };

  const choose = i => {
    chosen = i;
    const f = films[i], [x, y] = place(f);
    if (!inside([x, y])) move(f.x - (view.x[0] + view.x[1]) / 2, f.y - (view.y[0] + view.y[1]) / 2);
    const words = [f.genres, `${f.ratings} ratings`];
    if (f.mine !== undefined) words.push(`your rating: ${f.mine}`);
    const list = document.createElement("ol");
    for (const j of f.near) {
      const item = document.createElement("li");
      item.append(button(films[j].title, () => { choose(j); svg.focus(); }));
      list.append(item);
    }
    card.replaceChildren(line("h2", f.title), line("p", words.filter(Boolean).join(" · ")),
      line("p", `${f.x.toFixed(2)} across, ${f.y.toFixed(2)} up`),
      line("p", "Nearest, ringed on the map:"), list);
    draw();
  };

  const move = (dx, dy) => {
    view = { x: view.x.map(v => v + dx), y: view.y.map(v => v + dy) };
  };
  const zoom = factor => {
    const at = { x: (view.x[0] + view.x[1]) / 2, y: (view.y[0] + view.y[1]) / 2 };
    if (chosen >= 0) { at.x = films[chosen].x; at.y = films[chosen].y; }
    for (const side of ["x", "y"])
      view[side] = view[side].map(v => at[side] + (v - at[side]) * factor);
    const wide = whole.x[1] - whole.x[0];
    if (view.x[1] - view.x[0] >= wide) view = { x: [...whole.x], y: [...whole.y] };
    draw();
  };
  const showAll = () => { view = { x: [...whole.x], y: [...whole.y] }; draw(); };

  // The next film in a direction: near, and not far off the line.
  const go = (dx, dy) => {
    if (chosen < 0) return choose(0);
    const [x0, y0] = place(films[chosen]);
    let best = -1, least = Infinity;
    films.forEach((f, i) => {
      const [x, y] = place(f), along = (x - x0) * dx + (y - y0) * dy;
      const aside = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
      if (i !== chosen && along > 0 && aside <= 2 * along && along + 2 * aside < least) {
        best = i;
        least = along + 2 * aside;
      }
    });
    if (best >= 0) choose(best);
  };

  const nearestTo = event => {
    const box = svg.getBoundingClientRect();
    const scale = Math.min(box.width / W, box.height / H);
    const x = (event.clientX - box.left - (box.width - W * scale) / 2) / scale;
    const y = (event.clientY - box.top - (box.height - H * scale) / 2) / scale;
    let best = -1, least = 18 ** 2;
    films.forEach((f, i) => {
      const [a, b] = place(f), apart = (a - x) ** 2 + (b - y) ** 2;
      if (apart < least && inside([a, b])) { best = i; least = apart; }
    });
    return best;
  };

  svg.addEventListener("pointermove", event => {
    const i = nearestTo(event);
    if (i !== hovered) { hovered = i; draw(); }
  });
  svg.addEventListener("pointerleave", () => { hovered = -1; draw(); });
  svg.addEventListener("click", event => {
    const i = nearestTo(event);
    if (i >= 0) choose(i);
  });
  svg.addEventListener("keydown", event => {
    const act = {
      ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0), ArrowUp: () => go(0, -1),
      ArrowDown: () => go(0, 1), "+": () => zoom(0.6), "=": () => zoom(0.6),
      "-": () => zoom(1 / 0.6), 0: showAll, Enter: () => choose(Math.max(chosen, 0)),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  document.getElementById("in").addEventListener("click", () => zoom(0.6));
  document.getElementById("out").addEventListener("click", () => zoom(1 / 0.6));
  document.getElementById("all").addEventListener("click", showAll);

  const plain = text => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  const found = () => {
    const words = plain(search.value).split(" ").filter(Boolean);
    if (!words.length) return [];
    const fits = i => words.every(w => plain(films[i].title).includes(w));
    return films.map((_, i) => i).filter(fits).slice(0, 8);
  };
  search.addEventListener("input", () => {
    const some = found();
    hits.replaceChildren(...some.map(i => {
      const item = document.createElement("li");
      item.append(button(films[i].title, () => { choose(i); svg.focus(); }));
      return item;
    }));
    if (!some.length && plain(search.value))
      hits.replaceChildren(line("li", "No film of that name is on this map."));
  });
  search.addEventListener("keydown", event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const some = found();
    if (some.length) choose(some[0]);
  });

  const legend = document.getElementById("legend");
  for (const [n, name] of (kinds.length ? [...kinds, "other"] : []).entries()) {
    const item = document.createElement("li"), which = n < kinds.length ? n : -1;
    const mark = make("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, item);
    make("path", { class: `film g${which}`, d: shape(which, 8, 8, 6) }, mark);
    item.append(name);
    legend.append(item);
  }
  document.getElementById("help").append(
    films.some(f => f.mine !== undefined) ? " Diamonds are films that you rated." : "",
    you ? " The arrow is you: films in its direction suit you." : "");
  document.querySelector(".live").hidden = false;
  document.getElementById("plain")?.removeAttribute("open");
  card.append(line("p", "Choose a film on the map or by its title."));
  draw();
})();
