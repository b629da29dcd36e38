"""A file, translated as a whole, with the tags inside its lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nmt.documents.document import Translate, translate_texts
from nmt.documents.fields import Opened
from nmt.documents.files import open_file
from nmt.errors import InputError
from nmt.markup.reading import PRIVATE_CHARACTERS
from nmt.markup.translate import MarkedTranslation, TooManyMarks, Unaligned, translate_marked


class TranslatedFile(NamedTuple):
    """A translated file.

    Attributes:
        content: its bytes.
        notes: what its owner should know, a sentence each.
        cut: how many parts of sentences there are that were longer than the model reads.
        unfinished: whether a translation reached its maximum length.
    """

    content: bytes
    notes: tuple[str, ...]
    cut: int
    unfinished: bool


def translate_file(
    raw: bytes,
    name: str,
    translate: Translate,
    language: str = "",
    stand_ins: Sequence[str] = (),
    advance: Callable[[int, int], Any] = lambda done, total: None,
    placeholders: bool = False,
) -> TranslatedFile:
    """Translate a file. A page of a model without alignments is translated from tag to tag, and a note says so.

    Arguments:
        raw, name: see :func:`nmt.documents.files.open_file`.
        translate, language, stand_ins, advance: see :func:`nmt.markup.translate.translate_marked`.
        placeholders: whether placeholders come out letter by letter in files without tags too.

    Raises:
        InputError: as of :func:`nmt.documents.files.open_file`, and if there are too many tags or placeholders.
        Unaligned: if there are placeholders to keep, and the model has no alignments.
    """
    file = open_file(raw, name)
    notes = file.notes
    if file.marked:
        try:
            marked = translate_marked(file.texts, translate, "html", language, stand_ins=stand_ins, advance=advance)
        except Unaligned:
            file = open_file(raw, name, inline=False)
            notes += ("The model has no alignments, so sentences were cut at every tag.",)
        else:
            return _written(file, notes, marked)
    if placeholders:
        try:
            marked = translate_marked(file.texts, translate, "text", language, stand_ins=stand_ins, advance=advance)
        except TooManyMarks:
            raise InputError(
                f"{name} has a text with more than {PRIVATE_CHARACTERS:,} placeholders, addresses and numbers, and no"
                " more are placed at once. Split it."
            ) from None
        return _written(file, notes, marked)
    found = translate_texts(file.texts, translate, language, advance=advance)
    return TranslatedFile(
        file.written([each.text for each in found]),
        notes,
        sum(each.cut for text in found for each in text.sentences),
        any(each.translation.unfinished for text in found for each in text.sentences),
    )


def _written(file: Opened, notes: tuple[str, ...], found: Sequence[MarkedTranslation]) -> TranslatedFile:
    return TranslatedFile(
        file.written([each.text for each in found]),
        notes,
        sum(each.cut for each in found),
        any(part.unfinished for each in found for part in each.sentences),
    )
