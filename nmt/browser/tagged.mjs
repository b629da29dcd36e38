// Text with the tags of HTML or XML, and with placeholders, read into parts, as nmt/documents/tagged.py reads it.
//
// A part is { kind, raw }: "text" is what is said, "kept" comes out letter by letter, "opening" and "closing" are tags in
// pairs, "alone" is a tag that stands at a place, "break" one that ends a line.
//
// `(?=(?<x>…))\k<x>` is a part of a pattern that is never tried again, so that no text takes long.

import { ENTITIES } from "./entities.mjs";
import { WHITE, withoutFirst, withoutLast } from "./letters.mjs";

const SIGNS = String.raw`[\w\-.~:/?#\[\]@!$&'*+,;=%]`;
const BLANKS = String.raw`[ \t\n\r\f\v]`;
const once = (name, pattern) => `(?=(?<${name}>${pattern}))\\k<${name}>`;
const PLACEHOLDER = new RegExp([
  String.raw`&#?[A-Za-z0-9]{1,40};`,
  String.raw`(?:https?|ftp)://(?:${SIGNS}|\(${SIGNS}{0,200}\))*(?:[\w/=&#%+~$*-]|\(${SIGNS}{0,200}\))`,
  String.raw`(?<![\w.%+-])[\w.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`,
  String.raw`\$?\{\{[^{}]{0,200}\}\}|[$#%]?\{[^{}]{0,200}\}`,
  String.raw`(?<!\d)%(?:\([^()${BLANKS.slice(1, -1)}]{0,200}\)|\d{1,3}\$)?${once("flags", "[-+#0]*")}${once("width", "\\d*")}`
    + String.raw`${once("precision", "(?:\\.\\d+)?")}(?:ll|[hlzjt])?[sdifgeExXcrupa@](?![A-Za-z])|%%`,
  String.raw`(?<![\w.,])[+-]?${once("number", "\\d+(?:[.,]\\d+)*")}(?![A-Za-z0-9_])`
    + String.raw`(?:[:/]${once("more", "\\d+(?:[.,]\\d+)*")}(?![A-Za-z0-9_]))*`,
].join("|"), "g");

