"""More sentence pairs, made by a model from text of one language: back-translation and sequence distillation.

Back-translation: Sennrich et al. 2016, https://arxiv.org/abs/1511.06709. A model of the other direction translates text
of the target language, and the pair is its translation and the text that somebody wrote. Tagged: Caswell et al. 2019,
https://arxiv.org/abs/1906.06442.

Sequence distillation: Kim and Rush 2016, https://arxiv.org/abs/1606.07947, section 3.2. A model, or several together,
translate text of the source language, and a smaller model learns from their translations.

The pairs are written window by window (:mod:`nmt.resumable_file`): after a kill at any moment the work continues from
there, with the same pairs. In the end ``OUT.json`` says where the pairs are from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from nmt.atomic_write import write_file
from nmt.config import Decoding
from nmt.errors import InputError
from nmt.resumable_file import ResumableFile
from nmt.translation import Translation

# What would end a line of the file, or its first column. Other spaces are the text's own.
_BREAKS = re.compile("[\t\n\r]+")

Kind = Literal["back-translation", "distillation"]
Translate = Callable[[list[str], int], list[Translation]]


@dataclasses.dataclass
class Counts:
    """What became of the lines of a text.

    Attributes:
        lines: that were read.
        pairs: that were written.
        blank: lines without text, or whose translation has none.
        cut: lines that are longer than the model reads, or whose translation reached its maximum length.
        copied: lines whose translation is the line itself.
        repeated: pairs that had been written before.
    """

    lines: int = 0
    pairs: int = 0
    blank: int = 0
    cut: int = 0
    copied: int = 0
    repeated: int = 0


class Augmentation:
    """One file of pairs that is being made.

    Arguments:
        to: the file: a line is source, tab, target.
        kind: which side the model writes: the source in back-translation, the target in distillation.
        made_from: what the pairs depend on, which goes into ``OUT.json``: text, models, search.
        tag: what every source begins with, so that a model can tell these pairs from others; may be empty.

    Raises:
        InputError: if the tag holds a tab or a line break.
    """

    def __init__(self, to: Path, kind: Kind, made_from: dict[str, Any], tag: str = "") -> None:
        if tag != " ".join(tag.split()):
            raise InputError(f"--tag is one or more words with one space between them, not {tag!r}.")
        self.kind = kind
        self.tag = tag
        self._facts = {"kind": kind, "tag": tag, **made_from}
        counted = [field.name for field in dataclasses.fields(Counts)]
        self._file = ResumableFile(to, self._facts, counted, {"search": dataclasses.asdict(Decoding())})
        self._card = Path(f"{to}.json")

    def check(self, resume: bool) -> None:
        """Check, before a model is opened, that the file can be made, or its making continued.

        Raises:
            InputError: if there is a file, or an unfinished one and ``resume`` is not asked for, or the other way
                round; if what was begun was made from something else.
        """
        self._file.check(resume)
        # A process that is killed at the end may have written it already.
        if self._card.exists() and not resume:
            raise InputError(f"{self._card} exists, and is not overwritten. Name another file with --to.")

    @property
    def unfinished(self) -> bool:
        """Whether there is something to continue."""
        return self._file.unfinished

    def run(
        self,
        translate: Translate,
        lines: Iterable[str],
        windows: Callable[[Iterable[str]], Iterable[list[str]]],
        resume: bool = False,
    ) -> Counts:
        """Make the pairs.

        Arguments:
            translate: from lines, and the number of the first one, to their translations.
            lines: of the text, all of them also when the work is continued.
            windows: cuts the lines into lists, after each of which the pairs are safe.
            resume: whether to continue what was begun.

        Raises:
            InputError: see :meth:`check`; if another process is making the same file; or if no pair was found.
            OSError: if nothing can be written.
        """
        self.check(resume)
        with self._file.open(resume) as file:
            counts = Counts(**file.progress)
            seen = {_hash(line) for line in file.lines()}
            for window in windows(islice(lines, counts.lines, None)):
                new: list[str] = []
                for text, found in zip(window, translate(window, counts.lines), strict=True):
                    if line := self._line(text, found, counts):
                        key = _hash(line.encode("utf-8", "surrogateescape"))
                        if key in seen:
                            counts.repeated += 1
                        else:
                            seen.add(key)
                            new.append(line)
                counts.pairs += len(new)
                counts.lines += len(window)
                file.append(new, dataclasses.asdict(counts))
            if not counts.pairs:
                file.discard()
                raise InputError(f"No pair could be made of the {counts.lines:,} lines: {counts_in_words(counts)}.")
            card = {**self._facts, **dataclasses.asdict(counts)}
            write_file(self._card, (json.dumps(card, indent=1) + "\n").encode())
        return counts

    def _line(self, text: str, found: Translation, counts: Counts) -> str:
        """Return the line of a pair, or nothing, and count why."""
        text, written = (_BREAKS.sub(" ", each) for each in (text, found.text))
        if not (text.strip() and written.strip()):
            counts.blank += 1
        elif found.source_truncated or found.unfinished:
            counts.cut += 1
        elif text == written:
            counts.copied += 1
        else:
            source, target = (written, text) if self.kind == "back-translation" else (text, written)
            return f"{f'{self.tag} ' if self.tag else ''}{source}\t{target}"
        return ""


def counts_in_words(counts: Counts) -> str:
    """Return in words what was left out.

    >>> counts_in_words(Counts(lines=7, pairs=3, blank=1, repeated=3))
    '1 without text, 3 repeated'
    """
    words = {"blank": "without text", "cut": "cut by a limit", "copied": "only copied", "repeated": "repeated"}
    return ", ".join(f"{n:,} {said}" for name, said in words.items() if (n := getattr(counts, name))) or "nothing"


def _hash(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=8).digest()
