// Terms of the source language, found in sentences, and the translation that is wanted for each: as nmt/inference/glossary.py
// finds them, and nmt/inference/terms.py puts them in the place of the words that are linked to them. A page has no search
// that is made to write them.

import { spliced } from "./edits.mjs";
import { WHITE, isAlnum, isMark, isSpace, isSpaceless, stripped, wordPlaces } from "./letters.mjs";
import { added, linksOf } from "./links.mjs";
import { bestRun, isStop } from "./placing.mjs";
import { wordWeights } from "./words.mjs";

// What may follow a Korean noun within its word.
const PARTICLES = new Set((
  "은 는 이 가 을 를 에 에서 에게 에게서 께 께서 한테 한테서 의 와 과 도 만 로 으로 로서 으로서 로써 으로써 부터 까지 처럼 같이 "
  + "보다 이나 나 이랑 랑 하고 마다 조차 마저 밖에 뿐 대로 만큼 들 이든 든 이라도 라도 이란 란 이라는 라는 이라고 라고 이다 다 "
  + "였다 이었다 입니다 입니까 이에요 예요 인 이고 고 이며 며 이지만 지만 이니 니 야 아 여 요"
).split(" "));
const LONGEST_PARTICLE = Math.max(...[...PARTICLES].map((each) => each.length));
// Words at the beginning of what is linked to a term that may stay: an article, a preposition.
const MAY_STAY = 3;
// The share of a word's links to a term from which on the word may give way to it, if no word has half of its links there.
const UNSURE = 0.1;

const EACH_WHITE = new RegExp(`[${WHITE}]+`, "gu");
/** A text in NFC, with one space wherever it has white space. */
const plainTerm = (text) => stripped(text.normalize("NFC").replace(EACH_WHITE, " "));
const smallLetters = (letters) => letters.map((letter) => {
  const small = letter.toLowerCase();
  return [...small].length === 1 ? small : letter;
});
const isOfSpaceless = (letter) => letter > "\u0e00" && isSpaceless([letter]);
const isWord = (letter) => isAlnum(letter) || isMark(letter);
const isSyllable = (letter) => letter >= "가" && letter <= "힣";

/** Whether NFC may join a character to the one before it: a mark, or a jamo behind the first of a syllable. */
const composes = (letter) => isMark(letter)
  || (letter >= "\u1161" && letter <= "\u1175") || (letter >= "\u11a8" && letter <= "\u11c2");

/** A text in NFC, with one space wherever it has white space, and where each letter stands in the text. */
function plainLetters(letters) {
  const [read, places] = [[], []];
  for (let start = 0, end; start < letters.length; start = end) {
    const follows = isSpace(letters[start]) ? isSpace : composes;
    end = start + 1;
    while (end < letters.length && follows(letters[end])) end++;
    const part = letters.slice(start, end).join("");
    const written = follows === isSpace ? " " : part.normalize("NFC");
    [...written].forEach((letter, i) => {
      read.push(letter);
      places.push(written === part ? [start + i, start + i + 1] : [start, end]);
    });
  }
  return { read, places };
}

/** A term and its translation from a line such as `밥 = rice`; the line alone if it has no such sign. */
function splitAtSign(line) {
  const place = line.indexOf(" = ");
  return place < 0 ? [line] : [line.slice(0, place), line.slice(place + 3)];
}

