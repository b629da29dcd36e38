"""What a page's model translates, compared with the translator it was made from, before any of it is written."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from nmt.config import Decoding
from nmt.data.tokenizers import EOS, UNK, Tokenizers
from nmt.errors import WorkFailed
from nmt.evaluation.scores import score
from nmt.export.web_model import Runner, WebSignature, signatures
from nmt.inference.strings import one_line
from nmt.inference.translator import Translator

# Texts for each signature, the shortest first: a long one takes some tenths of a second.
_TEXTS = (200, 80, 20)
_LONGEST_DRAWN = 15
# Texts of each signature's own length, beside them.
_LONG = 5
# The most that the log-probability of a translation may be lower than that of the translator's own, for each of its
# pieces, in the mean of a signature's texts: exact weights flip near-ties alone, rounded ones a little more.
_LOSS = {"none": 0.001, "float16": 0.02, "int8": 0.15}
# The most that the log-probability which a page gives a piece of a long text may differ from the translator's, in the
# mean: near-ties change nothing in it.
_DRIFT = {"none": 0.001, "float16": 0.005, "int8": 0.05}
# Weights of attention sum to one.
_SUM = 0.01


class Checked(NamedTuple):
    """What was found.

    Attributes:
        compared: the number of texts.
        equal: how many of them have the translator's translation.
        loss: how much lower the log-probability of the others is, for each piece, in the mean of a signature's texts:
            that of the signature which differs most.
    """

    compared: int
    equal: int
    loss: float


class Quality(NamedTuple):
    """The score of a page's model and of its translator on the same pairs: BLEU, or chrF where BLEU says little.

    Attributes:
        pairs: the number of them.
        cut: how many of their sources are longer than the model reads.
        name: of the score.
        score: of the page's model.
        translator: the score of the translator.
        signature: of the score.
    """

    pairs: int
    cut: int
    name: str
    score: float
    translator: float
    signature: str


def check_signatures(
    model: bytes, translator: Translator, settings: Decoding, quantize: str, given: Sequence[str] = ()
) -> Checked:
    """Compare every signature with the translator.

    Arguments:
        model: the TFLite model of a page.
        translator, settings: what it was made from.
        quantize: the type of its weights.
        given: sentences to try; without them, or where they are too few, texts are made of the vocabulary's pieces.

    Raises:
        WorkFailed: if a result cannot be right, or is much less likely than the translator's own.
    """
    runner = Runner(model, signatures(settings))
    chosen = _texts(translator.tokenizers, settings, given)
    sources = [text for texts in chosen.values() for text, _ in texts]
    best = translator.translate(sources, **_search(settings))
    found, used = [], []
    for signature, texts in chosen.items():
        _check_longest(runner, signature, translator)
        _check_scores(runner, signature=signature, translator=translator, settings=settings, quantize=quantize)
        for _, ids in texts:
            outputs = runner.search(ids, signature)
            _check_outputs(outputs, signature, len(ids), translator)
            found.append(spelt(translator.tokenizers, outputs))
            used.append(signature)
    different = [i for i, each in enumerate(found) if each != best[i].text]
    scored = translator.score([sources[i] for i in different], [found[i] for i in different], **_search(settings))
    own = translator.score([sources[i] for i in different], [best[i].text for i in different], **_search(settings))
    losses = dict.fromkeys(chosen, 0.0)
    for i, mine, theirs in zip(different, own, scored, strict=True):
        each = (mine.score - theirs.score) / max(len(mine.token_scores), 1)
        losses[used[i]] += each / len(chosen[used[i]])
    worst = max(losses, key=losses.__getitem__)
    checked = Checked(len(sources), len(sources) - len(different), losses[worst])
    if checked.loss > _LOSS[quantize]:
        raise WorkFailed(
            f"The model of the page translates worse than the model: {len(different)} of {len(sources)} texts differ, "
            f"and those of its signature {worst.name} lose {checked.loss:.3f} of log-probability for each piece in the "
            "mean. Nothing was written. "
            + ("Please report it." if quantize == "none" else "Export with --quantize none.")
        )
    return checked


def quality(
    model: bytes,
    translator: Translator,
    settings: Decoding,
    pairs: Sequence[tuple[str, str]],
    advancing: Callable[[Iterable], Iterable] = iter,
) -> Quality:
    """Score the model of a page and its translator on sentence pairs."""
    runner = Runner(model, signatures(settings))
    longest = signatures(settings)[-1].reads - 1
    tokenizers = translator.tokenizers
    found, cut = [], 0
    for source, _ in advancing(pairs):
        ids = tokenizers.source.ids(source)
        cut += len(ids) > longest
        ids = ids[:longest]
        found.append(spelt(tokenizers, runner.search(ids)) if ids else "")
    references = [reference for _, reference in pairs]
    own = [each.text for each in translator.translate([source for source, _ in pairs], **_search(settings))]
    name, mine, signature = score(found, references).telling
    _, theirs, _ = score(own, references).telling
    return Quality(len(pairs), cut=cut, name=name, score=mine, translator=theirs, signature=signature)


def spelt(tokenizers: Tokenizers, outputs: dict[str, np.ndarray]) -> str:
    """Return the best translation of a run."""
    ids = outputs["tokens"][0, : outputs["lengths"][0]]
    return one_line(tokenizers.target.spelt(ids.tolist()))


def _search(settings: Decoding) -> dict[str, Any]:
    """Return the settings as :meth:`Translator.translate` takes them."""
    return dataclasses.asdict(settings)


def _texts(
    tokenizers: Tokenizers, settings: Decoding, given: Sequence[str]
) -> dict[WebSignature, list[tuple[str, list[int]]]]:
    """Return texts and their ids for each signature, given ones, its own first, then drawn ones."""
    chosen: dict[WebSignature, list[tuple[str, list[int]]]] = {}
    ready = _with_ids(tokenizers, given)
    drawn = _with_ids(tokenizers, _drawn(tokenizers, 2 * _TEXTS[0], 1, _LONGEST_DRAWN))
    shorter = 1
    for signature, count in zip(signatures(settings), _TEXTS, strict=False):
        fitting = [each for each in ready if len(each[1]) < signature.reads]
        own = [each for each in fitting if len(each[1]) >= shorter]
        others = [each for each in fitting if len(each[1]) < shorter]
        short = [each for each in drawn if len(each[1]) < signature.reads]
        chosen[signature] = [*own, *others, *short][:count]
        shorter = signature.reads
    return chosen


def _drawn(tokenizers: Tokenizers, count: int, shortest: int, longest: int) -> Iterator[str]:
    """Yield texts of pieces that are drawn from the vocabulary.

    Those whose translations are compared are short. A long one that has no sense has many translations as likely, and
    rounded weights choose another.
    """
    draw = random.Random(1)
    pieces = range(EOS + 1, tokenizers.source.vocabulary)
    for _ in range(count):
        yield tokenizers.source.spelt(draw.choices(pieces, k=draw.randint(shortest, longest)))


def _check_longest(runner: Runner, signature: WebSignature, translator: Translator) -> None:
    """Check what a signature returns for as many pieces as it reads."""
    draw = random.Random(2)
    ids = draw.choices(range(EOS + 1, translator.tokenizers.source.vocabulary), k=signature.reads - 1)
    _check_outputs(runner.search(ids, signature), signature, len(ids), translator)


def _check_scores(
    runner: Runner, signature: WebSignature, translator: Translator, settings: Decoding, quantize: str
) -> None:
    """Check the scores of texts as long as a signature is for against the translator's, by teacher forcing."""
    longest = signature.reads - 1
    # Texts of drawn pieces may have fewer pieces, or more.
    drawn = _with_ids(translator.tokenizers, _drawn(translator.tokenizers, 10 * _LONG, longest // 2 + 1, longest))
    texts = [(text, ids) for text, ids in drawn if longest // 2 < len(ids) <= longest][:_LONG]
    outputs = [runner.search(ids, signature) for _, ids in texts]
    found = [spelt(translator.tokenizers, each) for each in outputs]
    scored = translator.score([text for text, _ in texts], found, **_search(settings))
    changes, compared = 0.0, 0
    for each, forced in zip(outputs, scored, strict=True):
        pieces = translator.tokenizers.target.pieces(each["tokens"][0, : each["lengths"][0]].tolist())
        # A text may be cut into other pieces than those that were found: they are compared up to there.
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(pieces, forced.tokens, strict=False)))
        changes += abs(float(np.sum(each["token_scores"][0, :same] - forced.token_scores[:same])))
        compared += same
    drift = changes / max(compared, 1)
    if not drift <= _DRIFT[quantize]:
        raise WorkFailed(
            f"The signature {signature.name} of the page's model scores a piece of a long text {drift:.3f} otherwise "
            "than the model, in the mean. Nothing was written. "
            + ("Please report it." if quantize == "none" else "Export with --quantize none.")
        )


def _with_ids(tokenizers: Tokenizers, texts: Iterable[str]) -> list[tuple[str, list[int]]]:
    """Return texts and their ids, without those that have none."""
    return [(text, ids) for text in texts if text.strip() and (ids := tokenizers.source.ids(text))]


def _check_outputs(outputs: dict[str, np.ndarray], signature: WebSignature, read: int, translator: Translator) -> None:
    """Check that outputs can be right: see ``engine.mjs``, which does the same in a page."""
    for place in range(signature.hypotheses):
        if "ranks" in outputs and np.isneginf(outputs["ranks"][place]):
            continue
        length, vocabulary = int(outputs["lengths"][place]), translator.tokenizers.target.vocabulary
        tokens = outputs["tokens"][place, :length]
        right = 0 <= length <= signature.writes and np.isfinite(outputs["scores"][place])
        right = right and bool(np.all((tokens >= UNK) & (tokens < vocabulary) & (tokens != EOS)))
        if right and translator.aligned:
            sums = outputs["alignment"][place, :length, : read + 1].sum(-1)
            right = bool(np.all(np.abs(sums - 1) < _SUM))
        if not right:
            raise WorkFailed(f"The signature {signature.name} of the page's model does not work. Nothing was written.")
