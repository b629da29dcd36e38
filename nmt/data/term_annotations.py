"""Translations of terms that stand in the source text, so that a translator learns to follow a glossary.

Dinu et al. 2019, https://aclanthology.org/P19-1294, write the wanted translation behind a term of the source, and train
on such sentences. The model learns to copy it, and to inflect it as the sentence asks. They tell the parts apart by
factors; here marks stand around them, as in Ailem et al. 2021, https://aclanthology.org/2021.findings-acl.125, so that
every architecture and every export reads annotated text as any other::

    I ate an apple   →   I ate an ⟦ apple ⇒ 배 ⟧        나는 배를 먹었다

A translator that sees only its own lexicon in annotations could pass them over. So in half of those for training
another word takes the place of the translation, in the annotation and in the target. It is one that stands elsewhere
between the same two words.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nmt.data.corpora import Corpus
from nmt.documents.sentences import script_of
from nmt.evaluation import scripts
from nmt.evaluation.alignment import WORD
from nmt.tf_import import as_written

if TYPE_CHECKING:
    import tensorflow as tf

# Before a term, between it and its translation, and after both.
OPEN, BECOMES, CLOSE = MARKS = "⟦⇒⟧"
# What stands in the place of a mark in a text that has one.
_PLAIN = str.maketrans({OPEN: "[", BECOMES: "→", CLOSE: "]"})
# The marks on the last letter follow: they are no part of \w.
_CORE = re.compile(r"\w(?:.*\w)?", re.DOTALL)
# Words that are tried in the place of a translation, and the pairs that one call annotates.
_TRIES, _TOGETHER = 8, 256
_SWAPPED = 0.5


class Wanted(NamedTuple):
    """The wanted translation of ``text[start:end]``."""

    start: int
    end: int
    target: str


class AnnotatedText(NamedTuple):
    """An annotated text.

    Attributes:
        text: with marks and translations.
        origins: for each of its characters the place of the one that it comes from in the text without; what was
            inserted comes from the beginning or the end of its term.
    """

    text: str
    origins: tuple[int, ...]


def is_mark(letter: str) -> bool:
    """Return whether a character is a mark on the letter before it, such as a vowel sign or an accent.

    >>> is_mark("\N{DEVANAGARI VOWEL SIGN II}"), is_mark("\N{COMBINING ACUTE ACCENT}"), is_mark("é")
    (True, True, False)
    """
    return unicodedata.category(letter)[0] == "M"


def unmarked(text: str) -> str:
    """Return a text with other characters, one for each, in the place of marks."""
    return text.translate(_PLAIN)


def annotated(text: str, wanted: Sequence[Wanted]) -> AnnotatedText:
    """Return a text with the wanted translations of its terms.

    What is annotated is a whole word, or whole words. In a script without spaces it is the term alone.

    Arguments:
        text: the text.
        wanted: in their order. If two are in one word, the first is annotated.

    >>> annotated("나는 사과를 먹었다", [Wanted(3, 5, "pear")]).text
    '나는 ⟦ 사과를 ⇒ pear ⟧ 먹었다'
    """
    plain = unmarked(text)
    parts: list[str] = []
    origins: list[int] = []
    done = 0

    def add(part: str, places: Sequence[int]) -> None:
        parts.append(part)
        origins.extend(places)

    for start, end, target in wanted:
        if start < done:
            continue
        # Particles stand behind a term, within its word.
        last = end
        while last < len(plain) and (
            is_mark(plain[last]) or (plain[last].isalnum() and not is_spaceless(plain[last - 1]))
        ):
            last += 1
        before = OPEN + " " if start == 0 or plain[start - 1].isspace() else f" {OPEN} "
        behind = f" {BECOMES} {unmarked(target)} {CLOSE}"
        if last < len(plain) and not plain[last].isspace():
            behind += " "
        add(plain[done:start], range(done, start))
        add(before, [start] * len(before))
        add(plain[start:last], range(start, last))
        add(behind, [last - 1] * len(behind))
        done = last
    add(plain[done:], range(done, len(plain)))
    return AnnotatedText("".join(parts), tuple(origins))


def is_spaceless(letter: str) -> bool:
    """Return whether a letter is of a script that puts no spaces between words."""
    return letter > "\u0e00" and script_of(letter) in scripts.SPACELESS


@dataclass(frozen=True)
class TermLexicon:
    """Words and their translations, for annotations.

    Attributes:
        translations: of source words, the target words that each may become.
        bases: of target words, the form that an annotation has, as a glossary would: what its forms begin with.
        followers: for each word, or an empty string for the beginning of a sentence, the target words of ``bases`` that
            stand behind it somewhere.
        leaders: for each word, or an empty string for the end, those that stand before it.
    """

    translations: Mapping[str, frozenset[str]]
    bases: Mapping[str, str]
    followers: Mapping[str, tuple[str, ...]]
    leaders: Mapping[str, frozenset[str]]

    def annotate(self, source: str, target: str, chance: random.Random) -> tuple[str, str]:
        """Return a pair with one or two annotations, or without any if none of its words is known.

        >>> lexicon = TermLexicon({"apple": frozenset({"사과를"})}, {"사과를": "사과"}, {}, {})
        >>> lexicon.annotate("I ate an apple.", "나는 사과를 먹었다.", random.Random(1))
        ('I ate an ⟦ apple ⇒ 사과 ⟧ .', '나는 사과를 먹었다.')
        """
        xs, ys = cores(source), cores(target)
        there = [target[slice(*place)] for place in ys]
        words = [source[slice(*place)] for place in xs]
        pairs = [
            (xs[i], found[0])
            for i, word in enumerate(words)
            if word in self.translations and words.count(word) == 1
            if len(found := [j for j, y in enumerate(there) if y in self.translations[word]]) == 1
        ]
        chosen = chance.sample(pairs, min(len(pairs), chance.randint(1, 2)))
        chosen = [each for n, each in enumerate(chosen) if each[1] not in [other for _, other in chosen[:n]]]
        wanted: list[Wanted] = []
        changes: list[tuple[int, str]] = []
        for place, j in chosen:
            word = there[j]
            if chance.random() < _SWAPPED and (other := self._other(there, j, chance)):
                word = other
                changes.append((j, other))
            wanted.append(Wanted(*place, self.bases[word]))
        for j, other in sorted(changes, reverse=True):
            target = target[: ys[j][0]] + other + target[ys[j][1] :]
        return annotated(source, sorted(wanted)).text, target

    def _other(self, words: Sequence[str], place: int, chance: random.Random) -> str | None:
        """Return another word that stands somewhere between the same two words."""
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        possible, follows = self.followers.get(before, ()), self.leaders.get(after, frozenset())
        for _ in range(_TRIES if possible else 0):
            word = chance.choice(possible)
            if word in follows and word != words[place]:
                return word
        return None


def cores(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text stand, without punctuation around them.

    >>> cores("(I ate.) -")
    [(1, 2), (3, 6)]
    """
    found = []
    for word in WORD.finditer(text):
        if core := _CORE.search(word[0]):
            end = core.end()
            while end < len(word[0]) and is_mark(word[0][end]):
                end += 1
            found.append((word.start() + core.start(), word.start() + end))
    return found