const BEGIN = /<(?=[A-Za-z/!?])/g;
const COMMENT_END = /--!?>/g;
const START_TAG = new RegExp(
  `<(?<name>[A-Za-z]${once("tail", `[^${WHITE}/>]*`)})${once("rest", `(?:[^>=]+|=[${WHITE}]*(?:"[^"]*"|'[^']*')|=)*`)}>`, "y",
);
const END_TAG = new RegExp(`</([A-Za-z][^${WHITE}/>]*)`, "y");
const BREAK = new RegExp(`<br[${WHITE}/>]`, "iy");
const ATTRIBUTE = new RegExp(
  `([^${WHITE}/>=]+)(?:[${WHITE}]*=[${WHITE}]*(?:"([^"]*)"|'([^']*)'|([^${WHITE}>]+)))?`, "g",
);
// What is inside these is no tag either, no language, a code of another format; and what has no end.
const RAW = new Map(["script", "style", "textarea"].map((tag) => [tag, new RegExp(`</${tag}(?=[${WHITE}/>])`, "gi")]));
const SKIPPED = new Set([
  "script", "style", "code", "pre", "kbd", "samp", "var", "textarea", "svg", "math", "template", "noscript",
]);
const CODES = new Set(["bpt", "ept", "ph", "it"]);
const VOID = new Set([
  "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
]);
const XML_ENDS = [["<![CDATA[", "]]>"], ["<?", "?>"]];
const XML_ENTITY = /&(?:(amp|lt|gt|quot|apos|#\d{1,40}|#x[0-9A-Fa-f]{1,40});|[\p{L}\p{N}_:.-]{1,200};)/gu;

// --- character references ---

const REFERENCE = /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu;
// What the numbers from 128 mean in the pages that have them, and those of no character.
const WINDOWS = "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f"
  + "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";
const isNone = (code) => (
  (code >= 1 && code <= 8) || code === 11 || (code >= 14 && code <= 31) || (code >= 127 && code <= 159)
  || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe
);

/** A text without character references, as a browser and Python's `html.unescape` read it. */
function unescaped(text) {
  return text.replace(REFERENCE, (whole, name) => {
    if (name[0] === "#") {
      const digits = name.replace(/^#[xX]?|;$/g, "");
      const code = parseInt(digits, /^#[xX]/.test(name) ? 16 : 10);
      if (code === 0) return "\ufffd";
      if (code === 13) return "\r";
      if (code >= 128 && code <= 159) return WINDOWS[code - 128];
      if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return "\ufffd";
      return isNone(code) ? "" : String.fromCodePoint(code);
    }
    const found = ENTITIES.get(name);
    if (found !== undefined) return found;
    const letters = [...name];
    for (let length = letters.length - 1; length > 1; length--) {
      const shorter = ENTITIES.get(letters.slice(0, length).join(""));
      if (shorter !== undefined) return shorter + letters.slice(length).join("");
    }
    return whole;
  });
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// --- pairs ---

/** Which marks, [kind, name], belong together: a map from the opening to the closing one, and the first without a partner. */
function pairsOf(marks) {
  const [ends, waiting, names] = [new Map(), [], new Map()];
  let unpaired = null;
  const count = (name, by) => names.set(name, (names.get(name) ?? 0) + by);
  marks.forEach(([kind, name], index) => {
    if (kind === "opening") {
      waiting.push([index, name]);
      count(name, 1);
    } else if (kind === "closing" && !names.get(name)) {
      unpaired ??= index;
    } else if (kind === "closing") {
      for (;;) {
        const [begin, other] = waiting.pop();
        count(other, -1);
        if (other === name) {
          ends.set(begin, index);
          break;
        }
        unpaired ??= begin;
      }
    }
  });
  if (waiting.length) unpaired ??= waiting.at(-1)[0];
  return { ends, unpaired };
}

/** Whether a start tag says that what is inside is not to be translated. */
function isKept(tag) {
  if (!tag.toLowerCase().includes("translate")) return false;
  const given = new Map();
  for (const [, name, ...values] of tag.slice(1).matchAll(ATTRIBUTE)) {
    given.set(name.toLowerCase(), values.find((value) => value) ?? "");
  }
  const classes = (given.get("class") ?? "").split(new RegExp(`[${WHITE}]+`, "u"));
  return (given.get("translate") ?? "").toLowerCase() === "no" || classes.includes("notranslate");
}

const matchAt = (pattern, text, place) => {
  pattern.lastIndex = place;
  return pattern.exec(text);
};

class TagReader {
  constructor(text, form) {
    Object.assign(this, { raw: text, form, parts: [], names: [], ends: null, broken: "", rest: "" });
  }

  result() {
    const found = pairsOf(this.parts.map(({ kind }, i) => [kind, this.names[i]]));
    if (found.unpaired !== null) {
      const { kind, raw } = this.parts[found.unpaired];
      this.broken = `${raw} ${kind === "opening" ? "is not closed" : "closes nothing"}, so it is moved by itself`;
    }
    const whole = new Set([...found.ends.keys(), ...found.ends.values()]);
    let parts = this.parts.map((part, n) => (
      (part.kind === "opening" || part.kind === "closing") && !whole.has(n) ? { ...part, kind: "alone" } : part
    ));
    // Spaces at both ends belong to no sentence. In plain text they are an indent.
    if (this.form !== "text" && parts.length) {
      if (parts[0].kind === "text") parts[0] = { kind: "text", raw: withoutFirst(parts[0].raw) };
      if (parts.at(-1).kind === "text") parts[parts.length - 1] = { kind: "text", raw: withoutLast(parts.at(-1).raw) };
      parts = parts.filter(({ raw }) => raw);
    }
    return { parts, broken: this.broken, rest: this.rest };
  }

  markup() {
    let place = 0;
    for (let begin = matchAt(BEGIN, this.raw, 0); begin; begin = matchAt(BEGIN, this.raw, place)) {
      const start = begin.index;
      this.run(place, start);
      const end = this.tag(start);
      if (end === null) {
        const shown = [...this.raw.slice(start, start + 40)].slice(0, 20).join("");
        this.broken = `'${shown}' has no end, so nothing from there on is translated`;
        this.rest = this.raw.slice(withoutLast(this.raw.slice(0, start)).length);
        return;
      }
      place = end;
    }
    this.run(place, this.raw.length);
  }

  run(start, end) {
    const text = this.raw.slice(0, end);
    let place = start;
    for (let match = matchAt(PLACEHOLDER, text, start); match; match = PLACEHOLDER.exec(text)) {
      if (match[0].startsWith("&")) continue;
      this.text(text.slice(place, match.index));
      this.part("kept", match[0]);
      place = match.index + match[0].length;
      PLACEHOLDER.lastIndex = place;
    }
    this.text(text.slice(place));
  }

  text(raw) {
    if (this.form !== "xml") {
      this.add(this.form === "text" ? raw : unescaped(raw));
      return;
    }
    let [place, said] = [0, ""];
    for (const match of raw.matchAll(XML_ENTITY)) {
      said += raw.slice(place, match.index);
      place = match.index + match[0].length;
      if (match[1]) {
        said += unescaped(match[0]);
        continue;
      }
      this.add(said);
      this.part("kept", match[0]);
      said = "";
    }
    this.add(said + raw.slice(place));
  }

  add(text) {
    const said = this.form === "text" ? text : text.replace(/[ \t\r\n\f]+/g, " ");
    if (said) this.part("text", said);
  }

  part(kind, raw, name = "") {
    this.parts.push({ kind, raw });
    this.names.push(name);
  }

  /** Reads the tag that begins here, and returns where it ends; null if nowhere. */
  tag(start) {
    const tag = matchAt(START_TAG, this.raw, start);
    if (tag) return this.startTag(tag);
    const end = this.endOfTag(start);
    if (end === null) return null;
    const close = matchAt(END_TAG, this.raw, start);
    if (!close) return this.alone(start, end);
    this.part("closing", this.raw.slice(start, end), this.name(close[1]));
    return end;
  }

  endOfTag(start) {
    if (this.raw.startsWith("<!--", start)) {
      const comment = matchAt(COMMENT_END, this.raw, start + 2);
      return comment ? comment.index + comment[0].length : null;
    }
    for (const [begin, end] of this.form === "xml" ? XML_ENDS : []) {
      if (!this.raw.startsWith(begin, start)) continue;
      const place = this.raw.indexOf(end, start + begin.length);
      return place >= 0 ? place + end.length : null;
    }
    const place = this.raw.indexOf(">", start);
    return place >= 0 ? place + 1 : null;
  }

  startTag(tag) {
    const [name, start, end] = [this.name(tag.groups.name), tag.index, tag.index + tag[0].length];
    if (tag[0].endsWith("/>") || (this.form === "html" && VOID.has(name))) return this.alone(start, end);
    const codes = this.form === "html" ? SKIPPED : CODES;
    if (codes.has(name) || isKept(tag[0])) {
      const last = this.endOf(start);
      if (last) {
        this.part("kept", this.raw.slice(start, last));
        return last;
      }
      if (this.form === "html" && RAW.has(name)) return null;
    }
    this.part("opening", tag[0], name);
    return end;
  }

  name(name) {
    return this.form === "html" ? name.toLowerCase() : name;
  }

  /** Where the element ends whose tag begins here; undefined if nowhere. */
  endOf(start) {
    this.ends ??= this.elements();
    return this.ends.get(start);
  }

  /** Where each element begins and ends that is closed. A tag in a comment closes nothing. */
  elements() {
    const [found, waiting] = [new Map(), new Map()];
    let place = 0;
    for (let begin = matchAt(BEGIN, this.raw, 0); begin; begin = matchAt(BEGIN, this.raw, place)) {
      const start = begin.index;
      const tag = matchAt(START_TAG, this.raw, start);
      if (tag) {
        const name = this.name(tag.groups.name);
        place = start + tag[0].length;
        if (tag[0].endsWith("/>")) continue;
        if (!waiting.has(name)) waiting.set(name, []);
        waiting.get(name).push(start);
        if (this.form === "html" && RAW.has(name)) {
          const close = matchAt(RAW.get(name), this.raw, place);
          if (!close) return found;
          place = close.index;
        }
        continue;
      }
      const end = this.endOfTag(start);
      if (end === null) return found;
      place = end;
      const close = matchAt(END_TAG, this.raw, start);
      const starts = close && waiting.get(this.name(close[1]));
      if (starts?.length) found.set(starts.pop(), end);
    }
    return found;
  }

  alone(start, end) {
    const ends = this.form === "html" && matchAt(BREAK, this.raw.slice(0, end), start);
    this.part(ends ? "break" : "alone", this.raw.slice(start, end));
    return end;
  }
}

/** Reads a text, `form` being "html", "xml" or "text": { parts, broken, rest }. */
function readTagged(text, form) {
  const reader = new TagReader(text, form);
  if (form === "text") reader.run(0, text.length);
  else reader.markup();
  return reader.result();
}

export { escaped, readTagged, unescaped };
