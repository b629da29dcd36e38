// The page of a translator that runs in it. Each line is translated as one types; only the newest answer is drawn.
const PAUSE = 250; // milliseconds
const LARGEST = 5_000_000; // bytes of a text file
// A word is marked whose confidence is far below the usual one or, without a confidence, whose pieces have less probability
// than this in the mean.
const WEAK = 0.4;
const element = (id) => document.getElementById(id);
const { contents, words, languages } = JSON.parse(element("data").textContent);
const [text, state, failed, result, progress] = ["text", "state", "failed", "result", "progress"].map(element);
const section = element("alignment");
const alignment = alignmentIn(section);

let translator = null;
let running = null;
let timer = 0;
let broken = false; // whether the translator could not be started
let shown = []; // for each line its parts
let parts = []; // those of them that are not blank
let drawn = []; // their lines in the page
let chosen = null; // the part whose translations are below
let place = 0; // which of its translations is drawn

// --- the language of the page ---

let tongue = "en";
const said = (key, values = {}) => words[tongue][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
let told = () => {}; // says again what was said last, in another language
const tell = (where, key, values) => {
  told = () => { where.textContent = key ? said(key, values) : ""; };
  told();
};

const speak = (wanted) => {
  tongue = wanted;
  document.documentElement.lang = tongue;
  element("tongue").value = tongue;
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = said(each.dataset.say);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", said(each.dataset.label));
  text.placeholder = said("placeholder");
  const [title, hint] = [section.querySelector("h2"), section.querySelector(".quiet")];
  [title.textContent, hint.textContent] = [said("alignment"), said("hint")];
  const [sources, targets] = section.querySelectorAll(".row");
  sources.setAttribute("aria-label", said("source_words"));
  targets.setAttribute("aria-label", said("target_words"));
  section.querySelector(".scroll").setAttribute("aria-label", said("map"));
  element("facts").textContent = said("facts", {
    ...contents,
    languages: languages[0] ? `${languages.join(" → ")} · ` : "",
    quality: contents.quality ? `${contents.quality} · ` : said("no_quality"),
  });
  told();
  fail(failure.key, failure.values);
  detail();
};

// --- asking ---

let failure = {}; // what is said of it, to say it in another language
const fail = (key, values) => {
  failure = { key, values };
  failed.hidden = !key;
  failed.textContent = key ? said(key, values) : "";
};

const busy = (on) => {
  element("stop").hidden = !on;
  result.setAttribute("aria-busy", String(on));
  if (!on) progress.hidden = true;
};

const translate = async () => {
  if (broken) return;
  running?.abort();
  const own = (running = new AbortController());
  const lines = text.value.split(/\r\n|\r|\n/);
  const [bySentence, marked] = [element("sentences").checked, element("tags").checked];
  const glossary = element("terms").value.trim() ? element("terms").value : "";
  fail();
  drawn = [];
  if (!text.value.trim()) {
    draw([], true);
    tell(state, "");
    return busy(false);
  }
  if (!translator) return tell(state, "starting");
  tell(state, "translating");
  result.classList.add("old");
  busy(true);
  const found = [];
  const ready = { done: 0, of: lines.length }; // lines; of one line its parts
  let last = performance.now();
  const advance = () => {
    // Drawing takes longer than translating: a few times a second is enough.
    if (own !== running || ready.of === 1 || performance.now() - last < 200) return;
    last = performance.now();
    progress.hidden = false;
    [progress.max, progress.value] = [ready.of, ready.done];
    tell(state, "progress", { ...ready });
    draw(found, false);
  };
  try {
    for (const [i, line] of lines.entries()) {
      const translated = [];
      found.push(translated);
      if (marked) {
        const one = await translator.translateMarked(line, { signal: own.signal, bySentence, glossary });
        if (line.trim()) translated.push(asPart(one));
        Object.assign(ready, { done: i + 1 });
        advance();
        continue;
      }
      await translator.translate(line, {
        signal: own.signal,
        bySentence,
        glossary,
        onPart: (part, done, of) => {
          translated.push(part);
          Object.assign(ready, lines.length === 1 ? { done, of } : { done: i + Number(done === of) });
          advance();
        },
      });
    }
    if (own !== running) return;
    draw(found, true);
    notes(found);
  } catch (error) {
    if (own !== running) return;
    draw(found, true);
    if (error.name === "AbortError") {
      tell(state, "stopped", ready);
    } else {
      tell(state, "");
      fail("failed", { reason: error.message });
    }
  }
  busy(false);
};

// A text with markup as one part of the page. The links of its sentences stand behind one another.
const asPart = ({ source, text: written, broken, missing, sentences }) => {
  const joined = { text: written, score: null, tokenScores: null, sourceWords: { words: [] }, targetWords: { words: [] } };
  const blocks = sentences.map(({ sourceWords, targetWords, wordWeights }) => {
    const from = joined.sourceWords.words.length;
    joined.sourceWords.words.push(...sourceWords.words);
    joined.targetWords.words.push(...targetWords.words);
    return [from, wordWeights ?? []];
  });
  const width = joined.sourceWords.words.length;
  joined.wordWeights = blocks.flatMap(([from, rows]) => rows.map((row) => {
    const whole = new Array(width).fill(0);
    row.forEach((weight, i) => { whole[from + i] = weight; });
    return whole;
  }));
  joined.unfinished = sentences.some(({ unfinished }) => unfinished);
  return { source, broken, missing, cut: sentences.some(({ cut }) => cut), translations: [joined] };
};

const notes = (found) => {
  const best = found.flat().flatMap(({ translations }) => translations.slice(0, 1));
  const keys = [];
  if (found.flat().some(({ cut }) => cut)) keys.push("cut");
  if (best.some(({ unfinished }) => unfinished)) keys.push("unfinished");
  if (result.querySelector("mark")) keys.push("weak");
  const lacking = [...new Set(found.flat().flatMap(({ missing }) => missing ?? []).map(({ source, target }) => `${source} → ${target}`))];
  const reasons = [...new Set(found.flat().map(({ broken }) => broken).filter(Boolean))];
  told = () => {
    state.textContent = [
      ...keys.map((key) => said(key)),
      ...reasons.map((reason) => said("broken", { reason })),
      ...(lacking.length ? [said("lacking", { terms: lacking.join(", ") })] : []),
    ].join(" ");
  };
  told();
};

const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(translate, PAUSE);
};

