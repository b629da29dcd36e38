"""What the doctor found, as plain data: what the terminal, the page and ``--json`` show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nmt.doctor.lengths import Lengths, Ratio
from nmt.doctor.repeats import Repeats, Shared

Level = Literal["do", "look", "know"]

_SHOWN = 160


@dataclass(frozen=True)
class ExamplePair:
    """A pair and its line; if it is one of two, also the line of the other. Long texts are cut.

    In an overlap ``other`` is a line of the first split.
    """

    line: int
    source: str
    target: str
    other: int | None = None


def example(line: int, source: str, target: str, other: int | None = None) -> ExamplePair:
    """Return a pair as it is shown.

    >>> example(7, "a" * 200, "b").source[-3:]
    'aa…'
    """
    return ExamplePair(line, cut(source), cut(target), other)


def cut(text: str) -> str:
    """Return a text, or the part of its beginning that is shown."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


@dataclass(frozen=True)
class Finding:
    """How many lines have something, and the first few of them."""

    count: int
    examples: tuple[ExamplePair, ...] = ()


@dataclass(frozen=True)
class Foreign:
    """Letters of a script that a side is not written in.

    Attributes:
        script: its name.
        characters: the number of its letters.
        common: the commonest letters.
        lines: lines with such letters.
        mostly: lines with at least five such letters, and not more of any other script.
    """

    script: str
    characters: int
    common: tuple[str, ...]
    lines: Finding
    mostly: Finding


@dataclass(frozen=True)
class Side:
    """The sources, or the targets, of a split.

    Attributes:
        words, characters: lengths of the lines.
        blank: lines without a word.
        scripts: the letters of each script, the commonest first.
        expected: the scripts of this side in the first split.
        foreign: letters of other scripts.
        control: lines with control or invisible characters, or ones for private use.
        replacement: lines with U+FFFD, which marks a character that a conversion lost.
        decomposed: lines that are not in normal form C: their accents or syllables are in parts.
        folded: lines that change under normal form KC, as ``text.normalization = nfkc`` would change them.
        long: lines of more than a thousand characters.
        entities: lines with characters as HTML writes them, such as ``&quot;``.
        quoted: lines in quotation marks, with each quotation mark inside doubled, as a spreadsheet writes a cell.
        tags: lines with tags of HTML, subtitles or a translation memory, such as ``<i>``.
    """

    words: Lengths
    characters: Lengths
    blank: Finding
    scripts: dict[str, int]
    expected: tuple[str, ...]
    foreign: tuple[Foreign, ...]
    control: Finding
    replacement: Finding
    decomposed: Finding
    folded: Finding
    long: Finding
    entities: Finding
    quoted: Finding
    tags: Finding


@dataclass(frozen=True)
class Repeated:
    """Lines of a split that repeat earlier ones, with examples; see :class:`nmt.doctor.repeats.Repeats`."""

    counts: Repeats
    pairs: tuple[ExamplePair, ...] = ()
    sources: tuple[tuple[ExamplePair, ExamplePair], ...] = ()
    targets: tuple[tuple[ExamplePair, ExamplePair], ...] = ()


@dataclass(frozen=True)
class Split:
    """A split by itself.

    Attributes:
        copies: pairs whose two sides are the same.
        far: pairs whose ratio of lengths is far from the median.
    """

    name: str
    pairs: int
    source: Side
    target: Side
    copies: Finding
    ratio: Ratio
    far: Finding
    repeated: Repeated


@dataclass(frozen=True)
class Overlap:
    """Lines of a split that are also in the first one, with examples; see :class:`nmt.doctor.repeats.Shared`."""

    split: str
    first: str
    pairs: int
    counts: Shared
    sources: tuple[ExamplePair, ...] = ()
    targets: tuple[ExamplePair, ...] = ()


@dataclass(frozen=True)
class Word:
    """A word, how often it occurs in the sample, and its pieces."""

    word: str
    count: int
    pieces: str


@dataclass(frozen=True)
class Cutting:
    """How a vocabulary cuts the words of a side: shares of the running words.

    Attributes:
        words: the number of words that were counted.
        pieces: pieces per sentence.
        whole: words that are one piece.
        unknown: words with a piece that is not in the vocabulary.
        spelt: words of three or more characters that are cut into single ones.
        unknown_words, spelt_words: the commonest of these.
    """

    words: int
    pieces: float
    whole: float
    unknown: float
    spelt: float
    unknown_words: tuple[Word, ...]
    spelt_words: tuple[Word, ...]


@dataclass(frozen=True)
class Use:
    """A vocabulary on a split, measured on a sample.

    Attributes:
        sample: pairs that were measured.
        dropped: those of them that training leaves out: an empty side, or more than ``data.max_length`` pieces.
        too_long: dropped pairs that are too long.
        shortened: sources of more pieces than translating reads, ``decoding.max_length``.
        longest: pieces of the longest side.
    """

    split: str
    sample: int
    source: Cutting
    target: Cutting
    dropped: int
    too_long: int
    shortened: int
    longest: int


@dataclass(frozen=True)
class Size:
    """A vocabulary of another size on a sample of the first split: pieces per sentence, shares of words."""

    size: str
    pieces: tuple[int, ...]
    source: Cutting
    target: Cutting


@dataclass(frozen=True)
class Vocabulary:
    """How the vocabulary of the config cuts the splits.

    Attributes:
        kind, joint: as in the config.
        asked: ``text.vocabulary_size``.
        pieces: the size of the joint model, or those of the source's and the target's.
        learned_from: pairs of the first split, evenly spread.
        exact: whether ``nmt train`` learns from the same pairs.
        sizes_from: pairs of the sample for ``sizes``.
    """

    kind: str
    joint: bool
    asked: str
    pieces: tuple[int, ...]
    learned_from: int
    exact: bool
    uses: tuple[Use, ...]
    sizes: tuple[Size, ...]
    sizes_from: int


@dataclass(frozen=True)
class Advice:
    """A sentence on what was found and what to do.

    Attributes:
        level: ``do`` for what harms a training or its scores, ``look`` for what may, ``know`` for what helps to choose.
    """

    level: Level
    text: str


@dataclass(frozen=True)
class TrainingForecast:
    """What a training on the first split would take on this machine.

    Attributes:
        seconds, epoch_seconds: of the whole training, and of an epoch, scoring included.
        memory_mb: the peak of the process.
        text: the same in words, with its parts.
    """

    seconds: float
    epoch_seconds: float
    memory_mb: float
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """All findings."""

    splits: tuple[Split, ...]
    overlaps: tuple[Overlap, ...]
    vocabulary: Vocabulary | None
    max_length: int
    decoding_max_length: int
    preset: tuple[str, ...]
    advice: tuple[Advice, ...]
    forecast: TrainingForecast | None = None
