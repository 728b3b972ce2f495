// The model in the browser: the same arithmetic as serving/engine.py and serving/search.py.
"use strict";

window.makeEngine = (table) => {
  const MOST_REASONS = 2;
  const LEAST_LIFT = 0.005; // stars; what is less does not count as a reason
  const n = table.item.length;
  const d = table.dim;
  const rows = floats(table.rows); // n x d
  const offset = floats(table.offset); // n
  const position = new Map(table.item.map((item, i) => [String(item), i]));
  const average = new Float64Array(d);
  for (let i = 0; i < n; i++) for (let c = 0; c < d; c++) average[c] += rows[i * d + c] / n;
  const titles = table.title.map((title) => ` ${plain(title)}`);
  const mostRated = [...titles.keys()].sort((a, b) => table.count[b] - table.count[a] || a - b);

  function floats(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  function plain(text) {
    const letters = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
    return (letters.match(/[\p{L}\p{N}]+/gu) || []).join(" ");
  }

  function item(i) {
    return { item: table.item[i], title: table.title[i], year: table.year[i], genres: table.genres[i] };
  }

  function find(text, k) {
    const words = plain(text).split(" ").filter(Boolean);
    if (!words.length) return mostRated.slice(0, k).map(item);
    const middle = (i) => !words.every((word) => titles[i].includes(` ${word}`));
    return [...titles.keys()]
      .filter((i) => words.every((word) => titles[i].includes(word)))
      .sort((a, b) => middle(a) - middle(b) || table.count[b] - table.count[a] || a - b)
      .slice(0, k)
      .map(item);
  }

  // Ridge regression on the rated items' rows, by Cholesky: gram = L L'. One solution a rating, so
  // that each rating's share of the row is known.
  function foldIn(items, ratings) {
    const penalty = (a) => table.ridge[table.ridge_of[a]][items.length];
    const lower = Array.from({ length: d }, () => new Float64Array(d));
    for (let a = 0; a < d; a++) {
      for (let b = 0; b <= a; b++) {
        let sum = a === b ? penalty(a) : 0;
        for (const i of items) sum += rows[i * d + a] * rows[i * d + b];
        for (let c = 0; c < b; c++) sum -= lower[a][c] * lower[b][c];
        lower[a][b] = a === b ? Math.sqrt(sum) : sum / lower[b][b];
      }
    }
    return items.map((i, j) => {
      const share = new Float64Array(d);
      for (let a = 0; a < d; a++) {
        let sum = rows[i * d + a] * (ratings[j] - offset[i]);
        for (let c = 0; c < a; c++) sum -= lower[a][c] * share[c];
        share[a] = sum / lower[a][a];
      }
      for (let a = d - 1; a >= 0; a--) {
        let sum = share[a];
        for (let c = a + 1; c < d; c++) sum -= lower[c][a] * share[c];
        share[a] = sum / lower[a][a];
      }
      return share;
    });
  }

  // The best of the high and of the low ratings, else the two best.
  function telling(reasons) {
    const mean = reasons.reduce((sum, one) => sum + one.rating, 0) / reasons.length;
    const good = reasons.filter((one) => one.lift > LEAST_LIFT).sort((a, b) => b.lift - a.lift);
    const high = good.find((one) => one.rating >= mean);
    const low = good.find((one) => one.rating < mean);
    return high && low ? [high, low] : good.slice(0, MOST_REASONS);
  }

  function recommend(given, k) {
    const items = given.map((one) => position.get(String(one.item)));
    if (items.includes(undefined)) throw new Error("One of your films is not in this catalogue.");
    if (items.length >= table.ridge[0].length) throw new Error("These are too many ratings.");
    const ratings = given.map((one) => one.rating);
    const parts = foldIn(items, ratings);
    const row = new Float64Array(d);
    for (const part of parts) for (let c = 0; c < d; c++) row[c] += part[c];
    const score = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      score[i] = offset[i];
      for (let c = 0; c < d; c++) score[i] += rows[i * d + c] * row[c];
    }
    const rated = new Set(items);
    const best = [...score.keys()].filter((i) => !rated.has(i));
    best.sort((a, b) => score[b] - score[a] || a - b);
    const [low, high] = table.scale;
    const clip = (s) => (table.predicts === "rating" ? Math.min(Math.max(s, low), high) : s);
    return best.slice(0, k).map((i) => {
      const reasons = parts.map((part, j) => {
        let lift = 0;
        for (let c = 0; c < d; c++) lift += part[c] * (rows[i * d + c] - average[c]);
        return { item: given[j].item, title: table.title[items[j]], rating: ratings[j], lift };
      });
      return { ...item(i), score: clip(score[i]), reasons: telling(reasons) };
    });
  }

  return { find, recommend };
};
