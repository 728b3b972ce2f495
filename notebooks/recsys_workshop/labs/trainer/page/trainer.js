// The trainer's page: controls, two drawings, ratings and a list. The arithmetic is in the worker.
"use strict";

const $ = id => document.getElementById(id);
const { arrays, titles, ...plain } = JSON.parse($("data").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const worker = new Worker(
  URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" })));
const state = { curve: [], old: [], running: false, version: 0, places: null, from: null, to: null,
  moved: 0, at: -1, list: [], axes: null, me: null };
const kinds = { Uint8Array, Uint16Array, Uint32Array, Float32Array };

function unpacked({ kind, base64 }) {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  return new kinds[kind](bytes.buffer);
}

// ---- what the worker gets to do ----------------------------------------------------------------

const chosen = {
  dim: () => Number($("dim").value),
  l2: () => Number($("l2").value) <= -4 ? 0 : 10 ** Number($("l2").value),
  lr: () => 10 ** Number($("lr").value),
  objective: () => document.querySelector("[name=objective]:checked").value,
};

function restart() {
  if (state.curve.length > 1) state.old = state.curve;
  if (state.objective !== chosen.objective()) state.old = [];
  state.objective = chosen.objective();
  Object.assign(state, { curve: [], running: false, axes: null, version: state.version + 1 });
  worker.postMessage({ settings: {
    dim: chosen.dim(), l2: chosen.l2(), l2Bias: 0.01, lr: chosen.lr(),
    objective: state.objective, epochs: plain.epochs, seed: 0, version: state.version,
  } });
}

function label() {
  $("go").textContent = state.running ? "Pause"
    : state.curve.length > plain.epochs ? "Train again" : state.curve.length > 1 ? "Go on" : "Train";
  document.querySelectorAll("output").forEach(one => {
    const name = one.getAttribute("for");
    one.textContent = Number(chosen[name]().toPrecision(2));
  });
}

$("go").onclick = () => {
  if (state.curve.length > plain.epochs) restart();
  state.running = !state.running;
  worker.postMessage({ run: state.running });
  label();
};
$("again").onclick = restart;
$("controls").oninput = event => {
  label();
  if (event.target.name === "objective") restart();
};
$("controls").onchange = event => event.target.type === "range" && restart();
$("controls").onsubmit = event => event.preventDefault();

// ---- what the worker says ----------------------------------------------------------------------

worker.onmessage = ({ data: said }) => {
  if (said.version !== state.version) return;
  state.running = said.running;
  if (!state.curve.length || state.curve.at(-1).epoch < said.epoch) state.curve.push(said);
  const { lists, measured: now } = said;
  const word = lists ? `lists of ten hold ${(100 * now).toFixed(0)} % of what people went on to like`
    : `error on ratings not used for training: ${now.toFixed(3)} stars`;
  if (said.epoch) $("said").textContent = `Epoch ${said.epoch} of ${plain.epochs}: ${word}.`;
  else $("said").textContent = `Not trained yet: ${word}.`;
  $("curve").setAttribute("aria-label", `Curve of the run. ${$("said").textContent}`);
  place(said);
  show(said);
  label();
  requestAnimationFrame(draw);
};

// The two directions in which the films differ most. It starts at the previous ones: nothing jumps.
function place({ shown, dim, reader }) {
  const n = shown.length / dim, mean = new Float64Array(dim);
  for (let k = 0; k < shown.length; k++) mean[k % dim] += shown[k] / n;
  if (!state.axes || state.axes[0].length !== dim)
    state.axes = [0, 1].map(a => Float64Array.from(mean, (_, k) => (k % 2 === a ? 1 : 0.1)));
  const along = (axis, row) => {
    let sum = 0;
    for (let k = 0; k < dim; k++) sum += axis[k] * (shown[row * dim + k] - mean[k]);
    return sum;
  };
  for (let turn = 0; turn < 6; turn++) state.axes.forEach((axis, which) => {
    const next = new Float64Array(dim);
    for (let row = 0; row < n; row++) {
      const far = along(axis, row);
      for (let k = 0; k < dim; k++) next[k] += far * (shown[row * dim + k] - mean[k]);
    }
    if (which) {  // at a right angle to the first
      const first = state.axes[0], overlap = next.reduce((sum, x, k) => sum + x * first[k], 0);
      next.forEach((_, k) => { next[k] -= overlap * first[k]; });
    }
    const length = Math.hypot(...next) || 1;
    next.forEach((_, k) => { axis[k] = next[k] / length; });
  });
  const to = Array.from({ length: n }, (_, row) => state.axes.map(axis => along(axis, row)));
  const spread = Math.max(1e-9, ...to.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  const size = Math.hypot(...reader);
  const mine = state.axes.map(axis => reader.reduce((sum, x, k) => sum + x * axis[k], 0) / (size || 1));
  state.from = state.places && state.places.length === n + 1 ? state.places : null;
  state.to = [...to.map(([x, y]) => [x / spread, y / spread]), mine.map(x => 0.85 * x)];
  state.rated = size > 0;
  state.moved = performance.now();
}

function show({ list, stars }) {
  const before = new Set(state.list);
  $("empty").hidden = list.length > 0;
  $("list").replaceChildren(...list.map((film, n) => {
    const row = document.createElement("li");
    row.textContent = titles[film] + (stars ? `, ${stars[n].toFixed(1)} stars` : "");
    if (before.size && !before.has(film)) row.className = "new";
    return row;
  }));
  state.list = list;
}

// ---- drawings ----------------------------------------------------------------------------------

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

function paper(canvas) {
  const scale = devicePixelRatio || 1, { width, height } = canvas.getBoundingClientRect();
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = "13px system-ui, sans-serif";
  return { pen, width, height };
}

function draw() {
  drawCurve();
  const share = calm.matches || !state.from ? 1 : Math.min(1, (performance.now() - state.moved) / 300);
  state.places = state.to.map((to, n) => {
    const from = state.from ? state.from[n] : to;
    return share === 1 ? to : [0, 1].map(a => from[a] + (to[a] - from[a]) * share);
  });
  drawMap();
  if (share < 1) requestAnimationFrame(draw);
}

function drawCurve() {
  const { pen, width, height } = paper($("curve")), lists = state.objective === "lists";
  const known = [...state.curve, ...state.old];
  const values = known.flatMap(p => [p.measured, ...(p.trained && p.epoch ? [p.trained] : [])]);
  const low = lists ? 0 : Math.min(...values) - 0.02, high = Math.max(...values) * 1.02 + 1e-3;
  const x = epoch => 52 + (width - 66) * epoch / plain.epochs;
  const y = value => 14 + (height - 54) * (high - value) / (high - low);
  pen.fillStyle = colour("ink");
  pen.strokeStyle = colour("line");
  pen.strokeRect(52, 14, width - 66, height - 54);
  for (let n = 0; n <= 4; n++) {
    const value = low + (high - low) * n / 4;
    pen.fillText(lists ? `${(100 * value).toFixed(0)} %` : value.toFixed(2), 14, y(value) + 4);
  }
  for (let epoch = 0; epoch <= plain.epochs; epoch += 4) pen.fillText(epoch, x(epoch) - 4, height - 24);
  pen.fillText("epochs", width / 2 - 10, height - 6);
  pen.fillText(lists ? "found in lists of ten (recall)" : "error (RMSE, stars)", 58, 30);
  const line = (points, of, ink, dashes) => {
    pen.strokeStyle = pen.fillStyle = colour(ink);
    pen.lineWidth = 2;
    pen.setLineDash(dashes);
    pen.beginPath();
    points.forEach(p => pen.lineTo(x(p.epoch), y(of(p))));
    pen.stroke();
    pen.setLineDash([]);
    if (points.length === 1) pen.fillRect(x(points[0].epoch) - 2, y(of(points[0])) - 2, 4, 4);
  };
  line(state.old, p => p.measured, "line", [2, 4]);
  const trained = state.curve.filter(p => p.epoch && p.trained);
  if (trained.length) line(trained, p => p.trained, "orange", [7, 4]);
  line(state.curve, p => p.measured, "blue", []);
  const key = [["blue", "held-out ratings"], ["orange", "training ratings"], ["line", "previous run"]];
  key.filter(([ink]) => (ink !== "line" || state.old.length) && (ink !== "orange" || !lists))
    .forEach(([ink, words], n) => {
      pen.fillStyle = colour(ink);
      pen.fillText(words, width - 130, 34 + 17 * n);
    });
}

const onMap = (box, [x, y]) => [box.width / 2 * (1 + 0.9 * x), box.height / 2 * (1 - 0.9 * y)];

function drawMap() {
  const box = paper($("map")), { pen } = box;
  const named = (words, x, y) => {
    const left = Math.min(x + 11, box.width - pen.measureText(words).width - 6);
    pen.strokeStyle = colour("paper");
    pen.lineWidth = 5;
    pen.strokeText(words, left, Math.max(16, y - 8));
    pen.fillStyle = colour("ink");
    pen.fillText(words, left, Math.max(16, y - 8));
  };
  state.places.forEach((place, n) => {
    const [x, y] = onMap(box, place), mine = n === plain.shown.length;
    if (mine && !state.rated) return;
    pen.fillStyle = colour(mine ? "orange" : n === state.at ? "blue" : "dot");
    pen.beginPath();
    if (mine) {  // a diamond, so that no colour is needed to find it
      [[0, -9], [9, 0], [0, 9], [-9, 0]].forEach(([a, b]) => pen.lineTo(x + a, y + b));
    } else pen.arc(x, y, n === state.at ? 7 : 4, 0, 7);
    pen.fill();
    if (mine) named("you", x, y);
    if (n === state.at) {
      named(titles[plain.shown[n]], x, y);
    }
  });
}

function point(n) {
  if (n === state.at) return;
  state.at = n;
  if (n >= 0) $("map-says").textContent = titles[plain.shown[n]];
  drawMap();
}

$("map").onpointermove = event => {
  const box = $("map").getBoundingClientRect();
  const away = state.places.slice(0, -1).map(place => {
    const [x, y] = onMap(box, place);
    return Math.hypot(x - event.offsetX, y - event.offsetY);
  });
  const nearest = away.indexOf(Math.min(...away));
  point(away[nearest] < 14 ? nearest : -1);
};
$("map").onkeydown = event => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  point((state.at + step + plain.shown.length) % plain.shown.length);
};
addEventListener("resize", () => state.to && draw());

// ---- the reader --------------------------------------------------------------------------------

function offerFilms() {
  const stars = [...Array(plain.high).keys()].map(n => n + 1);
  $("films").replaceChildren(...plain.offered.map(film => {
    const row = document.createElement("label"), choice = document.createElement("select");
    row.append(titles[film], choice);
    choice.append(new Option("not rated", ""));
    stars.forEach(n => choice.append(new Option(n === 1 ? "1 star" : `${n} stars`, n)));
    choice.dataset.film = film;
    choice.onchange = () => worker.postMessage({
      me: [...document.querySelectorAll("select")].filter(one => one.value)
        .map(one => [Number(one.dataset.film), Number(one.value)]),
    });
    return row;
  }));
}

const sent = Object.fromEntries(Object.entries(arrays).map(([name, one]) => [name, unpacked(one)]));
worker.postMessage({ data: { ...plain, ...sent } });
offerFilms();
restart();
label();
