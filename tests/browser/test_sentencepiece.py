"""The tokenizer in JavaScript cuts and spells text as SentencePiece does, of every script, in one process of Node."""

import base64
import itertools
import json
import random
import sys
import unicodedata
from pathlib import Path

from command_line import PAIRS
from node import needs_node, run_node
from sentencepiece import SentencePieceProcessor

from nmt import browser
from nmt.data.tokenizers import EOS, UNK, train_tokenizers

pytestmark = needs_node
TEXTS = 10_000
# Each kind with rules of normalisation of its own.
MODELS = {"unigram": "nfc", "bpe": "nmt_nfkc", "char": "nfkc", "word": "none", "unigram-nfkc": "nfkc"}
# What normalisation changes, what no vocabulary has, what resembles special pieces, and what is no text.
PARTS = ["  ", "\u3000", "\t", "\r\n", "\x00", "\x1b[2J", "\x85", "\u2028", "\u200b", "\ufeff", "\ufffd", "\ud800"]
PARTS += ["\udfff", "<s>", "</s>", "<unk>", "▁", "▁▁", "e\u0301", "ﬀ", "½", "Ａ", "ｱﾊﾟ", "\u1112\u1161\u11ab", "👍🏽"]
PARTS += [
    "👩\u200d👩\u200d👧",
    "🇰🇷",
    "가\u0301",
    "\u0301",
    "\U000f0000",
    "ộ",
    "o\u0323\u0302",
    "o\u0302\u0323",
    "",
    " ",
]
WORDS = [word for pair in PAIRS for side in pair for word in side.split()]

PROGRAM = """
import { readFileSync } from "node:fs";
const { SentencePiece } = await import(process.argv[2]);
const { models, texts, rows } = JSON.parse(readFileSync(process.argv[3], "utf-8"));
const wrong = [];
for (const [name, { bytes, cut, spelt }] of Object.entries(models)) {
  const tokenizer = new SentencePiece(Buffer.from(bytes, "base64"));
  const check = (given, expected, found) => {
    if (JSON.stringify(expected) !== JSON.stringify(found)) wrong.push([name, given, expected, found]);
  };
  texts.forEach((text, i) => {
    const { ids, begins, ends, pieces } = tokenizer.encode(text);
    check(text, cut[i], [ids, begins, ends, pieces]);
  });
  rows[name].forEach((row, i) => check(row, spelt[i], tokenizer.decode(row)));
}
console.log(JSON.stringify({ wrong: wrong.slice(0, 5), count: wrong.length }));
"""


def scripts() -> list[list[str]]:
    """All characters that Unicode names, by the first word of their name: LATIN, HANGUL, BENGALI, MATHEMATICAL …"""
    found: dict[str, list[str]] = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        if name := unicodedata.name(character, ""):
            found.setdefault(name.split()[0].split("-")[0], []).append(character)
    return list(found.values())


def texts(count: int) -> list[str]:
    """Different texts of one script each, with what is hard in it; every script has its turn."""
    draw = random.Random(1)
    made = dict.fromkeys(PARTS)
    for letters in itertools.cycle(scripts()):
        parts = ["".join(draw.choices(letters, k=draw.randrange(1, 7))) for _ in range(draw.randrange(1, 4))]
        parts += draw.choices(WORDS, k=draw.randrange(3)) + draw.choices(PARTS, k=draw.randrange(3))
        draw.shuffle(parts)
        # Two halves in a row would be one character in JavaScript.
        made[draw.choice(["", " "]).join(parts).replace("\ud800\udfff", "\udfff\ud800")] = None
        if len(made) == count:
            break
    return list(made)


def rows(vocabulary: int, count: int) -> list[list[int]]:
    draw = random.Random(2)
    return [draw.choices([UNK, EOS, *range(4, vocabulary)], k=draw.randrange(9)) for _ in range(count)]


def test_every_text_is_cut_and_spelt_as_by_sentencepiece(tmp_path: Path) -> None:
    given = texts(TEXTS)
    readable = [text.encode("utf-8", "replace").decode() for text in given]
    spoken = [*PAIRS, *((text, text) for text in readable[100:400] if text.strip())]
    models, all_rows = {}, {}
    for name, rules in MODELS.items():
        kind = name.split("-")[0]
        size = {"char": 700, "word": 40}.get(kind, 1100)
        tokenizer = train_tokenizers(spoken, kind, size, normalization=rules).source
        processor = SentencePieceProcessor(model_proto=tokenizer.model)
        found = [processor.encode(text, return_type="proto").pieces for text in readable]
        all_rows[name] = rows(tokenizer.vocabulary, 1000)
        models[name] = {
            "bytes": base64.b64encode(tokenizer.model).decode(),
            "cut": [
                [[getattr(p, part) for p in pieces] for part in ("id", "begin", "end", "piece")] for pieces in found
            ],
            "spelt": processor.decode(all_rows[name]),
        }
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"models": models, "texts": given, "rows": all_rows}), encoding="utf-8")
    found = json.loads(run_node(PROGRAM, browser.path("sentencepiece.mjs"), table))
    assert found == {"wrong": [], "count": 0}
