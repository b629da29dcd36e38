// A text with tags and placeholders, translated: read, translated without them, and marked again, as nmt/markup/translate.py
// does it.

import { betweenSentences } from "./joining.mjs";
import { isAlnum, isSpaceless, stripped } from "./letters.mjs";
import { copiedLinks, joinedLinks, linksOf, movedLinks } from "./links.mjs";
import { EACH_PRIVATE, PRIVATE, isNumber, readMarked, spelledParts } from "./marked.mjs";
import { passages } from "./passages.mjs";
import { keeping } from "./placeholders.mjs";
import { placedMarks } from "./placing.mjs";
import { joinedPieces, wordWeights } from "./words.mjs";

const FORMS = ["html", "xml", "text"];
const LONGEST_MASK = "X1000";

/**
 * Translates a text with markup: { text, broken, sentences }. No tag and no placeholder is lost or invented, and pairs of
 * tags stay nested.
 *
 * Options: `form` is "html", "xml" or "text", which has placeholders only; `translate` returns the translation of a
 * sentence; `fits` tells whether the model reads all of one; with `bySentence` each sentence is translated by itself;
 * `standIns` are words that the model knows; `aligned` tells whether it has alignments.
 */
async function translatedWithMarks(text, { form, translate, fits, bySentence, standIns, aligned }) {
  if (!FORMS.includes(form)) throw new Error(`the format '${form}' is none of these: ${FORMS.join(", ")}`);
  const read = readMarked(text, form);
  const isOwn = (raw) => PRIVATE.test(raw) && [...raw].length === 1;
  if (!aligned && (read.marks.length || ![...read.kept.values()].every(isOwn))) {
    throw new Error("this model has no alignments, and nothing else tells where tags and placeholders go");
  }
  const keep = keeping(translate, read.kept, standIns);
  const found = await translatedParts(read, keep, fits, bySentence);
  const parts = placedMarks(read, found.letters, joinedLinks(found.links));
  return {
    text: spelledParts(parts, read, form) + read.rest,
    broken: read.broken,
    sentences: found.sentences.map(({ cut, ...each }) => ({ cut, ...shownSentence(each.source, each.translation, read.kept) })),
  };
}

/** The text of a translation, the links to it, and the translations of the sentences. */
async function translatedParts({ letters, kept }, keep, fits, bySentence) {
  const plain = letters.join("");
  const masked = (part) => part.replace(EACH_PRIVATE, (letter) => {
    const raw = kept.get(letter) ?? "";
    return ` ${isNumber(raw) ? raw : LONGEST_MASK} `;
  });
  const isRead = (part) => fits(masked(part));
  if (!bySentence && isRead(plain)) {
    if (!stripped(plain) || (!letters.some(isAlnum) && PRIVATE.test(plain))) {
      return { letters, links: copiedLinks(letters), sentences: [] };
    }
    const translation = await keep(plain);
    return { letters: [...translation.text], links: [linksOf(letters, translation)], sentences: [{ source: plain, cut: false, translation }] };
  }
  const sentences = [];
  let at = 0;
  for (const { text: part, cut } of passages(plain, isRead, bySentence)) {
    const inside = [...stripped(part)];
    const begin = plain.indexOf(part, at);
    at = begin + part.length;
    if (!inside.some(isAlnum)) continue;
    const start = [...plain.slice(0, begin)].length + [...part].findIndex((letter) => letter === inside[0]);
    const source = inside.join("");
    sentences.push({ start, end: start + inside.length, source, cut, translation: await keep(source) });
  }
  return joinedSentences(letters, sentences);
}

/** Translations in the place of the sentences of a text; what stands between them stays as it was. */
function joinedSentences(letters, sentences) {
  const spaceless = isSpaceless([...sentences.map(({ translation }) => translation.text).join(" ")]);
  const [written, links] = [[], []];
  let position = 0;
  for (const { start, end, translation } of sentences) {
    const given = letters.slice(position, start);
    const between = position ? [...betweenSentences(given.join(""), spaceless)] : given;
    links.push(...copiedLinks(given, position, written.length));
    written.push(...between);
    const target = stripped(translation.text);
    links.push(movedLinks(linksOf(letters.slice(start, end), { ...translation, text: target }), start, written.length));
    written.push(...target);
    position = end;
  }
  links.push(...copiedLinks(letters.slice(position), position, written.length));
  written.push(...letters.slice(position));
  return { letters: written, links, sentences };
}

/** A sentence with what is kept in the place of its private characters, and the weights of its words. */
function shownSentence(source, translation, kept) {
  const shown = (text) => text.replace(EACH_PRIVATE, (letter) => kept.get(letter) ?? letter);
  const sides = [
    translation.sourceWords ?? joinedPieces(translation.sourceTokens), translation.targetWords ?? joinedPieces(translation.tokens),
  ];
  const [sourceWords, targetWords] = sides.map(({ words, places }) => ({ words: words.map(shown), places }));
  const weights = translation.alignment && wordWeights(sourceWords, targetWords, translation.alignment);
  return { ...translation, source: shown(source), text: shown(translation.text), sourceWords, targetWords, wordWeights: weights };
}

export { translatedWithMarks };
