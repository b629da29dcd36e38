"use strict";
// The table holds every weight; this draws the lines between the words and highlights what belongs to one of them.
const FAINT = 0.03;

for (const section of document.querySelectorAll("section")) {
  const box = section.querySelector(".links");
  const svg = box.querySelector("svg");
  const said = section.querySelector(".said");
  const [sources, targets] = [...box.querySelectorAll(".row")].map((row) => [...row.children]);
  const heads = [...section.querySelectorAll("thead th")];
  const rows = [...section.querySelectorAll("tbody tr")];
  const sides = [...section.querySelectorAll("tbody th")];
  const cells = rows.map((row) => [...row.querySelectorAll("td")]);
  const weights = cells.map((row) => row.map((cell) => Number(cell.style.getPropertyValue("--w"))));
  const lines = [];

  weights.forEach((row, target) => row.forEach((weight, source) => {
    // Hundreds of hair lines would hide the others; the table has their weights.
    if (weight < FAINT) return;
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    line.setAttribute("stroke-width", 1 + 3 * weight);
    line.setAttribute("stroke-opacity", 0.1 + 0.9 * weight);
    svg.append(line);
    lines.push({ line, source, target });
  }));

  section.classList.toggle("dense", lines.length > 200);

  const place = () => {
    const whole = box.getBoundingClientRect();
    // All are measured before any is moved, or the browser would lay the page out again for each.
    const [from, to] = [sources, targets].map((chips) => chips.map((chip) => chip.getBoundingClientRect()));
    for (const { line, source, target } of lines) {
      line.setAttribute("x1", from[source].left + from[source].width / 2 - whole.left);
      line.setAttribute("y1", from[source].bottom - whole.top);
      line.setAttribute("x2", to[target].left + to[target].width / 2 - whole.left);
      line.setAttribute("y2", to[target].top - whole.top);
    }
  };

  const clear = () => {
    section.classList.remove("busy");
    for (const marked of section.querySelectorAll(".on, .near")) marked.classList.remove("on", "near");
    for (const chip of section.querySelectorAll("[data-share]")) delete chip.dataset.share;
    said.textContent = "";
  };

  const show = (isSource, word) => {
    clear();
    section.classList.add("busy");
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
    for (const { line, source, target } of lines) {
      line.classList.toggle("on", (isSource ? source : target) === word);
    }
  };

  let kept = null;
  const again = () => (kept ? show(...kept) : clear());
  const listen = (isSource, chips, titles) => chips.forEach((chip, word) => {
    for (const part of [chip, titles[word]]) {
      part.addEventListener("pointerenter", () => show(isSource, word));
      part.addEventListener("pointerleave", again);
    }
    chip.addEventListener("focus", () => { kept = [isSource, word]; again(); });
    chip.addEventListener("blur", () => { kept = null; again(); });
    // Some browsers give no focus to a button that is tapped.
    chip.addEventListener("click", () => chip.focus());
  });
  listen(true, sources, heads);
  listen(false, targets, sides);
  new ResizeObserver(place).observe(box);
  document.fonts.ready.then(place); // the loaded font has other widths
  place();
}
