// Marks, put into a translation along the links of its words, as nmt/markup/placing.py does it, where the reasons are.

import { folded, isSpace } from "./letters.mjs";
import { added, joinedLinks, linkShares, linkSums, running } from "./links.mjs";

const LEAST_WEIGHT = 0.1;
const FADING = 0.5;
// A word further away says less than numbers can hold beside what the nearest one says.
const FARTHEST = 60;
const EQUAL = 1e-9;
const LITTLE = 1e-3;
const OF_WORDS = "%&@#'*_-/\\";
const PUNCTUATION = /^\p{P}/u;

/** Whether a character is a sign that a pair of tags leaves outside, such as a full stop. */
const isStop = (letter) => PUNCTUATION.test(letter) && !OF_WORDS.includes(letter);

const indexOfMost = (numbers) => numbers.reduce((best, each, i) => (each > numbers[best] ? i : best), 0);

/** The run with the largest sum, [first, last]; of equal ones the shortest, then the first. Only free units may be in it. */
function bestRun(gains, free) {
  if (!free.some(Boolean)) return [0, 0];
  // What may not be in a run costs more than anything that it could win.
  const cost = added(gains.map(Math.abs)) + 1;
  const before = [0, ...running(gains.map((gain, i) => (free[i] ? gain : -cost)))];
  let [least, start] = [Infinity, 0];
  const [starts, sums] = [[], []];
  gains.forEach((_, i) => {
    least = Math.min(least, before[i]);
    // The last start that is as good as any before it.
    if (before[i] <= least + EQUAL) start = i;
    starts.push(start);
    sums.push(free[i] ? before[i + 1] - before[start] : -Infinity);
  });
  const most = sums.reduce((one, other) => Math.max(one, other), -Infinity);
  const last = sums.findIndex((each) => each >= most - EQUAL);
  return [starts[last], last + 1];
}

/** The parts of a translation, with the marks of its source. `links` are between `marked.letters` and the translation. */
function placedMarks(marked, letters, given) {
  const links = cutAtMarks(marked, letters, given);
  const runs = runsOf(marked, links);
  const edges = marked.marks.map((mark, i) => edgesOf(marked, letters, links, mark, runs[i]));
  return writtenParts(marked.marks, edges, letters);
}

// --- words that were copied letter by letter ---

/** Links in which words that were copied letter by letter are cut where marks begin and end inside them. */
function cutAtMarks(marked, letters, links) {
  const places = [...new Set(marked.marks.flatMap(({ start, end }) => [start, end]))].sort((one, other) => one - other);
  const blocks = [];
  let [row, column] = [0, 0];
  for (const { weights, columns } of links.blocks) {
    const block = {
      source: links.source.slice(column, column + columns), target: links.target.slice(row, row + weights.length), weights,
    };
    row += weights.length;
    column += columns;
    blocks.push(cutBlock(block, copiesIn(block, places, marked.letters, letters)));
  }
  return joinedLinks(blocks);
}

/** The units with marks inside that have a copy, of which no other is: [unit, copy, cuts, cuts of the copy]. */
function copiesIn(block, places, source, translation) {
  const found = [];
  if (!block.source.length || !block.target.length) return found;
  const most = block.weights.map((row) => Math.max(...row));
  const used = new Set();
  block.source.forEach(([start, end], unit) => {
    const inside = places.filter((place) => place > start && place < end);
    if (!inside.length) return;
    const [begin, core] = coreOf(source.slice(start, end));
    const cuts = inside.map((place) => place - start).filter((cut) => cut - begin > 0 && cut - begin < core.length);
    if (!cuts.length) return;
    const linked = block.weights.map((row) => row[unit]);
    const likely = linked.map((_, i) => i).filter((i) => linked[i] >= LEAST_WEIGHT && linked[i] >= most[i]);
    for (const copy of likely.sort((one, other) => linked[other] - linked[one])) {
      const [shift, other] = coreOf(translation.slice(...block.target[copy]));
      if (used.has(copy) || other.length !== core.length || folded(other) !== folded(core)) continue;
      used.add(copy);
      found.push([unit, copy, cuts, cuts.map((cut) => cut - begin + shift)]);
      break;
    }
  });
  return found;
}

