"""The translation of a document, sentence by sentence, with what stands between the sentences as it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nmt.documents.sentences import Place, Splitter, halves, script_of, sentences, sentencex
from nmt.evaluation import scripts
from nmt.evaluation.alignment import WORD
from nmt.translation import KEYS, Translation, record

# Translates sentences: what is searched at once, and how, is up to it.
Translate = Callable[[list[str]], Sequence[Translation]]

# Sentences that are translated together.
TOGETHER = 256
# A sentence is cut until the model reads all of it, or a part has no more characters than this.
_SHORTEST = 8


@dataclass(frozen=True)
class Sentence:
    """A sentence of a document, or a part of one, and its translation.

    Attributes:
        start, end: where it stands in the source: ``source[start:end]``.
        target_start, target_end: where its translation stands in the target.
        cut: whether it is a part of a sentence that was longer than the model reads.
        translation: of the sentence.
    """

    start: int
    end: int
    target_start: int
    target_end: int
    cut: bool
    translation: Translation

    def words(self, source: str, target: str) -> tuple[list[Place], list[Place]]:
        """Return where each word stands in the document, of the source and of the target."""
        return _words(source, self.start, self.end), _words(target, self.target_start, self.target_end)


@dataclass(frozen=True)
class DocumentTranslation:
    """A translated document.

    Attributes:
        source, text: the document, and its translation.
        sentences: in their order.
    """

    source: str
    text: str
    sentences: tuple[Sentence, ...]

    def records(self, start: int = 0, target_start: int = 0, keys: Sequence[str] = KEYS) -> list[dict[str, Any]]:
        """Return an object for each sentence, as JSON holds it.

        It has ``source``; ``start``, ``end``, ``target_start`` and ``target_end``, which count characters of the whole
        document; ``source_words`` and ``target_words``, a list ``[start, end]`` for each word; ``cut``; and the keys of
        the translation.

        Arguments:
            start, target_start: where this part of a document stands in the whole, of the source and of the target.
            keys: of each translation.
        """
        found = []
        for each in self.sentences:
            words = each.words(self.source, self.text)
            found.append(
                {
                    "source": self.source[each.start : each.end],
                    "start": start + each.start,
                    "end": start + each.end,
                    "target_start": target_start + each.target_start,
                    "target_end": target_start + each.target_end,
                    "source_words": [[start + word.start, start + word.end] for word in words[0]],
                    "target_words": [[target_start + word.start, target_start + word.end] for word in words[1]],
                    "cut": each.cut,
                    **record(each.translation, keys),
                }
            )
        return found


@dataclass
class _Waiting:
    """A part of a text that has to be translated: of which text, where, and whether it is a part of a sentence."""

    number: int
    place: Place
    cut: bool
    translation: Translation | None = None


def translate_document(
    text: str, translate: Translate, language: str = "", splitter: Splitter = sentencex
) -> DocumentTranslation:
    """Translate a document; see :func:`translate_texts`.

    >>> shout = lambda lines: [Translation(line.upper(), 0.0) for line in lines]
    >>> found = translate_document("- I ate.  You ate?\\n\\n  * * *\\nThey", shout)
    >>> found.text
    '- I ATE.  YOU ATE?\\n\\n  * * *\\nTHEY'
    >>> found.sentences[1].start, found.sentences[1].end
    (10, 18)
    """
    return translate_texts([text], translate, language, splitter)[0]


def translate_texts(
    texts: Sequence[str],
    translate: Translate,
    language: str = "",
    splitter: Splitter = sentencex,
    advance: Callable[[int, int], Any] = lambda done, total: None,
) -> list[DocumentTranslation]:
    """Translate texts, each sentence by itself, and keep what stands between sentences.

    Nothing is left out: a sentence that is longer than the model reads is cut at a clause, and each part translated.

    Arguments:
        texts: of any number of lines each.
        translate: translates sentences.
        language: of the texts, such as ``ko``; empty to go by their script.
        splitter: splits a paragraph into sentences.
        advance: is told how many sentences are done, and of how many.
    """
    parts = [
        _Waiting(number, place, cut=False)
        for number, text in enumerate(texts)
        for place in sentences(text, language, splitter)
    ]
    done: list[list[_Waiting]] = [[] for _ in texts]
    waiting = deque(parts)
    total = len(parts)
    finished = 0
    while waiting:
        group = [waiting.popleft() for _ in range(min(TOGETHER, len(waiting)))]
        found = translate([texts[each.number][each.place.start : each.place.end] for each in group])
        again: list[_Waiting] = []
        for each, translation in zip(group, found, strict=True):
            if translation.source_truncated and each.place.end - each.place.start > _SHORTEST:
                again += [_Waiting(each.number, half, True) for half in halves(texts[each.number], each.place)]
            else:
                each.translation = translation
                done[each.number].append(each)
                finished += 1
        total += len(again) // 2
        waiting.extendleft(reversed(again))
        advance(finished, total)
    return [_joined(text, sorted(some, key=lambda each: each.place)) for text, some in zip(texts, done, strict=True)]


def _joined(text: str, parts: list[_Waiting]) -> DocumentTranslation:
    """Put translations in the place of the sentences of a text."""
    written: list[str] = []
    length = position = 0
    found = []
    spaceless = script_of(" ".join(part.translation.text for part in parts if part.translation)) in scripts.SPACELESS
    for part in parts:
        assert part.translation
        between = text[position : part.place.start]
        if position and not between and not spaceless:
            between = " "  # Chinese puts no space between sentences
        elif position and between == " " and spaceless:
            between = ""
        target = part.translation.text.strip()
        start = length + len(between)
        written += [between, target]
        length = start + len(target)
        position = part.place.end
        found.append(
            Sentence(*part.place, target_start=start, target_end=length, cut=part.cut, translation=part.translation)
        )
    written.append(text[position:])
    return DocumentTranslation(text, "".join(written), tuple(found))


def moved(found: DocumentTranslation, start: int, target_start: int) -> tuple[Sentence, ...]:
    """Return the sentences of a text that stands at a place of a larger one."""
    return tuple(
        replace(
            each,
            start=each.start + start,
            end=each.end + start,
            target_start=each.target_start + target_start,
            target_end=each.target_end + target_start,
        )
        for each in found.sentences
    )


def _words(text: str, start: int, end: int) -> list[Place]:
    return [Place(match.start(), match.end()) for match in WORD.finditer(text, start, end)]
