// A text without its tags, and where they stood; what comes out letter by letter is one private character of the text, as
// in nmt/markup/reading.py. Places count code points.

import { isSpace, stripped } from "./letters.mjs";
import { escaped, readTagged } from "./tagged.mjs";

const MAX_MARKS = 1000;
const FIRST_PRIVATE = 0xf0000;
const PRIVATE_CHARACTERS = 65_534;
const PRIVATE = /[\ue000-\uf8ff\u{f0000}-\u{10fffd}]/u;
const EACH_PRIVATE = new RegExp(PRIVATE.source, "gu");
const NUMBER = /^[+-]?\d[\d.,:/]*$/;
const TOO_MANY = "It has more than 1,000 pairs of tags and tags alone, or 65,534 placeholders, and no more are placed at once."
  + " Split it.";

/** Whether something kept is a number: a model may know how to copy it. */
const isNumber = (kept) => NUMBER.test(kept);

/** Parts in which private characters of a text are kept, so that they are not taken for those of `readMarked`. */
function splitAtPrivate(parts) {
  return parts.flatMap((part) => {
    if (part.kind !== "text") return [part];
    const found = [];
    let place = 0;
    for (const match of part.raw.matchAll(EACH_PRIVATE)) {
      if (match.index > place) found.push({ kind: "text", raw: part.raw.slice(place, match.index) });
      found.push({ kind: "kept", raw: match[0] });
      place = match.index + match[0].length;
    }
    if (place < part.raw.length) found.push({ kind: "text", raw: part.raw.slice(place) });
    return found;
  });
}

/**
 * Reads a text: { letters, marks, kept, broken, rest }. A mark has start, end, opening, closing, parent, before, after and
 * breaks, and a parent comes before its children.
 */
function readMarked(text, form) {
  const { parts, broken, rest } = readTagged(text, form);
  const pieces = splitAtPrivate(parts);
  const [written, kept, inside] = [[], new Map(), []];
  let marks = [];
  let last = ""; // what was written last
  pieces.forEach(({ kind, raw }, place) => {
    let said = "";
    if (kind === "kept") {
      if (kept.size >= PRIVATE_CHARACTERS) throw new Error(TOO_MANY);
      said = String.fromCodePoint(FIRST_PRIVATE + kept.size);
      kept.set(said, raw);
    } else if (kind === "closing") {
      Object.assign(marks[inside.pop()], { end: written.length, closing: raw });
    } else if (kind !== "text") {
      if (marks.length >= MAX_MARKS) throw new Error(TOO_MANY);
      const [left, right] = [pieces[place - 1], pieces[place + 1]];
      marks.push({
        start: written.length,
        end: written.length,
        opening: raw,
        closing: "",
        parent: inside.at(-1) ?? -1,
        before: left?.kind === "text" && isSpace([...left.raw].at(-1)),
        after: right?.kind === "text" && isSpace([...right.raw][0]),
        breaks: kind === "break",
      });
      if (kind === "opening") inside.push(marks.length - 1);
    }
    if (kind === "text" || kind === "break") {
      said = kind === "text" ? raw : " ";
      const beside = kind === "break" || (place > 0 && !["text", "kept"].includes(pieces[place - 1].kind));
      // Spaces on both sides of a mark are one.
      if (beside && said[0] === " " && last === " ") said = said.slice(1);
    }
    for (const letter of said) written.push(letter);
    if (said) last = written.at(-1);
  });
  let letters = written;
  if (marks.length) {
    // A break that stands at an end is no space of a sentence.
    const cut = written.findIndex((letter) => !isSpace(letter));
    letters = [...stripped(written.join(""))];
    const within = (place) => Math.min(Math.max(place - (cut < 0 ? written.length : cut), 0), letters.length);
    marks = marks.map((mark) => ({ ...mark, start: within(mark.start), end: within(mark.end) }));
  }
  return { letters, marks: marks.map((mark) => trimmedMark(letters, mark)), kept, broken, rest };
}

/** Leaves the spaces at both ends of what a pair is around outside. */
function trimmedMark(letters, mark) {
  if (!mark.closing) return mark;
  let { start, end } = mark;
  while (start < end && isSpace(letters[start])) start++;
  while (end > start && isSpace(letters[end - 1])) end--;
  return { ...mark, start, end };
}

/** The text of parts as the format writes it, with what is kept in the place of its private characters. */
function spelledParts(parts, { kept }, form) {
  const write = form === "text" ? (raw) => raw : escaped;
  return splitAtPrivate(parts)
    .map(({ kind, raw }) => (kind === "text" ? write(raw) : kind === "kept" ? kept.get(raw) ?? raw : raw)).join("");
}

export { EACH_PRIVATE, PRIVATE, isNumber, readMarked, spelledParts };
