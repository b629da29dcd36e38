// The text is translated after a pause in typing, sentence by sentence; only the newest answer is drawn. The script that puts
// the translations of sentences together is before this one.
const PAUSE = 250; // milliseconds
const element = (id) => document.getElementById(id);
const { models, ways, names, through } = JSON.parse(element("data").textContent);
const [text, form, state, failed, result] = ["text", "search", "state", "failed", "result"].map(element);
const section = element("alignment");
const alignment = alignmentIn(section);

// --- languages ---

// With one model, or without languages, there is nothing to choose.
const several = ways.length > 1;
const [from, into] = ["from", "into"].map(element);
// What the text was found to be in, if that is asked for.
let detected = "";
const source = () => (!several ? (ways[0]?.[0] ?? "") : from.value === "auto" ? detected : from.value);
const target = () => (several ? into.value : (ways[0]?.[1] ?? ""));
const routeOf = (one, other) => ways.find((way) => way[0] === one && way[1] === other)?.[2];
const asTag = (code) => code.replaceAll("_", "-");

// The models that translate. While the language of the text is not known, they are those of any language into it.
const route = () => {
  if (!several) return [Object.keys(models)[0]];
  return routeOf(source(), into.value) ?? ways.find((way) => way[1] === into.value)[2];
};
const model = () => models[route().at(-1)];

let draw = 0;
let timer = 0;
let running = null;

// --- asking ---

// The token is kept until this tab is closed.
const token = () => sessionStorage.getItem("token");

const chosen = () => form.elements.how.value;

const question = (lines) => {
  const asked = several ? { text: lines, source: source(), target: target() } : { text: lines };
  if (model().fixed) return asked;
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

const reach = async (path, request) => {
  try {
    const answer = await fetch(path, request);
    return [answer, await answer.text()];
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
};

const post = async (path, asked, signal) => {
  const [answer, body] = await reach(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token() && { authorization: `Bearer ${token()}` }) },
    body: JSON.stringify(asked),
    signal,
  });
  const found = JSON.parse(body);
  if (!signal.aborted) element("entry").hidden = answer.status !== 401;
  if (!answer.ok) throw new Error(found.error);
  return found;
};

// Sentences that are asked for together: one at first, so that it appears soon.
const SENTENCES = 8;
const CHARACTERS = 1500;
const SHORTEST = 8;

const together = (sentences) => {
  const first = sentences.findIndex((one) => !one.done);
  const some = [];
  for (let i = first, size = 0; i >= 0 && i < sentences.length && some.length < (first ? SENTENCES : 1); i += 1) {
    size += sentences[i].text.length;
    if (sentences[i].done || (some.length && size > CHARACTERS)) break;
    some.push(sentences[i]);
  }
  return some;
};

// What is in the page, and what still comes, is of an older text or another search: it can no longer be copied.
const outdate = () => {
  running?.abort();
  running = null;
  clearTimeout(timer);
  complete = false;
  result.classList.add("old");
  element("copy").disabled = element("save").disabled = true;
};

const ask = async () => {
  outdate();
  if (!text.value.trim()) {
    if (several) settle("");
    return show([], text.value);
  }
  if (!form.checkValidity()) {
    const wrong = form.querySelector("input:invalid");
    return fail(`${wrong.parentElement.textContent.trim()}: a number from ${wrong.min} to ${wrong.max}, in steps of ${wrong.step}.`);
  }
  const own = (running = new AbortController());
  picked = 0;
  state.textContent = "Translating …";
  try {
    const where = several ? { source: from.value, target: into.value } : { source: source() };
    const { parts, end, source: found, confidence } = await post("page/sentences", { text: text.value, ...where }, own.signal);
    if (own !== running) return;
    if (several) settle(found ?? "", confidence);
    const sentences = parts.map((part) => ({ ...part, translations: [], done: false }));
    if (!sentences.length) show(sentences, end);
    for (let some; (some = together(sentences)).length;) {
      const found = await post("page/translate", question(some.map((one) => one.text).join("\n")), own.signal);
      for (const [i, one] of some.entries()) {
        const { translations, source_truncated: truncated, through: between } = found.sentences[i];
        if (truncated && one.text.length > SHORTEST) {
          // Nothing is left out: each half is a sentence of its own.
          const halves = await post("page/sentences", { text: one.text, halved: true }, own.signal);
          const made = halves.parts.map((part) => ({ ...part, translations: [], done: false, cut: true }));
          made[0].between = one.between;
          sentences.splice(sentences.indexOf(one), 1, ...made);
        } else {
          Object.assign(one, { translations, truncated, through: between, done: true });
        }
      }
      if (own !== running) return;
      show(sentences, end);
    }
  } catch (error) {
    if (own !== running || error.name === "AbortError") return;
    if (several) settle("");
    fail(error.message);
  }
};

