"""How a translator learns corrections in about a minute without forgetting the rest.

Each batch has corrections and pairs that the model was trained on, as Chu et al. 2017 mix two domains (mixed
fine-tuning, https://aclanthology.org/P17-2061): the old pairs pull the weights back to where they translate everything
else. Between rounds the corrected sentences are translated, and the learning ends when all come out as they were
corrected.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from nmt.config import Config
from nmt.data.pipeline import shift
from nmt.data.tokenizers import BOS, EOS, PAD, Tokenizers
from nmt.decoding.shortlist import Shortlist
from nmt.errors import InputError, WorkFailed
from nmt.evaluation.scores import composed, score
from nmt.inference.searcher import count_pieces
from nmt.inference.translator import Translator
from nmt.models.seq2seq import Seq2Seq
from nmt.training.finetune import begin_with
from nmt.training.setup import make_training_model

logger = logging.getLogger(__name__)

# Of the highest learning rate of the training: enough for some sentences, and little for the rest.
_RATE = 0.2
_BATCH = 32
# In a round each correction is read so often that all together fill two batches, and three old pairs for each of these.
_CORRECTED = 64
_OLD = 3
_ROUNDS = 40
# Shapes of batches are multiples of this, so that few are traced.
_STEP = 8

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Corrected:
    """What became of corrections.

    Attributes:
        model: the network with the new weights.
        rounds: how many it took.
        seconds: of learning.
        wrong: those that do not come out as they were corrected, each with what comes out.
        shut_out: how many of these would come out without the shortlist that the model's search goes by.
        measure: BLEU, or chrF where BLEU says little of the old pairs.
        before, after: that of the old pairs that were held back.
        judged: how many these are.
    """

    model: Seq2Seq
    rounds: int
    seconds: float
    wrong: list[tuple[str, str, str]]
    shut_out: int
    measure: str
    before: float
    after: float
    judged: int


def learn_corrections(
    start: Seq2Seq,
    tokenizers: Tokenizers,
    config: Config,
    corrections: Sequence[Pair],
    old: Sequence[Pair],
    held_back: Sequence[Pair],
    minutes: float = 1.0,
    shortlist: Shortlist | None = None,
) -> Corrected:
    """Return a translator that has learned corrections.

    The logger of this module logs its progress, with level INFO.

    Arguments:
        start: the translator with the weights before any correction. It does not change.
        tokenizers, config: of it.
        corrections: sources with the translations that they should have.
        old: pairs that it was trained on.
        held_back: others of them, that are not learned from.
        minutes: the longest time that is spent on steps and on looking at what comes out.
        shortlist: that of the model. What comes out is judged by it in the end, if the model's search goes by it.

    Raises:
        InputError: if all pairs that were held back are of corrected sentences.
        WorkFailed: if the time is over before the first round.
    """
    sources = {source for source, _ in corrections}
    # An old pair with another translation of a corrected sentence would teach both, or count as forgotten.
    old, held_back = ([pair for pair in pairs if pair[0] not in sources] for pairs in (old, held_back))
    if not held_back:
        raise InputError(
            "All old pairs that were held back have a corrected source, so nothing would tell what is forgotten. Name "
            "more pairs that the model was trained on, with --pairs."
        )
    learned, long = _by_length(corrections, tokenizers, config.data.max_length)
    # What is searched between rounds is the network that learns, and a search computes in float32.
    training = dataclasses.replace(
        config.training, schedule="plateau", learning_rate=config.training.learning_rate * _RATE, warmup_steps=_STEP,
        average_decay=0.0, accumulate=1, guided_alignment=0.0, scheduled_sampling=0.0, devices=1, precision="float32",
    )  # fmt: skip
    keras.utils.set_random_seed(training.seed)
    model, _ = make_training_model(
        dataclasses.replace(config, training=training),
        steps=10_000,
        source_vocabulary=tokenizers.source.vocabulary,
        target_vocabulary=tokenizers.target.vocabulary,
    )
    begin_with(model.network, tokenizers, start, tokenizers)
    network = model.network
    assert isinstance(network, Seq2Seq)
    # A shortlist may lack pieces of a correction, however well it is learned, and a drawn translation says nothing of
    # what was learned.
    search = dataclasses.replace(config.decoding, shortlist=False, sample=False, n_best=1)
    translator = Translator(network, tokenizers, dataclasses.replace(config, decoding=search))
    measure, before = _quality(translator, held_back)
    draws = np.random.default_rng(training.seed)
    begun, rounds = time.monotonic(), 0
    wrong = wrong_ones(translator, learned)
    logger.info(f"{len(wrong):,} of {len(learned):,} corrected sentences come out otherwise.")
    while wrong and rounds < _ROUNDS and time.monotonic() - begun < 60 * minutes:
        for inputs, written in _round(
            learned, old=old, tokenizers=tokenizers, max_length=config.data.max_length, draws=draws
        ):
            loss = model.train_on_batch(inputs, written, return_dict=True)["loss"]
        rounds += 1
        wrong = wrong_ones(translator, learned)
        logger.info(f"Round {rounds}: loss {float(loss):.3f}, {len(wrong):,} of {len(learned):,} come out otherwise.")
    if wrong and not rounds:
        # The weights are those from before any correction: they would undo the corrections of an earlier time.
        raise WorkFailed(
            f"The model stays as it was: no round of learning fitted into {minutes:g} minutes. The corrections are "
            "kept; allow more time with --minutes."
        )
    seconds = time.monotonic() - begun
    _, after = _quality(translator, held_back) if rounds else (measure, before)
    wrong += wrong_ones(translator, long)
    shut_out = 0
    if config.decoding.shortlist and shortlist:
        own = dataclasses.replace(config, decoding=dataclasses.replace(search, shortlist=True))
        narrow = wrong_ones(Translator(network, tokenizers, own, shortlist=shortlist), [*learned, *long])
        shut_out = len({source for source, _, _ in narrow} - {source for source, _, _ in wrong})
        wrong = narrow
    return Corrected(
        network, rounds=rounds, seconds=seconds, wrong=wrong, shut_out=shut_out, measure=measure, before=before,
        after=after, judged=len(held_back),
    )  # fmt: skip


def _by_length(corrections: Sequence[Pair], tokenizers: Tokenizers, max_length: int) -> tuple[list[Pair], list[Pair]]:
    """Return the corrections that can be learned, and those that are longer than the model reads, which are named."""
    sources = count_pieces(tokenizers.source, [source for source, _ in corrections])
    targets = count_pieces(tokenizers.target, [target for _, target in corrections])
    fits = [max(both) <= max_length for both in zip(sources, targets, strict=True)]
    long = [pair for pair, fit in zip(corrections, fits, strict=True) if not fit]
    for source, _ in long:
        logger.info(
            f"Too long to be learned, with more than data.max_length = {max_length} pieces on a side: {source[:60]!r}."
        )
    return [pair for pair, fit in zip(corrections, fits, strict=True) if fit], long


def wrong_ones(translator: Translator, corrections: Sequence[Pair]) -> list[tuple[str, str, str]]:
    """Return the source, the wanted and the found translation of each correction that does not come out.

    Two translations are equal if they have the same words in NFC.
    """
    if not corrections:
        return []
    found = translator.translate([source for source, _ in corrections])
    return [
        (source, target, each.text)
        for (source, target), each in zip(corrections, found, strict=True)
        if _words(translator, target) != composed([each.text])[0].split()
    ]


def _words(translator: Translator, target: str) -> list[str]:
    tokenizer = translator.tokenizers.target
    own: Callable[[str], str] = tokenizer.normalized if tokenizer.normalization in ("nfkc", "nmt_nfkc") else str
    return composed([own(target)])[0].split()


def _quality(translator: Translator, pairs: Sequence[Pair]) -> tuple[str, float]:
    """Return the name of the measure that tells how well pairs are translated, and what it is."""
    found = translator.translate([source for source, _ in pairs])
    scores = score([each.text for each in found], [target for _, target in pairs])
    return scores.telling[:2]


def _round(
    corrections: Sequence[Pair],
    old: Sequence[Pair],
    tokenizers: Tokenizers,
    max_length: int,
    draws: np.random.Generator,
) -> list[tuple[dict[str, tf.Tensor], tf.Tensor]]:
    """Return the batches of a round: corrections and old pairs, mixed, each batch of similar lengths."""
    repeated = list(corrections) * max(1, _CORRECTED // max(1, len(corrections)))
    number = min(len(old), _OLD * len(repeated))
    rows = repeated + [old[i] for i in draws.choice(len(old), number, replace=False)]
    sources = tokenizers.source.encode(tf.constant([source for source, _ in rows])).to_list()
    targets = tokenizers.target.encode(tf.constant([target for _, target in rows])).to_list()
    # What is longer than a model reads was not learned from either: it would teach an end where there is none.
    fits = [i for i, both in enumerate(zip(sources, targets, strict=True)) if max(map(len, both)) <= max_length]
    mixed = draws.permutation(fits)
    batches = []
    for i in range(0, len(mixed), _BATCH):
        chosen = mixed[i : i + _BATCH]
        source = _padded([[*sources[row], EOS] for row in chosen], 0)
        target = _padded([[BOS, *targets[row], EOS] for row in chosen], 1)
        batches.append(shift(tf.constant(source), tf.constant(target)))
    return batches


def _padded(rows: Sequence[Sequence[int]], more: int) -> np.ndarray:
    longest = max(map(len, rows)) - more
    padded = np.full([len(rows), -(-longest // _STEP) * _STEP + more], PAD, np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
