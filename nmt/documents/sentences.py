"""The sentences of a text, with all that stands between them: line breaks, indents, bullets and blank lines.

A line is a paragraph. The sentences of a paragraph are found by `sentencex <https://github.com/wikimedia/sentencex>`_,
whose rules know abbreviations, quotations and the signs of about 300 languages; any other function may take its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nmt.evaluation import scripts

# Takes a language, such as "ko", and a paragraph; returns its parts, which together are the paragraph.
Splitter = Callable[[str, str], Sequence[str]]

# Indents, bullets, numbers of a list, headings and quoted lines of plain text and Markdown.
_PREFIX = re.compile(r"(?:\s+|[-*+•‣◦·–—―○●■□▪※]\s+|#{1,6}\s+|>\s?|\(?\d{1,3}[.)]\s+|\[[ xX]\]\s+)+")
_LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
# A text of more characters than this is cut before anybody reads it.
MAX_CHARACTERS = 1000
# Where a sentence that is too long may be cut: after the end of another sentence, after a clause, and between words.
# What looks behind makes a long run of signs or spaces be tried once, not from each of its characters.
_CUTS = (
    re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*\s+|[。！？]+[」』”’）]*"),
    re.compile(r"[,;:–—]\s+|[，；：、،؛]\s*|(?<!\s)\s+(?=[(\[])"),
    re.compile(r"\s+"),
)
# A language that writes in each script, for rules that differ only between scripts.
_LANGUAGES = {
    "Latin": "en", "Hangul": "ko", "Han": "zh", "Kana": "ja", "Cyrillic": "ru", "Greek": "el", "Arabic": "ar",
    "Hebrew": "he", "Devanagari": "hi", "Bengali": "bn", "Gurmukhi": "pa", "Gujarati": "gu", "Oriya": "or",
    "Tamil": "ta", "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Lao": "lo",
    "Tibetan": "bo", "Myanmar": "my", "Khmer": "km", "Georgian": "ka", "Armenian": "hy", "Ethiopic": "am",
    "Mongolian": "mn",
}  # fmt: skip
_SAMPLE = 20_000


class Place(NamedTuple):
    """Where a sentence stands in a text: ``text[start:end]``."""

    start: int
    end: int


def script_of(text: str) -> str:
    """Return the script in which most of a text is written; empty if it has no letters.

    >>> script_of("나는 GPU를 샀다"), script_of("ご飯を食べた"), script_of("1 + 1")
    ('Hangul', 'Kana', '')
    """
    counted = scripts.census([text[:_SAMPLE]]).classes[0, -len(scripts.SCRIPTS) :]
    found = scripts.expected(dict(zip(scripts.SCRIPTS, counted.tolist(), strict=True)))
    return found[-1] if found else ""


def language_of(text: str) -> str:
    """Return a language whose sentences end as those of a text, by its script.

    >>> language_of("나는 밥을 먹었다."), language_of("I ate rice."), language_of("...")
    ('ko', 'en', 'en')
    """
    return _LANGUAGES.get(script_of(text), "en")


def sentencex(language: str, paragraph: str) -> Sequence[str]:
    """Split a paragraph with sentencex.

    >>> sentencex("en", "Dr. Lee came. He ate.")
    ['Dr. Lee came. ', 'He ate.']
    """
    import sentencex as library

    return library.segment(language, paragraph)


def sentences(text: str, language: str = "", splitter: Splitter = sentencex) -> Iterator[Place]:
    """Yield where each sentence of a text stands. What is between two of them has no letter and no digit.

    Arguments:
        text: of any number of lines.
        language: of the text, such as ``ko``; empty to go by the script.
        splitter: splits a paragraph.

    >>> text = "Rice\\n\\n  - I ate. You ate?\\n* * *\\n"
    >>> [text[place.start:place.end] for place in sentences(text)]
    ['Rice', 'I ate.', 'You ate?']
    """
    language = language or language_of(text)
    for line in _LINE.finditer(text):
        prefix = _PREFIX.match(text, line.start(), line.end())
        start = prefix.end() if prefix else line.start()
        for part in _parts(text[start : line.end()], language, splitter):
            found = text[start : start + len(part)]
            inside = found.strip()
            if any(map(str.isalnum, inside)):
                begin = start + found.index(inside)
                yield from _short(text, Place(begin, begin + len(inside)))
            start += len(part)


def _parts(paragraph: str, language: str, splitter: Splitter) -> Sequence[str]:
    if not paragraph.strip():
        return []
    parts = splitter(language, paragraph)
    # What a splitter changes or leaves out cannot be found again.
    return parts if "".join(parts) == paragraph else [paragraph]


def _short(text: str, place: Place) -> Iterator[Place]:
    """Yield a sentence, or the parts of one that no model reads as a whole."""
    waiting = [place]
    while waiting:
        place = waiting.pop()
        if place.end - place.start <= MAX_CHARACTERS:
            yield place
        else:
            waiting += reversed(halves(text, place))


def halves(text: str, place: Place) -> tuple[Place, Place]:
    """Cut a sentence in two: after a sentence inside it, a clause, or a word, whichever is found first in this order.

    The cut is the nearest to the middle, and not in the first or the last quarter if there is another. A word without
    spaces is cut in the middle.

    >>> text = "I ate rice, you ate bread, and they slept."
    >>> [text[half.start:half.end] for half in halves(text, Place(0, len(text)))]
    ['I ate rice, you ate bread,', 'and they slept.']
    """
    start, end = place
    middle = (start + end) // 2
    quarter = (end - start) // 4
    # A search of a whole text of megabytes, for each of its halves, would take too long.
    reach = end - start if end - start <= 4 * MAX_CHARACTERS else MAX_CHARACTERS
    low, high = max(start, middle - reach), min(end, middle + reach)
    cut = middle
    for wanted in _CUTS:
        found = [match.end() for match in wanted.finditer(text, low, high)]
        found = [each for each in found if start + quarter <= each <= end - quarter]
        if found:
            cut = min(found, key=lambda each: abs(each - middle))
            break
    left = start + len(text[start:cut].rstrip())
    right = end - len(text[cut:end].lstrip())
    return Place(start, left), Place(right, end)