const soon = () => {
  outdate();
  timer = setTimeout(ask, PAUSE);
};

// --- drawing ---

const SCORE = "log-probability";
const PENALISED = " → after the length penalty";
const penalised = ({ score, rank }) => Math.abs(rank - score) > 0.0001;

const NOTHING = "(nothing)";

// A word is weak if its confidence is far below the usual one or, without a confidence, if the model gave one of its pieces
// less than this.
const WEAK = 0.3;
const UNLIKELY = 0.5; // of an export, which does not tell what is usual
const percent = (share) => `${Math.round(100 * share)} %`;

// Weak words are marked, if the words of the text are those that the model tells of.
const marked = (place, { text: written, sure, confidence = null }) => {
  const [least, what] = confidence === null ? [WEAK, "probability"] : [model().weak ?? UNLIKELY, "right with a probability of"];
  const words = written.split(" ").filter(Boolean);
  if (!sure || sure.length !== words.length) {
    place.textContent = written || NOTHING;
    return place;
  }
  place.append(...words.flatMap((word, i) => {
    const share = sure[i][1];
    const title = `${what} ${percent(share)}`;
    const part = share < least ? make("mark", word, { title }) : document.createTextNode(word);
    return i ? [document.createTextNode(" "), part] : [part];
  }));
  return place;
};

let picked = 0;
let written = "";
let complete = false; // whether `written` is the translation of the whole text as it stands

// The whole text, with what stands between its sentences; of a text without a word there is nothing else. Each is a button:
// the chosen one has its translations and its alignment below. The element is a span: a button would not be broken at the
// end of a line.
const show = (sentences, end) => {
  fail("");
  result.classList.remove("old");
  const ready = sentences.filter((one) => one.done);
  const several = sentences.length > 1;
  result.classList.toggle("whole", sentences.length !== 1);
  const lines = ready.map(({ translations: [best] }) => {
    if (!several) return marked(make("p", "", { dir: "auto", lang: asTag(target()) }), best ?? { text: "" });
    const given = { role: "button", tabindex: "0", dir: "auto", lang: asTag(target()), "aria-pressed": "false" };
    return marked(make("span", "", given), best);
  });
  const spaceless = isSpaceless([...ready.map(({ translations: [best] }) => best?.text ?? "").join(" ")]);
  const between = (i) => (i ? betweenSentences(ready[i].between, spaceless) : ready[i].between);
  result.replaceChildren(...(several ? lines.flatMap((line, i) => [between(i), line]) : lines));
  const all = ready.length === sentences.length;
  if (all && sentences.length !== 1) result.append(end);
  written = ready.map(({ translations: [best] }, i) => between(i) + (best?.text ?? "")).join("") + (all ? end : "");
  complete = all && Boolean(written.trim());
  element("copy").disabled = element("save").disabled = !complete;
  const pick = (i) => {
    picked = i;
    if (several) lines.forEach((line, j) => line.setAttribute("aria-pressed", String(i === j)));
    element("of").textContent = several ? ` of sentence ${i + 1}` : "";
    improve(ready[i]);
    detail(ready[i]?.translations ?? [], ready[i]?.through);
  };
  if (several) {
    lines.forEach((line, i) => {
      line.addEventListener("click", () => pick(i));
      line.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        pick(i);
      });
    });
  }
  const told = (which, said) => {
    const numbers = ready.flatMap((sentence, i) => (which(sentence) ? [i + 1] : []));
    return numbers.length ? `${several ? `Sentence ${numbers.join(", ")}: ` : ""}${said}` : "";
  };
  state.textContent = [
    all ? "" : `Translating … ${ready.length} of ${sentences.length}`,
    told((one) => one.cut, "A sentence is longer than the model reads: it was cut into parts."),
    told((one) => one.truncated, "The text is longer than the model reads: its end was left out."),
    told((one) => one.translations[0]?.unfinished, "The translation reached its maximum length before its end."),
  ].filter(Boolean).join(" ");
  pick(picked < ready.length && picked >= 0 ? picked : 0);
};

// The sentence for which a better translation can be suggested, if the server keeps suggestions.
let improved = null;
const improve = (sentence) => {
  if (!element("suggest") || sentence === improved) return;
  improved = sentence;
  element("better").value = sentence?.translations[0]?.text ?? "";
  element("better").lang = asTag(target());
  element("suggested").textContent = "";
};

