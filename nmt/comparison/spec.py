"""The plan of a comparison: the models, what they train and are tested on, and the budget that all models share."""

from __future__ import annotations

import dataclasses
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nmt.config import ENCODER_ALONE, Config, from_dict, from_file, with_settings
from nmt.data.corpora import Corpus, from_files, from_text, from_tsv, split_dev
from nmt.data.word_links import with_links
from nmt.errors import InputError
from nmt.evaluation.beginnings import beginning, evenly_by_length
from nmt.model_folder import CONFIG, HEAD, OLDER, SHORTLIST, WEIGHTS, read_config
from nmt.presets import FITTED

# Puts settings over a config.
Over = Callable[[Config], Config]
# More than any run needs: with a budget, neither the epochs nor early stopping end a run.
_NO_END = 10**6
# Test sentences or lines that a report shows.
_SAMPLES = 5


@dataclass(frozen=True)
class Candidate:
    """A model of the comparison: the config to train it with, or the folder of a trained one."""

    name: str
    config: Config
    folder: Path | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What distinguishes it from others of the same name."""
        found: dict[str, Any] = {"config": dataclasses.asdict(self.config), "trained": None}
        if self.folder:
            found["trained"] = _checksum(self.folder / WEIGHTS)
            # Its links come from the head, and its translations from the shortlist, if it uses one: both can be made
            # anew. The record has no key for what the folder does not have.
            parts = {"alignment_head": self.folder / HEAD}
            if self.config.decoding.shortlist:
                parts["shortlist"] = self.folder / SHORTLIST
            found |= {name: _checksum(file) for name, file in parts.items() if file.exists()}
        return found


def read_identity(recorded: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded :attr:`Candidate.identity` as this version records it: an earlier one had other keys."""
    try:
        config = from_dict(recorded["config"], OLDER)
    except (InputError, KeyError, AttributeError):  # of a later version, or touched by hand: it is compared as it is
        return recorded
    unused = () if config.decoding.shortlist else ("shortlist",)
    kept = {key: value for key, value in recorded.items() if key not in unused}
    return {**kept, "config": dataclasses.asdict(config)}


@dataclass(frozen=True)
class ComparisonBudget:
    """The limit of each training: steps, minutes, or, if both are 0, the epochs of its config."""

    steps: int = 0
    minutes: float = 0.0

    def __str__(self) -> str:
        if self.steps:
            return f"{self.steps:,} steps each"
        return f"{self.minutes:g} minutes of training each" if self.minutes else "the epochs of each config"

    def limit(self, config: Config) -> Config:
        """Return the config with this limit.

        >>> ComparisonBudget(steps=7).limit(Config()).training.steps
        7
        """
        if not (self.steps or self.minutes):
            return config
        limits = [f"training.steps={self.steps}", f"training.minutes={self.minutes:g}"]
        return with_settings(config, [*limits, f"training.epochs={_NO_END}", f"training.early_stopping={_NO_END}"])


@dataclass(frozen=True)
class Material:
    """The files of the pairs: source and target, or one TSV, or one plain text; no files for a split not needed.

    Attributes:
        test, train, dev: the pairs of each split. Without ``dev``, some of ``train`` are held out.
        train_links: a file with the word links of ``train``, for models with guided alignment.
        links: a file with the right links of ``test``, for the alignment error rate.
        quoted: whether cells of a TSV are quoted, see :func:`nmt.data.corpora.from_tsv`.
        plain: whether the files are plain text, for language models.
    """

    test: tuple[Path, ...]
    train: tuple[Path, ...] = ()
    dev: tuple[Path, ...] = ()
    train_links: Path | None = None
    links: Path | None = None
    quoted: bool = False
    plain: bool = False

    def open(self, files: Sequence[Path]) -> Corpus:
        """Open the pairs of a split: two parallel files, or one TSV, or plain text."""
        if self.plain:
            return from_text(files[0])
        return from_files(*files) if len(files) == 2 else from_tsv(files[0], self.quoted)

    def training(self, config: Config) -> tuple[Corpus, Corpus]:
        """Open the training and the development pairs, with links if the config learns from them."""
        train = self.open(self.train)
        if self.train_links and config.training.guided_alignment:
            train = with_links(train, self.train_links)
        return (train, self.open(self.dev)) if self.dev else split_dev(train)

    def test_lines(self) -> list[str]:
        """Return the lines of the test text that are not blank."""
        return [line for _, line in self.open(self.test).pairs() if line.strip()]

    def beginnings(self) -> list[tuple[str, str]]:
        """Return the beginnings of a few test lines, from the shortest line to the longest, each with its line."""
        lines = self.test_lines()
        return [
            (beginning(lines[i]), lines[i]) for i in evenly_by_length([len(line.split()) for line in lines], _SAMPLES)
        ]

    def identity(self) -> dict[str, Any]:
        """What distinguishes it from others: a checksum of every file."""
        splits = {"train": self.train, "dev": self.dev, "test": self.test}
        links = {"train_links": self.train_links, "links": self.links}
        found: dict[str, Any] = {name: [_checksum(file) for file in files] for name, files in splits.items() if files}
        found |= {"quoted": True} if self.quoted else {}
        found |= {"plain": True} if self.plain else {}
        return {**found, **{name: _checksum(file) if file else None for name, file in links.items()}}