class Glossary {
  /**
   * Reads the text of a TSV: a line holds a term, a tab, its translation and, perhaps, a tab and `exact` or `any`. In a line
   * without a tab ` = ` stands between the two: a tab cannot be typed into a page.
   */
  static read(text) {
    const glossary = new Glossary();
    text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).forEach((line, i) => {
      if (!stripped(line)) return;
      const where = `line ${i + 1} of the glossary`;
      const [source, ...rest] = line.includes("\t") ? line.split("\t") : splitAtSign(line);
      if (rest.length < 1 || rest.length > 2) {
        throw new Error(`${where}: write a term, a tab or ' = ', and its translation, and behind a tab perhaps a note`);
      }
      const note = rest.length > 1 ? stripped(rest[1]) : "any";
      if (note !== "any" && note !== "exact") {
        throw new Error(`${where}: the note '${[...note].slice(0, 40).join("")}' is none of these: any, exact`);
      }
      glossary.#add(source, rest[0], note === "exact", where);
    });
    if (!glossary.terms.length) throw new Error("the glossary has no term");
    glossary.#lengths = [...new Set(glossary.terms.map(({ source }) => [...source].length))].sort((one, other) => other - one);
    return glossary;
  }

  #byName = { true: new Map(), false: new Map() };
  #lengths = [];
  terms = [];

  /** The terms that stand in a sentence, one for each time, in their order: { start, end, term }. */
  find(letters) {
    const { read, places } = plainLetters(letters);
    const [small, found] = [smallLetters(read), []];
    for (let place = 0; place < read.length;) {
      const each = this.#at(read, small, place);
      if (each) found.push({ start: places[each.start][0], end: places[each.end - 1][1], term: each.term });
      place = each ? each.end : place + 1;
    }
    return found;
  }

  /** The terms of a sentence whose translation is not there, or not often enough, in its translation. */
  missing(letters, target) {
    let left = plainTerm(target);
    // The longest first, so that one that is a part of another does not take its place.
    const terms = this.find(letters).map(({ term }) => term);
    terms.sort((one, other) => [...other.target].length - [...one.target].length);
    return terms.filter((term) => {
      let place = left.indexOf(term.target);
      while (place > 0 && !beginsAt(left, place)) place = left.indexOf(term.target, place + 1);
      if (place >= 0) left = `${left.slice(0, place)}\0${left.slice(place + term.target.length)}`;
      return place < 0;
    });
  }

  #add(given, wanted, exact, where) {
    const term = { source: plainTerm(given), target: plainTerm(wanted), exact };
    for (const [part, name] of [[term.source, "term"], [term.target, "translation"]]) {
      if (!part) throw new Error(`${where}: the ${name} is empty`);
    }
    const key = exact ? term.source : smallLetters([...term.source]).join("");
    const known = this.#byName[exact].get(key);
    if (known) {
      const said = known.target === term.target
        ? `'${term.source}' is there already`
        : `'${term.source}' is to be '${term.target}', but before it is '${known.target}'`;
      throw new Error(`${where}: ${said}: leave one of them out`);
    }
    this.#byName[exact].set(key, term);
    this.terms.push(term);
  }

  #at(letters, small, place) {
    if (place && isWord(letters[place - 1]) && !isOfSpaceless(letters[place])) return null;
    for (const length of this.#lengths) {
      const end = place + length;
      if (end > letters.length) continue;
      const term = this.#byName.true.get(letters.slice(place, end).join(""))
        ?? this.#byName.false.get(small.slice(place, end).join(""));
      if (term && endsAt(letters, end)) return { start: place, end, term };
    }
    return null;
  }
}

/** Whether a translation that begins at this place of a string does not begin inside a word. */
function beginsAt(text, place) {
  const before = [...text.slice(0, place)].at(-1);
  const [first] = text.slice(place);
  return !(isWord(before) && isWord(first)) || isOfSpaceless(first);
}

/** Whether a term that ends here is a whole word, but for Korean particles. */
function endsAt(letters, end) {
  if (isMark(letters[end])) return false;
  if (!isAlnum(letters[end]) || isOfSpaceless(letters[end - 1])) return true;
  if (!isSyllable(letters[end - 1])) return false;
  let last = end;
  while (last < letters.length && isSyllable(letters[last])) last++;
  return !isWord(letters[last]) && areParticles(letters.slice(end, last).join(""));
}

/** Whether a text consists of particles, as 에서는. */
function areParticles(text) {
  if (text.length > 3 * LONGEST_PARTICLE) return false;
  if (!text) return true;
  for (let length = 1; length <= Math.min(LONGEST_PARTICLE, text.length); length++) {
    if (PARTICLES.has(text.slice(0, length)) && areParticles(text.slice(length))) return true;
  }
  return false;
}

/**
 * A translation with its terms in the place of the words that are linked to them; null if no alignment tells which these
 * are. Frequent words at the beginning of these, as an article or a preposition, stay. If unsure, a word is enough that has
 * fewer than half of its links there, and the most of all; and a term without one is left out.
 */