// --- drawing ---

const best = ({ translations }) => translations[0]?.text ?? "";
const whole = () => shown.map(joinedParts).join("\n");

// The words of a translation, those marked that are weak.
const withWeak = (one) => {
  if (!one.tokenScores) return [one.text];
  const { words: own, places } = one.targetWords;
  const sums = own.map(() => [0, 0]);
  places.forEach((word, i) => {
    sums[word][0] += one.tokenScores[i];
    sums[word][1] += 1;
  });
  if (own.join(" ") !== one.text) return [one.text];
  return own.flatMap((word, i) => {
    const [right, unsure] = [one.wordConfidences?.[i], Math.exp(sums[i][0] / Math.max(sums[i][1], 1)) < WEAK];
    const title = right === undefined ? {} : { title: `${Math.round(100 * right)} %` };
    return [...(i ? [" "] : []), (right === undefined ? unsure : right < contents.confidence.weak) ? make("mark", word, title) : word];
  });
};

const draw = (found, ended) => {
  shown = found;
  result.classList.toggle("old", !ended);
  parts = found.flat().filter(({ translations }) => translations.length);
  const several = parts.length > 1;
  // The lines of a document stay, and new ones follow them. One line alone is no button, so it is drawn again.
  if (drawn.length < 2) {
    drawn = [];
    result.replaceChildren();
  }
  for (const part of parts.slice(drawn.length)) {
    const line = make(several ? "button" : "p", "", { dir: "auto", lang: languages[1], ...(several && { type: "button", "aria-pressed": "false" }) });
    line.append(...(best(part) ? withWeak(part.translations[0]) : [said("nothing")]));
    if (several) line.addEventListener("click", () => pick(part));
    result.append(line);
    drawn.push(line);
  }
  for (const id of ["copy", "save"]) element(id).disabled = !parts.length;
  if (ended) pick(parts[0] ?? null);
};

const pick = (part) => {
  drawn.forEach((line, i) => line.matches("button") && line.setAttribute("aria-pressed", String(parts[i] === part)));
  chosen = part && { ...part, number: parts.length > 1 ? parts.indexOf(part) + 1 : 0 };
  place = 0;
  detail();
};

