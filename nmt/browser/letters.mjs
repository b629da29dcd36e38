// Characters as Python knows them. Texts are arrays of code points here, so that a place in one is a place in the other.

const WHITE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const ONE_SPACE = new RegExp(`^[${WHITE}]$`, "u");
const ENDS_OF_TEXT = new RegExp(`^[${WHITE}]+|[${WHITE}]+$`, "gu");
const FIRST_SPACES = new RegExp(`^[${WHITE}]+`, "u");
const LAST_SPACES = new RegExp(`[${WHITE}]+$`, "u");
const ALNUM = /[\p{L}\p{N}]/u;
// The commonest script of a text decides, as nmt/documents/sentences.py has it.
const SCRIPTS = [
  "Latin", "Hangul", "Han", "Kana", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi", "Gujarati",
  "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Georgian",
  "Armenian", "Ethiopic", "Mongolian", "Bopomofo", "Syriac", "Thaana", "Cherokee",
];
const ONE_OF = SCRIPTS.map((name) => new RegExp(
  name === "Kana" ? "[\\p{Script=Hiragana}\\p{Script=Katakana}]" : `\\p{Script=${name}}`, "u",
));
const LETTER_OR_MARK = /[\p{L}\p{M}]/u;
const SPACELESS = new Set(["Han", "Kana", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"]);
const SAMPLE = 20_000;

const MARK = /\p{M}/u;

const isMark = (letter) => letter !== undefined && MARK.test(letter);
const isSpace = (letter) => ONE_SPACE.test(letter);
const isAlnum = (letter) => letter !== undefined && ALNUM.test(letter);
const stripped = (text) => text.replace(ENDS_OF_TEXT, "");
const withoutFirst = (text) => text.replace(FIRST_SPACES, "");
const withoutLast = (text) => text.replace(LAST_SPACES, "");
/** Letters without case: `ß` is as `ss`. */
const folded = (letters) => letters.map((letter) => letter.toUpperCase().toLowerCase()).join("");

/** Whether most of a text is in a script that puts no space between words. */
function isSpaceless(letters) {
  const counts = SCRIPTS.map(() => 0);
  for (const letter of letters.slice(0, SAMPLE)) {
    if (!LETTER_OR_MARK.test(letter)) continue;
    const script = ONE_OF.findIndex((wanted) => wanted.test(letter));
    if (script >= 0) counts[script]++;
  }
  const most = Math.max(...counts);
  return most > 0 && SPACELESS.has(SCRIPTS[counts.indexOf(most)]);
}

/** Where the words of a text stand, [start, end]: what is between plain spaces and line breaks. */
function wordPlaces(letters) {
  const places = [];
  let start = -1;
  for (let i = 0; i <= letters.length; i++) {
    const parts = i === letters.length || letters[i] === " " || letters[i] === "\r" || letters[i] === "\n";
    if (parts && start >= 0) {
      places.push([start, i]);
      start = -1;
    } else if (!parts && start < 0) {
      start = i;
    }
  }
  return places;
}

export { WHITE, folded, isAlnum, isMark, isSpace, isSpaceless, stripped, withoutFirst, withoutLast, wordPlaces };
