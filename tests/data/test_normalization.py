"""What is done to characters before text is cut into pieces."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import tensorflow as tf

from nmt.data.tokenizers import UNK, Tokenizers, train_tokenizers

KEPT = ["10² ½ ，", "می\u200cخواهم", "क्\u200dष", "ㅋㅋㅋ", "① Ⅳ …", "é 가 ấ", "㎏ ™"]
KEPT += ["Ａｂ１", "ｱﾊﾟ", "ﬁn", "a\u200bb\u200e"]
FOLDED = {
    "e\u0301": "é",
    "\u1112\u1161\u11ab": "한",
    "하\u11ab": "한",
    "a\u0302\u0301": "ấ",
    "â\u0301": "ấ",
    "a\u00a0b\u3000c\u2028d": "a b c d",
    "\ufeffa": "a",
    "a\x01b": "ab",
}
TEXTS = [*KEPT, *FOLDED]


@pytest.fixture(scope="module")
def tokenizers() -> Tokenizers:
    return train_tokenizers([(text, text) for text in TEXTS] * 3, "char")


def spelt(tokenizers: Tokenizers, text: str) -> str:
    return tokenizers.target.decode(tokenizers.target.encode(tf.constant([text])))[0].numpy().decode()


@pytest.mark.parametrize("text", KEPT)
def test_all_else_is_kept(tokenizers: Tokenizers, text: str) -> None:
    assert spelt(tokenizers, text) == text


@pytest.mark.parametrize("text", FOLDED)
def test_letters_with_marks_and_spaces_are_joined(tokenizers: Tokenizers, text: str) -> None:
    assert spelt(tokenizers, text) == FOLDED[text]


def test_both_forms_of_each_letter_are_read_as_nfc(tokenizers: Tokenizers) -> None:
    letters = [chr(code) for code in range(0xA0, 0x2000) if unicodedata.decomposition(chr(code))[:1] not in ("", "<")]
    for letter in letters:
        for form in (letter, unicodedata.normalize("NFD", letter)):
            read = tokenizers.source._processor.normalize(form).removeprefix("▁")
            assert read == unicodedata.normalize("NFC", letter).strip(), f"{ord(letter):x}"


@pytest.mark.parametrize("name, text", [("nmt_nfkc", "102 1⁄2 ,"), ("nfkc", "102 1⁄2 ,"), ("none", "10² ½ ，")])
def test_other_rules_are_a_choice_that_a_file_remembers(name: str, text: str, tmp_path: Path) -> None:
    train_tokenizers([("10² ½ ， 1⁄2 02,", "a")] * 3, "char", joint=False, normalization=name).save(tmp_path)
    loaded = Tokenizers.load(tmp_path, joint=False).source
    ids = loaded.encode(tf.constant(["10² ½ ，"]))
    assert loaded.normalization == name
    assert UNK not in ids.to_list()[0]
    assert loaded.decode(ids)[0].numpy().decode() == text


JOINED = ["می\u200cخواهم", "क्\u200dष", "a\u200cb"]


@pytest.mark.parametrize("name", ["nfc", "nfkc", "none"])
def test_joiners_survive_every_mode(name: str) -> None:
    tokenizers = train_tokenizers([(text, text) for text in JOINED] * 3, "char", normalization=name)
    assert [spelt(tokenizers, text) for text in JOINED] == JOINED


def test_nfkc_is_that_of_unicode() -> None:
    """Each character by itself, but for white space, what is removed, and accents that stand alone."""
    tokenizer = train_tokenizers([("a b", "b")] * 3, "char", normalization="nfkc").source
    assert tokenizer.normalization == "nfkc"
    every = [chr(code) for code in (*range(0xA1, 0x3300), *range(0xF900, 0x10000), *range(0x1D400, 0x1D800))]
    every = [c for c in every if unicodedata.category(c)[0] in "LNPS" and c not in "▁\ufffd"]
    for character in every:
        folded = unicodedata.normalize("NFKC", character)
        expected = unicodedata.normalize("NFC", character) if folded.startswith(" ") else folded
        assert tokenizer.normalized(f"a{character}b") == f"a{expected}b", f"{ord(character):x}"
    # With marks, which follow wide letters, too.
    for text in ("Ａ\u0301", "e\u0301", "ｶﾞ", "カ\u3099", "Ａ１²"):
        assert tokenizer.normalized(text) == unicodedata.normalize("NFKC", text)
    assert tokenizer.normalized("it´s") == "it´s"