function withTerms(letters, translation, found, frequent, unsure = false) {
  if (!translation.alignment) return null;
  const links = linksOf(letters, translation);
  const shares = links.weights.map((row) => {
    const sum = Math.max(added(row), 1e-9);
    return row.map((weight) => weight / sum);
  });
  const written = [...translation.text];
  const left = links.target.map(() => true);
  const edits = [];
  for (const { start, end, term } of found) {
    const linked = shares.map((row) => added(row.filter((_, i) => links.source[i][0] < end && links.source[i][1] > start)));
    let [first, last] = bestRun(linked.map((share) => share - 0.5), left);
    if (first === last || added(linked.slice(first, last)) / (last - first) < 0.5) {
      if (!unsure) return null;
      if (!left.includes(true)) break;
      const open = linked.map((share, unit) => (left[unit] ? share : -1));
      first = open.indexOf(Math.max(...open));
      last = first + 1;
      if (linked[first] < UNSURE) continue;
    }
    left.fill(false, first, last);
    const word = (unit) => written.slice(...links.target[unit]).join("").toLowerCase();
    let stay = 0;
    while (stay < Math.min(MAY_STAY, last - first - 1) && frequent.has(word(first + stay))) stay++;
    const begin = links.target[first + stay][0];
    let after = links.target[last - 1][1];
    while (after - begin > 1 && isStop(written[after - 1])) after--;
    edits.push([begin, after, term.target]);
  }
  if (unsure && !edits.length) return null;
  edits.sort((one, other) => one[0] - other[0]);
  const { text, words } = spliced(written, edits, translation.tokens, translation.targetWords);
  const pieces = piecesWithTerms(translation, [...text], words, edits);
  const { targetWords, alignment } = pieces;
  // These words were not scored by the model.
  return {
    ...translation,
    ...pieces,
    text,
    wordWeights: targetWords && translation.sourceWords && wordWeights(translation.sourceWords, targetWords, alignment),
    score: null,
    freeScore: translation.score,
    tokenScores: null,
    confidence: null,
    wordConfidences: null,
  };
}

/**
 * The pieces of a translation with terms. Each word of a term is a piece, and has the mean of the weights of the pieces that
 * gave way to it.
 */
function piecesWithTerms({ tokens, alignment }, letters, words, edits) {
  if (!words) return { tokens, alignment, targetWords: words };
  const found = wordPlaces(letters);
  const rows = tokens.map((token, i) => ({ token, place: words.places[i], weights: alignment[i] }));
  let shift = 0;
  for (const [start, end, target] of edits) {
    const [from, to] = [start + shift, start + shift + [...target].length];
    shift += [...target].length - (end - start);
    const inside = found.map((_, word) => word).filter((word) => found[word][0] < to && found[word][1] > from);
    const gone = rows.filter(({ place }) => inside.includes(place));
    if (!gone.length) continue;
    const weights = Array.from(gone[0].weights, (_, i) => added(gone.map((row) => row.weights[i])) / gone.length);
    const put = inside.map((place) => ({ token: `▁${words.words[place]}`, place, weights }));
    rows.splice(rows.indexOf(gone[0]), gone.length, ...put);
  }
  return {
    tokens: rows.map(({ token }) => token),
    alignment: rows.map((row) => row.weights),
    targetWords: { words: words.words, places: rows.map(({ place }) => place) },
  };
}

/**
 * Translations of a sentence with the terms of a glossary, each text once, and the terms that the best one lacks. What has
 * the wanted translations already stays as it is.
 */
function withGlossary(glossary, letters, translations, frequent) {
  const found = glossary ? glossary.find(letters) : [];
  if (!found.length) return { translations, missing: [] };
  const lacks = ({ text }) => glossary.missing(letters, text);
  const changed = translations.map((one) => (lacks(one).length ? withTerms(letters, one, found, frequent, true) ?? one : one));
  const texts = changed.map(({ text }) => text);
  return {
    translations: changed.filter(({ text }, i) => texts.indexOf(text) === i),
    missing: changed.length ? lacks(changed[0]) : found.map(({ term }) => term),
  };
}

export { Glossary, withGlossary, withTerms };
