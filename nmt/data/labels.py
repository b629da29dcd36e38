"""Labelled texts: the names of the labels, and the checks of a corpus before anything is trained.

A corpus of labelled texts is one of pairs: the target of a text is its label, or the tags of its tokens with spaces
between them. The tokens of a tagger are the words between spaces, or with ``text.kind = "char"`` the characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from nmt.config import Config
from nmt.data.corpora import Corpus
from nmt.errors import InputError, nearest
from nmt.model_folder import LABELS

# What TensorFlow takes for white space, which is less than Python does.
_SPACES = " \t\n\v\f\r"


@dataclass(frozen=True)
class Reading:
    """What is labelled.

    Attributes:
        tags: whether each token has a label, and not the whole text.
        characters: whether a token is a character, and not a word.
    """

    tags: bool
    characters: bool

    @classmethod
    def of(cls, config: Config) -> Reading:
        """Return what the model of a config labels."""
        return cls(config.model.architecture == "tagger", config.text.kind == "char")

    @property
    def token(self) -> Literal["character", "word"]:
        """What a token is called."""
        return "character" if self.characters else "word"

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text that a tagger labels.

        >>> Reading(tags=True, characters=False).tokens("we  went home")
        ['we', 'went', 'home']
        """
        return list(text) if self.characters else _split(text)

    def labels(self, target: str) -> list[str]:
        """Return the labels that a line of a corpus names: one for a text, or one for each token."""
        return _split(target) if self.tags else [name] if (name := target.strip(_SPACES)) else []


def is_blank(text: str) -> bool:
    """Return whether a text has nothing but white space, so that it is left out."""
    return not text.strip(_SPACES)


def _split(text: str) -> list[str]:
    return [part for part in re.split(f"[{_SPACES}]+", text) if part]


@dataclass(frozen=True)
class Labels:
    """The names of the labels, in the order of the outputs of a model."""

    names: tuple[str, ...]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each name."""
        return {name: number for number, name in enumerate(self.names)}

    def save(self, folder: Path) -> None:
        """Write ``labels.txt``, a name a line."""
        (folder / LABELS).write_bytes("".join(f"{name}\n" for name in self.names).encode("utf-8", "surrogateescape"))

    @classmethod
    def load(cls, folder: Path) -> Labels:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: if the file is missing or damaged.
        """
        path = folder / LABELS
        try:
            lines = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}. The model folder is incomplete.") from None
        except UnicodeDecodeError:
            raise InputError(f"{path} is damaged: it is not UTF-8.") from None
        names = tuple(lines.removesuffix("\n").split("\n"))
        if len(names) < 2 or len(set(names)) < len(names) or not all(name.strip(_SPACES) == name for name in names):
            raise InputError(f"{path} is damaged: it must hold two or more different labels, one a line.")
        return cls(names)


def check_lines(corpus: Corpus, reading: Reading, named: str = "", known: Labels | None = None) -> Counter[str]:
    """Check each line of a corpus of labelled texts, and count its labels.

    Arguments:
        corpus: the texts and their labels. Blank texts are left out of everything.
        reading: what is labelled.
        named: how errors name the corpus, if not by its own name.
        known: the labels that a model knows; ``None`` for any.

    Raises:
        InputError: if a text has no label, not as many tags as tokens, or a label that the training never saw, with
            the number of its line; or if there is no text.
    """
    found: Counter[str] = Counter()
    if corpus.parts:
        for part in corpus.parts:
            found.update(check_lines(part, reading, known=known))
        return found
    for number, (text, target) in enumerate(corpus.pairs(), 1):
        if is_blank(text):
            continue
        labels = reading.labels(target)
        if reading.tags and len(labels) != (tokens := len(reading.tokens(text))):
            raise InputError(
                f"{named or corpus.name}, line {number}: there are {len(labels)} tags for {tokens} {reading.token}s. "
                f"A tagger with text.kind = '{'char' if reading.characters else 'unigram'}' reads {reading.token}s: "
                "write one tag for each, with spaces between the tags."
            )
        if not labels:
            raise InputError(f"{named or corpus.name}, line {number}: the text has no label behind its tab.")
        if known:
            check_known(labels, known, f"{named or corpus.name}, line {number}")
        found.update(labels)
    if not found:
        raise InputError(f"{named or corpus.name} has no line with a text and a label.")
    return found


def learn_labels(counted: Iterable[str], name: str) -> Labels:
    """Return the labels of a training corpus, in the order of their names.

    Raises:
        InputError: if there is only one.
    """
    names = tuple(sorted(counted))
    if len(names) < 2:
        raise InputError(
            f"{name} has the single label '{names[0]}', and with one label there is nothing to learn. Give texts of at "
            "least two."
        )
    return Labels(names)


def check_known(counted: Iterable[str], labels: Labels, name: str) -> None:
    """Check that a model knows all labels of a corpus, or of a line.

    Raises:
        InputError: if one was never seen in training.
    """
    for label in counted:
        if label not in labels.numbers:
            known = ", ".join(labels.names[:9]) + (" …" if len(labels.names) > 9 else "")
            raise InputError(
                f"{name} has the label '{label}', which the training never saw. It knows: {known}."
                + nearest(label, list(labels.names)).partition(" Known:")[0]
            )
