"""Word documents, ``.docx``: paragraphs, tables, headers and footers. Styles, pictures and fields stay."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from nmt.documents.fields import Opened
from nmt.errors import InputError

# A packed file of a few kilobytes can hold gigabytes.
_LARGEST = 256 * 2**20


def read(raw: bytes, name: str) -> Opened:
    """Open a ``.docx`` file.

    Neighbouring runs that look the same are one text: Word makes a new run wherever somebody corrects a word.

    Raises:
        InputError: if python-docx is missing, or the file is damaged.
    """
    try:
        import docx
    except ImportError:
        raise InputError(f"{name} needs python-docx, which is not installed: pip install nmt[documents].") from None
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _LARGEST:
                raise InputError(f"{name} holds more than {_LARGEST // 2**20} MiB. Split it.")
        document = docx.Document(io.BytesIO(raw))
        places = [(runs, "".join(run.text for run in runs)) for runs in _groups(document)]
    except InputError:
        raise
    except Exception as error:  # whatever python-docx and lxml raise of a damaged file
        raise InputError(f"{name} is not a Word document, or damaged: {error}.") from None
    places = [(runs, text) for runs, text in places if any(map(str.isalnum, text))]

    def written(translations: Sequence[str]) -> bytes:
        for (runs, text), translation in zip(places, translations, strict=True):
            space = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            runs[0].text = space[0] + translation.strip() + space[1]
            for run in runs[1:]:
                run.text = ""
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()

    return Opened([text for _, text in places], written)


def _groups(document: Any) -> Iterator[list[Any]]:
    """Yield the neighbouring runs that look the same, and hold nothing but text."""
    for paragraph in _paragraphs(document):
        # A link holds runs of its own.
        runs = [run for part in paragraph.iter_inner_content() for run in getattr(part, "runs", None) or [part]]
        for look, group in groupby(runs, _look):
            if look is not None:
                yield list(group)


def _look(run: Any) -> tuple[bytes, str] | None:
    """Return what a run looks like; ``None`` of one that holds a picture, a field, or a note."""
    from lxml import etree

    element = getattr(run, "_r", None)
    if element is None:  # a link without text
        return None
    names = {etree.QName(child).localname for child in element}
    if not names <= {"rPr", "t", "tab", "br", "lastRenderedPageBreak"} or "br" in names or "tab" in names:
        return None
    return (etree.tostring(element.rPr) if element.rPr is not None else b""), str(id(element.getparent()))


def _paragraphs(document: Any) -> Iterator[Any]:
    sections = [part for section in document.sections for part in (section.header, section.footer)]
    for container in (document, *(part for part in sections if not part.is_linked_to_previous)):
        yield from _of(container)


def _of(container: Any) -> Iterator[Any]:
    yield from container.paragraphs
    for table in container.tables:
        seen = set()
        for row in table.rows:
            for cell in row.cells:
                if cell._tc not in seen:  # a merged cell is in several columns
                    seen.add(cell._tc)
                    yield from _of(cell)
