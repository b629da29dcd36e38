// A text that is edited, and the word of each piece afterwards, as nmt/markup/placeholders.py keeps them.

import { wordPlaces } from "./letters.mjs";
import { joinedPieces } from "./words.mjs";

/**
 * Edits a text, in order: [start, end, what is written there]. Returns { text, words }: `words` has the words of the new
 * text and the word of each piece, and is null if that is not known.
 */
function spliced(letters, edits, pieces, known) {
  const parts = [];
  // From where on each character is how much further on.
  const moved = [[0, 0]];
  let [position, length] = [0, 0];
  for (const [from, to, written] of edits) {
    const start = Math.max(from, position);
    const end = Math.max(to, start);
    parts.push(...letters.slice(position, start), ...written);
    length += start - position;
    moved.push([start, length - start]);
    length += [...written].length;
    moved.push([end, length - end]);
    position = end;
  }
  const edited = [...parts, ...letters.slice(position)];
  const text = edited.join("");
  const spelt = known ?? joinedPieces(pieces);
  const old = wordPlaces(letters).map(([start]) => start);
  if (!old.length || old.length < spelt.words.length || Math.max(0, ...spelt.places) >= old.length) return { text, words: null };
  if (!known && spelt.words.length !== old.length) return { text, words: null };
  const found = wordPlaces(edited);
  const places = old.map((start) => {
    const place = start + moved.findLast(([from]) => from <= start)[1];
    const after = found.findIndex(([, end]) => end > place);
    return Math.min(after < 0 ? found.length : after, found.length - 1);
  });
  const words = found.map(([start, end]) => edited.slice(start, end).join(""));
  return { text, words: { words, places: spelt.places.map((place) => places[place]) } };
}

export { spliced };
