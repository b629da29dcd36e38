"""Word documents, ``.docx``: all paragraphs, also of tables, headers, footers, text boxes, footnotes, endnotes and
comments. Styles and pictures stay.

What looks different inside a paragraph, links, and the signs of footnotes move with their words.

The results of fields stay as well, as a word processor makes them anew: page numbers, tables of contents, references.
What tracked changes inserted is translated, and what they deleted stays.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from nmt.documents.fields import MARKS, Opened
from nmt.documents.parts import Kind, Part, Parts, match_marks, plain, said
from nmt.errors import InputError

# A packed file of a few kilobytes can hold gigabytes, and a tree of XML takes many times its text.
_LARGEST = 256 * 2**20
_LARGEST_XML = 16 * 2**20
# What XML can begin with, in any encoding. Which part is XML is said inside the file, and must not be believed.
_XML = re.compile(rb"[\s<]|\xef\xbb\xbf|\xfe\xff|\xff\xfe|\0[\0<]|\x4c\x6f\xa7\x94")
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_LINK = "HYPERLINK"
_RANGE = re.compile(r"(\w+?)(?:Range)?(Start|End)")
# XML has no signs for these.
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What holds no text: properties, and what a word processor notes for itself.
_UNSEEN = {_W + name for name in ("pPr", "rPr", "sdtPr", "sdtEndPr", "proofErr", "lastRenderedPageBreak")}
# What is said of an element that holds runs stands in it, too.
_PROPERTIES = {_W + name for name in ("smartTagPr", "customXmlPr", "fldData")}
# What was deleted or moved away.
_DELETED = {_W + name for name in ("del", "moveFrom")}
# What is said: text, and signs of a word. A hyphen that may be shown at the end of a line is none.
_SHOWN = {_W + "t", _W + "noBreakHyphen", _W + "softHyphen"}
# What ends a line, or jumps to a column: texts on its sides are two.
_CUTS = {_W + name for name in ("br", "cr", "tab", "ptab")}


def read(raw: bytes, name: str, inline: bool = True) -> Opened:
    """Open a ``.docx`` file.

    Neighbouring runs that look the same are one: Word makes a new run wherever somebody corrects a word.

    Arguments:
        raw: its bytes.
        name: of the file.
        inline: whether runs that look different are parts of one text; otherwise each is a text.

    Raises:
        InputError: if python-docx is missing, or the file is damaged or too large.
    """
    try:
        import docx
    except ImportError:
        raise InputError(
            f"{name} needs python-docx, which is not installed: in the clone of this project, pip install -e "
            "'.[documents]'."
        ) from None
    try:
        _check_size(raw, name)
        document = docx.Document(io.BytesIO(raw))
        found = [_Texts(root, inline) for root in _roots(document)]
        notes_of = [(part, _root(part)) for part in _note_parts(document)]
        found += [_Texts(root, inline) for _, root in notes_of]
    except InputError:
        raise
    except Exception as error:  # whatever python-docx and lxml raise of a damaged file
        raise InputError(f"{name} is not a Word document, or damaged: {error}.") from None
    texts = [text for each in found for text in each.found]
    notes = []
    if any(each.fields for each in found):
        notes.append("The results of fields, such as a table of contents, are left as they are: update them in Word.")

    def written(translations: Sequence[Parts]) -> bytes:
        for text, translation in zip(texts, translations, strict=True):
            text.write(translation)
        for part, root in notes_of:
            if not hasattr(part, "element"):
                part._blob = _serialized(root)
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()

    return Opened([text.parts for text in texts], written, tuple(notes))


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


class _Item(NamedTuple):
    """A part of a paragraph.

    Attributes:
        kind: see :class:`~nmt.documents.parts.Part`.
        elements: those of a text, ``w:t``; those of a mark, of which the ones that stand in runs are no runs.
        name: of the marks of a pair.
        look: of a text.
    """

    kind: Kind
    elements: list[Any]
    name: str = ""
    look: tuple = ()


@dataclass
class _Field:
    """A field that is open: how its instruction begins, and whether what is inside is not for translation."""

    instruction: str
    hides: bool = True


class _Texts:
    """The texts of the paragraphs inside an element.

    Attributes:
        found: the texts.
        fields: whether the result of a field was left out that has letters.
    """

    def __init__(self, root: Any, inline: bool) -> None:
        self.found: list[_Text] = []
        self.fields = False
        self._inline = inline
        # Parts of the text that is being read.
        self._items: list[_Item] = []
        # The names of the elements that hold what is read.
        self._path: list[str] = []
        # The fields that are open, and how many of them hide what is inside.
        self._open: list[_Field] = []
        self._hidden = 0
        # What a field has before its result, or all of it if it is hidden; and whether it began in this text.
        self._field: list[Any] = []
        self._whole = False
        for paragraph in root.iter(_W + "p"):
            self._read(paragraph)
            self._end()

    def _end(self) -> None:
        """End a text."""
        self._whole = False
        items, self._items = self._items, []
        groups = [items]
        if not self._inline or len(items) > MARKS:
            groups = [items[n : n + 1] for n in range(len(items)) if items[n].kind == "text"]
        for group in groups:
            text = _Text(group)
            if any(map(str.isalnum, said(text.parts))):
                self.found.append(text)

    def _read(self, element: Any) -> None:
        for child in element:
            if not isinstance(child.tag, str) or child.tag in _UNSEEN or child.tag == _W + "p":
                continue
            if child.tag == _W + "r":
                self._read_run(child)
            elif child.tag == _W + "fldSimple":
                self._read_simple_field(child)
            elif any(each.tag in _CUTS or each.tag == _W + "fldChar" for each in child.iter()):
                self._end()
                self._read(child)
                self._end()
            elif self._hidden:
                self.fields |= _has_letters(child)
                self._field.append(child)
            elif child.tag in _DELETED or not any(True for _ in child.iter(_W + "r")):
                self._add_mark(child)
            else:
                self._read_container(child, "container")

    def _read_container(self, element: Any, kind: str) -> None:
        """Read an element that holds runs: a pair of marks around them."""
        self._path.append(f"{kind} {id(element)}")
        self._items.append(_Item("opening", [element], self._path[-1]))
        self._read(_body(element))
        self._items.append(_Item("closing", [], self._path.pop()))

    def _add_mark(self, element: Any) -> None:
        """Add what is no text. Marks of a range, as a comment has one, are a pair."""
        kind, name = _RANGE.fullmatch(element.tag.rpartition("}")[2]), element.get(_W + "id")
        if element.tag.startswith(_MATH):
            self._items.append(_Item("kept", [element]))
        elif kind:
            # A range that begins in a container and ends outside of it is none.
            name = f"{kind[1]} {name} {self._path[-1:]}"
            self._items.append(_Item("opening" if kind[2] == "Start" else "closing", [element], name))
        else:
            self._items.append(_Item("alone", [element]))

    def _read_run(self, run: Any) -> None:
        properties = run.find(_W + "rPr")
        shown = () if properties is None else tuple((each.tag, *each.attrib.items()) for each in properties.iter())
        for child in run:
            if child.tag in _UNSEEN:
                continue
            if child.tag == _W + "fldChar":
                self._follow(child.get(_W + "fldCharType"), child)
            elif child.tag == _W + "instrText" and self._open:
                field = self._open[-1]
                field.instruction = (field.instruction + (child.text or "").lstrip())[: len(_LINK)]
                self._field.append(child)
            elif self._hidden:
                self.fields |= _has_letters(child)
                self._field.append(child)
            elif child.tag in _CUTS:
                self._end()
            elif child.tag not in _SHOWN:
                self._items.append(_Item("kept" if child.tag == _W + "ruby" else "alone", [child]))
            elif self._items and self._items[-1].kind == "text" and self._items[-1].look == shown:
                self._items[-1].elements.append(child)
            else:
                self._items.append(_Item("text", [child], "", shown))

    def _read_simple_field(self, field: Any) -> None:
        if self._hidden:
            self.fields |= _has_letters(field)
            self._field.append(field)
        elif field.get(_W + "instr", "").lstrip().startswith(_LINK):
            self._read_container(field, "field")
        else:
            self.fields |= _has_letters(field)
            self._items.append(_Item("kept", [field]))

    def _follow(self, mark: str | None, element: Any) -> None:
        """Follow the marks of a field: it begins, its result begins, and it ends."""
        if mark == "begin":
            if not self._hidden:
                self._field, self._whole = [], True
            self._open.append(_Field(""))
            self._hidden += 1
        if not self._open or (mark == "separate" and not self._open[-1].hides):
            self._end()  # a damaged field stays where it is
            return
        field = self._open[-1]
        self._field.append(element)
        if mark == "separate" and field.hides:
            # The author wrote what a link shows, and not what a page number shows.
            field.hides = field.instruction != _LINK
            self._hidden -= not field.hides
        elif mark == "end":
            self._open.pop()
            self._hidden -= field.hides
        if self._hidden or mark not in ("separate", "end"):
            return
        if mark == "end" and not field.hides:
            self._items.append(_Item("closing", [element], f"field {id(field)}"))
        elif not self._whole:
            self._end()
        elif mark == "separate":
            self._items.append(_Item("opening", list(self._field), f"field {id(field)}"))
        else:
            self._items.append(_Item("kept", list(self._field)))


def _has_letters(element: Any) -> bool:
    return any(map(str.isalpha, "".join(each.text or "" for each in element.iter(_W + "t"))))


class _Text:
    """A text of a paragraph, and how a translation takes its place.

    Attributes:
        parts: of it. A mark is spelled by its number.
    """

    def __init__(self, items: list[_Item]) -> None:
        self._items = _trimmed(items)
        texts = [item for item in self._items if item.kind == "text"]
        sizes: Counter[tuple] = Counter()
        for item in texts:
            sizes[item.look] += sum(len(_shown(each)) for each in item.elements)
        self._base = sizes.most_common(1)[0][0] if sizes else ()
        parts: list[Part] = []
        for number, item in enumerate(self._items):
            if item.kind != "text":
                parts.append(Part(item.kind, f"<{number}>"))
                continue
            words = plain("".join(map(_shown, item.elements)))
            if item.look == self._base or not words:
                parts += words
            else:
                parts += [Part("opening", f"<{number}>"), *words, Part("closing", f"<{number}>")]
        # Spaces at both ends belong to no sentence.
        self._before = self._after = ""
        if parts and parts[0].kind == "text":
            stripped = parts[0].raw.lstrip()
            self._before = parts[0].raw[: len(parts[0].raw) - len(stripped)]
            parts[0] = parts[0]._replace(raw=stripped)
        if parts and parts[-1].kind == "text":
            stripped = parts[-1].raw.rstrip()
            self._after = parts[-1].raw[len(stripped) :]
            parts[-1] = parts[-1]._replace(raw=stripped)
        self.parts = tuple(part for part in parts if part.raw)

    def write(self, found: Parts) -> None:
        """Put a translation into the place of the text."""
        found = [part._replace(raw=_CONTROLS.sub("", part.raw)) for part in found]
        if len(self._items) > 1:
            self._write_parts([*plain(self._before), *found, *plain(self._after)])
            return
        elements = self._items[0].elements
        first, *others = [each for each in elements if each.tag == _W + "t"]
        _set(first, self._before + said(found).strip() + self._after)
        for each in others:
            each.text = ""
        for each in elements:
            if each.tag != _W + "t":
                each.getparent().remove(each)

    def _write_parts(self, found: Parts) -> None:
        """Write a text anew, each part of it in a run of its own. What is no text moves as it is."""
        from lxml import etree

        def run(properties: Any, elements: Sequence[Any]) -> Any:
            made = etree.Element(_W + "r")
            if properties is not None:
                made.append(deepcopy(properties))
            made.extend(elements)
            return made

        elements = [each for item in self._items for each in item.elements]
        looks = {each: _run_of(each).find(_W + "rPr") for each in elements if _run_of(each) is not None}
        of_texts = {n: looks.get(item.elements[0]) for n, item in enumerate(self._items) if item.kind == "text"}
        base = next((of_texts[n] for n in of_texts if self._items[n].look == self._base), None)
        for each in looks:
            _split(_run_of(each))
        parent, old = _siblings(elements)
        place = parent.index(old[0])
        for each in old:
            parent.remove(each)
        out: list[Any] = []
        # The lists that are being filled, and the look of the text that comes next.
        lists, shown = [out], [base]
        for part in found:
            if part.kind == "text":
                text = etree.Element(_W + "t")
                _set(text, part.raw)
                lists[-1].append(run(shown[-1], [text]))
                continue
            number = int(part.raw[1:-1])
            item = self._items[number]
            if item.kind == "text":
                shown = [*shown, of_texts[number]] if part.kind == "opening" else shown[:-1]
            elif item.elements and item.elements[0] in looks:
                lists[-1] += [run(looks[each], [each]) if each in looks else each for each in item.elements]
            elif part.kind == "closing" and not item.elements:
                inside = lists.pop()
                body = _body(lists[-1][-1])
                for each in list(body):
                    if each.tag not in _PROPERTIES:
                        body.remove(each)
                body.extend(inside)
            else:
                lists[-1] += item.elements
                if part.kind == "opening" and item.name.startswith(("container", "field")):
                    lists.append([])
        for n, each in enumerate(out):
            parent.insert(place + n, each)


def _trimmed(items: list[_Item]) -> list[_Item]:
    """Leave out at both ends what can stay there, and let marks without a partner stand alone."""
    ends = match_marks((each.kind, each.name) for each in items).ends
    whole = {*ends, *ends.values()}
    first, last = 0, len(items)
    while first < last:
        if items[first].kind == "alone" or (first not in whole and items[first].kind in ("opening", "closing")):
            first += 1
        elif items[last - 1].kind == "alone" or (
            last - 1 not in whole and items[last - 1].kind in ("opening", "closing")
        ):
            last -= 1
        elif ends.get(first) == last - 1:
            first, last = first + 1, last - 1
        else:
            break
    return [
        items[n]._replace(kind="alone") if n not in whole and items[n].kind in ("opening", "closing") else items[n]
        for n in range(first, last)
    ]


def _body(element: Any) -> Any:
    """Return what holds the runs of an element: a content control has a part of its own for them."""
    content = element.find(_W + "sdtContent")
    return element if content is None else content


def _shown(element: Any) -> str:
    if element.tag == _W + "t":
        return element.text or ""
    return "\u2011" if element.tag == _W + "noBreakHyphen" else ""


def _set(element: Any, text: str) -> None:
    element.text = text
    element.set(_SPACE, "preserve")


def _run_of(element: Any) -> Any:
    """Return the run that an element stands in, ``None`` if it stands beside runs."""
    parent = element.getparent()
    return parent if parent is not None and parent.tag == _W + "r" else None


def _split(run: Any) -> None:
    """Put each part of a run into a run of its own."""
    properties = run.find(_W + "rPr")
    for child in list(run)[::-1]:
        if child is properties or len(run) <= 1 + (properties is not None):
            continue
        made = run.makeelement(run.tag, dict(run.attrib), run.nsmap)
        if properties is not None:
            made.append(deepcopy(properties))
        made.append(child)
        run.addnext(made)


def _siblings(elements: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Return the innermost element that holds some others, and those of its children that do."""
    above = [list(elements[0].iterancestors()), list(elements[-1].iterancestors())]
    parent = next(each for each in above[0] if each in above[1])
    first, last = (
        next(each for each in (element, *element.iterancestors()) if each.getparent() is parent)
        for element in (elements[0], elements[-1])
    )
    found = [first]
    while found[-1] is not last:
        found.append(found[-1].getnext())
    return parent, found