def _checksum(file: Path) -> int:
    found = 0
    with file.open("rb") as content:
        while part := content.read(1 << 20):
            found = zlib.crc32(part, found)
    return found


def _unfitted(name: str, over: Over) -> Config:
    raise InputError(f"'{name}' is fitted to the number of pairs, and that is not known.")


def read_candidates(
    words: Sequence[str],
    base: Config,
    plain: bool = False,
    fitted: Callable[[str, Over], Config] = _unfitted,
    preset: str = "",
) -> list[Candidate]:
    """Read the models that are named on the command line.

    Arguments:
        words: each a TOML file of settings, a trained model's folder, or settings with commas between, as in
            ``model.attention=dot,model.context=output``. The first of them may be a preset that is fitted to the pairs,
            ``auto`` or ``transformer``, to begin with that. ``NAME:`` before it gives it a name.
        base: the config that files and settings change. A setting that a model has no use for gets its default.
        plain: whether they are language models, which are compared on plain text.
        fitted: from the name of such a preset, and what puts settings over it, to the config.
        preset: the one that ``base`` is of, if it is such a one: how it is fitted depends on settings.

    Raises:
        InputError: if one is none of these, has wrong settings or is of another kind, or if two have the same name.

    >>> [(each.name, each.config.model.attention) for each in read_candidates(["model.attention=dot"], Config())]
    [('dot', 'dot')]
    """
    found: list[Candidate] = []
    for word in words:
        each = _read(word, base, fitted, preset)
        if not each.name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise InputError(
                f"'{each.name}' cannot be a model's name: it also names a folder, so it needs letters, digits, '-', "
                f"'_' and '.' only. Write NAME:{word} to give it another."
            )
        if each.config.model.architecture in ENCODER_ALONE:
            raise InputError(f"{word} is a {each.config.model.architecture}: only models that write text are compared.")
        if each.config.model.source == "features":
            raise InputError(f"{word} is a model of features: only models that read text are compared.")
        language_model = each.config.model.architecture == "language-model"
        if language_model and not plain:
            raise InputError(
                f"{word} is a language model, which is compared with others on plain text: --text and --test-text."
            )
        if plain and not language_model:
            raise InputError(f"{word} is no language model, and --text and --test-text compare language models only.")
        if each.config.decoding.shortlist and not each.folder:
            raise InputError(f"{word} sets decoding.shortlist, which needs a model that is trained already.")
        if each.name in (other.name for other in found):
            raise InputError(f"Two models are called '{each.name}'. Write NAME:{word} to give one another name.")
        found.append(each)
    return found


def _read(word: str, base: Config, fitted: Callable[[str, Over], Config], preset: str) -> Candidate:
    name, colon, rest = word.partition(":")
    if not colon or "=" in name or not rest:
        name, rest = "", word
    path = Path(rest)
    if path.suffix == ".toml":
        file = partial(from_file, path)
        return Candidate(name or path.stem, fitted(preset, file) if preset else file(base))
    own = rest.split(",")
    named = [own.pop(0).strip()] if own[0].strip() in FITTED else []
    if (named or "=" in rest) and not path.exists():
        begun = named[0] if named else preset

        def over(base: Config) -> Config:
            return with_settings(base, own)

        config = fitted(begun, over) if begun else over(base)
        return Candidate(name or "-".join([*named, *(setting.partition("=")[2].strip() for setting in own)]), config)
    if (path / CONFIG).exists():
        if not os.access(path / WEIGHTS, os.R_OK):
            raise InputError(f"{path} has no weights that can be read: {WEIGHTS} is missing or not readable.")
        return Candidate(name or path.resolve().name, read_config(path), path)
    raise InputError(
        f"'{word}' is not a model to compare: it must be a TOML file of settings, the folder of a trained model, "
        f"settings as in model.attention=dot,model.context=output, or {' or '.join(FITTED)}."
    )


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Describe the first difference between two records of a comparison by its key.

    >>> difference({"config": {"model": {"units": 7}}}, {"config": {"model": {"units": 11}}})
    'config.model.units was 7 and is 11'
    """
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            if inside := difference(before, after):
                return f"{key}.{inside}"
        elif json.dumps(before) != json.dumps(after):
            return f"{key} was {json.dumps(before)} and is {json.dumps(after)}"
    return ""
