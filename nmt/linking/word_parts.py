"""Words cut in two, beginning and ending, as other words of the same texts suggest.

Where many words begin alike and many end alike, there is a border between parts that mean something (Harris 1955,
https://doi.org/10.2307/411036). 카페에 and 카페를, 카페에 and 바다에 show that 에 stands for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

# A part is found in at least as many different words, and the product of both numbers is at least this.
_BEGIN, _END, _BOTH = 2, 5, 31
# Letters of a word that may have parts. What is longer, as an address, is no word of a language, and has too many.
_LETTERS = 40


@dataclass(frozen=True)
class WordParts:
    """How many different words begin and end with the same letters.

    Attributes:
        beginnings, endings: letters, and the number of words.
    """

    beginnings: Counter[str]
    endings: Counter[str]

    def cut(self, word: str) -> tuple[str, ...]:
        """Return the beginning and the ending that most words share, or the word alone.

        A space marks where a part was cut off.

        >>> nouns = ["카페", "바다", "시장", "공원", "학교", "가게", "병원", "식당"]
        >>> parts = count_parts({noun + ending for noun in nouns for ending in ["", "에", "를", "는", "만"]})
        >>> parts.cut("카페에"), parts.cut("바다만"), parts.cut("카페"), parts.cut("우리")
        (('카페 ', '  에'), ('바다 ', '  만'), ('카페',), ('우리',))
        """
        shared, place = 0, 0
        for k in range(1, len(word) if len(word) <= _LETTERS else 0):
            begin, end = self.beginnings[word[:k]], self.endings[word[k:]]
            if begin >= _BEGIN and end >= _END and begin * end > max(shared, _BOTH - 1):
                shared, place = begin * end, k
        return (word[:place] + " ", "  " + word[place:]) if place else (word,)


def count_parts(words: Collection[str]) -> WordParts:
    """Count the parts of different words.

    Arguments:
        words: of one language. One that is given twice counts once, and one of more than forty letters does not count.
    """
    found = WordParts(Counter(), Counter())
    for word in {word for word in words if len(word) <= _LETTERS}:
        found.beginnings.update(word[:k] for k in range(1, len(word)))
        found.endings.update(word[k:] for k in range(1, len(word)))
    return found
