"""The numbers that layers compute with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Let layers made inside compute in ``float32``, or in ``bfloat16`` with weights in float32.

    The policy of Keras that holds outside has no effect on them. A search calls methods in which Keras casts no
    weights, so what is searched computes in float32.

    >>> with precision("bfloat16"):
    ...     keras.layers.Dense(1).compute_dtype
    'bfloat16'
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if name == "bfloat16" else name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
