"""Word documents, ``.docx``: all paragraphs, also of tables, headers, footers, text boxes, footnotes, endnotes and
comments. Styles and pictures stay.

The results of fields stay as well, as a word processor makes them anew: page numbers, tables of contents, references.
Of tracked changes, what was inserted is translated, and what was deleted stays.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nmt.documents.fields import Opened
from nmt.errors import InputError

# A packed file of a few kilobytes can hold gigabytes, and a tree of XML takes many times its text.
_LARGEST = 256 * 2**20
_LARGEST_XML = 16 * 2**20
# What XML can begin with, in any encoding. Which part is XML is said inside the file, and must not be believed.
_XML = re.compile(rb"[\s<]|\xef\xbb\xbf|\xfe\xff|\xff\xfe|\0[\0<]|\x4c\x6f\xa7\x94")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_LINK = "HYPERLINK"
# XML has no signs for these.
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What holds no text that is shown: properties, and what was deleted or moved away.
_UNSEEN = {_W + name for name in ("pPr", "sdtPr", "sdtEndPr", "del", "moveFrom")}


def read(raw: bytes, name: str) -> Opened:
    """Open a ``.docx`` file.

    Neighbouring runs that look the same are one text: Word makes a new run wherever somebody corrects a word.

    Raises:
        InputError: if python-docx is missing, or the file is damaged or too large.
    """
    try:
        import docx
    except ImportError:
        raise InputError(f"{name} needs python-docx, which is not installed: pip install nmt[documents].") from None
    try:
        _check_size(raw, name)
        document = docx.Document(io.BytesIO(raw))
        found = [_Texts(root) for root in _roots(document)]
        notes_of = [(part, _root(part)) for part in _note_parts(document)]
        found += [_Texts(root) for _, root in notes_of]
    except InputError:
        raise
    except Exception as error:  # whatever python-docx and lxml raise of a damaged file
        raise InputError(f"{name} is not a Word document, or damaged: {error}.") from None
    places = [(pieces, "".join(piece.text or "" for piece in pieces)) for each in found for pieces in each.found]
    places = [(pieces, text) for pieces, text in places if any(map(str.isalnum, text))]
    notes = []
    if any(each.fields for each in found):
        notes.append("The results of fields, such as a table of contents, are left as they are: update them in Word.")

    def written(translations: Sequence[str]) -> bytes:
        for (pieces, text), translation in zip(places, translations, strict=True):
            space = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            pieces[0].text = space[0] + _CONTROLS.sub("", translation).strip() + space[1]
            pieces[0].set(_SPACE, "preserve")
            for piece in pieces[1:]:
                piece.text = ""
        for part, root in notes_of:
            if not hasattr(part, "element"):
                part._blob = _serialized(root)
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()

    return Opened([text for _, text in places], written, tuple(notes))


def _check_size(raw: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        size = sum(part.file_size for part in packed.infolist())
        if size > _LARGEST:
            raise InputError(f"{name} holds more than {_LARGEST // 2**20} MiB. Split it.")
        if size <= _LARGEST_XML:
            return
        size = 0
        for part in packed.infolist():
            with packed.open(part) as opened:
                size += part.file_size if _XML.match(opened.read(4)) else 0
    if size > _LARGEST_XML:
        raise InputError(f"{name} holds more than {_LARGEST_XML // 2**20} MiB of text and marks. Split it.")


def _roots(document: Any) -> Iterator[Any]:
    """Yield what holds paragraphs: the body, and each header and footer, also of first and of even pages."""
    yield document.element.body
    for relation in document.part.rels.values():
        if relation.reltype.endswith(("/header", "/footer")) and not relation.is_external:
            yield relation.target_part.element


def _note_parts(document: Any) -> list[Any]:
    """Return the parts that hold footnotes, endnotes and comments, in this order."""
    relations = [each for each in document.part.rels.values() if not each.is_external]
    return [
        relation.target_part
        for kind in ("/footnotes", "/endnotes", "/comments")
        for relation in relations
        if relation.reltype.endswith(kind)
    ]


def _root(part: Any) -> Any:
    """Return the root of a part. python-docx reads comments, and carries notes along as bytes."""
    if hasattr(part, "element"):
        return part.element
    from lxml import etree

    return etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True))


def _serialized(root: Any) -> bytes:
    from lxml import etree

    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


@dataclass
class _Field:
    """A field: how its instruction begins, and whether what is inside is not for translation."""

    instruction: str
    hides: bool = True


class _Texts:
    """The texts of the paragraphs inside an element.

    Attributes:
        found: the elements ``w:t`` of each text.
        fields: whether the result of a field was left out that has letters.
    """

    def __init__(self, root: Any) -> None:
        self.found: list[list[Any]] = []
        self.fields = False
        # What the last text looks like and stands in; none if what comes next is another text in any case.
        self._look: tuple[list, Any] | None = None
        # The fields that are open, and how many of them hide what is inside.
        self._open: list[_Field] = []
        self._hidden = 0
        for paragraph in root.iter(_W + "p"):
            self._look = None
            self._read(paragraph)

    def _read(self, element: Any) -> None:
        for child in element:
            if child.tag == _W + "r":
                self._read_run(child)
            elif child.tag == _W + "fldSimple":
                for mark in ("begin", "separate"):
                    self._follow(mark, child.get(_W + "instr", ""))
                self._read(child)
                self._follow("end")
            elif child.tag not in _UNSEEN and child.tag != _W + "p":
                self._read(child)

    def _read_run(self, run: Any) -> None:
        properties = run.find(_W + "rPr")
        shown = [] if properties is None else [(each.tag, each.attrib.items()) for each in properties.iter()]
        look = (shown, run.getparent())
        for child in run:
            if child.tag == _W + "t" and self._hidden:
                self.fields |= any(map(str.isalpha, child.text or ""))
            elif child.tag == _W + "t":
                if look == self._look:
                    self.found[-1].append(child)
                else:
                    self.found.append([child])
                self._look = look
            elif child.tag == _W + "instrText" and self._open:
                field = self._open[-1]
                field.instruction = (field.instruction + (child.text or "").lstrip())[: len(_LINK)]
            elif child.tag not in (_W + "rPr", _W + "lastRenderedPageBreak"):
                self._look = None
                if child.tag == _W + "fldChar":
                    self._follow(child.get(_W + "fldCharType"))

    def _follow(self, mark: str | None, instruction: str = "") -> None:
        self._look = None
        if mark == "begin":
            self._open.append(_Field(instruction.lstrip()[: len(_LINK)]))
            self._hidden += 1
        elif mark == "separate" and self._open and self._open[-1].hides:
            # The author wrote what a link shows, and not what a page number shows.
            self._open[-1].hides = self._open[-1].instruction != _LINK
            self._hidden -= not self._open[-1].hides
        elif mark == "end" and self._open:
            self._hidden -= self._open.pop().hides
