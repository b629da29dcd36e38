"""More sentence pairs, made by a model from text of one language: back-translation and sequence distillation.

Back-translation: Sennrich et al. 2016, https://arxiv.org/abs/1511.06709. A model of the other direction translates text
of the target language, and the pair is its translation and the text that somebody wrote. Tagged: Caswell et al. 2019,
https://arxiv.org/abs/1906.06442.

Sequence distillation: Kim and Rush 2016, https://arxiv.org/abs/1606.07947, section 3.2. A model, or several together,
translate text of the source language, and a smaller model learns from their translations.

The pairs go to ``OUT.part``, window by window; after each, ``OUT.part.json`` is replaced, which says how far the work
has come. After a kill at any moment the work continues from there, with the same pairs. At the end the file gets
its name, and ``OUT.json`` says where the pairs are from.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from filelock import Timeout

from nmt.atomic_write import write_file
from nmt.errors import InputError
from nmt.file_lock import file_lock
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
        self.to = to
        self.kind = kind
        self.tag = tag
        self._facts = json.loads(json.dumps({"kind": kind, "tag": tag, **made_from}))
        self._part, self._state, self._card = (Path(f"{to}{end}") for end in (".part", ".part.json", ".json"))

    def check(self, resume: bool) -> None:
        """Check, before a model is opened, that the file can be made, or its making continued.

        Raises:
            InputError: if there is a file, or an unfinished one and ``resume`` is not asked for, or the other way
                round; if what was begun was made from something else.
        """
        for path in (self.to, self._card) if resume else (self.to, self._card, self._part):
            if path.exists() and not (path == self._part and self._state.exists()):
                raise InputError(f"{path} exists. Name another file, or remove it.")
        if not self.to.resolve().parent.is_dir():
            raise InputError(f"{self.to.resolve().parent} is not a folder. Make it first.")
        if not resume and self._state.exists():
            raise InputError(
                f"{self._part} is unfinished. Add --resume to continue it, or remove it and {self._state}."
            )
        if resume:
            begun = self._begun()["made from"]
            for key in sorted({*begun, *self._facts}):
                if begun.get(key) != self._facts.get(key):
                    raise InputError(
                        f"{self._part} was begun with {key} = {begun.get(key)}, and now it is {self._facts.get(key)}. "
                        "Continue it as it was begun, or remove it."
                    )

    def _begun(self) -> dict[str, Any]:
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            Counts(**state["counts"])
            if not (isinstance(state["made from"], dict) and isinstance(state["bytes"], int)):
                raise TypeError
        except FileNotFoundError:
            raise InputError(
                f"{self._state} does not exist: there is nothing to continue. Leave out --resume."
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{self._state} is damaged. Remove it and {self._part}, and begin again.") from None
        return state

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
        try:
            with file_lock(Path(f"{self.to}.lock")):
                self.check(resume)
                return self._run(translate, lines, windows, resume)
        except Timeout:
            raise InputError(f"Another process is making {self.to}. Wait for it, or name another file.") from None

    def _run(
        self,
        translate: Translate,
        lines: Iterable[str],
        windows: Callable[[Iterable[str]], Iterable[list[str]]],
        resume: bool,
    ) -> Counts:
        counts, size = Counts(), 0
        if resume:
            state = self._begun()
            counts, size = Counts(**state["counts"]), state["bytes"]
        with self._part.open("r+b" if resume else "w+b") as out:
            if out.seek(0, os.SEEK_END) < size:
                raise InputError(f"{self._part} is shorter than it was. Remove it and {self._state}, and begin again.")
            # What a killed process wrote past the last window that was safe.
            out.truncate(size)
            out.seek(0)
            seen = {_hash(line.rstrip(b"\n")) for line in out}
            if not resume:
                self._keep(counts, 0)
            for window in windows(islice(lines, counts.lines, None)):
                for text, found in zip(window, translate(window, counts.lines), strict=True):
                    line = self._line(text, found, counts)
                    if line and (key := _hash(line)) not in seen:
                        seen.add(key)
                        out.write(line + b"\n")
                        counts.pairs += 1
                    elif line:
                        counts.repeated += 1
                counts.lines += len(window)
                out.flush()
                os.fsync(out.fileno())
                self._keep(counts, out.tell())
        if not counts.pairs:
            self._part.unlink()
            self._state.unlink()
            raise InputError(f"No pair could be made of the {counts.lines:,} lines: {describe(counts)}.")
        self._part.replace(self.to)
        card = {**self._facts, **dataclasses.asdict(counts)}
        write_file(self._card, (json.dumps(card, ensure_ascii=False, indent=1) + "\n").encode())
        self._state.unlink()
        return counts

    def _line(self, text: str, found: Translation, counts: Counts) -> bytes:
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
            return f"{f'{self.tag} ' if self.tag else ''}{source}\t{target}".encode("utf-8", "surrogateescape")
        return b""

    def _keep(self, counts: Counts, size: int) -> None:
        state = {"made from": self._facts, "counts": dataclasses.asdict(counts), "bytes": size}
        write_file(self._state, json.dumps(state, ensure_ascii=False).encode())


def describe(counts: Counts) -> str:
    """Return in words what was left out.

    >>> describe(Counts(lines=7, pairs=3, blank=1, repeated=3))
    '1 without text, 3 repeated'
    """
    words = {"blank": "without text", "cut": "cut by a limit", "copied": "only copied", "repeated": "repeated"}
    return ", ".join(f"{n:,} {said}" for name, said in words.items() if (n := getattr(counts, name))) or "nothing"


def _hash(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=8).digest()