/** A word without the signs at its ends, and where that begins in it. */
function coreOf(word) {
  let [start, end] = [0, word.length];
  while (start < end && isStop(word[start])) start++;
  while (start < end && isStop(word[end - 1])) end--;
  return [start, word.slice(start, end)];
}

/** Links with units and their copies cut; each part comes from its own. */
function cutBlock(block, copies) {
  if (!copies.length) return block;
  const source = block.source.map((place) => [place]);
  const target = block.target.map((place) => [place]);
  for (const [unit, copy, cuts, copyCuts] of copies) {
    source[unit] = cutPlace(block.source[unit], cuts);
    target[copy] = cutPlace(block.target[copy], copyCuts);
  }
  const lengths = source.map((parts) => parts.map(([start, end]) => Math.max(end - start, 1)));
  const wholes = lengths.map(added);
  const firsts = (parts) => running([0, ...parts.map(({ length }) => length)]);
  const [rows, columns] = [firsts(target), firsts(source)];
  // What else comes from a unit comes from each part by its length.
  const weights = target.flatMap((parts, j) => parts.map(() => (
    source.flatMap((own, i) => own.map((_, part) => block.weights[j][i] * (lengths[i][part] / wholes[i])))
  )));
  for (const [unit, copy, cuts] of copies) {
    for (let i = 0; i <= cuts.length; i++) {
      for (let j = 0; j <= cuts.length; j++) {
        weights[rows[copy] + i][columns[unit] + j] = i === j ? block.weights[copy][unit] : 0;
      }
    }
  }
  return { source: source.flat(), target: target.flat(), weights };
}

/** The parts of a unit that is cut at some of its characters. */
function cutPlace([start, end], cuts) {
  const ends = [0, ...cuts, end - start];
  return ends.slice(1).map((each, i) => [start + ends[i], start + each]);
}

// --- where each mark goes ---

/** Where each mark goes: around the target units from first to before last, or into a gap if they are equal. */
function runsOf(marked, links) {
  const { marks, letters } = marked;
  const runs = marks.map(() => null);
  const children = new Map();
  marks.forEach(({ parent }, index) => children.set(parent, [...(children.get(parent) ?? []), index]));
  const told = linkSums(links).map((sum) => sum >= LEAST_WEIGHT);
  // Parents come before their children.
  for (const parent of [...children.keys()].sort((one, other) => one - other)) {
    const borders = parent >= 0 ? runs[parent] : [0, links.target.length];
    const content = parent >= 0 ? [marks[parent].start, marks[parent].end] : [0, letters.length];
    placeSiblings(marks, children.get(parent), links, told, borders, content, runs);
  }
  return runs;
}

