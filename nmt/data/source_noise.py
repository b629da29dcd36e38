"""Source texts as people write them in a hurry, so that a translator reads such texts, too.

A model trained on careful sentences alone loses much of its quality on text in lower case or with typing errors:
Belinkov and Bisk 2018, *Synthetic and Natural Noise Both Break Neural Machine Translation*,
https://arxiv.org/abs/1711.02173. With some of them in training it loses little: Karpukhin et al. 2019, *Training on
Synthetic Noise Improves Robustness to Natural Noise in Machine Translation*, https://aclanthology.org/D19-5506.
"""

from __future__ import annotations

import functools
import random
import re
import unicodedata
from collections.abc import Callable

from nmt.data.term_annotations import MARKS, is_mark

# The marks at the end of a sentence, in the scripts that have their own.
_END = ".!?…。！？｡।؟۔።"
# Three letters that follow each other, wherever they begin; not those of Chinese and Japanese, which are chosen from a
# list and not typed.
_LETTERS = re.compile(r"(?=([^\W\d_\u3040-\u30FF\u3400-\u9FFF]{3}))")
# Syllables of Korean, and the letters that make them.
_SYLLABLE, _JAMO = re.compile("[가-힣]"), re.compile("[\u1100-\u11ff]")
_TAG = re.compile(r"<[^<>\s]+>")
# Most errors in Korean leave letters that make no syllable, and are not taken.
_TRIES = 30


def noisy(text: str, chance: random.Random, fits: Callable[[str], bool]) -> str:
    """Return a text in lower case, in capitals, without the mark at its end or with a typing error, as chance decides.

    What has no effect on this text is not chosen, nor what does not fit, nor a letter of Korean that is part of no
    syllable. A text that begins with a tag, such as ``<bt>``, or has annotations of terms stays as it is, and so does
    one that nothing fits.

    Arguments:
        text: a source text.
        chance: draws.
        fits: whether a changed text may be taken.

    >>> noisy("Er kam.", random.Random(2), fits=lambda text: True)
    'ER KAM.'
    """
    if _TAG.match(text) or any(mark in text for mark in MARKS):
        return text
    typing: Callable[[str], str] = functools.partial(with_typing_error, chance=chance)
    ways = [(str.lower, 1), (str.upper, 1), (without_end_mark, 1), (typing, _TRIES)]
    chance.shuffle(ways)
    changed = (way(text) for way, tries in ways for _ in range(tries))
    # An error is made in composed text, which is no change by itself.
    same, parts = (text, composed := unicodedata.normalize("NFC", text)), len(_JAMO.findall(composed))
    taken = (
        other
        for other in changed
        if other.strip() and other not in same and len(_JAMO.findall(other)) <= parts and fits(other)
    )
    return next(taken, text)


def without_end_mark(text: str) -> str:
    """Return a text without the full stop, question mark or exclamation mark at its end.

    >>> without_end_mark("밥을 먹었니?"), without_end_mark("ein mann schläft ."), without_end_mark("3.5")
    ('밥을 먹었니', 'ein mann schläft', '3.5')
    """
    return text.rstrip().rstrip(_END).rstrip()


def with_typing_error(text: str, chance: random.Random) -> str:
    """Return a text in which two letters change places, or one is left out, written twice or wrong.

    It happens after the first letter of a word of at least three. A wrong letter is another one of the text. The
    letters of a Korean syllable are typed one by one. A text without such a word stays as it is.

    >>> with_typing_error("the cat", random.Random(1)), with_typing_error("먹었다", random.Random(8))
    ('teh cat', '멌었다')
    """
    composed = unicodedata.normalize("NFC", text)
    typed = _SYLLABLE.sub(lambda syllable: unicodedata.normalize("NFD", syllable[0]), composed)
    # A mark on a letter is no part of the three, and the one that it stands on is not moved away from it.
    places = [match.start() + 1 for match in _LETTERS.finditer(typed) if not is_mark(typed[match.end(1) :][:1] or " ")]
    if not places:
        return text
    at = chance.choice(places)
    one, other = typed[at], typed[at + 1]
    wrong = chance.choice([letter for letter in typed if letter.isalpha()])
    written = chance.choice([other + one, other, one + one + other, wrong + other])
    return unicodedata.normalize("NFC", typed[:at] + written + typed[at + 2 :])
