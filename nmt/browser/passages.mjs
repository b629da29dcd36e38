// Where a text is cut: into sentences where a document is wanted sentence by sentence, and what is longer than the model
// reads, at the end of a sentence, then of a clause, then of a word.

const SENTENCE = /[^.!?…。！？]*[.!?…。！？]+["'”’」』)\]]*\s*|[^.!?…。！？]+$/gu;
const CLAUSE = /[^,;:，、；：]*[,;:，、；：]+\s*|[^,;:，、；：]+$/gu;
const SPACED = /\s*\S+\s*/gu;

function sentences(text) {
  if (globalThis.Intl?.Segmenter) {
    const parts = [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)];
    return parts.map(({ segment }) => segment);
  }
  return text.match(SENTENCE) ?? [text];
}

const halves = (text) => {
  const letters = [...text];
  const middle = letters.length >> 1;
  return [letters.slice(0, middle).join(""), letters.slice(middle).join("")];
};

/**
 * The parts of a line that are translated one by one, none of them blank: the line itself if `fits(line)`. Each is
 * { text, cut }: `cut` tells whether it is part of a sentence, or of a line, that was longer than the model reads.
 *
 * With `bySentence` each sentence is a part, however short the line is.
 */
function passages(line, fits, bySentence = false) {
  const ways = [sentences, (text) => text.match(CLAUSE) ?? [text], (text) => text.match(SPACED) ?? [text]];
  const cut = (text, way) => {
    if (fits(text)) return [text];
    if (way === ways.length) return [...text].length > 1 ? halves(text).flatMap((half) => cut(half, way)) : [text];
    const parts = ways[way](text);
    if (parts.length < 2) return cut(text, way + 1);
    // As many of them together as the model reads: a part alone has less of a sentence to go by.
    const joined = [];
    for (const part of parts) {
      const last = joined.at(-1);
      if (last !== undefined && fits(last + part)) joined[joined.length - 1] = last + part;
      else joined.push(part);
    }
    return joined.flatMap((part) => (fits(part) ? [part] : cut(part, way + 1)));
  };
  const whole = bySentence ? sentences(line) : [line];
  const parts = whole.flatMap((one) => cut(one, 0).map((text) => ({ text, cut: text !== one })));
  return parts.filter(({ text }) => text.trim());
}

export { passages };
