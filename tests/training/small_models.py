"""Models small enough to be trained in every test of callbacks and states."""

import keras
import numpy as np
import tensorflow as tf

from nmt.training.schedules import WarmUp


def small_model(units: int = 5, seed: int = 1, schedule: bool = False, accumulate: int = 1) -> keras.Model:
    """Dense, dropout, dense: weights, moments and random states."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input([3]), keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    parts = accumulate if accumulate > 1 else None
    model.compile(keras.optimizers.Adam(WarmUp(0.1, 1) if schedule else 0.1, gradient_accumulation_steps=parts), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def data(batches: int = 7) -> tf.data.Dataset:
    random = np.random.default_rng(3)
    rows = (random.normal(size=[2 * batches, 3]).astype(np.float32), random.normal(size=[2 * batches, 1]))
    return tf.data.Dataset.from_tensor_slices(rows).batch(2)


def arrays(model: keras.Model) -> list[np.ndarray]:
    everything = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.asarray(v).copy() for v in everything]


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(some) == len(others) and all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))
