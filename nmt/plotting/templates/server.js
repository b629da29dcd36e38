"use strict";
// The text is translated after a pause in typing; only the newest answer is drawn.
const PAUSE = 250; // milliseconds
const FAINT = 0.03; // hundreds of hair lines would hide the others; the table has their weights
const element = (id) => document.getElementById(id);
const model = JSON.parse(element("data").textContent);
const [text, form, state, failed, result] = ["text", "search", "state", "failed", "result"].map(element);
const section = element("alignment");
const box = section.querySelector(".links");
const svg = box.querySelector("svg");
const groups = [...box.querySelectorAll(".row")];
const said = section.querySelector(".said");
const [head, body, caption] = ["thead", "tbody", "#caption"].map((name) => section.querySelector(name));

let draw = 0;
let timer = 0;
let running = null;

// --- asking ---

const chosen = () => form.elements.how.value;

const question = () => {
  const asked = { text: text.value };
  if (model.fixed) return asked;
  asked.how = chosen();
  if (asked.how === "beam") {
    asked.beam = form.elements.beam.valueAsNumber;
    asked.length_penalty = form.elements.length_penalty.valueAsNumber;
  } else if (asked.how === "sample") {
    asked.temperature = form.elements.temperature.valueAsNumber;
    asked.draw = draw;
  }
  return asked;
};

const fail = (message) => {
  if (message) state.textContent = "";
  failed.textContent = message;
  failed.hidden = !message;
};

const ask = async () => {
  running?.abort();
  if (!text.value.trim()) return show([], "");
  if (!form.checkValidity()) {
    const wrong = form.querySelector("input:invalid");
    return fail(`${wrong.parentElement.textContent.trim()}: a number from ${wrong.min} to ${wrong.max}, in steps of ${wrong.step}.`);
  }
  const own = (running = new AbortController());
  result.classList.add("old");
  state.textContent = "Translating …";
  try {
    const answer = await fetch("translate", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(question()),
      signal: own.signal,
    });
    const found = await answer.json();
    if (own !== running) return;
    if (!answer.ok) throw new Error(found.error);
    show(found.translations, found.truncated ? "The text is longer than the model reads: its end was left out." : "");
  } catch (error) {
    if (own !== running || error.name === "AbortError") return;
    fail(error instanceof TypeError ? "The server does not answer. Is it still running?" : error.message);
  }
};

const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
};

// --- drawing ---

const make = (tag, content, attributes = {}) => {
  const made = document.createElement(tag);
  made.textContent = content;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

const SCORE = "log-probability";
const PENALISED = " → after the length penalty";
const penalised = ({ score, rank }) => Math.abs(rank - score) > 0.0001;

const show = (translations, note) => {
  fail("");
  result.classList.remove("old");
  state.textContent = note;
  result.textContent = translations.length ? translations[0].text || "(nothing)" : "";
  element("best").hidden = !translations.length;
  element("measure").textContent = SCORE + (translations.some(penalised) ? PENALISED : "");
  element("list").replaceChildren(...translations.map((each) => {
    const item = document.createElement("li");
    const button = make("button", "", { type: "button", "aria-pressed": "false" });
    const score = [each.score, ...(penalised(each) ? [each.rank] : [])].map((x) => x.toFixed(2).replace("-", "−")).join(" → ");
    const title = SCORE + (penalised(each) ? PENALISED : "");
    button.append(
      make("span", each.text || "(nothing)", { class: "words", dir: "auto", lang: "" }),
      make("span", score, { class: "score", title, "aria-label": `${title} ${score}` }),
    );
    button.addEventListener("click", () => choose(translations, each));
    item.append(button);
    return item;
  }));
  choose(translations, translations[0]);
};

const choose = (translations, one) => {
  [...element("list").children].forEach((item, i) => {
    item.firstChild.setAttribute("aria-pressed", String(translations[i] === one));
  });
  const note = element("unaligned");
  const aligned = Boolean(one?.weights?.length);
  section.hidden = !aligned;
  note.hidden = aligned || !one?.text;
  if (aligned) return align(one);
  note.textContent = translations[0]?.weights
    ? "An export holds the alignment of the best translation only."
    : "This model has no attention, so there is no alignment to show.";
};

const percent = (weight) => `${Math.round(100 * weight)} %`;

const align = ({ source, target, weights }) => {
  const columns = source.map((_, i) => weights.map((row) => row[i]));
  const chips = (words, others, shares, verb) => words.map((word, i) => {
    // The label for screen readers names the three largest weights.
    const most = [...shares[i].keys()].sort((a, b) => shares[i][b] - shares[i][a]).slice(0, 3);
    const names = most.filter((j) => shares[i][j] >= 0.01).map((j) => `${others[j]} ${percent(shares[i][j])}`);
    const label = `${word} ${verb} ${names.join(", ") || "nothing"}`;
    return make("button", word, { type: "button", dir: "auto", lang: "", "aria-label": label });
  });
  const sources = chips(source, target, columns, "is attended to by");
  const targets = chips(target, source, weights, "attends to");
  groups[0].replaceChildren(...sources);
  groups[1].replaceChildren(...targets);

  const heads = source.map((word) => make("th", word, { scope: "col", dir: "auto", lang: "" }));
  const sides = target.map((word) => make("th", word, { scope: "row", dir: "auto", lang: "" }));
  const cells = weights.map((row) => row.map((weight) => {
    const cell = make("td", String(Math.round(100 * weight)), weight >= 0.7 ? { class: "hot" } : {});
    cell.style.setProperty("--w", weight);
    return cell;
  }));
  const top = document.createElement("tr");
  top.append(make("td", ""), ...heads);
  head.replaceChildren(top);
  body.replaceChildren(...cells.map((row, i) => {
    const line = document.createElement("tr");
    line.append(sides[i], ...row);
    return line;
  }));
  const ended = weights.some((row) => row.reduce((a, b) => a + b, 0) < 0.995);
  caption.textContent = "Per cent of each target word’s attention that went to each source word"
    + (ended ? "; the rest of a row went to the end of the sentence." : ".");

  const lines = [];
  weights.forEach((row, j) => row.forEach((weight, i) => {
    if (weight < FAINT) return;
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("stroke-width", 1 + 3 * weight);
    path.setAttribute("stroke-opacity", 0.1 + 0.9 * weight);
    lines.push({ path, source: i, target: j });
  }));
  svg.replaceChildren(...lines.map(({ path }) => path));
  section.classList.toggle("dense", lines.length > 200);
  drawn = { sources, targets, heads, sides, cells, weights, lines };
  kept = null;
  again();
  place();
};

// --- pointing ---

let drawn = null;
let kept = null; // the word that has the focus: it stays highlighted when the pointer leaves

const place = () => {
  if (!drawn) return;
  const whole = box.getBoundingClientRect();
  // All are measured before any is moved, or the browser would lay the page out again for each.
  const [from, to] = [drawn.sources, drawn.targets].map((chips) => chips.map((chip) => chip.getBoundingClientRect()));
  for (const { path, source, target } of drawn.lines) {
    const [x1, y1] = [from[source].left + from[source].width / 2 - whole.left, from[source].bottom - whole.top];
    const [x2, y2] = [to[target].left + to[target].width / 2 - whole.left, to[target].top - whole.top];
    const bend = (y2 - y1) / 2;
    path.setAttribute("d", `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`);
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
    if (Math.round(100 * weights[target][source]) < 1) return;
    chip.classList.add("near");
    chip.dataset.share = percent(weights[target][source]);
  });
  for (const { path, source, target } of lines) path.classList.toggle("on", (isSource ? source : target) === word);
};

