"""A search that XLA compiles, for a few shapes and not for each batch's own."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from nmt.config import Decoding
from nmt.data.tokenizers import BOS, EOS, PAD
from nmt.decoding.constraints import Constraints
from nmt.decoding.history import BoundedHistory
from nmt.decoding.search import Hypotheses
from nmt.decoding.strategies import search

# Source and prefix are padded to multiples of these.
_COLUMNS, _PREFIX = 16, 8


def search_compiled(
    model: Any, settings: Decoding, source: tf.Tensor, constraints: Constraints, numbers: tf.Tensor
) -> Hypotheses:
    """Encode and search as :func:`~nmt.decoding.strategies.search` does, compiled by XLA.

    XLA compiles once for each shape, which takes seconds. So rows are padded to a power of two, columns to a multiple
    of 16, and hypotheses to the maximum length of the settings; the padding is cut off again. No row is dropped when it
    has ended, since that would change shapes.

    Arguments:
        model: as of a search.
        settings: the section ``decoding`` of a config.
        source: ids ``(batch, source)``, each row with EOS.
        constraints: on the translations, without phrases.
        numbers: the random numbers of sampling.
    """
    rows, columns = tf.unstack(tf.shape(source))
    steps = constraints.max_steps
    more = _power_of_two(rows) - rows

    @tf.function(jit_compile=True, autograph=False)
    def run(source: tf.Tensor, constraints: Constraints, numbers: tf.Tensor) -> Hypotheses:
        mask = (source != PAD) & (source != EOS)
        return search(
            model,
            settings=settings,
            memory=model.encode(source),
            mask=mask if model.aligned else mask[:, :0],
            constraints=constraints,
            numbers=numbers,
            bos=BOS,
            eos=EOS,
            history=BoundedHistory(settings.max_length),
        )

    # A row of padding may have no token, so it has ended before the first step.
    rows_of_padding = [[0, more], [0, 0]]
    # An attention needs something to rest on.
    padded = tf.pad(source, rows_of_padding, constant_values=EOS)
    padded = tf.pad(padded, [[0, 0], [0, -columns % _COLUMNS]], constant_values=PAD)
    limits = constraints._replace(max_length=tf.pad(constraints.max_length, [[0, more]]))
    if not isinstance(constraints.min_length, int):
        limits = limits._replace(min_length=tf.pad(constraints.min_length, [[0, more]]))
    if constraints.prefix is not None:
        width = -tf.shape(constraints.prefix)[1] % _PREFIX
        limits = limits._replace(prefix=tf.pad(constraints.prefix, [[0, more], [0, width]]))
    found = run(padded, limits, tf.pad(numbers, rows_of_padding))
    return Hypotheses(
        tokens=found.tokens[:rows, :, :steps],
        lengths=found.lengths[:rows],
        scores=found.scores[:rows],
        ranks=found.ranks[:rows],
        token_scores=found.token_scores[:rows, :, :steps],
        alignment=found.alignment[:rows, :, :steps, :columns],
    )


def _power_of_two(rows: tf.Tensor) -> tf.Tensor:
    """Return the smallest power of two that is not below ``rows``, at least 1."""
    powers = 2 ** tf.range(31)
    return tf.reduce_min(tf.boolean_mask(powers, powers >= rows))