const detail = (translations, middle) => {
  element("between").hidden = middle === undefined;
  element("between").textContent = middle === undefined ? "" : `Through ${through}: ${middle || NOTHING}`;
  element("best").hidden = !translations.length;
  const [first] = translations;
  const known = first && first.confidence !== null ? `confidence of the best ${percent(first.confidence)} · ` : "";
  element("measure").textContent = known + SCORE + (translations.some(penalised) ? PENALISED : "");
  element("list").replaceChildren(...translations.map((each) => {
    const item = document.createElement("li");
    const button = make("button", "", { type: "button", "aria-pressed": "false" });
    const score = [each.score, ...(penalised(each) ? [each.rank] : [])].map(decimals).join(" → ");
    const title = SCORE + (penalised(each) ? PENALISED : "");
    button.append(
      make("span", each.text || NOTHING, { class: "words", dir: "auto", lang: asTag(target()) }),
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
  note.textContent = route().length > 1
    ? `The words between the two models are not the same, or one shows no alignment, so there is none through ${through}.`
    : translations[0]?.weights
    ? "An export holds the alignment of the best translation only."
    : "This model has no attention, so there is no alignment to show.";
};

const align = (one) => {
  const linked = route().length > 1 ? null : model().linked;
  alignment.show({ ...one, languages: [asTag(source()), asTag(target())] }, {
    explained: linked === null
      ? "Per cent of each target word’s alignment with each source word"
      : linked
      ? "Per cent of each target word’s link to each source word, found once the translation was written"
      : "Per cent of each target word’s attention to each source word while it was written",
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

// Shows what is known of the languages: the models, and how they search.
let settled = "";
const settle = (found, confidence) => {
  detected = found;
  element("way").textContent = [
    confidence ? `${names[found]}, ${Math.round(confidence)} % sure` : "",
    route().length > 1 && source() ? `through ${through}` : "",
  ].filter(Boolean).join("; ");
  text.lang = asTag(source());
  element("name").textContent = route().join(" → ");
  element("version").textContent = `version ${route().map((name) => models[name].version).join(" and ")}`;
  const [last] = route().slice(-1);
  if (settled !== last) strategies();
  settled = last;
};

// Only languages into which the chosen one is translated can be chosen.
const narrow = (code) => {
  for (const option of into.options) {
    const led = ways.some((way) => way[1] === option.value && (code === "auto" || way[0] === code));
    option.hidden = option.disabled = !led;
  }
  if (into.selectedOptions[0]?.disabled ?? true) into.value = [...into.options].find((option) => !option.disabled).value;
  const back = code === "auto" ? "" : routeOf(into.value, code);
  element("swap").disabled = !back;
  settle("");
};

if (several) {
  const changed = () => { narrow(from.value); ask(); };
  from.addEventListener("change", changed);
  into.addEventListener("change", changed);
  element("swap").addEventListener("click", () => {
    [from.value, into.value] = [into.value, from.value];
    // What was written is what is read now, unless some of the text would be lost.
    if (complete) text.value = written;
    changed();
  });
}

text.addEventListener("input", soon);
form.addEventListener("input", () => { fit(); soon(); });
form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
element("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  const { value } = element("token");
  // A browser sends no other letters, and the token of a server has no others.
  if (!/^[ -~]+$/.test(value)) return fail("A token has letters from A to Z, digits and signs of ASCII only. Copy it again.");
  sessionStorage.setItem("token", value);
  ask();
});
element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(written);
    state.textContent = "Copied.";
  } catch {
    fail("The browser does not let this page copy. Download the translation instead.");
  }
});
element("save").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([written], { type: "text/plain" }));
  make("a", "", { href: address, download: "translation.txt" }).click();
  URL.revokeObjectURL(address);
});
element("suggest")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = { q: improved.text, s: element("better").value, source: source(), target: target() };
  try {
    await post("suggest", asked, new AbortController().signal);
    element("suggested").textContent = "Thank you, it is kept.";
  } catch (error) {
    element("suggested").textContent = error.message;
  }
});
element("again").addEventListener("click", () => { draw += 1; ask(); });

// How the model searches by itself.
function strategies() {
  const { fixed, search } = model();
  element("strategies").disabled = Boolean(fixed);
  element("fixed").textContent = fixed;
  element("fixed").hidden = !fixed;
  if (fixed) {
    for (const input of form.elements.how) input.checked = false;
    return;
  }
  const { strategy: kind, beam, length_penalty: penalty, temperature } = search;
  form.elements.how.value = kind;
  if (beam > 1) form.elements.beam.value = Math.min(beam, 10);
  // The fields take tenths, as the server does.
  const tenths = (number) => Math.round(10 * number) / 10;
  form.elements.length_penalty.value = tenths(Math.min(penalty, 2));
  form.elements.temperature.value = tenths(Math.min(Math.max(temperature, 0.1), 2));
  fit();
}

if (several) {
  [from.value] = ways[0];
  into.value = ways[0][1];
  narrow(from.value);
} else {
  text.lang = asTag(source());
  strategies();
}
if (text.value) ask(); // the browser restored the text
