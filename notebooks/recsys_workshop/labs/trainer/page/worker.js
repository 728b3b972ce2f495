// Matrix factorisation in a thread of its own, by the same steps as the library takes. Stars:
// score = mean + b_u + b_i + p_u . q_i, squared error (Koren, Bell, Volinsky 2009). Lists: the same
// tables, and a film that somebody likes should beat one not rated (BPR, Rendle et al. 2009).
"use strict";

let data, settings, model, running = false, epoch = 0, step = 0, milliseconds = 0, random;
const me = { items: [], stars: [] };

function generator(seed) {  // mulberry32: small, quick, and the same everywhere
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function begin() {
  random = generator(settings.seed);
  const d = settings.dim, { users, items } = data;
  const at = { p: 0, q: users * d, bu: (users + items) * d, bi: (users + items) * d + users };
  const n = (users + items) * (d + 1);
  model = { d, at, w: new Float32Array(n), g: new Float32Array(n), m: new Float32Array(n),
    v: new Float32Array(n), me: new Float64Array(d), biasOfMe: 0 };
  const known = [...data.ratedBy.slice(0, users).map(films => films.size), ...data.counts];
  known.forEach((count, row) => {  // without ratings a row stays at zero: the average
    for (let k = 0; k < d; k++) model.w[row * d + k] = count ? 0.1 * normal() : 0;
  });
  data.order.sort();
  epoch = step = 0;
  report(0);
}

const liked = stars => stars >= data.liked;

function dot(u, i) {
  const { d, w, at } = model;
  let sum = 0;
  for (let k = 0, a = at.p + u * d, b = at.q + i * d; k < d; k++) sum += w[a + k] * w[b + k];
  return sum;
}

function addStars(u, i, stars, share) {  // the slopes of (stars - score)^2 and of the penalty
  const { d, w, g, at } = model, bu = at.bu + u, bi = at.bi + i;
  const error = (stars - data.mean) / data.unit - w[bu] - w[bi] - dot(u, i);
  const l2 = settings.l2, twice = 2 * share;
  g[bu] -= twice * (error - settings.l2Bias * w[bu]);
  g[bi] -= twice * (error - settings.l2Bias * w[bi]);
  for (let k = 0, a = at.p + u * d, b = at.q + i * d; k < d; k++, a++, b++) {
    g[a] -= twice * (error * w[b] - l2 * w[a]);
    g[b] -= twice * (error * w[a] - l2 * w[b]);
  }
  return error * error;
}

function addLists(u, i, j, share) {  // film i should come before film j: -ln sigma(s_ui - s_uj)
  const { d, w, g, at } = model, l2 = 2 * share * settings.l2 / 10, bi = at.bi + i, bj = at.bi + j;
  const pull = share / (1 + Math.exp(w[bi] - w[bj] + dot(u, i) - dot(u, j)));
  g[bi] -= pull - 0.02 * share * w[bi];
  g[bj] += pull;
  for (let k = 0, a = at.p + u * d, b = at.q + i * d, c = at.q + j * d; k < d; k++, a++, b++, c++) {
    g[a] -= pull * (w[b] - w[c]) - l2 * w[a];
    g[b] -= pull * w[a] - l2 * w[b];
    g[c] += pull * w[a];
  }
}

function adam(lr) {  // Kingma and Ba 2015
  const { w, g, m, v } = model, n = w.length;
  step++;
  const size = lr * Math.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step);
  const small = 1e-8 * Math.sqrt(1 - 0.999 ** step);
  for (let k = 0; k < n; k++) {
    const slope = g[k], mean = m[k] + 0.1 * (slope - m[k]);
    m[k] = Math.abs(mean) < 1e-12 ? 0 : mean;  // the smallest numbers of all are slow
    if (m[k] === 0) continue;
    v[k] += 0.001 * (slope * slope - v[k]);
    w[k] -= size * m[k] / (Math.sqrt(v[k]) + small);
  }
}

function notRated(u) {
  const rated = data.ratedBy[u];
  for (let tries = 0; tries < 50; tries++) {
    const i = Math.floor(random() * data.items);
    if (!rated.has(i)) return i;
  }
  return Math.floor(random() * data.items);
}

function oneEpoch() {
  const order = data.order, n = order.length;
  for (let k = n - 1; k > 0; k--) {  // shuffle
    const other = Math.floor(random() * (k + 1)), kept = order[k];
    order[k] = order[other];
    order[other] = kept;
  }
  const size = Math.min(1024, Math.max(32, Math.floor(n / 40))), steps = Math.ceil(n / size);
  let squares = 0;
  for (let begun = 0; begun < n; begun += size) {
    const rows = order.subarray(begun, begun + size), share = 1 / rows.length;
    model.g.fill(0);
    for (const row of rows) {
      const u = data.user[row], i = data.item[row], stars = data.rating[row];
      if (settings.objective === "stars") squares += addStars(u, i, stars, share);
      else if (liked(stars)) addLists(u, i, notRated(u), share);
    }
    adam(rate(step, steps * settings.epochs));
  }
  epoch++;
  return data.unit * Math.sqrt(squares / n);
}

function rate(done, total) {  // up during the first tenth, then down like a cosine
  const warm = Math.max(1, Math.floor(total / 10));
  if (done < warm) return settings.lr * (done + 1) / warm;
  return settings.lr * 0.5 * (1 + Math.cos(Math.PI * (done - warm) / Math.max(1, total - warm)));
}

