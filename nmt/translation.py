"""A translation, and its JSON: one record for the package, its client and its commands."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nmt.equal_results import equal_results
from nmt.errors import InputError

if TYPE_CHECKING:
    from nmt.evaluation.alignment import WordAlignment, Words

# The keys that the package, a server and a device write, in this order. The program on a device has its own writer
# (nmt.export.tflite_runtime), and a test makes sure that its keys are DEVICE_KEYS.
KEYS = ("text", "score", "rank", "source_tokens", "tokens", "token_scores", "alignment", "truncated", "unfinished",
        "confidence", "word_confidences")  # fmt: skip
DEVICE_KEYS = ("text", "score", "source_tokens", "tokens", "alignment", "truncated", "unfinished")
SERVER_KEYS = (*DEVICE_KEYS, "confidence", "word_confidences")
# Without a confidence there are no such keys.
_CONFIDENCE_KEYS = ("confidence", "word_confidences")


@dataclass(frozen=True)
class Translation:
    """One translation.

    Attributes:
        text: the translation, always one line.
        score: its log-probability, the sum over its pieces and the end token; not a number where it is not known, as of
            words that a glossary changed on a device.
        source_tokens, tokens: the pieces that were read and written.
        alignment: ``(len(tokens), len(source_tokens) + 1)``, an array or nested lists: each row holds the
            weights of a target piece, on each source piece and, last, on the source's end. They are the links of the
            model's alignment head, or of a shifted attention in its place, or without either what its decoder attends
            to. Rows sum to one. ``None`` from a
            model without attention.
        source_truncated: whether the source was longer than the model reads, so that its end is missing; ``None`` if
            that is not known, as of a server with an export of an earlier version.
        unfinished: whether the translation has no end token, because it reached its maximum length first; ``None`` if
            that is not known.
        token_scores: the log-probability of each piece and, where it was written, of the end token.
        rank: the score after the penalties, by which several translations of a sentence are ordered.
        confidence: to which share the translation is right, as far as is expected: that of a word, drawn from it and
            from a reference, to be in both. The best translation of a model that has learned it has one; see
            :mod:`nmt.evaluation.confidence`. ``None`` if none is known.
        word_confidences: likewise each word that its pieces spell, with the probability that it is right.
        source_words, target_words: the words of the texts that were given, and the word of each piece; ``None`` if only
            the pieces are known.

    >>> found = Translation("ate rice", -0.7, ("▁밥을", "▁먹었다"), ("▁ate", "▁rice"), [[0.1, 0.9, 0], [0.8, 0.1, 0.1]])
    >>> found.words().strongest("ate")
    '먹었다'
    """

    text: str
    score: float
    source_tokens: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    alignment: Any = field(default=None, hash=False)
    source_truncated: bool | None = False
    unfinished: bool | None = False
    token_scores: tuple[float, ...] = ()
    rank: float = 0.0
    confidence: float | None = None
    word_confidences: tuple[tuple[str, float], ...] = ()
    source_words: Words | None = None
    target_words: Words | None = None

    def __eq__(self, other: object) -> bool:
        return equal_results(self, other)

    @property
    def truncated(self) -> bool | None:
        """Whether something is missing at the end, of the source or of the translation; ``None`` if not known."""
        parts = (self.source_truncated, self.unfinished)
        return True if any(parts) else None if None in parts else False

    def words(self) -> WordAlignment:
        """Return the alignment of words, merged from that of the pieces. It needs numpy.

        Raises:
            InputError: if there is none.

        >>> Translation("I", -0.5, ("▁na", "neun"), ("▁I",), [[0.5, 0.25, 0.25]]).words().weights.tolist()
        [[0.75]]
        """
        if self.alignment is None:
            raise InputError("This model has no alignments: its model.attention is 'none'.")
        # What is needed by the rest of this record, and by the client, is the standard library alone.
        from nmt.evaluation.alignment import by_word

        source, target = self.source_words or self.source_tokens, self.target_words or self.tokens
        return by_word(source, target, self.alignment)


def record(translation: Translation, keys: Sequence[str] = KEYS) -> dict[str, Any]:
    """Return the values of a translation as JSON holds them. Numbers have four decimals; what is none is null.

    >>> record(Translation("I eat", -0.123456), ["text", "score"])
    {'text': 'I eat', 'score': -0.1235}
    """
    left_out = _CONFIDENCE_KEYS if translation.confidence is None else ()
    found = {key: getattr(translation, key) for key in keys if key not in left_out}
    for key in found.keys() & {"score", "rank", "confidence"}:
        found[key] = None if math.isnan(found[key]) else round(found[key], 4)
    if "word_confidences" in found:
        found["word_confidences"] = [[word, round(share, 4)] for word, share in found["word_confidences"]]
    if "token_scores" in found:
        found["token_scores"] = _rounded(found["token_scores"])
    if found.get("alignment") is not None:
        found["alignment"] = [_rounded(row) for row in found["alignment"]]
    return found


def json_line(
    found: Sequence[Translation], *, n_best: bool, keys: Sequence[str] = KEYS, n_best_keys: Sequence[str] = KEYS
) -> str:
    """Return a line of JSON for one sentence: the best translation and, on demand, all that were found.

    Arguments:
        found: the translations of the sentence, the best first.
        n_best: whether all of them are listed under ``n_best``.
        keys: of the best translation.
        n_best_keys: of each translation in the list.

    >>> json_line([Translation("I eat", -0.5), Translation("I ate", -1.0)], n_best=True, keys=["text"],
    ...           n_best_keys=["text", "score"])
    '{"text": "I eat", "n_best": [{"text": "I eat", "score": -0.5}, {"text": "I ate", "score": -1.0}]}'
    """
    best = record(found[0], keys)
    if n_best:
        best["n_best"] = [record(each, n_best_keys) for each in found]
    return json.dumps(best, ensure_ascii=False)


def _rounded(numbers: Iterable[Any]) -> list[float]:
    return [round(float(number), 4) for number in numbers]
