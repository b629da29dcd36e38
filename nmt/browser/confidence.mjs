// How likely a translation and each of its words are right, as nmt/evaluation/confidence.py learned it.

const LOWEST = -10;
const UNREAD = 0.25;

const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
const mean = (numbers) => sum(numbers) / numbers.length;

/** What is known of each word: rows of ten numbers, as `word_evidence` returns them. */
function wordEvidence({ tokenScores, targetWords, wordWeights }) {
  const scores = tokenScores.map((each) => Math.max(each, LOWEST));
  const { places } = targetWords;
  const whole = mean(scores);
  const number = places.at(-1) + 1;
  const columns = wordWeights?.length && wordWeights[0].length ? wordWeights[0].map((_, i) => sum(wordWeights.map((row) => row[i]))) : null;
  return Array.from({ length: number }, (_, word) => {
    const [first, last] = [places.indexOf(word), places.lastIndexOf(word)];
    const own = scores.slice(first, last + 1);
    const lowest = Math.min(...own);
    const row = [mean(own), lowest, Math.exp(lowest), scores[first - 1] ?? 0, scores[last + 1] ?? 0, whole, Math.log(1 + number), 0, 0, 0];
    if (columns) {
      const weights = wordWeights[word];
      const strongest = Math.max(...weights);
      row.splice(7, 3, strongest, 1 - sum(weights), columns[weights.indexOf(strongest)] - strongest);
    }
    return row;
  });
}

/** What is known of the whole: nine numbers, as `translation_evidence` returns them. */
function translationEvidence({ tokenScores, unfinished, wordWeights }, logits) {
  const scores = tokenScores.map((each) => Math.max(each, LOWEST));
  const linked = wordWeights?.length && wordWeights[0].length;
  const read = linked ? wordWeights[0].map((_, i) => sum(wordWeights.map((row) => row[i]))) : [];
  return [
    mean(scores),
    Math.min(...scores),
    Math.max(sum(scores), 10 * LOWEST),
    Math.log(1 + logits.length),
    mean(logits),
    Math.min(...logits),
    Number(unfinished),
    linked ? mean(wordWeights.map((row) => Math.max(...row))) : 0,
    linked ? read.filter((weight) => weight < UNREAD).length / read.length : 0,
  ];
}

const logit = ({ center, scale, weights, bias }, evidence) => (
  bias + sum(evidence.map((each, i) => ((each - center[i]) / scale[i]) * weights[i]))
);

/** The probability between two steps of the isotonic regression, and that of the nearest one outside of them. */
function probability({ logits, probabilities }, x) {
  if (x <= logits[0]) return probabilities[0];
  const after = logits.findIndex((each) => each >= x);
  if (after < 0) return probabilities.at(-1);
  const [from, to] = [logits[after - 1], logits[after]];
  return probabilities[after - 1] + ((probabilities[after] - probabilities[after - 1]) * (x - from)) / (to - from);
}

/** The confidence of a translation and of each of its words; none of one without words. */
function confidenceOf(learned, translation) {
  if (!learned || !translation.tokens.length) return { confidence: null, wordConfidences: null };
  const logits = wordEvidence(translation).map((row) => logit(learned.word, row));
  const whole = logit(learned.translation, translationEvidence(translation, logits));
  return {
    confidence: probability(learned.translation, whole),
    wordConfidences: logits.map((each) => probability(learned.word, each)),
  };
}

export { confidenceOf };
