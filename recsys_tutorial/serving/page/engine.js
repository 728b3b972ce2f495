// The models in the browser: the same arithmetic as serving/engine.py, titles.py and recommending.py.
"use strict";

window.makeEngine = (table) => {
  const FEW = 10; // ratings below which an item's numbers are mostly guesswork
  const n = table.item.length;
  const position = new Map(table.item.map((item, i) => [String(item), i]));
  const lists = side(table.lists);
  const stars = table.stars && side(table.stars);
  const titles = table.title.map(plain);
  const byCount = (a, b) => table.count[b] - table.count[a] || a - b;
  const mostRated = [...titles.keys()].sort(byCount);

  function floats(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  function item(i) {
    return { item: table.item[i], title: table.title[i], year: table.year[i], genres: table.genres[i] };
  }

  // ---- titles ----------------------------------------------------------------------------

  function plain(text) {
    const letters = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
    return (letters.match(/[\p{L}\p{N}]+/gu) || []).join(" ");
  }

  // Letters missing, added, mistaken or swapped with the next, to get a beginning of `word`.
  function slips(typed, word) {
    let before = [];
    let last = Array.from({ length: word.length + 1 }, (_, j) => j);
    for (let i = 0; i < typed.length; i++) {
      const row = [i + 1];
      for (let j = 0; j < word.length; j++) {
        let least = Math.min(row[j] + 1, last[j + 1] + 1, last[j] + (typed[i] !== word[j]));
        if (i && j && typed[i] === word[j - 1] && word[j] === typed[i - 1]) least = Math.min(least, before[j - 1] + 1);
        row.push(least);
      }
      [before, last] = [last, row];
    }
    return Math.min(...last);
  }

  // What fits, beginnings of words first; else what differs by the fewest slips; then the most rated.
  function find(text, k) {
    const words = plain(text).split(" ").filter(Boolean);
    if (!words.length) return mostRated.slice(0, k).map(item);
    const level = new Map();
    titles.forEach((title, i) => {
      if (!words.every((word) => title.includes(word))) return;
      level.set(i, words.filter((word) => !` ${title}`.includes(` ${word}`)).length);
    });
    if (!level.size) {
      const most = (word) => (word.length < 4 ? 0 : word.length < 8 ? 1 : 2);
      titles.forEach((title, i) => {
        const least = words.map((word) => Math.min(...title.split(" ").map((other) => slips(word, other))));
        if (least.every((some, w) => some <= most(words[w]))) level.set(i, least.reduce((a, b) => a + b, 0));
      });
    }
    return [...level.keys()].sort((a, b) => level.get(a) - level.get(b) || byCount(a, b)).slice(0, k).map(item);
  }

  // ---- somebody new -------------------------------------------------------------------------

  function side(of) {
    const made = { ...of, rows: floats(of.rows), offset: floats(of.offset), average: new Float64Array(of.dim) };
    const { rows, dim } = made;
    for (let i = 0; i < n; i++) for (let c = 0; c < dim; c++) made.average[c] += rows[i * dim + c] / n;
    made.mean = made.offset.reduce((sum, one) => sum + one, 0) / n;
    if (of.zeros) {
      // What all cells without a rating ask for: Q'Q on the left, -Q'b on the right.
      made.gram = Array.from({ length: dim }, () => new Float64Array(dim));
      made.pull = new Float64Array(dim);
      for (let i = 0; i < n; i++) {
        for (let a = 0; a < dim; a++) {
          const left = rows[i * dim + a];
          made.pull[a] -= made.offset[i] * left;
          for (let b = 0; b <= a; b++) made.gram[a][b] += left * rows[i * dim + b];
        }
      }
    }
    return made;
  }

  // Weighted ridge regression on the rated items' rows, by Cholesky: left = L L'. One solution for
  // each rating, so that its share of the row is known.
  function parts(of, items, ratings) {
    const { rows, dim } = of;
    const line = ([start, slope], r) => start + slope * r;
    const more = ratings.map((r) => (of.zeros ? line(of.confidence, r) : 1));
    const wanted = ratings.map((r, j) => {
      const b = of.offset[items[j]];
      return of.zeros ? (1 + more[j]) * line(of.target, r) - more[j] * b : r - b;
    });
    const penalty = (a) => {
      const kind = of.ridge[of.ridge_of[a]];
      return kind[Math.min(items.length, kind.length - 1)];
    };
    const lower = Array.from({ length: dim }, () => new Float64Array(dim));
    for (let a = 0; a < dim; a++) {
      for (let b = 0; b <= a; b++) {
        let sum = (a === b ? penalty(a) : 0) + (of.zeros ? of.gram[a][b] : 0);
        items.forEach((i, j) => (sum += more[j] * rows[i * dim + a] * rows[i * dim + b]));
        for (let c = 0; c < b; c++) sum -= lower[a][c] * lower[b][c];
        lower[a][b] = a === b ? Math.sqrt(sum) : sum / lower[b][b];
      }
    }
    return items.map((i, j) => {
      const share = new Float64Array(dim);
      for (let a = 0; a < dim; a++) {
        let sum = rows[i * dim + a] * wanted[j] + (of.zeros ? of.pull[a] / items.length : 0);
        for (let c = 0; c < a; c++) sum -= lower[a][c] * share[c];
        share[a] = sum / lower[a][a];
      }
      for (let a = dim - 1; a >= 0; a--) {
        let sum = share[a];
        for (let c = a + 1; c < dim; c++) sum -= lower[c][a] * share[c];
        share[a] = sum / lower[a][a];
      }
      return share;
    });
  }

  const dot = (of, part, i) => part.reduce((sum, one, c) => sum + one * of.rows[i * of.dim + c], 0);
  const general = (of, part) => part.reduce((sum, one, c) => sum + one * of.average[c], 0);

  function scores(of, shares) {
    const row = new Float64Array(of.dim);
    for (const share of shares) share.forEach((one, c) => (row[c] += one));
    return Array.from({ length: n }, (_, i) => of.offset[i] + dot(of, row, i));
  }

  // The ratings to name for each title: as `pick_reasons` in recommending.py.
  function pick(push, ratings, least) {
    const mean = ratings.reduce((sum, one) => sum + one, 0) / ratings.length;
    const most = Math.max(1, Math.round(0.3 * push.length));
    const led = ratings.map(() => 0);
    return push.map((of) => {
      const order = [...of.keys()].filter((j) => of[j] > least).sort((a, b) => of[b] - of[a] || a - b);
      const fresh = order.filter((j) => led[j] < most && of[j] >= 0.5 * of[order[0]]);
      const lead = (fresh.length ? fresh : order).slice(0, 1);
      const others = order.filter((j) => j !== lead[0]);
      const unlike = others.filter((j) => (ratings[j] >= mean) !== (ratings[lead[0]] >= mean));
      if (lead.length) led[lead[0]] += 1;
      return lead.concat((unlike.length ? unlike : others).slice(0, 1));
    });
  }

  function recommend(given, k) {
    const items = given.map((one) => position.get(String(one.item)));
    if (items.includes(undefined)) throw new Error("One of your films is not in this catalogue.");
    if (items.length > 500) throw new Error("These are too many ratings.");
    const ratings = given.map((one) => one.rating);
    const shares = parts(lists, items, ratings);
    const score = scores(lists, shares);
    const expected = stars ? scores(stars, parts(stars, items, ratings)) : lists.predicts === "rating" ? score : null;
    const [low, high] = table.scale;
    const clip = (s) => Math.min(Math.max(s, low), high);
    const rated = new Set(items);
    let best = [...score.keys()].filter((i) => !rated.has(i));
    best = best.sort((a, b) => score[b] - score[a] || a - b).slice(0, k);
    const known = best.find((i) => table.count[i] >= FEW);
    if (known !== undefined) best = [known, ...best.filter((i) => i !== known)];
    const push = best.map((i) => shares.map((share) => dot(lists, share, i) - general(lists, share)));
    const strongest = Math.max(0, ...push.flat().map(Math.abs));
    const picked = pick(push, ratings, lists.predicts === "rating" ? 0.005 : 0.02 * strongest);
    const person = shares.reduce((sum, share) => sum + general(lists, share), 0);
    return best.map((i, row) => {
      const reasons = picked[row].map((j) => {
        return { item: given[j].item, title: table.title[items[j]], rating: ratings[j], lift: push[row][j] };
      });
      const named = reasons.reduce((sum, one) => sum + one.lift, 0);
      const others = push[row].reduce((sum, one) => sum + one, 0) - named;
      return {
        ...item(i),
        score: lists.predicts === "rating" ? clip(score[i]) : score[i],
        stars: expected && clip(expected[i]),
        ratings: table.count[i],
        reasons,
        steps: { mean: lists.mean, film: lists.offset[i] - lists.mean, person, others },
      };
    });
  }

  return { find, recommend };
};