function scoresOf(vector, from) {
  const { d, w, at } = model, found = new Float64Array(data.items);
  for (let i = 0, b = at.q; i < data.items; i++) {
    let sum = w[at.bi + i];
    for (let k = 0; k < d; k++, b++) sum += vector[from + k] * w[b];
    found[i] = sum;
  }
  return found;
}

function placeReader() {  // the films stay where they are; only the reader's own numbers are found
  const { d, w, at, me: mine } = model, stars = settings.objective === "stars";
  mine.fill(0);
  model.biasOfMe = 0;
  const score = i => {
    let sum = w[at.bi + i];
    for (let k = 0; k < d; k++) sum += mine[k] * w[at.q + i * d + k];
    return sum;
  };
  const move = (i, by) => {
    for (let k = 0; k < d; k++) mine[k] += by * w[at.q + i * d + k];
  };
  const likes = me.items.filter((_, n) => liked(me.stars[n]));
  const dislikes = me.items.filter((_, n) => !liked(me.stars[n]));
  const draw = generator(1), any = () => Math.floor(draw() * data.items);
  const before = (i, j, weight) => {
    const pull = weight / (1 + Math.exp(score(i) - score(j)));
    move(i, pull);
    move(j, -pull);
  };
  for (let pass = 0; pass < 100; pass++) {
    if (stars) me.items.forEach((i, n) => {
      const error = (me.stars[n] - data.mean) / data.unit - model.biasOfMe - score(i);
      model.biasOfMe += 0.05 * (error - 0.1 * model.biasOfMe);
      move(i, 0.05 * error);
    });
    else {
      for (const i of likes) before(i, any(), 0.1);
      for (const i of likes) for (const j of dislikes) before(i, j, 0.05);
      if (!likes.length) for (const j of dislikes) before(any(), j, 0.02);
    }
    const held = 1 - 0.05 * settings.l2 * Math.max(5, me.items.length);
    for (let k = 0; k < d; k++) mine[k] *= held;
  }
}

function validation() {
  let squares = 0;
  for (const row of data.valid) {
    const u = data.user[row], i = data.item[row];
    const { w, at } = model;
    const score = data.mean + data.unit * (w[at.bu + u] + w[at.bi + i] + dot(u, i));
    squares += (Math.min(data.high, Math.max(data.low, score)) - data.rating[row]) ** 2;
  }
  return Math.sqrt(squares / data.valid.length);
}

function top(score, rated, k, least) {
  const best = [];
  for (let i = 0; i < data.items; i++) {
    if (rated.has(i) || data.counts[i] < least) continue;
    if (best.length === k && score[i] <= score[best[k - 1]]) continue;
    let at = best.length;
    while (at > 0 && score[best[at - 1]] < score[i]) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

function recall() {  // of the films that people liked in the validation part, found in a list of ten
  let sum = 0, people = 0;
  for (const [u, wanted] of data.wanted) {
    const score = scoresOf(model.w, model.at.p + u * model.d);
    const found = top(score, data.ratedBy[u], 10, 1).filter(i => wanted.has(i)).length;
    sum += found / Math.min(10, wanted.size);
    people++;
  }
  return people ? sum / people : 0;
}

function report(trained) {
  placeReader();
  const { d, w, at, me: mine } = model, list = settings.objective === "lists";
  const shown = new Float32Array(data.shown.length * d);
  data.shown.forEach((i, n) => shown.set(w.subarray(at.q + i * d, at.q + (i + 1) * d), n * d));
  const score = scoresOf(mine, 0);
  const best = me.items.length ? top(score, new Set(me.items), 10, data.least) : [];
  postMessage({
    epoch, lists: list, dim: d, shown, reader: Float32Array.from(mine), list: best, running,
    stars: list ? null : best.map(i => data.mean + data.unit * (model.biasOfMe + score[i])),
    trained: list ? 0 : trained, measured: list ? recall() : validation(),
    version: settings.version, milliseconds,
  });
}

function work() {
  if (!running) return;
  const start = performance.now(), trained = oneEpoch();
  milliseconds = performance.now() - start;
  if (epoch >= settings.epochs) running = false;
  report(trained);
  if (running) setTimeout(work, 0);
}

onmessage = ({ data: said }) => {
  if (said.data) {
    data = said.data;
    const rows = [...data.user.keys()];
    data.order = Uint32Array.from(rows.filter(row => !data.heldOut[row]));
    data.valid = rows.filter(row => data.heldOut[row]);
    data.ratedBy = Array.from({ length: data.users }, () => new Set());
    for (const row of data.order) data.ratedBy[data.user[row]].add(data.item[row]);
    data.wanted = new Map();
    for (const row of data.valid.filter(r => data.rating[r] >= data.liked)) {
      const u = data.user[row];
      if (!data.wanted.has(u)) data.wanted.set(u, new Set());
      data.wanted.get(u).add(data.item[row]);
    }
  }
  if (said.settings) {
    settings = said.settings;
    begin();
  }
  if (said.me) {
    me.items = said.me.map(one => one[0]);
    me.stars = said.me.map(one => one[1]);
    if (!running) report(null);
  }
  if (said.run !== undefined) {
    const was = running;
    running = said.run && epoch < settings.epochs;
    if (running && !was) work();
    else if (!running) report(null);
  }
};