/** Places the marks that have the same parent, which is around the target units within `borders`. */
function placeSiblings(marks, inside, links, told, borders, content, runs) {
  const free = links.target.map((_, i) => borders[0] <= i && i < borders[1]);
  const shared = new Map(inside.filter((index) => marks[index].closing).map((index) => [index, coverOf(marks[index], links)]));
  const covers = givenToOne(shared, links.source.length);
  const whole = coverOf({ start: content[0], end: content[1] }, links).map((covered) => covered > 0);
  const some = [...covers.keys()].filter((index) => covers.get(index).some(Boolean));
  const found = some.map((index) => linkShares(links, covers.get(index)));
  // The most that a unit owes to one of them, or to what is outside of all.
  const most = free.map((_, unit) => {
    const own = found.map((shares) => shares[unit]);
    return Math.max(...own, 1 - added(own));
  });
  const gains = new Map();
  some.forEach((index, n) => {
    const shares = found[n];
    // If all of the parent's words are inside, it does not matter what their links say.
    const partly = whole.some((covered, unit) => covered && covers.get(index)[unit] === 0);
    let gain = free.map((_, unit) => (!partly ? 0.5 : told[unit] ? shares[unit] - 0.5 : 0));
    if (!gain.some((each, unit) => free[unit] && each > EQUAL)) {
      // Nothing owes it more than half. What owes it more than anything else is little, and better than a gap.
      gain = gain.map((each, unit) => (told[unit] && shares[unit] >= most[unit] - EQUAL ? LITTLE * shares[unit] : each));
    }
    gains.set(index, gain);
  });
  // The one that is surest goes first: the others get what is left, which is never better than before.
  const waiting = some.map((index) => [valuedRun(gains.get(index), free), index]);
  while (waiting.length) {
    const next = waiting.reduce((best, [{ value }, index], i) => {
      const [other, name] = [waiting[best][0].value, waiting[best][1]];
      return value > other || (value === other && index < name) ? i : best;
    }, 0);
    const [{ value, run }, index] = waiting[next];
    if (value === -Infinity) break;
    if (free.slice(...run).every(Boolean)) {
      runs[index] = run;
      free.fill(false, ...run);
      waiting.splice(next, 1);
    } else {
      waiting[next] = [valuedRun(gains.get(index), free), index];
    }
  }
  const around = new Map(inside.filter((index) => runs[index]).map((index) => [index, runs[index]]));
  for (const index of shared.keys()) {
    if (runs[index] || !shared.get(index).some(Boolean) || !told.some(Boolean)) continue;
    const shares = linkShares(links, shared.get(index));
    // Where another pair has the words of this one, it goes beside that.
    const word = indexOfMost(shares.map((share, unit) => (told[unit] ? share : 0)));
    const owner = [...around].find(([, [first, last]]) => first <= word && word < last);
    if (owner) runs[index] = owner[0] < index ? [owner[1][1], owner[1][1]] : [owner[1][0], owner[1][0]];
  }
  for (const index of inside.filter((each) => !runs[each])) {
    const place = gapOf(marks[index].start, links, borders, content, [...around.values()]);
    runs[index] = [place, place];
  }
}

/** Gives each source unit to the pair that covers most of it; of equal ones the first. It covers all of it then. */
function givenToOne(shared, size) {
  const [most, owners] = [new Array(size).fill(0), new Array(size).fill(-1)];
  for (const [index, covered] of shared) {
    covered.forEach((each, unit) => {
      if (each > most[unit]) [most[unit], owners[unit]] = [each, index];
    });
  }
  return new Map([...shared.keys()].map((index) => [index, owners.map((owner) => Number(owner === index))]));
}

/** The best run and its sum, minus infinity if it is none: empty, or its links speak for other words. */
function valuedRun(gains, free) {
  const run = bestRun(gains, free);
  const value = added(gains.slice(...run));
  return { value: value > EQUAL ? value : -Infinity, run };
}

/** How much of each source unit is inside a pair, from 0 to 1. */
const coverOf = ({ start, end }, { source }) => source.map(([begin, last]) => (
  Math.min(Math.max((Math.min(last, end) - Math.max(begin, start)) / Math.max(last - begin, 1), 0), 1)
));

/** The target unit before which something goes that stands alone at a place of the source. */
function gapOf(place, links, borders = [0, links.target.length], content = [0, Infinity], taken = []) {
  const signs = signsOf(place, links, content);
  const [first, last] = borders;
  if (!signs.some((sign) => sign < 0)) return last;
  if (!signs.some((sign) => sign > 0)) return first;
  const sums = [0, ...running(linkShares(links, signs).slice(first, last))];
  for (const run of taken) {
    const [from, to] = [Math.max(run[0] + 1 - first, 0), Math.max(run[1] - first, 0)];
    if (from < to) sums.fill(-Infinity, from, to);
  }
  return first + indexOfMost(sums);
}