// The translations of the chosen part.
const detail = () => {
  const translations = chosen?.translations ?? [];
  element("best").hidden = !translations.length;
  element("best-title").textContent = chosen?.number ? said("best_of", { n: chosen.number }) : said("best");
  element("list").replaceChildren(...translations.map((one, i) => {
    const item = document.createElement("li");
    const button = make("button", "", { type: "button", "aria-pressed": String(i === place) });
    button.append(
      make("span", one.text || said("nothing"), { class: "words", dir: "auto", lang: languages[1] }),
      make("span", one.score === null ? "–" : decimals(one.score), { class: "score" }),
    );
    button.addEventListener("click", () => { place = i; detail(); element("list").children[i].firstChild.focus(); });
    item.append(button);
    return item;
  }));
  const one = translations[place];
  section.hidden = !one?.wordWeights?.length;
  element("unaligned").hidden = !one || contents.aligned;
  if (section.hidden) return;
  const [source, target, weights] = [one.sourceWords.words, one.targetWords.words, one.wordWeights];
  const spoken = (own, others, rows, key) => own.map((word, i) => {
    const most = rows[i].map((weight, j) => [weight, others[j]]).filter(([weight]) => weight >= 0.01);
    const named = most.sort((a, b) => b[0] - a[0]).slice(0, 3).map(([weight, other]) => `${other} ${Math.round(100 * weight)} %`);
    return said(key, { word, others: named.join(", ") || said("nobody") });
  });
  const columns = source.map((_, i) => weights.map((row) => row[i]));
  const labels = [spoken(source, target, columns, "attended"), spoken(target, source, weights, "attends")];
  alignment.show({ source, target, labels, weights, languages }, { explained: said(contents.linked ? "links" : "attention"), ended: said("ended") });
};

// --- files ---

const readInto = async (field, file) => {
  if (file.size > LARGEST) return fail("too_large", { name: file.name });
  try {
    field.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return fail("not_text", { name: file.name });
  }
  if (field === text) element("sentences").checked = true;
  translate();
};

const copy = async () => {
  try {
    await navigator.clipboard.writeText(whole());
    tell(state, "copied");
  } catch {
    tell(state, "not_copied");
  }
};

const save = () => {
  const written = whole();
  // The last line break of a text is in its translation already.
  const ended = written.endsWith("\n") ? written : `${written}\n`;
  const address = URL.createObjectURL(new Blob([ended], { type: "text/plain" }));
  const link = make("a", "", { href: address, download: `${contents.name}.txt` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};

// --- starting ---

const unpacked = async (name) => {
  try {
    const packed = document.querySelector(`script[data-file="${name}"]`).textContent;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new Error(`${name} is damaged`);
  }
};

const isSingle = Boolean(document.querySelector("script[data-file]"));

const start = async () => {
  if (!isSingle) return Client.load(new URL(".", document.baseURI));
  const names = Object.keys(contents.files);
  const [wasm, code, ...bytes] = await Promise.all(["litert.wasm", "worker.js", ...names].map(unpacked));
  return Client.start({ contents, wasm, code, files: Object.fromEntries(names.map((name, i) => [name, bytes[i]])) });
};

const readLicenses = async () => {
  const pre = element("licenses").querySelector("pre");
  if (pre.textContent) return;
  try {
    const bytes = isSingle ? await unpacked("licenses.txt") : await fetchFile(document.baseURI, "licenses.txt");
    pre.textContent = new TextDecoder().decode(bytes);
  } catch (error) {
    fail("unlicensed", { reason: error.message });
  }
};

const begin = async () => {
  speak(navigator.language.startsWith("ko") ? "ko" : "en");
  element("tongue").addEventListener("change", ({ target }) => speak(target.value));
  const old = element("old");
  if (typeof WebAssembly !== "object") return tell(old, "old_wasm");
  if (!isSingle && location.protocol === "file:") return tell(old, "from_disk");
  if (isSingle && typeof DecompressionStream !== "function") return;
  old.hidden = true;
  element("desk").hidden = false;
  element("licenses").addEventListener("toggle", readLicenses);
  text.addEventListener("input", soon);
  element("terms").addEventListener("input", soon);
  for (const id of ["sentences", "tags"]) element(id).addEventListener("change", translate);
  for (const [id, field] of [["file", text], ["terms-file", element("terms")]]) {
    element(id).addEventListener("change", ({ target }) => {
      if (target.files.length) readInto(field, target.files[0]);
      target.value = "";
    });
  }
  element("stop").addEventListener("click", () => running?.abort());
  text.addEventListener("keydown", ({ key }) => key === "Escape" && running?.abort());
  element("copy").addEventListener("click", copy);
  element("save").addEventListener("click", save);
  tell(state, "starting");
  try {
    translator = await start();
  } catch (error) {
    broken = true;
    element("desk").hidden = true;
    tell(state, "");
    return fail("damaged", { reason: error.message });
  }
  tell(state, "");
  if (text.value) translate();
};

begin();