@dataclass(frozen=True)
class AnnotatedCorpus(Corpus):
    """A corpus of which some pairs are annotated, the same ones each time.

    Attributes:
        name, size: of the corpus.
        corpus: without links.
        lexicon: of its words.
        share: of the pairs, which are drawn by their texts and the seed.
        seed: another one annotates others.
    """

    name: str
    size: int
    corpus: Corpus
    lexicon: TermLexicon = field(repr=False)
    share: float
    seed: int

    @property
    def seekable(self) -> bool:
        return self.corpus.seekable

    def compressed_rows(self) -> list[tuple[int, int]]:
        return self.corpus.compressed_rows()

    def spans(self) -> list[tuple[int, int, float]]:
        return self.corpus.spans()

    def rows(self, first: int, count: int) -> list[tuple[str, ...]]:
        return [self._annotated(row[0], row[1]) for row in self.corpus.rows(first, count)]

    def pairs(self) -> Iterator[tuple[str, str]]:
        return (self._annotated(*pair) for pair in self.corpus.pairs())

    @as_written
    def dataset(self) -> tf.data.Dataset:
        import tensorflow as tf

        def read(*columns: np.ndarray) -> list[Any]:
            pairs = zip(*([text.decode("utf-8", "replace") for text in column] for column in columns), strict=True)
            rows = [self._annotated(*pair) for pair in pairs]
            return [np.array([row[side].encode() for row in rows], object) for side in (0, 1)]

        def called(*columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
            made = tf.numpy_function(read, columns, [tf.string, tf.string])
            for column in made:
                column.set_shape([None])
            return tuple(made)

        return self.corpus.dataset().batch(_TOGETHER).map(as_written(called)).unbatch()

    def _annotated(self, source: str, target: str) -> tuple[str, str]:
        chance = random.Random(f"{self.seed}\t{source}\t{target}")
        if chance.random() >= self.share:
            return unmarked(source), target
        return self.lexicon.annotate(source, target, chance)
