"""A file, translated as a whole, with the marks inside its lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nmt.documents.document import Translate
from nmt.documents.fields import Opened
from nmt.documents.files import open_file
from nmt.documents.parts import Parts
from nmt.documents.tagged import with_placeholders
from nmt.errors import InputError
from nmt.markup.reading import PRIVATE_CHARACTERS
from nmt.markup.translate import MarkedTranslation, TooManyMarks, Unaligned, translate_parts


class TranslatedFile(NamedTuple):
    """A translated file.

    Attributes:
        content: its bytes.
        notes: what its owner should know, a sentence each.
        cut: how many parts of sentences there are that were longer than the model reads.
        unfinished: whether a translation reached its maximum length.
        texts: its texts, translated, in their order.
    """

    content: bytes
    notes: tuple[str, ...]
    cut: int
    unfinished: bool
    texts: tuple[MarkedTranslation, ...]


def translate_file(
    raw: bytes,
    name: str,
    translate: Translate,
    language: str = "",
    stand_ins: Sequence[str] = (),
    advance: Callable[[int, int], Any] = lambda done, total: None,
    placeholders: bool = False,
) -> TranslatedFile:
    """Translate a file. With a model without alignments its texts are cut at their marks, and a note says so.

    Arguments:
        raw, name: see :func:`nmt.documents.files.open_file`.
        translate, language, stand_ins, advance: see :func:`nmt.markup.translate.translate_marked`.
        placeholders: whether placeholders come out letter by letter in files of all kinds.

    Raises:
        InputError: as of :func:`nmt.documents.files.open_file`, and if there are too many marks or placeholders.
        Unaligned: if there are placeholders to keep, and the model has no alignments.
    """
    file = open_file(raw, name)
    notes = file.notes
    try:
        found = translate_parts(_asked(file, placeholders), translate, language, stand_ins=stand_ins, advance=advance)
    except TooManyMarks:
        raise InputError(
            f"{name} has a text with more than {PRIVATE_CHARACTERS:,} placeholders, addresses and numbers, and no"
            " more are placed at once. Split it."
        ) from None
    except Unaligned:
        file = open_file(raw, name, inline=False)
        notes += ("The model has no alignments, so sentences were cut at every tag.",)
        found = translate_parts(_asked(file, placeholders), translate, language, advance=advance)
    return TranslatedFile(
        content=file.written([each.parts for each in found]),
        notes=notes,
        cut=sum(each.cut for each in found),
        unfinished=any(part.unfinished for each in found for part in each.sentences),
        texts=tuple(found),
    )


def _asked(file: Opened, placeholders: bool) -> Sequence[Parts]:
    return [with_placeholders(parts) for parts in file.texts] if placeholders else file.texts
