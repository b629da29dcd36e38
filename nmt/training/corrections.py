"""Corrections of a translator's translations, kept in its folder, and what it needs to learn them anew at any time.

``MODEL/corrections/`` holds:

- ``corrections.tsv``: a line is a source, a tab, and the translation that it should have;
- ``pairs.tsv``: pairs that the model was trained on, which keep it from forgetting;
- ``model.weights.h5``: the weights as they were before the first correction, and ``confidence.json``, if there was one;
- ``state.json``: which weights these are, and which ones the corrections made of them.

The model always learns all corrections from the weights before the first one. So it does not drift away from its
training with each of them, a correction that is taken out of the file is forgotten, and all can be undone. After a kill
at any moment the model is the old one or the new one, the corrections are kept, and the same command ends the work.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from nmt import checksums
from nmt.atomic_write import write_file
from nmt.data.corpora import Corpus, from_tsv
from nmt.errors import InputError
from nmt.inference import confidence_file, head_file
from nmt.inference.head_file import TokenAligner
from nmt.model_folder import CONFIDENCE, CORRECTED, WEIGHTS, corrected_weights
from nmt.model_folder import CORRECTIONS as FOLDER
from nmt.models.seq2seq import Seq2Seq
from nmt.saving import replace_weights_by, save_weights

CORRECTIONS, PAIRS = "corrections.tsv", "pairs.tsv"
# Old pairs that are kept, and how many of them are never learned from, so that they tell what was forgotten.
KEPT, HELD_BACK = 2000, 200
_MIN_PAIRS = 40

Pair = tuple[str, str]


class CorrectionMemory:
    """The corrections of one model's folder.

    Arguments:
        folder: the model's folder, which the caller has locked.
    """

    def __init__(self, folder: Path) -> None:
        self.model = folder
        self.folder = folder / FOLDER

    def corrections(self) -> list[Pair]:
        """Return all corrections, each source once, with the last translation that it was given.

        Raises:
            InputError: if the file is damaged, or a side of a line is blank.
        """
        path = self.folder / CORRECTIONS
        if not path.is_file():
            return []
        with path.open("rb") as file:  # the last one may have been taken out
            blank = not any(line.strip() for line in file)
        return [] if blank else read_corrections(path)

    def add(self, given: Iterable[Pair]) -> int:
        """Add corrections, and return how many sources had another one before. The latest one counts."""
        before = dict(self.corrections())
        new = {_cell(source): _cell(target) for source, target in given}
        self._write_pairs(CORRECTIONS, {**before, **new}.items())
        return sum(before.get(source, target) != target for source, target in new.items())

    def keep_pairs(self, corpus: Corpus) -> None:
        """Keep up to 2,200 pairs that the model was trained on, drawn from all, in place of those kept before.

        Raises:
            InputError: if there are too few.
        """
        places = set(random.Random(1).sample(range(corpus.size), min(corpus.size, KEPT + HELD_BACK)))
        with_text = (pair for i, pair in enumerate(corpus.pairs()) if i in places and all(map(str.strip, pair)))
        drawn = list(dict.fromkeys((_cell(source), _cell(target)) for source, target in with_text))
        if len(drawn) < _MIN_PAIRS:
            raise InputError(
                f"Of {len(places):,} pairs of {corpus.name} only {len(drawn)} have text and differ, and {_MIN_PAIRS} "
                "or more are needed to keep a model from forgetting. Name the pairs that it was trained on."
            )
        random.Random(2).shuffle(drawn)
        self._write_pairs(PAIRS, drawn)

    def pairs(self) -> tuple[list[Pair], list[Pair]]:
        """Return the old pairs that are learned with the corrections, and those that are held back.

        Raises:
            InputError: if none are kept, so few that none can be held back, or the file is damaged.
        """
        path = self.folder / PAIRS
        if not path.is_file():
            raise InputError(
                f"{self.model} has no pairs that keep it from forgetting. Name once the pairs that it was trained on, "
                "with --pairs, or --source and --target: some of them are kept in the folder."
            )
        kept = list(dict.fromkeys(from_tsv(path).pairs()))
        held = min(HELD_BACK, len(kept) // 4)
        if not held:
            raise InputError(
                f"{path} has only {len(kept)} different pairs, too few to keep a model from forgetting. Name the pairs "
                "that it was trained on, with --pairs, or --source and --target."
            )
        return kept[held:], kept[:held]

    def weights_before(self) -> Path:
        """Return the file of the weights before the first correction; those of the model become it if there is none.

        If the model has been trained since, its weights are no longer what corrections made of the old ones: they are
        the new beginning.

        Raises:
            InputError: if a file is damaged.
            OSError: if it cannot be written.
        """
        path, now = self.folder / WEIGHTS, checksums.digest(self.model / WEIGHTS)
        state = self._state()
        name = f"{FOLDER}/{WEIGHTS}"
        if path.is_file() and now in state:
            checksums.check(self.model, [name])
            return path
        self.folder.mkdir(exist_ok=True)
        checksums.replace(self.model, name, lambda aside: _copy(self.model / WEIGHTS, aside))
        self._write_state([now])
        self._keep_confidence()
        return path

    def _keep_confidence(self) -> None:
        own, kept = self.model / CONFIDENCE, self.folder / CONFIDENCE
        if own.is_file():
            checksums.replace(self.model, f"{FOLDER}/{CONFIDENCE}", own.read_bytes())
        else:
            kept.unlink(missing_ok=True)

    def replace_weights(self, model: Seq2Seq, head: TokenAligner | None) -> None:
        """Give the folder the weights that the corrections made. A stop at any moment leaves the old ones or these.

        The alignment head stays: the states that it asks have hardly moved.

        Raises:
            OSError: if they cannot be written.
        """
        with tempfile.TemporaryDirectory(prefix="nmt-correct-") as place:
            save_weights(model, Path(place, WEIGHTS))
            self._replace(Path(place, WEIGHTS).read_bytes(), head)

    def undo(self, head: TokenAligner | None) -> None:
        """Give the folder the weights before the first correction again, and forget all corrections.

        Raises:
            InputError: if there are none, or the model has been trained since.
            OSError: if it cannot be written.
        """
        path, aside = self.folder / WEIGHTS, self.model / f".part.{FOLDER}"
        shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
        if not self.folder.is_dir():
            raise InputError(f"{self.model} has no corrections to undo.")
        if path.is_file():
            self._restore(path, head)
        elif (known := self._state()) and checksums.digest(self.model / WEIGHTS) != known[-1]:
            raise InputError(f"{path} is missing, so there is nothing to go back to. Copy the whole folder again.")
        self.folder.rename(aside)
        shutil.rmtree(aside)

    def _restore(self, path: Path, head: TokenAligner | None) -> None:
        if checksums.digest(self.model / WEIGHTS) not in self._state():
            raise InputError(
                f"{self.model} has been trained since its corrections, so there is nothing to go back to. Remove "
                f"{self.folder} to forget them."
            )
        checksums.check(self.model, [f"{FOLDER}/{WEIGHTS}"])
        self._replace(path.read_bytes(), head)
        kept = self.folder / CONFIDENCE
        if not kept.is_file() or (self.model / CONFIDENCE).exists():
            return
        checksums.check(self.model, [f"{FOLDER}/{CONFIDENCE}"])
        checksums.replace(self.model, CONFIDENCE, kept.read_bytes())
        try:
            confidence_file.read(self.model)
        except InputError:  # another alignment head has been taught since
            (self.model / CONFIDENCE).unlink()

    def _replace(self, content: bytes, head: TokenAligner | None) -> None:
        new, now = hashlib.sha256(content).hexdigest(), checksums.digest(self.model / WEIGHTS)
        if new == now:
            return
        # Whatever the next step leaves is known to come from here.
        self._write_state([*dict.fromkeys([new, now, *self._state()])])
        if head:
            head_file.write(self.model, head, also=bytes.fromhex(new))
        replace_weights_by(self.model, content)
        if head:
            head_file.write(self.model, head)

    def _state(self) -> list[str]:
        """Return the checksums of the weights that belong to these corrections: before, after, and in between."""
        return corrected_weights(self.model)

    def _write_state(self, known: list[str]) -> None:
        # The first is the newest. The weights before the first correction are always known: they are checked by name.
        before = checksums.digest(self.folder / WEIGHTS)
        write_file(self.model / CORRECTED, f"{json.dumps({'weights': [*known[:3], before]}, indent=1)}\n".encode())

    def _write_pairs(self, name: str, pairs: Iterable[Pair]) -> None:
        self.folder.mkdir(exist_ok=True)
        text = "".join(f"{_cell(source)}\t{_cell(target)}\n" for source, target in pairs)
        write_file(self.folder / name, text.encode("utf-8", "surrogateescape"))


def read_corrections(path: Path, quoted: bool = False) -> list[Pair]:
    """Read corrections from a TSV, each source once, with the last translation that it has.

    Raises:
        InputError: if it cannot be read, or a side of a line is blank.
    """
    found: dict[str, str] = {}
    for number, (source, target) in enumerate(from_tsv(path, quoted).pairs(), 1):
        if not source.strip() or not target.strip():
            side = "translation" if source.strip() else "source"
            raise InputError(
                f"{path}, pair {number}: its {side} is blank. A correction is a source, a tab, its translation."
            )
        found[source] = target
    return list(found.items())


def _cell(text: str) -> str:
    return " ".join(text.replace("\t", " ").splitlines())


def _copy(path: Path, to: Path) -> None:
    shutil.copyfile(path, to)
