"use strict";
// The words of an alignment, the lines between them and the table of their weights. Pointing at a word, or going to it
// with the keyboard, highlights what belongs to it. The script of the page follows this one.
const FAINT = 0.03; // hundreds of hair lines would hide the others; the table has their weights

// Returns what draws the lines when the words are there or new, and what places them when the words have moved.
// `shape` is the path between two points.
const linked = (section, shape) => {
  const box = section.querySelector(".links");
  const svg = box.querySelector("svg");
  const said = section.querySelector(".said");
  const groups = [...box.querySelectorAll(".row")];
  const [head, body] = ["thead", "tbody"].map((name) => section.querySelector(name));
  let drawn = null;
  let kept = null; // the word that has the focus: it stays highlighted when the pointer leaves

  const draw = () => {
    const [sources, targets] = groups.map((group) => [...group.children]);
    const [heads, sides] = [head, body].map((part) => [...part.querySelectorAll("th")]);
    const cells = [...body.rows].map((row) => [...row.querySelectorAll("td")]);
    const weights = cells.map((row) => row.map((cell) => Number(cell.style.getPropertyValue("--w"))));
    const lines = [];
    weights.forEach((row, target) => row.forEach((weight, source) => {
      if (weight < FAINT) return;
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("stroke-width", 1 + 3 * weight);
      path.setAttribute("stroke-opacity", 0.1 + 0.9 * weight);
      lines.push({ path, source, target });
    }));
    svg.replaceChildren(...lines.map(({ path }) => path));
    section.classList.toggle("dense", lines.length > 200);
    drawn = { sources, targets, heads, sides, cells, weights, lines };
    kept = null;
    again();
    place();
  };

  const place = () => {
    if (!drawn) return;
    const whole = box.getBoundingClientRect();
    // All are measured before any is moved, or the browser would lay the page out again for each.
    const [from, to] = [drawn.sources, drawn.targets].map((chips) => chips.map((chip) => chip.getBoundingClientRect()));
    for (const { path, source, target } of drawn.lines) {
      const [x1, y1] = [from[source].left + from[source].width / 2 - whole.left, from[source].bottom - whole.top];
      const [x2, y2] = [to[target].left + to[target].width / 2 - whole.left, to[target].top - whole.top];
      path.setAttribute("d", shape(x1, y1, x2, y2));
    }
  };

  const clear = () => {
    section.classList.remove("busy");
    for (const marked of section.querySelectorAll(".on, .near")) marked.classList.remove("on", "near");
    for (const chip of section.querySelectorAll("[data-share]")) delete chip.dataset.share;
    said.textContent = "";
  };

  const highlight = (isSource, word) => {
    clear();
    section.classList.add("busy");
    const { sources, targets, heads, sides, cells, weights, lines } = drawn;
    const [own, others] = isSource ? [sources, targets] : [targets, sources];
    own[word].classList.add("on");
    (isSource ? heads : sides)[word].classList.add("on");
    said.textContent = own[word].getAttribute("aria-label");
    others.forEach((chip, other) => {
      const [source, target] = isSource ? [word, other] : [other, word];
      cells[target][source].classList.add("on");
      const percent = Math.round(100 * weights[target][source]);
      if (percent < 1) return;
      chip.classList.add("near");
      chip.dataset.share = `${percent} %`;
    });
    for (const { path, source, target } of lines) path.classList.toggle("on", (isSource ? source : target) === word);
  };

  const again = () => (kept ? highlight(...kept) : clear());

  // New words may replace these, so their groups listen for events.
  const listen = (group, isSource, words, name) => {
    const found = (event) => (drawn ? drawn[name].indexOf(event.target.closest(words)) : -1);
    group.addEventListener("pointerover", (event) => {
      const word = found(event);
      if (word >= 0) highlight(isSource, word);
      else again();
    });
    group.addEventListener("pointerleave", again);
    if (words !== "button") return;
    group.addEventListener("focusin", (event) => { kept = [isSource, found(event)]; again(); });
    group.addEventListener("focusout", () => { kept = null; again(); });
    // Some browsers give no focus to a button that is tapped.
    group.addEventListener("click", (event) => event.target.closest("button")?.focus());
    group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) drawn[name][found(event) + step]?.focus();
      else if (event.key === "ArrowDown" && isSource) nearest(drawn.targets, event.target)?.focus();
      else if (event.key === "ArrowUp" && !isSource) nearest(drawn.sources, event.target)?.focus();
      else return;
      event.preventDefault();
    });
  };

  const nearest = (chips, from) => {
    const middle = (chip) => { const { left, width } = chip.getBoundingClientRect(); return left + width / 2; };
    const here = middle(from);
    return [...chips].sort((a, b) => Math.abs(middle(a) - here) - Math.abs(middle(b) - here))[0];
  };

  listen(groups[0], true, "button", "sources");
  listen(groups[1], false, "button", "targets");
  listen(head, true, "th", "heads");
  listen(body, false, "th", "sides");
  // A cell belongs to a word of either side: the target's links are shown.
  body.addEventListener("pointerover", (event) => {
    const row = event.target.closest("td")?.parentElement;
    if (row && drawn) highlight(false, [...body.children].indexOf(row));
  });
  new ResizeObserver(place).observe(box);
  document.fonts.ready.then(place); // the loaded font has other widths
  return { draw, place };
};
