// The thread of the translator. It takes { id, start }, { id, text, bySentence, glossary, form } and { id, cancel: true },
// and answers with { id, part, done, of } for each part of a text, then { id, ended: true }, or { id, failed } with a
// sentence. With a `form` the text has tags and placeholders, and is one part.

import { Engine } from "./engine.mjs";
import { Glossary, withGlossary } from "./glossary.mjs";
import { translatedWithMarks } from "./markup.mjs";
import { passages } from "./passages.mjs";
import { startRuntime } from "./runtime.mjs";

let engine = null;
const canceled = new Set();
const waiting = [];
let busy = false;

/** Lets messages that have come in be heard: a run of the model takes the thread for itself. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 0));

// The glossary that was used last, and the text that it was read from.
let terms = { text: "", glossary: null };

function readGlossary(text) {
  if (text !== terms.text) terms = { text, glossary: Glossary.read(text) };
  return terms.glossary;
}

async function answer({ id, start, text, bySentence, glossary, form }) {
  if (start) {
    engine = await Engine.start(start.contents, start.files, await startRuntime(start.wasm));
    return;
  }
  const wanted = glossary ? readGlossary(glossary) : null;
  const fits = (part) => engine.fits(part);
  const translate = async (part) => {
    await breathe();
    if (canceled.has(id)) throw new Error("it was stopped");
    return withGlossary(wanted, engine.letters(part), await engine.translate(part), engine.frequent);
  };
  if (form) {
    const best = async (sentence) => {
      const { translations } = await translate(sentence);
      return translations[0] ?? engine.blank;
    };
    const { standIns, contents: { aligned } } = engine;
    const found = await translatedWithMarks(text, { form, translate: best, fits, bySentence, standIns, aligned });
    const lacks = (each) => wanted?.missing(engine.letters(each.source), each.text) ?? [];
    self.postMessage({ id, part: { source: text, ...found, missing: found.sentences.flatMap(lacks) }, done: 1, of: 1 });
    return;
  }
  const parts = passages(text, fits, bySentence);
  for (const [i, { text: source, cut }] of parts.entries()) {
    const found = await translate(source);
    self.postMessage({ id, part: { source, cut, ...found }, done: i + 1, of: parts.length });
  }
}

async function work() {
  busy = true;
  for (let asked = waiting.shift(); asked; asked = waiting.shift()) {
    const { id } = asked;
    try {
      if (!canceled.has(id)) await answer(asked);
      self.postMessage({ id, ended: true });
    } catch (error) {
      self.postMessage({ id, failed: String(error?.message ?? error) });
    }
    canceled.delete(id);
  }
  busy = false;
}

self.onmessage = ({ data }) => {
  if (data.cancel) {
    canceled.add(data.id);
    return;
  }
  waiting.push(data);
  if (!busy) work();
};
