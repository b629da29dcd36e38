// From the alignment of pieces to that of words, as nmt/evaluation/alignment.py does it.

import { SPACE, encodable } from "./sentencepiece.mjs";

const WORD = /[^ \r\n]+/gu;

/** Words of pieces, and the word that each piece belongs to. A space alone belongs to the word that follows it. */
function joinedPieces(pieces) {
  const [words, places] = [[], []];
  for (const piece of pieces) {
    if (!words.length || (piece.startsWith(SPACE) && words.at(-1))) words.push("");
    words[words.length - 1] += piece.replaceAll(SPACE, "");
    places.push(words.length - 1);
  }
  if (words.length > 1 && !words.at(-1)) words.pop();
  return { words, places: places.map((place) => Math.min(place, words.length - 1)) };
}

/**
 * The words of a text and the word that each of its pieces belongs to. Where normalisation splits, drops or joins words,
 * or a piece is unknown, pieces do not tell the words: the text does.
 *
 * `found` is what `SentencePiece.encode` returned for the text, and `names` are the pieces of its ids.
 */
function sourceWords(text, found, names) {
  const spelt = joinedPieces(names);
  const given = text.match(WORD) ?? [];
  if (!given.length || (spelt.words.length === given.length && spelt.words.every((word, i) => word === given[i]))) return spelt;
  const utf8 = new TextEncoder();
  const readable = encodable(text);
  const [bytes, matches] = [utf8.encode(readable), [...readable.matchAll(WORD)]];
  const ends = matches.map((match) => utf8.encode(readable.slice(0, match.index + match[0].length)).length);
  const isSpace = (byte) => byte === 0x20 || byte === 0x0d || byte === 0x0a;
  const places = names.map((_, i) => {
    // A piece belongs to the word that it ends in, a space alone to the word that follows.
    let end = found.ends[i];
    while (end > found.begins[i] && isSpace(bytes[end - 1])) end--;
    const last = Math.max(end - 1, found.begins[i]);
    const place = ends.findIndex((each) => each > last);
    return place < 0 ? matches.length - 1 : place;
  });
  const read = Math.max(-1, ...places) + 1;
  return { words: matches.slice(0, read).map((match) => match[0]), places };
}

/**
 * The weights of words, `[target word][source word]`: the sum over the pieces of a source word, the mean over those of a
 * target word. `weights` are those of pieces.
 */
function wordWeights(source, target, weights) {
  const merged = target.words.map(() => new Array(source.words.length).fill(0));
  const counts = new Array(target.words.length).fill(0);
  target.places.forEach((word, j) => {
    counts[word]++;
    source.places.forEach((place, i) => {
      merged[word][place] += weights[j][i];
    });
  });
  return merged.map((row, word) => row.map((weight) => weight / Math.max(counts[word], 1)));
}

export { joinedPieces, sourceWords, wordWeights };
