"""The search strategies, as a config's section ``decoding`` names them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.config import MAX_RATIO, Config, Decoding, beam_size, check_decoding, from_dict, max_ratio
from nmt.decoding.beam import BeamSearch, Penalties, Pruning
from nmt.decoding.constraints import PAD, Constraints
from nmt.decoding.history import ARRAYS, History
from nmt.decoding.phrase_beam import PhraseBeamSearch
from nmt.decoding.phrases import Phrases
from nmt.decoding.sampling import random_numbers, sampler
from nmt.decoding.search import Hypotheses, greedy, recorder, repeat_rows
from nmt.decoding.shortlist import Selection, Shortlist
from nmt.errors import InputError

# Pieces that a translation may have beyond decoding.max_ratio for each piece read.
EXTRA = 10


def settings_with(config: Config, vocabulary: int, **changes: Any) -> Decoding:
    """Return the section ``decoding`` with changes.

    Arguments:
        config: the whole configuration.
        vocabulary: number of target pieces.
        changes: keys of the section that are different this time.

    Raises:
        InputError: if a key or value does not exist or is invalid, or the beam is larger than the vocabulary.

    >>> settings_with(Config(), 8000, beam=5).beam
    5
    """
    changed = from_dict({"decoding": changes}, config) if changes else config
    check_decoding(changed, vocabulary)
    return changed.decoding


def graph_settings(settings: Decoding) -> Decoding:
    """Return the settings with defaults for those that the graph of a search does not depend on: seed and batch size.

    >>> graph_settings(Decoding(sample=True, seed=7)) == graph_settings(Decoding(sample=True, batch_size=5))
    True
    """
    return dataclasses.replace(settings, seed=Decoding.seed, batch_size=Decoding.batch_size)


def search(
    model: Any,
    settings: Decoding,
    memory: Any,
    mask: tf.Tensor,
    constraints: Constraints,
    *,
    numbers: tf.Tensor,
    bos: int,
    eos: int,
    history: History = ARRAYS,
    selection: Selection | None = None,
) -> Hypotheses:
    """Search as the settings say: greedily, with a beam, or by sampling.

    Arguments:
        model: has ``encode``, ``initial_state`` and ``step``.
        settings: the section ``decoding`` of a config.
        memory: from ``model.encode``, for ``batch`` rows.
        mask: ``(batch, source)``, true at source tokens that should be covered; no columns if there is no alignment.
        constraints: what the hypotheses of each row must obey.
        numbers: ``(batch, n_best * max_length)``, see :func:`numbers_for`; unused without sampling.
        bos, eos: the tokens before the first and after the last one.
        history: how the steps are kept.
        selection: the tokens that the search is limited to.

    Returns:
        ``n_best`` hypotheses for each row.
    """
    recording = recorder(model)
    searched, stepped = model, recording.stepped(memory)
    if selection is not None:
        searched, stepped = selection.restrict(model, stepped)
        constraints = selection.constraints(constraints)
    found = _search(
        searched,
        settings=settings,
        memory=stepped,
        mask=mask,
        constraints=constraints,
        numbers=numbers,
        bos=bos,
        eos=eos,
        history=history,
    )
    if selection is not None:
        found = selection.spelled(found)
    if not recording.width:
        return found
    weights = model.link(found.alignment, found.tokens, memory)
    # What the head makes of the places after a translation has no meaning.
    written = tf.range(tf.shape(found.tokens)[2]) < tf.expand_dims(found.lengths, 2)
    return found._replace(alignment=tf.where(tf.expand_dims(written, 3), weights, 0.0))


def _search(
    model: Any,
    settings: Decoding,
    memory: Any,
    mask: tf.Tensor,
    constraints: Constraints,
    *,
    numbers: tf.Tensor,
    bos: int,
    eos: int,
    history: History,
) -> Hypotheses:
    """Search as :func:`search` does, with records in place of alignments where a model records."""
    # A step reads BOS and all tokens but the last.
    state = model.initial_state(memory, tf.maximum(constraints.max_steps, 1))
    if (size := beam_size(settings)) > 1:
        kind = BeamSearch if constraints.phrases is None else PhraseBeamSearch
        beam = kind(
            model.step,
            memory,
            mask,
            constraints,
            bos=bos,
            eos=eos,
            size=size,
            n_best=settings.n_best,
            penalties=Penalties(
                length=settings.length_penalty,
                plain=settings.length_normalization == "plain",
                coverage=settings.coverage_penalty,
            ),
            pruning=Pruning(settings.prune or math.inf, settings.patience or math.inf),
            history=history,
            recorder=recorder(model),
        )
        return beam.run(state)
    if constraints.phrases is not None:
        raise ValueError("Phrases need a beam.")
    source = tf.shape(mask)[1]
    if not settings.sample:
        return greedy(
            model.step,
            state,
            memory,
            source=source,
            constraints=constraints,
            bos=bos,
            eos=eos,
            history=history,
            recorder=recorder(model),
        )
    count, n_best = tf.shape(mask)[0], settings.n_best
    state, memory = repeat_rows((state, memory), n_best)
    found = greedy(
        model.step,
        state,
        memory,
        source=source,
        constraints=constraints.gather(repeat_rows(tf.range(count), n_best)),
        bos=bos,
        eos=eos,
        pick=sampler(
            tf.reshape(numbers, [-1, settings.max_length]), settings.temperature, settings.top_k, settings.top_p
        ),
        history=history,
        recorder=recorder(model),
    )
    return _by_rank(found, n_best)


def with_spares(settings: Decoding) -> Decoding:
    """Return settings for all hypotheses of a beam, where several translations are wanted.

    The same text may be written in several ways, so the n best different texts may be further down.
    """
    several = settings.n_best > 1 and not settings.sample
    return dataclasses.replace(settings, n_best=beam_size(settings)) if several else settings


def selection_for(
    settings: Decoding, shortlist: Shortlist | None, source: tf.Tensor, constraints: Constraints
) -> Selection | None:
    """Return the tokens that :func:`search` is limited to, or ``None`` for all.

    Arguments:
        settings: the section ``decoding`` of a config.
        shortlist: of the model, if it has one.
        source: ids ``(batch, source)``.
        constraints: on the translations.

    Raises:
        InputError: if the settings want a shortlist and there is none.
    """
    if not settings.shortlist:
        return None
    if shortlist is None:
        raise InputError("decoding.shortlist = true, but the model has no shortlist. `nmt shortlist MODEL` makes one.")
    return shortlist.select(source, constraints)


def numbers_for(settings: Decoding, lines: Sequence[int]) -> tf.Tensor:
    """Return the random numbers that :func:`search` needs for these numbers of lines, ``(lines, n_best * max_length)``.

    Without sampling they have no columns.
    """
    count = settings.n_best * settings.max_length if settings.sample else 0
    return tf.constant(random_numbers(settings.seed, lines, count))


def fitted_max_ratio(lengths: np.ndarray) -> float:
    """Return the ``decoding.max_ratio`` that leaves room for all but one in 10,000 translations, at least 3.

    A translation that reaches its maximum length is cut, so a search must be able to write what the pairs hold.

    Arguments:
        lengths: of the training pairs, ``(pairs, 2)``: source and target pieces, both with EOS.

    >>> fitted_max_ratio(np.array([[5, 9], [3, 31]]))  # 31 pieces are 10 and 10.5 for each of two read
    10.5
    """
    source, target = np.maximum(lengths[:, 0] - 1, 1), lengths[:, 1]
    needed = np.quantile((target - EXTRA) / source, 0.9999, method="higher")
    # One decimal, rounded up: the rounding must not cut the pair it was fitted to.
    return min(max(MAX_RATIO, math.ceil(10 * float(needed)) / 10), 100.0)


def constraints_for(
    settings: Decoding,
    lengths: tf.Tensor,
    prefix: tf.RaggedTensor | None,
    *,
    unknown: int,
    space: int,
    phrases: Phrases | None = None,
) -> Constraints:
    """Return the constraints on translations.

    Arguments:
        settings: the section ``decoding`` of a config.
        lengths: ``(batch,)``, source tokens without EOS. A source without any has an empty translation.
        prefix: ids ``(batch, None)`` that each translation begins with.
        unknown: the token for what no piece spells, which is never written.
        space: the token that spells a space alone, which is not a whole translation unless that may be blank.
        phrases: what each translation must contain.
    """

    def times(ratio: float) -> tf.Tensor:
        return tf.cast(tf.math.ceil(ratio * tf.cast(lengths, tf.float32)), tf.int32)

    # A translation much longer than its source has begun to repeat itself.
    longest = times(max_ratio(settings)) + EXTRA
    if prefix is not None:
        longest += tf.cast(prefix.row_lengths(), tf.int32)
    if phrases is not None:
        longest += phrases.total
    longest = tf.where(lengths > 0, tf.clip_by_value(longest, 1, settings.max_length), 0)
    shortest: int | tf.Tensor = settings.min_length
    if settings.min_ratio:
        shortest = tf.maximum(times(settings.min_ratio), settings.min_length)
    if settings.min_ratio or settings.min_length:
        longest = tf.where(lengths > 0, tf.minimum(tf.maximum(longest, shortest + 1), settings.max_length), 0)
    beginning = None if prefix is None else prefix.to_tensor(0)
    blank = settings.min_length == 0 and not settings.min_ratio
    return Constraints(
        longest,
        min_length=shortest,
        prefix=beginning,
        no_repeat=settings.no_repeat,
        unknown=unknown,
        space=PAD if blank else space,
        phrases=phrases,
    )


def _by_rank(found: Hypotheses, n_best: int) -> Hypotheses:
    """Turn one hypothesis a row, ``(batch * n_best, 1, …)``, into ``(batch, n_best, …)``, the best first."""
    grouped = [tf.reshape(part, tf.concat([[-1, n_best], tf.shape(part)[2:]], 0)) for part in found]
    _, order = tf.math.top_k(Hypotheses(*grouped).ranks, n_best)
    return Hypotheses(*(tf.gather(part, order, axis=1, batch_dims=1) for part in grouped))
