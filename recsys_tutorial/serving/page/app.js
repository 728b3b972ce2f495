// The page: search, rate, and see the list change. It knows nothing of how answers are made.
"use strict";

(async () => {
  const FOUND = 8;
  const BEST = 10;
  const FEW = 10; // ratings below which what is expected is mostly guesswork
  const at = (id) => document.getElementById(id);
  let about;
  let found = [];
  let best = [];
  let mine = [];
  let levels = [];
  let entered = new Set(); // items that the last click brought into the list
  let moved = new Map(); // places that it moved an item up (or, negative, down)
  let whose = ""; // whose ratings these are, as long as nobody has changed them

  // ---- small things ----------------------------------------------------------------------

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function say(text) {
    at("status").textContent = text;
  }

  function fail(error) {
    if (error.name === "AbortError") return;
    at("best-note").textContent = error.message;
    at("best-note").className = "note error";
    say(error.message);
  }

  const stars = (value) => `${value} ${value === 1 ? "star" : "stars"}`;
  const ratingOf = (item) => mine.find((one) => one.item === item)?.rating;

  // Whole stars where the scale allows it, else ten even steps.
  function levelsOf([low, high]) {
    if (low === high) return [high]; // liked, or nothing is known
    const whole = [];
    for (let s = Math.ceil(low); s <= high; s++) whole.push(s);
    if (whole.length > 1 && whole.length <= 10) return whole;
    return Array.from({ length: 10 }, (_, i) => +(low + ((high - low) * i) / 9).toFixed(2));
  }

  // Only the latest question counts: a newer one calls the older off.
  function latest(task) {
    let running = null;
    return async (...given) => {
      running?.abort();
      const own = (running = new AbortController());
      try {
        const answer = await task(...given, own.signal);
        return own.signal.aborted ? undefined : answer;
      } catch (error) {
        if (!own.signal.aborted) fail(error);
        return undefined;
      }
    };
  }

  // ---- your ratings, kept in this browser --------------------------------------------------

  const key = () => `ratings of ${about.name}`;

  function fitting(text) {
    const [low, high] = about.scale;
    const fits = (one) => one && typeof one.title === "string" && one.rating >= low && one.rating <= high;
    try {
      const kept = JSON.parse(text || "[]");
      return Array.isArray(kept) ? kept.filter(fits) : [];
    } catch {
      return [];
    }
  }

  // What was rated here before; else what the address brings along, from a notebook say.
  function recall() {
    try {
      mine = fitting(localStorage.getItem(key()));
    } catch {
      mine = []; // storage may be closed to frames
    }
    const brought = new URLSearchParams(location.hash.slice(1));
    if (mine.length) return;
    mine = fitting(brought.get("ratings"));
    whose = mine.length ? brought.get("whose") || "" : "";
  }

  function remember() {
    whose = "";
    try {
      localStorage.setItem(key(), JSON.stringify(mine));
    } catch {
      // the ratings then last as long as the page
    }
  }

  // ---- drawing ----------------------------------------------------------------------------

  function film(one, list, extra = []) {
    const head = element("div", {}, element("span", { className: "title", textContent: one.title }));
    if (list === "best" && entered.has(one.item)) {
      head.append(" ", element("span", { className: "new", textContent: "new" }));
    }
    const by = list === "best" ? moved.get(one.item) || 0 : 0;
    if (by) {
      const mark = element("span", { className: by > 0 ? "rose" : "fell", textContent: `${by > 0 ? "▲" : "▼"} ${Math.abs(by)}` });
      mark.append(element("span", { className: "hidden", textContent: by > 0 ? " places up" : " places down" }));
      head.append(" ", mark);
    }
    if (typeof one.stars === "number") {
      const expected = element("span", { className: "expected", textContent: `★ ${one.stars.toFixed(1)}` });
      expected.append(element("span", { className: "hidden", textContent: " expected" }));
      head.append(" ", expected);
    }
    if (one.ratings < FEW) {
      const few = `${one.ratings} ${one.ratings === 1 ? "rating" : "ratings"} only`;
      head.append(" ", element("span", { className: "few", textContent: few }));
    }
    if (one.genres?.length) {
      head.append(" ", element("span", { className: "genres", textContent: one.genres.join(", ") }));
    }
    const group = element("div", { className: "stars" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `Rate ${one.title}`);
    for (const level of levels) {
      const button = element("button", { type: "button", textContent: `${level}★` });
      button.setAttribute("aria-label", `${stars(level)} for ${one.title}`);
      button.setAttribute("aria-pressed", String(ratingOf(one.item) === level));
      button.dataset.place = `${list} ${one.item} ${level}`;
      button.addEventListener("click", () => rate(one, level, list));
      group.append(button);
    }
    const row = element("li", {}, head, ...extra, group);
    row.dataset.item = one.item;
    if (list === "mine") {
      const remove = element("button", { type: "button", textContent: "Remove" });
      remove.setAttribute("aria-label", `Remove the rating of ${one.title}`);
      remove.addEventListener("click", () => forget(one));
      group.append(remove);
    }
    return row;
  }

  function why(one) {
    const named = one.reasons.map((r) => `${r.title}, which you gave ${r.rating}`);
    const text = named.length
      ? `Because of ${named.join(" and ")}.`
      : mine.length ? "Liked by most, whatever their taste." : "Liked by most.";
    return element("p", { className: "why", textContent: text });
  }

  const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(2)}`;

  // From the mean over people and films to the score: a bar for each step, from where the one
  // before ended.
  function waterfall(one) {
    if (!one.steps || !mine.length) return [];
    const { mean, film, person, others } = one.steps;
    const steps = [["all films, everybody", mean], ["this film, everybody", film], ["you, all films", person]];
    for (const r of one.reasons) steps.push([`${r.title}, ${r.rating}★`, r.lift]);
    steps.push(["your other ratings", others]);
    const ends = [];
    steps.reduce((sum, [, by]) => (ends.push(sum + by), sum + by), 0);
    const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const share = (x) => `${(100 * x) / (most - least || 1)}%`;
    const rows = steps.map(([label, by], n) => {
      const bar = element("span", { className: by < 0 ? "bar less" : "bar" });
      bar.style.left = share(Math.min(ends[n], ends[n] - by) - least);
      bar.style.width = share(Math.abs(by));
      return element("li", {}, element("span", { textContent: label }),
        element("span", { className: "track" }, bar), element("span", { textContent: signed(by) }));
    });
    const made = element("details", {}, element("summary", { textContent: "What moves it up and down" }),
      element("ul", {}, ...rows));
    made.open = opened.has(one.item);
    made.addEventListener("toggle", () => opened[made.open ? "add" : "delete"](one.item));
    return [made];
  }
  const opened = new Set();

  // Redrawing must not take the focus away from whoever works with the keyboard.
  function draw() {
    const place = document.activeElement?.dataset?.place;
    at("found").replaceChildren(...found.map((one) => film(one, "found")));
    at("best").replaceChildren(...best.map((one) => film(one, "best", [why(one), ...waterfall(one)])));
    at("mine").replaceChildren(...mine.map((one) => film(one, "mine")));
    at("glance").replaceChildren("For you: ", ...best.slice(0, 6).flatMap((one) => [
      element(entered.has(one.item) ? "b" : "span", { textContent: one.title.replace(/ \(\d{4}\)$/, "") }), " · ",
    ]).slice(0, -1));
    at("mine-note").textContent = !mine.length ? "Nothing yet." : whose ? `From ${whose}. Rate a film, and they are yours.` : "";
    at("clear").hidden = !mine.length;
    at("keep").hidden = !mine.length || !about.keeps;
    if (place) {
      const again = document.querySelector(`[data-place=${CSS.escape(place)}]`);
      (again || at(place.startsWith("best") ? "best-title" : "mine-title")).focus();
    }
  }

  // ---- doing -------------------------------------------------------------------------------

  async function rate(one, level) {
    const { item, title, genres } = one;
    mine = [{ item, title, genres, rating: level }, ...mine.filter((other) => other.item !== item)];
    remember();
    draw();
    await recommend(`${stars(level)} for ${title}.`);
  }

  async function forget(one) {
    mine = mine.filter((other) => other.item !== one.item);
    remember();
    draw();
    at("mine-title").focus();
    await recommend(`The rating of ${one.title} is removed.`);
  }

  const askBest = latest((ratings, signal) => backend.recommend(ratings, BEST, signal));
  const askFound = latest((text, signal) => backend.search(text, FOUND, signal));

  async function recommend(done = "") {
    const answer = await askBest(mine.map(({ item, rating }) => ({ item, rating })));
    if (!answer) return;
    const before = new Set(best.map((one) => one.item));
    const after = new Set(answer.map((one) => one.item));
    const left = best.filter((one) => !after.has(one.item) && ratingOf(one.item) === undefined);
    entered = new Set(before.size ? [...after].filter((item) => !before.has(item)) : []);
    const places = new Map(best.map((one, place) => [one.item, place]));
    moved = new Map(answer.map((one, place) => [one.item, (places.get(one.item) ?? place) - place]));
    best = answer;
    const many = mine.length === 1 ? "one rating" : `${mine.length} ratings`;
    at("best-note").className = "note";
    at("best-note").textContent = mine.length
      ? `From ${whose ? `${many} of ${whose}` : `your ${many}`}.`
      : "What most people like; it becomes yours when you rate.";
    at("left").textContent = left.length ? `Left the list: ${left.map((one) => one.title).join(" · ")}` : "";
    draw();
    say(`${done} First for you: ${best[0]?.title ?? "nothing is left"}.`.trim());
  }

  async function search(text) {
    const answer = await askFound(text);
    if (!answer) return;
    found = answer;
    const none = `No title has “${text.trim()}”`;
    const fold = (title) => title.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
    const words = fold(text).match(/[\p{L}\p{N}]+/gu) || [];
    const exact = found.some((one) => words.every((word) => fold(one.title).includes(word)));
    at("found-note").textContent = !words.length && !text.trim() ? "The most rated films:"
      : !found.length ? `${none}.` : exact ? "" : `${none}. Did you mean:`;
    draw();
    if (text.trim()) say(found.length ? `${found.length} films found.` : `${none}.`);
  }

  let typing;
  at("query").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => search(event.target.value), 120);
  });
  at("clear").addEventListener("click", async () => {
    mine = [];
    remember();
    draw();
    at("mine-title").focus();
    await recommend("All ratings are removed.");
  });
  at("keep").addEventListener("click", async () => {
    try {
      const kept = await backend.keep(mine.map(({ item, rating }) => ({ item, rating })));
      at("mine-note").textContent = `Kept: ${kept} ratings, for all pages of the tutorial.`;
      say(at("mine-note").textContent);
    } catch (error) {
      fail(error);
    }
  });

  try {
    about = await backend.about();
  } catch (error) {
    fail(error);
    return;
  }
  levels = levelsOf(about.scale);
  at("ends").textContent = about.last_year ? `The films end in ${about.last_year}. Slips in typing are forgiven.` : "";
  at("about").textContent = (about.planted ? "Every film here is invented. " : "") + about.text;
  recall();
  await search("");
  await recommend();
  document.body.dataset.ready = "true";
})();
