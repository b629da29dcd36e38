// Placeholders, such as {name} or an address, come out letter by letter, as nmt/markup/placeholders.py does it: by masks
// that a model may copy, then by words that it knows, whose translations are replaced.

import { spliced } from "./edits.mjs";
import { joinedLinks, linkShares, linksOf } from "./links.mjs";
import { EACH_PRIVATE, PRIVATE, isNumber } from "./marked.mjs";
import { bestRun, gapOf, isStop } from "./placing.mjs";

const MASKS = ["X", ""];
const TOUCHED = /^[A-Za-z0-9\ue000-\uf8ff\u{f0000}-\u{10fffd}]$/u;

/** Returns a function that translates sentences with placeholders; each of them is once in every translation. */
function keeping(translate, kept, standIns) {
  return async (sentence) => {
    if (!PRIVATE.test(sentence)) return translate(sentence);
    let first = null;
    for (const kind of MASKS.keys()) {
      const masked = maskedBy(sentence, masksThatMayBeCopied(sentence, kept, kind));
      const translation = await translate(masked.text);
      const copied = byCopies(masked, translation);
      if (copied) return copied;
      first ??= byLinks(masked, translation).translation;
    }
    return standIns.length ? voted(translate, sentence, standIns) : first;
  };
}

/** Masks that a model may copy for the placeholders of a sentence. Only equal numbers have the same one. */
function masksThatMayBeCopied(sentence, kept, kind) {
  const masks = [];
  for (const [character] of sentence.matchAll(EACH_PRIVATE)) {
    const raw = kept.get(character) ?? "";
    if (isNumber(raw) && !kind) {
      masks.push(raw);
      continue;
    }
    let number = masks.length + 1;
    // A mask is looked for in the translation, so it may not be a part of anything else in the sentence.
    while (masks.includes(`${MASKS[kind]}${number}`) || sentence.includes(`${MASKS[kind]}${number}`)) number += 10;
    masks.push(`${MASKS[kind]}${number}`);
  }
  return masks;
}

/** The sentence for the model, where each mask stands in it, the masks and the placeholders. */
function maskedBy(sentence, masks) {
  const letters = [...sentence];
  const [parts, places, characters] = [[], [], []];
  letters.forEach((letter, i) => {
    if (!PRIVATE.test(letter)) {
      parts.push(letter);
      return;
    }
    // What it touches would make one word with it, unless it is a particle of another script.
    const [left, right] = [letters[i - 1] ?? "", letters[i + 1] ?? ""];
    const before = TOUCHED.test(left) ? " " : "";
    const after = right < "\x80" && TOUCHED.test(right) ? " " : "";
    const start = parts.length;
    parts.push(...before, ...masks[places.length], ...after);
    places.push([start, parts.length]);
    characters.push(letter);
  });
  return { text: parts.join(""), letters: parts, places, masks, characters };
}

/** A translation with placeholders in the place of their masks, null if one is not there as often. */
function byCopies(masked, translation) {
  const letters = [...translation.text];
  const copies = new Map();
  for (const mask of masked.masks) {
    const wanted = masked.masks.filter((each) => each === mask).length;
    const found = copiesOf(mask, translation.text);
    if (found.length !== wanted) return null;
    copies.set(mask, found);
  }
  const edits = masked.places.map(([first, last], i) => {
    let [start, end] = copies.get(masked.masks[i]).shift();
    // Without the spaces that parted it from what it touches.
    if (masked.letters[first] === " " && letters[start - 1] === " ") start--;
    if (masked.letters[last - 1] === " " && letters[end] === " ") end++;
    return [start, end, masked.characters[i]];
  });
  return editedTranslation(masked, translation, edits);
}

/** Where a mask stands that is no part of another word or number. */
function copiesOf(mask, text) {
  const literal = mask.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?<!\\p{Nd}[.,:/])${literal}(?![A-Za-z0-9])(?![.,:/]\\p{Nd})`, "gu");
  return [...text.matchAll(pattern)].map(({ index }) => {
    const start = [...text.slice(0, index)].length;
    return [start, start + [...mask].length];
  });
}

/** A translation in which the words that are linked to a mask are replaced by its placeholder, and how sure that is. */
function byLinks(masked, translation) {
  const links = joinedLinks([linksOf(masked.letters, translation)]);
  const [letters, { target }] = [[...translation.text], links];
  const free = target.map(() => true);
  let weight = 1;
  const edits = masked.places.map(([start, end], i) => {
    const character = masked.characters[i];
    const linked = linkShares(links, links.source.map(([begin, last]) => Number(begin < end && last > start)));
    const [first, last] = bestRun(linked.map((share) => share - 0.5), free);
    const run = linked.slice(first, last);
    const surest = run.length ? run.reduce((one, other) => one + other, 0) / run.length : 0;
    weight *= surest;
    if (surest < 0.5) return insertedAt(links, gapOf(start, links), character);
    free.fill(false, first, last);
    const begin = target[first][0];
    let after = target[last - 1][1];
    while (after - begin > 1 && isStop(letters[after - 1])) after--;
    return [begin, after, character];
  });
  return { translation: editedTranslation(masked, translation, edits), weight };
}

/** What writes a placeholder between two units, as a word of its own. */
function insertedAt({ target }, place, character) {
  if (place < target.length) return [target[place][0], target[place][0], `${character} `];
  const begin = target.length ? target.at(-1)[1] : 0;
  return [begin, begin, begin ? ` ${character}` : character];
}

/** Translates a sentence with each of the stand-ins, and returns what most of them agree on. */
async function voted(translate, sentence, standIns) {
  const count = [...sentence.matchAll(EACH_PRIVATE)].length;
  const [votes, best] = [new Map(), new Map()];
  for (const kind of standIns.keys()) {
    const masks = Array.from({ length: count }, (_, n) => standIns[(kind + n) % standIns.length]);
    const masked = maskedBy(sentence, masks);
    const written = await translate(masked.text);
    const found = byLinks(masked, written);
    const { text } = found.translation;
    const probability = Math.exp((written.score ?? written.freeScore) / Math.max(written.tokens.length + 1, 1));
    votes.set(text, (votes.get(text) ?? 0) + found.weight * probability);
    if (!best.has(text) || found.weight > best.get(text).weight) best.set(text, found);
  }
  const [chosen] = [...votes].reduce((one, other) => (other[1] > one[1] ? other : one));
  return best.get(chosen).translation;
}

/** A translation with its words, and those of its source, after edits of both. */
function editedTranslation(masked, translation, edits) {
  const back = masked.places.map(([start, end], i) => [start, end, masked.characters[i]]);
  const source = spliced(masked.letters, back, translation.sourceTokens, translation.sourceWords);
  const order = [...edits].sort((one, other) => one[0] - other[0] || one[1] - other[1] || (one[2] < other[2] ? -1 : 1));
  const target = spliced([...translation.text], order, translation.tokens, translation.targetWords);
  // What is known of its words is known of other words now.
  return {
    ...translation,
    text: target.text,
    sourceWords: source.words,
    targetWords: target.words,
    confidence: null,
    wordConfidences: null,
  };
}

export { keeping };
