// The text is translated after a pause in typing; only the newest answer is drawn.
const PAUSE = 250; // milliseconds
const element = (id) => document.getElementById(id);
const model = JSON.parse(element("data").textContent);
const [text, form, state, failed, result] = ["text", "search", "state", "failed", "result"].map(element);
const section = element("alignment");
const alignment = alignmentIn(section);

let draw = 0;
let timer = 0;
let running = null;

// --- asking ---

// The token is kept until this tab is closed.
const token = () => sessionStorage.getItem("token");

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
  if (!text.value.trim()) return show([]);
  if (!form.checkValidity()) {
    const wrong = form.querySelector("input:invalid");
    return fail(`${wrong.parentElement.textContent.trim()}: a number from ${wrong.min} to ${wrong.max}, in steps of ${wrong.step}.`);
  }
  const own = (running = new AbortController());
  result.classList.add("old");
  state.textContent = "Translating …";
  try {
    const answer = await fetch("page/translate", {
      method: "POST",
      headers: { "content-type": "application/json", ...(token() && { authorization: `Bearer ${token()}` }) },
      body: JSON.stringify(question()),
      signal: own.signal,
    });
    const found = await answer.json();
    if (own !== running) return;
    element("entry").hidden = answer.status !== 401;
    if (!answer.ok) throw new Error(found.error);
    show(found.sentences);
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

const SCORE = "log-probability";
const PENALISED = " → after the length penalty";
const penalised = ({ score, rank }) => Math.abs(rank - score) > 0.0001;

const NOTHING = "(nothing)";

// Each line is a sentence. Those of several are buttons: the chosen one has its translations and its alignment below.
const show = (sentences) => {
  fail("");
  result.classList.remove("old");
  const several = sentences.length > 1;
  const lines = sentences.map(({ translations }) => {
    const best = translations.length ? translations[0].text || NOTHING : "";
    if (!several || !best) return make("p", best, { dir: "auto", lang: "" });
    return make("button", best, { type: "button", dir: "auto", lang: "", "aria-pressed": "false" });
  });
  result.replaceChildren(...lines);
  const pick = (i) => {
    lines.forEach((line, j) => line.matches("button") && line.setAttribute("aria-pressed", String(i === j)));
    element("of").textContent = several ? ` of line ${i + 1}` : "";
    detail(sentences[i]?.translations ?? []);
  };
  lines.forEach((line, i) => line.addEventListener("click", () => line.matches("button") && pick(i)));
  const told = (which, said) => {
    const numbers = sentences.flatMap((sentence, i) => (which(sentence) ? [i + 1] : []));
    return numbers.length ? `${several ? `Line ${numbers.join(", ")}: ` : ""}${said}` : "";
  };
  state.textContent = [
    told((one) => one.source_truncated, "The text is longer than the model reads: its end was left out."),
    told((one) => one.translations[0]?.unfinished, "The translation reached its maximum length before its end."),
  ].filter(Boolean).join(" ");
  pick(Math.max(0, sentences.findIndex(({ translations }) => translations.length)));
};

const detail = (translations) => {
  element("best").hidden = !translations.length;
  element("measure").textContent = SCORE + (translations.some(penalised) ? PENALISED : "");
  element("list").replaceChildren(...translations.map((each) => {
    const item = document.createElement("li");
    const button = make("button", "", { type: "button", "aria-pressed": "false" });
    const score = [each.score, ...(penalised(each) ? [each.rank] : [])].map((x) => x.toFixed(2).replace("-", "−")).join(" → ");
    const title = SCORE + (penalised(each) ? PENALISED : "");
    button.append(
      make("span", each.text || NOTHING, { class: "words", dir: "auto", lang: "" }),
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

const align = (one) => {
  alignment.show(one, {
    explained: "Per cent of each target word’s attention that went to each source word",
    ended: "; the rest of a row went to the end of the sentence.",
  });
};

// The font is used only if the machine has none for Hangul. It is fetched before anything is typed, because Chromium
// keeps the boxes that it drew in a text area before.
document.fonts.load('1rem "nmt Hangul"', "한").then(alignment.place, () => {});

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
element("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", element("token").value);
  ask();
});
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
