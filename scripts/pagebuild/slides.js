// Fill the slides: each keeps what can be read from the back, measured at 1280 by 720. Prose that is
// too much goes to the speaker notes; figures, tables, code and prints get one more slide.
const FLOOR = 656, PROSE = 430;  // where content ends, and where prose ends, in px from the top

function fill(slide) {
  const own = [...slide.children].filter(x => !x.matches("h2, .corner, aside"));
  const notes = slide.querySelector("aside"), told = [];
  let shown = [];
  own.forEach(one => one.remove());
  for (const one of own) {
    const formula = one.querySelector("mjx-container[display]") !== null;
    const prose = one.matches("p:not(.said)") && !formula && !slide.matches(".exercise");
    const limit = prose && shown.length ? PROSE : FLOOR;
    const top = slide.getBoundingClientRect().top;
    const fits = () => one.getBoundingClientRect().bottom - top <= limit;
    slide.append(one);
    if (one.matches("ul, ol") && !fits()) {  // as many of its points as there is room for
      const rest = one.cloneNode(false);
      while (!fits() && one.children.length > 1) rest.prepend(one.lastElementChild);
      told.push(rest);
    }
    if (!shown.length || (fits() && !(prose && told.length))) {  // never a heading alone
      one.classList.toggle("tight", !fits());
      shown.push(one);
    } else if (!one.matches("figure, table, pre, .said")) {
      told.push(one);
      one.remove();
    } else {
      const next = slide.cloneNode(false), before = shown.at(-1);
      const announced = shown.length > 1 && before.matches(".said") && /:\s*$/.test(before.innerText);
      shown = announced ? [before, one] : [one];
      for (const each of ["h2", ".corner"]) next.append(slide.querySelector(each).cloneNode(true));
      next.append(...shown);
      slide.after(next);
      slide = next;
      one.classList.toggle("tight", !fits());
    }
  }
  notes.prepend(...told);
}

async function start() {
  if (window.MathJax) await MathJax.startup.promise;
  for (const part of document.querySelectorAll("section[data-minutes]")) {
    const each = change => [part, ...part.children].forEach(change);
    each(one => one.classList.add("present"));  // only what is shown can be measured
    [...part.children].forEach(fill);
    each(one => one.classList.remove("present"));
    const seconds = n => Math.floor(60 * part.dataset.minutes * n / part.children.length);
    [...part.children].forEach((one, n) => one.dataset.timing = seconds(n + 1) - seconds(n));
  }
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
    transition: "none", backgroundTransition: "none", pdfSeparateFragments: false,
    totalTime: 60 * document.querySelector(".slides").dataset.minutes, plugins: [RevealNotes],
  });
}
start();