/** How much each source unit says about a place: positive before it, negative after it. */
function signsOf(place, { source }, [begin, end]) {
  const signs = new Array(source.length).fill(0);
  const first = source.findIndex(([start]) => start >= Math.max(begin, place));
  const after = first < 0 ? source.length : first;
  for (let unit = after, sign = -1; unit < source.length && unit - after < FARTHEST && source[unit][0] < end; unit++) {
    signs[unit] = sign;
    sign *= FADING;
  }
  let sign = 1;
  for (let unit = after - 1; unit >= 0 && sign > FADING ** FARTHEST && source[unit][0] >= begin; unit--) {
    if (source[unit][0] >= Math.min(place, end)) continue;
    signs[unit] = sign;
    sign *= FADING;
  }
  return signs;
}

/** The characters of a translation that a mark goes around. */
function edgesOf(marked, letters, { target }, mark, [first, last]) {
  if (first === last) {
    let left = first ? target[first - 1][1] : 0;
    let right = first < target.length ? target[first][0] : letters.length;
    if (!first) left = target.length ? right : 0;
    if (first === target.length) right = left;
    // A tag that hugs the next word stays with it, any other with the one before.
    const place = mark.before && !mark.after ? right : left;
    return [place, place];
  }
  let [start, end] = [target[first][0], target[last - 1][1]];
  const inside = marked.letters.slice(mark.start, mark.end);
  const isOutside = (letter, stops) => isSpace(letter) || (stops && isStop(letter));
  const [begins, ends] = [inside.length > 0 && !isStop(inside[0]), inside.length > 0 && !isStop(inside.at(-1))];
  while (end - start > 1 && isOutside(letters[end - 1], ends)) end--;
  while (end - start > 1 && isOutside(letters[start], begins)) start++;
  return [start, end];
}

/** A translation with its marks, the children of each mark inside it. */
function writtenParts(marks, edges, letters) {
  const order = marks.map((_, index) => index).sort((one, other) => (
    edges[one][0] - edges[other][0]
    || (edges[one][1] > edges[one][0]) - (edges[other][1] > edges[other][0])
  ));
  const children = new Map();
  for (const index of order) {
    if (!children.has(marks[index].parent)) children.set(marks[index].parent, []);
    children.get(marks[index].parent).push(index);
  }
  const out = [];
  const put = (kind, raw) => out.push({ kind, raw });
  const text = (start, end) => letters.slice(start, end).join("");
  let position = 0;
  // A mark that is to be opened, or closed, and the place that it must not go past.
  const waiting = (children.get(-1) ?? []).map((index) => [index, false, letters.length]).reverse();
  while (waiting.length) {
    const [index, opened, limit] = waiting.pop();
    const [mark, [start, end]] = [marks[index], edges[index]];
    const place = Math.min(Math.max(opened ? end : start, position), limit);
    if (place > position) put("text", text(position, place));
    position = place;
    if (opened) {
      put("closing", mark.closing);
      continue;
    }
    if (start === end && mark.before && out.length && !isSpace([...out.at(-1).raw].at(-1)) && place) put("text", " ");
    put(mark.closing ? "opening" : mark.breaks ? "break" : "alone", mark.opening);
    const next = letters[place];
    if (mark.closing) {
      waiting.push([index, true, limit]);
      const inner = Math.min(Math.max(end, position), limit);
      waiting.push(...(children.get(index) ?? []).map((each) => [each, false, inner]).reverse());
    } else if (mark.after && next !== undefined && !isSpace(next)) {
      put("text", " ");
    } else if (mark.breaks && !mark.before && !mark.after && next !== undefined && isSpace(next)) {
      position++;
    }
  }
  if (position < letters.length) put("text", text(position, letters.length));
  return out;
}

export { bestRun, gapOf, isStop, placedMarks };
