// Translations put together, with what stands between the sentences of the text, as nmt/documents/document.py does it.

import { isSpaceless, withoutFirst, withoutLast } from "./letters.mjs";

/**
 * What stands between two translated sentences. `given` is what the text has there, and `spaceless` tells whether the
 * translations are in a script that puts no space there.
 */
function betweenSentences(given, spaceless) {
  if (spaceless) return given === " " ? "" : given;
  return given || " "; // Chinese puts no space between sentences
}

/** The translation of a line: the best one of each of its parts. */
function joinedParts(parts) {
  const written = parts.filter(({ translations: [best] }) => best?.text);
  const spaceless = isSpaceless([...written.map(({ translations: [best] }) => best.text).join(" ")]);
  return written.map(({ source, translations: [best] }, i) => {
    if (!i) return best.text;
    const before = written[i - 1].source;
    const given = before.slice(withoutLast(before).length) + source.slice(0, source.length - withoutFirst(source).length);
    return betweenSentences(given, spaceless) + best.text;
  }).join("");
}

export { betweenSentences, joinedParts };
