"""Links between words: those that a model found, those that people drew, and how well they agree.

Och and Ney 2003, *A Systematic Comparison of Various Statistical Alignment Models*, https://aclanthology.org/J03-1002.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.errors import InputError
from nmt.evaluation.alignment import WordAlignment, split_words

Link = tuple[int, int]

# Nine digits: no sentence is longer, and Python refuses to read numbers of thousands of digits.
_TOKEN = re.compile(r"([0-9]{1,9})([-?p])([0-9]{1,9})")


@dataclass(frozen=True)
class Gold:
    """The links that people drew in a pair of sentences, each ``(source word, target word)`` from zero.

    Attributes:
        sure: links that must be found.
        possible: links that may be found; the sure ones are among them.

    Raises:
        ValueError: if a sure link is not possible.
    """

    sure: frozenset[Link]
    possible: frozenset[Link]

    def __post_init__(self) -> None:
        if not self.sure <= self.possible:
            raise ValueError(f"The sure links {pharaoh(self.sure - self.possible)} are not among the possible ones.")


def parse(line: str, where: str) -> Gold:
    """Read the links of a pair of sentences: ``0-1`` is sure, ``0?1`` or ``0p1`` is possible, a blank line has none.

    Arguments:
        line: links in any order, with spaces between. A link that is both sure and possible is sure.
        where: the file and line, for the error.

    Raises:
        InputError: if something in the line is not a link.

    >>> gold = parse("0-0 2?1", "gold.txt, line 1")
    >>> sorted(gold.sure), sorted(gold.possible)
    ([(0, 0)], [(0, 0), (2, 1)])
    """
    sure, possible = set(), set()
    for token in line.split():
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise InputError(
                f"{where}: {token[:40]!r} is not a link. Write 0-1 for a sure link of the first source word to the "
                "second target word, 0?1 for a possible one."
            )
        link = (int(match[1]), int(match[3]))
        possible.add(link)
        if match[2] == "-":
            sure.add(link)
    return Gold(frozenset(sure), frozenset(possible))


def read(lines: Iterable[str], name: str) -> Iterator[Gold]:
    """Read the links of each line as they come, one pair of sentences per line.

    Arguments:
        lines: the lines.
        name: where they are from, for the errors.

    Raises:
        InputError: if something in a line is not a link.

    >>> [len(gold.possible) for gold in read(["0-0 1?1", ""], "gold.txt")]
    [2, 0]
    """
    for number, line in enumerate(lines, start=1):
        yield parse(line, f"{name}, line {number}")


def pharaoh(links: Gold | Collection[Link]) -> str:
    """Write links in the format that ``parse`` reads, sorted by source word and then by target word.

    >>> pharaoh({(10, 0), (2, 1)})
    '2-1 10-0'
    >>> pharaoh(parse("1p0 0-0", "here"))
    '0-0 1?0'
    """
    sure, every = (links.sure, links.possible) if isinstance(links, Gold) else (links, links)
    return " ".join(f"{i}{'-' if (i, j) in sure else '?'}{j}" for i, j in sorted(every))


def check_links(gold: Gold, source: str, target: str, where: str) -> None:
    """Make sure that the links lie inside their sentences.

    Arguments:
        gold: the links.
        source, target: the sentences.
        where: the file and line, for the error.

    Raises:
        InputError: if a link lies outside.

    >>> check_links(parse("0-0 1-1", "gold.txt, line 1"), "na bap", "I eat", "gold.txt, line 1")
    """
    counts = len(split_words(source)), len(split_words(target))
    for link in sorted(gold.possible):
        for place, words, side in zip(link, counts, ("source", "target"), strict=True):
            if place >= words:
                token = pharaoh(Gold(gold.sure & {link}, frozenset({link})))
                raise InputError(
                    f"{where}: the link {token} goes to {side} word {place}, but the {side} has {words} "
                    f"{'word' if words == 1 else 'words'}, counted from 0. Words are separated by spaces."
                )


def strongest_links(alignment: WordAlignment) -> frozenset[Link]:
    """Return the links of a soft alignment: each target word to the source word with its largest weight.

    ``a(j) = argmax_i w(j, i)``, the first of equals, Och and Ney's Viterbi alignment for weights. A target word has no
    link if the source's end token, with ``1 - sum_i w(j, i)``, has more than that word, or if all its weights are zero.

    Arguments:
        alignment: with weights ``(target words, source words)``.

    >>> weights = np.array([[0.9, 0.1], [0.2, 0.7], [0.2, 0.1]])
    >>> pharaoh(strongest_links(WordAlignment(("na", "bap"), ("I", "rice", "."), weights)))
    '0-0 1-1'
    """
    found = set()
    for target, row in enumerate(alignment.weights):
        source = int(np.argmax(row)) if len(row) else 0
        most = float(row[source]) if len(row) else 0.0
        end = max(0.0, 1.0 - float(np.sum(row)))
        if most > 0 and most >= end:
            found.add((source, target))
    return frozenset(found)


@dataclass(frozen=True)
class AlignmentScores:
    """How well the links found in a corpus agree with the right ones.

    Attributes:
        aer: the alignment error rate, 0 to 1, lower being better.
        precision: the share of the links found that are possible.
        recall: the share of the sure links that were found.
        found, sure, possible: how many links there are of each; the sure ones are counted as possible, too.
        sentences: how many pairs of sentences.
    """

    aer: float
    precision: float
    recall: float
    found: int
    sure: int
    possible: int
    sentences: int

    def __str__(self) -> str:
        return (
            f"AER {self.aer:.3f}  precision {self.precision:.3f}  recall {self.recall:.3f}  "
            f"links found {self.found}, sure {self.sure}, possible {self.possible}; sentences {self.sentences}"
        )


def alignment_error(found: Sequence[Collection[Link]], gold: Sequence[Gold]) -> AlignmentScores:
    """Score the links found in a corpus, Och and Ney 2003, section 6.

    ``precision = |A & P| / |A|``, ``recall = |A & S| / |S|``, ``AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)`` of the
    links found ``A``, the sure ``S`` and the possible ``P``, all counted over the whole corpus. If no link was found,
    the precision is 1; if no link is sure, the recall is 1; in both cases together, the error is 0.

    Arguments:
        found: links of each pair of sentences.
        gold: the right ones, in the same order.

    Raises:
        ValueError: if there are no sentences, or their numbers differ.

    >>> print(alignment_error([{(0, 0), (1, 2)}], [parse("0-0 1-1 1?2", "here")]))
    AER 0.250  precision 1.000  recall 0.500  links found 2, sure 2, possible 3; sentences 1
    """
    if not gold or len(found) != len(gold):
        raise ValueError(f"The links of {len(found)} sentences cannot be scored against those of {len(gold)}.")
    both = [(frozenset(links), right) for links, right in zip(found, gold, strict=True)]
    links = sum(len(a) for a, _ in both)
    sure = sum(len(right.sure) for _, right in both)
    among_sure = sum(len(a & right.sure) for a, right in both)
    among_possible = sum(len(a & right.possible) for a, right in both)
    return AlignmentScores(
        aer=1 - (among_sure + among_possible) / (links + sure) if links + sure else 0.0,
        precision=among_possible / links if links else 1.0,
        recall=among_sure / sure if sure else 1.0,
        found=links,
        sure=sure,
        possible=sum(len(right.possible) for _, right in both),
        sentences=len(both),
    )
