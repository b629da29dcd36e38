// A model in this thread: text in, translations out. What a run returns is checked before any of it is shown, because
// a failed run of the runtime does not say so.

import { confidenceOf } from "./confidence.mjs";
import { SentencePiece, encodable } from "./sentencepiece.mjs";
import { runnable } from "./stored.mjs";
import { joinedPieces, sourceWords, wordWeights } from "./words.mjs";

const END = 3;
// White space as Python knows it: a text of nothing else has a blank translation.
const BLANK = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/u;
// What may end a line or control a terminal.
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;
const TOLERANCE = 0.01;
const BLANK_TRANSLATION = {
  text: "", score: 0, rank: 0, tokens: [], tokenScores: [], sourceTokens: [], sourceWords: null, targetWords: null,
  wordWeights: null, confidence: null, wordConfidences: null, sourceTruncated: false, unfinished: false,
};

/** The checksum of bytes, as zlib's crc32. */
function crc32(bytes) {
  const table = new Uint32Array(256).map((_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });
  let sum = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

class Engine {
  /**
   * Arguments:
   *   contents: what `model.json` holds.
   *   files: the bytes of the files that it names, by name.
   *   runtime: `{ load, Tensor, complaints }`: the function that compiles a model, and what the runtime has said.
   */
  static async start(contents, files, runtime) {
    for (const [name, { size, crc32: sum }] of Object.entries(contents.files)) {
      const bytes = files[name];
      if (!bytes) throw new Error(`${name} is missing`);
      if (bytes.length !== size || crc32(bytes) !== sum) throw new Error(`${name} is damaged`);
    }
    const source = new SentencePiece(files[contents.source]);
    const target = contents.target === contents.source ? source : new SentencePiece(files[contents.target]);
    const compiled = await runtime.load(runnable(files[contents.model]));
    return new Engine(contents, source, target, compiled, runtime);
  }

  constructor(contents, source, target, compiled, runtime) {
    Object.assign(this, { contents, source, target, compiled, runtime });
    this.signatures = [...contents.signatures].sort((one, other) => one.reads - other.reads);
    /** The most frequent words of the target language, and words of the source language that the model knows. */
    this.frequent = new Set(contents.frequent);
    this.standIns = contents.stand_ins ?? [];
    this.blank = { ...BLANK_TRANSLATION, alignment: contents.aligned ? [] : null };
  }

  /** A text as the model reads it, in code points. */
  letters(text) {
    return [...encodable(text)];
  }

  /** Whether the model reads the whole of a text. */
  fits(text) {
    return this.source.encode(text).ids.length < this.signatures.at(-1).reads;
  }

  /** The best different translations of one line, the best first; a blank text has none. */
  async translate(text) {
    if (BLANK.test(text)) return [];
    const found = this.source.encode(text);
    const read = found.ids.slice(0, this.signatures.at(-1).reads - 1);
    if (!read.length) return [];
    const signature = this.signatures.find(({ reads }) => reads > read.length);
    const outputs = await this.#run(signature, read);
    const names = read.map((id) => this.source.pieces[id]);
    const words = sourceWords(encodable(text), found, names);
    const [best, texts] = [[], new Set()];
    for (let place = 0; place < signature.hypotheses && best.length < this.contents.n_best; place++) {
      if (outputs.ranks && outputs.ranks[place] === -Infinity) continue;
      const one = this.#hypothesis(signature, outputs, place, read.length);
      if (texts.has(one.text)) continue;
      texts.add(one.text);
      const targets = joinedPieces(one.tokens);
      const whole = {
        ...one,
        text: one.text.replace(CONTROL, " "),
        sourceTokens: names,
        sourceTruncated: found.ids.length > read.length,
        sourceWords: words,
        targetWords: targets,
        wordWeights: one.alignment && wordWeights(words, targets, one.alignment),
      };
      // It was learned from the best translations, and tells nothing of others.
      best.push({ ...whole, ...confidenceOf(best.length ? null : this.contents.confidence, whole) });
    }
    return best;
  }

  async #run(signature, ids) {
    const source = new Int32Array(signature.reads);
    source.set([...ids, END]);
    const { complaints, Tensor } = this.runtime;
    complaints.length = 0;
    const input = new Tensor(source, [1, signature.reads]);
    let tensors;
    try {
      tensors = await this.compiled.run(signature.name, { source: input });
      const outputs = {};
      for (const [name, tensor] of Object.entries(tensors)) outputs[name] = tensor.toTypedArray();
      const failed = complaints.find((line) => /^(ERROR|FATAL)/.test(line));
      if (failed) throw new Error(failed);
      return outputs;
    } finally {
      input.delete();
      for (const tensor of Object.values(tensors ?? {})) tensor.delete();
    }
  }

  /** One hypothesis of a run. Throws an Error if it cannot be one. */
  #hypothesis({ reads, writes, hypotheses }, outputs, place, read) {
    const sure = (holds, what) => {
      if (!holds) throw new Error(`the run failed: ${what}`);
    };
    const [length, score] = [outputs.lengths[place], outputs.scores[place]];
    const rank = outputs.ranks ? outputs.ranks[place] : score;
    sure(outputs.tokens.length === hypotheses * writes, "its result has another size");
    sure(length >= 0 && length <= writes, `${length} tokens are no length`);
    sure(Number.isFinite(score) && score < TOLERANCE && Number.isFinite(rank), `${score} is no score`);
    const from = place * writes;
    const ids = [...outputs.tokens.subarray(from, from + length)];
    sure(ids.every((id) => id > 0 && id < this.target.vocabulary && id !== END), "its tokens are not in the vocabulary");
    const unfinished = Boolean(outputs.unfinished[place]);
    const tokenScores = [...outputs.token_scores.subarray(from, from + length + (unfinished ? 0 : 1))];
    sure(tokenScores.every((each) => Number.isFinite(each) && each < TOLERANCE), "the score of a token is none");
    let alignment = null;
    if (this.contents.aligned) {
      alignment = ids.map((_, j) => {
        const start = (from + j) * reads;
        return outputs.alignment.slice(start, start + read + 1);
      });
      for (const row of alignment) {
        const sum = row.reduce((one, other) => one + other, 0);
        sure(row.every((weight) => weight > -TOLERANCE) && Math.abs(sum - 1) < TOLERANCE, "its weights do not sum to one");
      }
    }
    const tokens = ids.map((id) => this.target.pieces[id]);
    return { text: this.target.decode(ids), score, rank, tokens, tokenScores, alignment, unfinished };
  }
}

export { Engine };
