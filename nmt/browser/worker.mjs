// The thread of the translator. It takes { id, start }, { id, text, bySentence } and { id, cancel: true }, and answers
// with { id, part, done, of } for each part of a text, then { id, ended: true }, or { id, failed } with a sentence.

import { Engine } from "./engine.mjs";
import { passages } from "./passages.mjs";
import { startRuntime } from "./runtime.mjs";

let engine = null;
const canceled = new Set();
const waiting = [];
let busy = false;

/** Lets messages that have come in be heard: a run of the model takes the thread for itself. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 0));

async function answer({ id, start, text, bySentence }) {
  if (start) {
    engine = await Engine.start(start.contents, start.files, await startRuntime(start.wasm));
    return;
  }
  const parts = passages(text, (part) => engine.fits(part), bySentence);
  for (const [i, part] of parts.entries()) {
    await breathe();
    if (canceled.has(id)) return;
    const translations = await engine.translate(part);
    self.postMessage({ id, part: { source: part, translations }, done: i + 1, of: parts.length });
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