const again = () => (kept ? highlight(...kept) : clear());

// Each translation replaces the words, so their groups listen for events.
const listen = (group, isSource, words, name) => {
  const place = (event) => (drawn ? drawn[name].indexOf(event.target.closest(words)) : -1);
  group.addEventListener("pointerover", (event) => {
    const word = place(event);
    if (word >= 0) highlight(isSource, word);
    else again();
  });
  group.addEventListener("pointerleave", again);
  if (words !== "button") return;
  group.addEventListener("focusin", (event) => { kept = [isSource, place(event)]; again(); });
  group.addEventListener("focusout", () => { kept = null; again(); });
  // Some browsers give no focus to a button that is tapped.
  group.addEventListener("click", (event) => event.target.closest("button")?.focus());
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) drawn[name][place(event) + step]?.focus();
    else if (event.key === "ArrowDown" && isSource) nearest(drawn.targets, event.target).focus();
    else if (event.key === "ArrowUp" && !isSource) nearest(drawn.sources, event.target).focus();
    else return;
    event.preventDefault();
  });
};

const nearest = (chips, from) => {
  const middle = (chip) => { const { left, width } = chip.getBoundingClientRect(); return left + width / 2; };
  const here = middle(from);
  return chips.reduce((a, b) => (Math.abs(middle(b) - here) < Math.abs(middle(a) - here) ? b : a));
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
// The font is used only if the machine has none for Hangul. It is fetched before anything is typed, because Chromium
// keeps the boxes that it drew in a text area before.
document.fonts.load('1rem "nmt Hangul"', "한").then(place, () => {});

// --- starting ---

const fit = () => {
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== chosen();
    // A hidden field must not keep the form from being sent.
    for (const input of part.querySelectorAll("input")) input.disabled = part.hidden;
  }
};

text.addEventListener("input", soon);
form.addEventListener("input", () => { fit(); soon(); });
form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
element("again").addEventListener("click", () => { draw += 1; ask(); });
if (model.fixed) {
  element("strategies").disabled = true;
  element("fixed").textContent = model.fixed;
  element("fixed").hidden = false;
  for (const input of form.elements.how) input.checked = false;
} else {
  const { strategy: kind, beam, length_penalty: penalty, temperature } = model.search;
  form.elements.how.value = kind;
  if (beam > 1) form.elements.beam.value = Math.min(beam, 10);
  // The fields take tenths, as the server does.
  const tenths = (number) => Math.round(10 * number) / 10;
  form.elements.length_penalty.value = tenths(Math.min(penalty, 2));
  form.elements.temperature.value = tenths(Math.min(Math.max(temperature, 0.1), 2));
  fit();
}
if (text.value) ask(); // the browser restored the text
