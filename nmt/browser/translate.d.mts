/** Words, and the word that each piece belongs to. */
export interface Words {
  words: string[];
  places: number[];
}

/** One translation of a part of a text. */
export interface Translation {
  text: string;
  /** The log-probability, and what several translations are ordered by. */
  score: number | null;
  rank: number;
  /** Where a glossary changed the words, which the model did not score: the log-probability of those it wrote. */
  freeScore?: number;
  sourceTokens: string[];
  tokens: string[];
  /** The log-probability of each token and, unless `unfinished`, of the end; null where a glossary changed the words. */
  tokenScores: number[] | null;
  /** For each token its weights on the source's tokens and, last, on the source's end; null without attention. */
  alignment: Float32Array[] | null;
  sourceWords: Words;
  targetWords: Words | null;
  /** `[target word][source word]`; null without attention. */
  wordWeights: number[][] | null;
  /** How likely it is right, and each target word; null for all but the best, and if the model has not learned it. */
  confidence: number | null;
  wordConfidences: number[] | null;
  sourceTruncated: boolean;
  unfinished: boolean;
}

/** What was translated by itself: a line, a sentence, or a part of what is longer than the model reads. */
export interface Part {
  source: string;
  /** Whether it is part of a sentence, or of a line, that was longer than the model reads. */
  cut: boolean;
  /** The best first; none if the part is blank. */
  translations: Translation[];
  /** The terms of the glossary that the best one lacks. */
  missing: Term[];
}

export interface Term {
  source: string;
  target: string;
  /** Whether the case of its letters counts. */
  exact: boolean;
}

/** A text with markup. */
export interface Marked {
  source: string;
  /** The translation with its tags and placeholders. */
  text: string;
  /** What is wrong with the markup and what comes of it; empty if nothing is. */
  broken: string;
  missing: Term[];
  /** The translations of its sentences, without tags. */
  sentences: (Translation & { source: string; cut: boolean })[];
}

export interface MarkedOptions {
  /** "html" if not given; "text" has placeholders and no tags. */
  form?: "html" | "xml" | "text";
  signal?: AbortSignal;
  bySentence?: boolean;
  glossary?: string;
}

export interface Options {
  signal?: AbortSignal;
  bySentence?: boolean;
  /** On each line a term, a tab, its translation and, perhaps, a tab and `exact`; or the term, ` = ` and its translation. */
  glossary?: string;
  onPart?: (part: Part, done: number, of: number) => void;
}

export declare class Translator {
  /** Opens the folder that `translate.mjs` is in, or another one. */
  static load(folder?: string | URL): Promise<Translator>;
  static start(files: {
    contents: object;
    files: Record<string, Uint8Array>;
    wasm: Uint8Array;
    code: Uint8Array;
  }): Promise<Translator>;
  readonly contents: Record<string, unknown>;
  translate(line: string, options?: Options): Promise<{ text: string; parts: Part[] }>;
  translateMarked(text: string, options?: MarkedOptions): Promise<Marked>;
  close(): void;
}
