"""Texts with markup, translated: read, translated without it, and marked again."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nmt.documents.document import DocumentTranslation, Translate, translate_texts
from nmt.documents.parts import Parts, spelled
from nmt.documents.sentences import Splitter, sentencex
from nmt.documents.tagged import Format, read_tagged
from nmt.errors import InputError
from nmt.markup.links import Links, copied, joined, links_of
from nmt.markup.placeholders import keeping
from nmt.markup.placing import placed
from nmt.markup.reading import PRIVATE, PRIVATE_CHARACTERS, Marked, marked
from nmt.translation import Translation

_UNALIGNED = (
    "This model has no alignments, because its model.attention is 'none': nothing tells where tags and placeholders go."
    " Translate plain text, or train with attention."
)


class Unaligned(InputError):
    """A text has tags, and the model has no alignments."""


class TooManyMarks(InputError):
    """A text has too many tags.

    Attributes:
        text: the number of the text, from 1.
    """

    def __init__(self, message: str, text: int) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True)
class MarkedTranslation:
    """The translation of a text with markup.

    Attributes:
        parts: of it, with its marks.
        text: with its markup, as it is written in the format of the source.
        sentences: the translations of its sentences, without markup.
        source: what was read of the text that was translated.
        target: the translation without markup; as in ``source.text``, private characters stand for what is kept.
        cut: how many of the sentences are parts of one that was longer than the model reads.
        broken: what is wrong with the markup of the source; empty if nothing is.
    """

    parts: Parts
    text: str
    sentences: tuple[Translation, ...]
    source: Marked
    target: str
    cut: int = 0
    broken: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """Return each line of ``source.text`` with its translation.

        A translation that has line breaks of its own tells no longer which lines are whose: all are one then.
        """
        sources, targets = self.source.text.splitlines(), self.target.splitlines()
        if len(sources) != len(targets):
            return [(self.source.text, self.target)]
        return list(zip(sources, targets, strict=True))


def translate_marked(
    texts: Sequence[str],
    translate: Translate,
    form: Format = "html",
    language: str | None = None,
    splitter: Splitter = sentencex,
    stand_ins: Sequence[str] = (),
    advance: Callable[[int, int], Any] = lambda done, total: None,
) -> list[MarkedTranslation]:
    """Translate texts with markup. No tag and no placeholder is lost or invented, and pairs of tags stay nested.

    Arguments:
        texts: with markup.
        translate: translates plain sentences; its translations have alignments.
        form: see :func:`nmt.documents.tagged.read_tagged`.
        language: of the texts, whose rules find their sentences; empty to go by their script. ``None`` if each text is
            one sentence.
        splitter: see :mod:`nmt.documents.sentences`.
        stand_ins: see :func:`nmt.markup.placeholders.keeping`.
        advance: is told how many sentences are done, and of how many.

    Raises:
        Unaligned: if there are tags or placeholders and the model has no alignments.
        TooManyMarks: if a text has more than 1,000 pairs of tags and tags alone.

    >>> def swap(sentences):  # the second word first
    ...     return [Translation(" ".join(reversed(each.split())), 0.0, *(tuple(f"▁{w}" for w in words) for words in
    ...             (each.split(), each.split()[::-1])), [[0, 1, 0], [1, 0, 0]]) for each in sentences]
    >>> translate_marked(["<b>rice</b> ate", "&lt; {n}"], swap)[0].text
    'ate <b>rice</b>'
    """
    tagged = [read_tagged(text, form) for text in texts]
    found = translate_parts(
        [each.parts for each in tagged],
        translate=translate,
        language=language,
        splitter=splitter,
        stand_ins=stand_ins,
        advance=advance,
    )
    write = str if form == "text" else _escaped
    return [
        replace(each, text=spelled(each.parts, write) + source.rest, broken=source.broken)
        for source, each in zip(tagged, found, strict=True)
    ]


def translate_parts(
    texts: Sequence[Parts],
    translate: Translate,
    language: str | None = None,
    splitter: Splitter = sentencex,
    stand_ins: Sequence[str] = (),
    advance: Callable[[int, int], Any] = lambda done, total: None,
) -> list[MarkedTranslation]:
    """Translate texts with marks, whatever the format they were read from; see :func:`translate_marked`.

    >>> from nmt.documents.parts import plain
    >>> shout = lambda lines: [Translation(line.upper(), 0.0) for line in lines]
    >>> translate_parts([plain("I ate")], shout)[0].parts
    [Part(kind='text', raw='I ATE')]
    """
    read: list[Marked] = []
    taken = 0
    for number, parts in enumerate(texts, 1):
        try:
            read.append(marked(parts, taken))
        except InputError as error:
            raise TooManyMarks(str(error), number) from None
        taken += len(read[-1].kept)
    kept = {character: raw for each in read for character, raw in each.kept.items()}
    if taken > PRIVATE_CHARACTERS:
        kept = {}  # one character stands for several, so that no number can be its own mask
    plain = [each.text for each in read]
    # A private character of the text itself is a sign like any other to a model without alignments.
    needed = any(each.marks or not all(map(PRIVATE.fullmatch, each.kept.values())) for each in read)
    keep = keeping(_aligned(translate, needed), kept, stand_ins)
    if language is None:
        found = _lines(plain, keep)
        advance(len(texts), len(texts))
        return [_placed_line(each, translation) for each, translation in zip(read, found, strict=True)]
    documents = translate_texts(plain, translate=keep, language=language, splitter=splitter, advance=advance)
    results = []
    for each, document in zip(read, documents, strict=True):
        # Without marks nothing has to be found.
        links = joined(list(_links(document)) if each.marks else [])
        parts = placed(each, document.text, links)
        results.append(
            MarkedTranslation(
                parts=parts,
                text=spelled(parts),
                sentences=tuple(part.translation for part in document.sentences),
                source=each,
                target=document.text,
                cut=sum(part.cut for part in document.sentences),
            )
        )
    return results


def _links(document: DocumentTranslation) -> Iterator[Links]:
    """Yield the links of the sentences of a document, and of what stands between them as it was."""
    source = target = 0
    for part in document.sentences:
        yield from copied(document.source[source : part.start], source, target)
        translation = replace(part.translation, text=document.text[part.target_start : part.target_end])
        yield links_of(document.source[part.start : part.end], translation).moved(part.start, part.target_start)
        source, target = part.end, part.target_end
    yield from copied(document.source[source:], source, target)


def _aligned(translate: Translate, needed: bool) -> Translate:
    """Return a function that refuses translations without alignments, if they are needed."""

    def translated(sentences: list[str]) -> Sequence[Translation]:
        found = translate(sentences)
        if needed and any(each.alignment is None and each.text for each in found):
            raise Unaligned(_UNALIGNED)
        return found

    return translated


def _lines(texts: Sequence[str], translate: Translate) -> list[Translation]:
    """Translate texts of one sentence each. A text of nothing but placeholders and signs stays as it is."""
    found = [Translation(text, 0.0) for text in texts]
    waiting = [
        i for i, text in enumerate(texts) if text.strip() and (any(map(str.isalnum, text)) or not PRIVATE.search(text))
    ]
    if waiting:
        for i, translation in zip(waiting, translate([texts[i] for i in waiting]), strict=True):
            found[i] = translation
    return found


def _placed_line(read: Marked, translation: Translation) -> MarkedTranslation:
    links: list[Links] = []
    if read.marks:
        stays = translation.alignment is None and translation.text == read.text
        links = copied(read.text) if stays else [links_of(read.text, translation)]
    parts = placed(read, translation.text, joined(links))
    return MarkedTranslation(
        parts=parts, text=spelled(parts), sentences=(translation,), source=read, target=translation.text
    )


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
