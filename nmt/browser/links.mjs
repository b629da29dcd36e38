// Which parts of a translation came from which parts of its source, as nmt/markup/links.py has it. The parts, called units,
// are words; in a script without spaces they are pieces. Links are { source, target, weights }: the places of the units,
// [start, end] in code points, and `weights[target][source]`.

import { isSpaceless, wordPlaces } from "./letters.mjs";
import { joinedPieces } from "./words.mjs";

// Words that are copied are linked this many at a time: one array for all would grow with the square of their number.
const COPIED_TOGETHER = 64;

const added = (numbers) => numbers.reduce((one, other) => one + other, 0);

/** How many of some increasing numbers are smaller than one. */
const below = (numbers, one) => {
  const found = numbers.findIndex((each) => each >= one);
  return found < 0 ? numbers.length : found;
};

const running = (numbers) => {
  let sum = 0;
  return numbers.map((each) => (sum += each));
};

const movedPlaces = (places, by) => places.map(([start, end]) => [start + by, end + by]);

/** The same links for texts that stand at a place of larger ones. */
const movedLinks = (links, source, target) => ({
  ...links, source: movedPlaces(links.source, source), target: movedPlaces(links.target, target),
});

/** The links of sentences that stand behind one another; the weights of each are held apart. */
const joinedLinks = (parts) => ({
  source: parts.flatMap(({ source }) => source),
  target: parts.flatMap(({ target }) => target),
  blocks: parts.map(({ source, weights }) => ({ weights, columns: source.length, sums: weights.map(added) })),
});

/** The weight of each target unit. */
const linkSums = ({ blocks }) => blocks.flatMap(({ sums }) => sums);

/** The mean of values of the source units for each target unit, weighted by its links. */
function linkShares({ blocks }, values) {
  const found = [];
  let column = 0;
  for (const { weights, columns, sums } of blocks) {
    // A mark is around few of the units.
    const some = [];
    for (let i = 0; i < columns; i++) if (values[column + i]) some.push(i);
    weights.forEach((row, unit) => {
      let sum = 0;
      for (const i of some) sum += row[i] * values[column + i];
      found.push(sum / Math.max(sums[unit], 1e-9));
    });
    column += columns;
  }
  return found;
}

/** The links of a text that stands as it was in its translation: each word comes from itself. */
function copiedLinks(letters, source = 0, target = 0) {
  const found = wordPlaces(letters);
  const groups = [];
  for (let first = 0; first < found.length; first += COPIED_TOGETHER) {
    const some = found.slice(first, first + COPIED_TOGETHER);
    const weights = some.map((_, i) => some.map((__, j) => Number(i === j)));
    groups.push(movedLinks({ source: some, target: some, weights }, source, target));
  }
  return groups;
}

/** The links of a translation; they have no weight if the model has no alignment. */
function linksOf(letters, { text, sourceTokens, tokens, sourceWords, targetWords, alignment }) {
  const [read, from] = unitsOf(letters, sourceTokens, sourceWords);
  const [written, to] = unitsOf([...text], tokens, targetWords);
  const weights = written.map(() => new Array(read.length).fill(0));
  if (alignment && to.length && from.length) {
    const counts = written.map(() => 0);
    to.forEach((unit) => counts[unit]++);
    to.forEach((unit, j) => {
      if (!alignment[j]) return;
      from.forEach((other, i) => { weights[unit][other] += alignment[j][i] ?? 0; });
    });
    weights.forEach((row, unit) => row.forEach((each, i) => { row[i] = each / Math.max(counts[unit], 1); }));
  }
  return { source: read, target: written, weights };
}

/** Where the units of a text stand, and the unit of each piece. */
function unitsOf(letters, pieces, known) {
  const found = wordPlaces(letters);
  if (!found.length) return [[], []];
  const spelt = known ?? joinedPieces(pieces);
  let places = spelt.places.slice(0, pieces.length);
  if (Math.max(0, ...places) >= found.length || (!known && spelt.words.length !== found.length)) {
    places = placesByLength(found, pieces);
  }
  return isSpaceless(letters) ? unitsOfPieces(found, pieces, places) : [found, places];
}

/** The word of each piece, where only the share of the text that comes before it tells. */
function placesByLength(found, pieces) {
  const ends = running(found.map(([start, end]) => end - start));
  const middles = running([0, ...pieces.map((piece) => Math.max([...piece].length, 1))]);
  const scale = ends.at(-1) / Math.max(middles.at(-1), 1);
  return pieces.map((_, i) => Math.min(below(ends, ((middles[i] + middles[i + 1]) / 2) * scale), found.length - 1));
}

const roundedToEven = (number) => {
  const nearest = Math.round(number);
  return nearest - number === 0.5 && nearest % 2 ? nearest - 1 : nearest;
};

/** Cuts words at their pieces. The pieces of a word share its characters by their length. */
function unitsOfPieces(found, pieces, places) {
  const units = [];
  let ofPieces = [];
  found.forEach(([begin, last], number) => {
    const inside = pieces.filter((_, i) => places[i] === number).map((piece) => [...piece.replaceAll("▁", "")].length);
    let ends = running([0, ...inside]);
    const scale = (last - begin) / Math.max(ends.at(-1), 1);
    ends = ends.map((end) => begin + roundedToEven(end * scale));
    const first = units.length;
    for (let i = 0; i + 1 < ends.length; i++) {
      if (ends[i + 1] > ends[i] || units.length === first) units.push([ends[i], Math.max(ends[i + 1], ends[i])]);
      ofPieces.push(units.length - 1);
    }
    if (!inside.length || !(ends.at(-1) > begin)) {
      units.splice(first, units.length - first, [begin, last]);
      ofPieces = [...ofPieces.slice(0, ofPieces.length - inside.length), ...inside.map(() => first)];
    }
  });
  return [units, ofPieces];
}

export { added, copiedLinks, joinedLinks, linkShares, linkSums, linksOf, movedLinks, running };
