// A reader of SentencePiece models: text to pieces and back, as SentencePiece itself does it.
//
// It knows the kinds of models that this package trains, unigram, BPE, char and word, and takes the rules of
// normalisation out of the model's file. Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226.

const SPACE = "▁"; // what a space is written as inside pieces
const UNKNOWN_PENALTY = 10; // how much less likely than the rarest piece an unknown character is
const TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 };
const KINDS = { 1: "unigram", 2: "bpe", 3: "word", 4: "char" };

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8 can hold it: half a surrogate pair becomes a question mark, as in Python. */
function encodable(text) {
  return text.replace(/\p{Surrogate}/gu, "?");
}

/** The number of bytes of a character in UTF-8, from the first of them. */
function width(byte) {
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

// --- the file: protocol buffers ---

/** Yields the fields of a message: [number, value]. Values are numbers or bytes; floats come as four bytes. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new Error("a SentencePiece model is cut short");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) {
      yield [number, varint()];
      continue;
    }
    const size = { 1: () => 8, 2: varint, 5: () => 4 }[wire];
    if (!size) throw new Error("a SentencePiece model is damaged");
    const length = size();
    if (at + length > bytes.length) throw new Error("a SentencePiece model is cut short");
    yield [number, bytes.subarray(at, at + length)];
    at += length;
  }
}

function float32(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
}

// --- normalisation ---

/** The rules of normalisation in a model: a double array of byte sequences (Yata's Darts-clone) and what they become. */
class Rules {
  constructor(map) {
    const size = map.length < 4 ? 0 : new DataView(map.buffer, map.byteOffset).getUint32(0, true);
    if (size % 4 || 4 + size > map.length) throw new Error("a SentencePiece model has damaged rules of normalisation");
    this.units = new Uint32Array(map.slice(4, 4 + size).buffer);
    this.replacements = map.subarray(4 + size);
  }

  /** What the longest sequence known at a position becomes, and its length; [null, 0] if none is known. */
  longest(bytes, start) {
    const { units } = this;
    const offset = (unit) => (unit >>> 10) << ((unit & 0x200) >>> 6);
    let [node, length, value] = [0, 0, 0];
    if (!units.length) return [null, 0];
    node ^= offset(units[0]);
    for (let at = start; at < bytes.length; at++) {
      node ^= bytes[at];
      const unit = units[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== bytes[at]) break;
      node ^= offset(unit);
      if ((unit >>> 8) & 1) [length, value] = [at + 1 - start, units[node] & 0x7fffffff];
    }
    if (!length) return [null, 0];
    return [this.replacements.subarray(value, this.replacements.indexOf(0, value)), length];
  }
}

// --- the model ---

class SentencePiece {
  /** Arguments: the bytes of a `.spm.model` file. Throws an Error if they are damaged or of an unknown kind. */
  constructor(bytes) {
    this.pieces = [];
    this.types = [];
    this.scores = [];
    this.kind = KINDS[1];
    this.unknownSurface = " ⁇ ";
    let [map, prefixed, trimmed, escaped] = [new Uint8Array(), true, true, true];
    // A Buffer of Node has a `slice` of its own, which copies nothing.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const [number, value] of fields(plain)) {
      if (number === 1) this.#add(value);
      if (number === 2) this.#train(value);
      if (number !== 3) continue;
      for (const [key, part] of fields(value)) {
        if (key === 2) map = part;
        if (key === 3) prefixed = Boolean(part);
        if (key === 4) trimmed = Boolean(part);
        if (key === 5) escaped = Boolean(part);
      }
    }
    if (!escaped) throw new Error("this SentencePiece model keeps plain spaces in its pieces, which is not known here");
    this.addsPrefix = prefixed;
    this.removesSpaces = trimmed;
    this.rules = map.length ? new Rules(map) : null;
    this.unknown = this.types.indexOf(TYPES.unknown);
    if (this.unknown < 0) throw new Error("a SentencePiece model has no piece for what is unknown");
    const known = this.types.map((type) => [TYPES.normal, TYPES.userDefined, TYPES.unused].includes(type));
    this.ids = new Map(this.pieces.flatMap((piece, id) => (known[id] ? [[piece, id]] : [])));
    this.longestPiece = Math.max(...[...this.ids.keys()].map((piece) => piece.length), 1);
    const scores = this.scores.filter((_, id) => this.types[id] === TYPES.normal);
    this.lowest = scores.reduce((low, score) => Math.min(low, score), Infinity);
    this.highest = scores.reduce((high, score) => Math.max(high, score), -Infinity);
    const own = this.pieces.filter((_, id) => this.types[id] === TYPES.userDefined);
    this.userDefined = new Set(own);
    this.longestUserDefined = Math.max(0, ...own.map((piece) => piece.length));
  }

  get vocabulary() {
    return this.pieces.length;
  }

  #add(bytes) {
    let [piece, score, type] = ["", 0, TYPES.normal];
    for (const [number, value] of fields(bytes)) {
      if (number === 1) piece = fromUtf8.decode(value);
      if (number === 2) score = float32(value);
      if (number === 3) type = value;
    }
    if (type === TYPES.byte) throw new Error("this SentencePiece model spells bytes, which is not known here");
    this.pieces.push(piece);
    this.scores.push(score);
    this.types.push(type);
  }

  #train(bytes) {
    for (const [number, value] of fields(bytes)) {
      if (number === 3) this.kind = KINDS[value];
      if (number === 24 && value) throw new Error("this SentencePiece model has spaces at the end of its pieces");
      if (number === 44) this.unknownSurface = fromUtf8.decode(value);
    }
    if (!this.kind) throw new Error("a SentencePiece model is of an unknown kind");
  }

  /**
   * Normalised text, and where in the bytes of the text each of its bytes comes from: `origins` has one more entry, for
   * the end.
   */
  normalize(text) {
    const bytes = utf8.encode(encodable(text));
    const [written, origins] = [[], []];
    const space = utf8.encode(SPACE);
    const write = (part, from) => {
      for (const byte of part) {
        for (const each of byte === 0x20 ? space : [byte]) {
          written.push(each);
          origins.push(from);
        }
      }
    };
    const isSpace = (part) => part.length === 1 && part[0] === 0x20;
    let at = 0;
    if (this.removesSpaces) {
      while (at < bytes.length) {
        const [part, length] = this.#next(bytes, at);
        if (!isSpace(part)) break;
        at += length;
      }
    }
    if (at === bytes.length) return { text: "", bytes: new Uint8Array(), origins: [] };
    if (this.addsPrefix) write([0x20], at);
    let afterSpace = this.removesSpaces;
    while (at < bytes.length) {
      let [part, length] = this.#next(bytes, at);
      while (afterSpace && part[0] === 0x20) part = part.subarray(1);
      if (part.length) {
        write(part, at);
        afterSpace = part[part.length - 1] === 0x20;
      }
      at += length;
      if (!this.removesSpaces) afterSpace = false;
    }
    let end = written.length;
    if (this.removesSpaces) {
      const isMark = (start) => start >= 0 && space.every((byte, i) => written[start + i] === byte);
      while (isMark(end - space.length)) {
        end -= space.length;
        at = origins[end];
      }
    }
    const kept = Uint8Array.from(written.slice(0, end));
    return { text: fromUtf8.decode(kept), bytes: kept, origins: [...origins.slice(0, end), at] };
  }

  /** What comes next after normalisation, and how many bytes of the text it stands for. */
  #next(bytes, at) {
    if (this.longestUserDefined) {
      const text = fromUtf8.decode(bytes.subarray(at, at + 4 * this.longestUserDefined));
      const own = this.#userDefinedAt(text, 0);
      if (own) {
        const part = utf8.encode(own);
        return [part, part.length];
      }
    }
    const [part, length] = this.rules ? this.rules.longest(bytes, at) : [null, 0];
    if (part) return [part, length];
    const end = at + width(bytes[at]);
    return [bytes.subarray(at, end), end - at];
  }

  /** The longest piece at a position that is never cut, or "". */
  #userDefinedAt(text, at) {
    for (let length = Math.min(this.longestUserDefined, text.length - at); length > 0; length--) {
      const piece = text.slice(at, at + length);
      if (this.userDefined.has(piece)) return piece;
    }
    return "";
  }

  /** Characters, and what is never cut. */
  #symbols(text) {
    const symbols = [];
    for (let at = 0; at < text.length; ) {
      const own = this.longestUserDefined ? this.#userDefinedAt(text, at) : "";
      const symbol = own || String.fromCodePoint(text.codePointAt(at));
      symbols.push({ text: symbol, frozen: Boolean(own) });
      at += symbol.length;
    }
    return symbols;
  }

  /**
   * The pieces of a text: `ids`, `pieces`, and `begins` and `ends`, the places of each in the bytes of the text. What is
   * unknown is one piece, however many characters it has.
   */
  encode(text) {
    const { text: normal, origins } = this.normalize(text);
    const found = { ids: [], pieces: [], begins: [], ends: [] };
    if (!normal) return found;
    const cut = {
      unigram: () => this.#likeliest(normal),
      bpe: () => this.#merged(normal),
      char: () => this.#characters(normal),
      word: () => splitWords(normal),
    };
    let [at, wasUnknown] = [0, false];
    for (const piece of cut[this.kind]()) {
      const id = this.ids.get(piece) ?? this.unknown;
      const begin = at;
      at += utf8.encode(piece).length;
      const last = found.ids.length - 1;
      if (wasUnknown && id === this.unknown) {
        found.pieces[last] += piece;
        found.ends[last] = origins[at];
      } else {
        found.ids.push(id);
        found.pieces.push(piece);
        found.begins.push(origins[begin]);
        found.ends.push(origins[at]);
      }
      wasUnknown = id === this.unknown;
    }
    return found;
  }

  /** Unigram: the cut with the highest sum of scores (Viterbi). Sums are kept as SentencePiece keeps them, in 32 bits. */
  #likeliest(text) {
    const best = Array.from({ length: text.length + 1 }, () => ({ score: 0, start: -1 }));
    const missing = Math.fround(this.lowest - UNKNOWN_PENALTY);
    const reach = (end, start, score) => {
      if (best[end].start < 0 || score > best[end].score) best[end] = { score, start };
    };
    for (let start = 0; start < text.length; ) {
      const here = best[start].score;
      const next = start + String.fromCodePoint(text.codePointAt(start)).length;
      let single = false;
      for (let end = next; end <= text.length && end - start <= this.longestPiece; ) {
        const piece = text.slice(start, end);
        const id = this.ids.get(piece);
        if (id !== undefined && this.types[id] !== TYPES.unused) {
          const own = this.types[id] === TYPES.userDefined;
          const score = own ? Math.fround(utf8.encode(piece).length * this.highest - 0.1) : this.scores[id];
          reach(end, start, Math.fround(here + score));
          single ||= end === next;
        }
        if (end === text.length) break;
        end += String.fromCodePoint(text.codePointAt(end)).length;
      }
      if (!single) reach(next, start, Math.fround(here + missing));
      start = next;
    }
    const pieces = [];
    for (let end = text.length; end > 0; end = best[end].start) pieces.unshift(text.slice(best[end].start, end));
    return pieces;
  }

  /** BPE: merge the pair with the best score, the leftmost of several, until no pair is a piece. */
  #merged(text) {
    const symbols = this.#symbols(text);
    symbols.forEach((symbol, i) => Object.assign(symbol, { before: i - 1, after: i + 1 < symbols.length ? i + 1 : -1 }));
    const made = new Map(); // what an unused piece was merged from
    const waiting = new Heap((a, b) => a.score > b.score || (a.score === b.score && a.left < b.left));
    const propose = (left, right) => {
      if (left < 0 || right < 0 || symbols[left].frozen || symbols[right].frozen) return;
      const piece = symbols[left].text + symbols[right].text;
      const id = this.ids.get(piece);
      if (id === undefined) return;
      waiting.push({ left, right, score: this.scores[id], piece });
      if (this.types[id] === TYPES.unused) made.set(piece, [symbols[left].text, symbols[right].text]);
    };
    for (let i = 1; i < symbols.length; i++) propose(i - 1, i);
    for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
      const [left, right] = [symbols[pair.left], symbols[pair.right]];
      // One of them may have been merged since.
      if (!left.text || !right.text || left.text.length + right.text.length !== pair.piece.length) continue;
      left.text = pair.piece;
      right.text = "";
      left.after = right.after;
      if (right.after >= 0) symbols[right.after].before = pair.left;
      propose(left.before, pair.left);
      propose(pair.left, left.after);
    }
    const whole = (piece) => {
      const parts = this.types[this.ids.get(piece)] === TYPES.unused ? made.get(piece) : undefined;
      return parts ? parts.flatMap(whole) : [piece];
    };
    return symbols.flatMap((symbol) => (symbol.text ? whole(symbol.text) : []));
  }

  #characters(text) {
    return this.#symbols(text).map((symbol) => symbol.text);
  }

  /** The text that ids spell. */
  decode(ids) {
    let text = "";
    for (const id of ids) {
      const type = this.types[id];
      if (type === undefined) throw new Error(`there is no piece ${id}`);
      if (type === TYPES.control) continue;
      if (type === TYPES.unknown) {
        text += this.unknownSurface;
        continue;
      }
      let piece = this.pieces[id];
      if (!text && (this.addsPrefix || this.removesSpaces) && piece.startsWith(SPACE)) piece = piece.slice(1);
      text += piece.replaceAll(SPACE, " ");
    }
    return text;
  }
}

/** Words of normalised text: each begins with a space, but perhaps the first. */
function splitWords(text) {
  return text.match(/▁?[^▁]*/gu).filter(Boolean);
}

/** A heap: `pop` returns what comes before all others. */
class Heap {
  #items = [];
  #before;

  constructor(before) {
    this.#before = before;
  }

  push(item) {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(items[at], items[up])) break;
      [items[at], items[up]] = [items[up], items[at]];
      at = up;
    }
  }

  pop() {
    const items = this.#items;
    const [first, last] = [items[0], items.pop()];
    if (!items.length) return first;
    items[0] = last;
    for (let at = 0; ; ) {
      let next = at;
      for (const down of [2 * at + 1, 2 * at + 2]) {
        if (down < items.length && this.#before(items[down], items[next])) next = down;
      }
      if (next === at) return first;
      [items[at], items[next]] = [items[next], items[at]];
      at = next;
    }
  }
}

export { SPACE, SentencePiece, encodable };
