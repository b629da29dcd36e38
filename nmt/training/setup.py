"""Models made ready for a run as the config says: loss, optimizer, schedule, metrics, precision, devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from nmt.config import Config, Training
from nmt.models.build import build_model
from nmt.models.language_model import LanguageModel
from nmt.models.seq2seq import Seq2Seq
from nmt.training.alignment_loss import Guidance
from nmt.training.distribute import strategy
from nmt.training.losses import MaskedCrossEntropy
from nmt.training.metrics import Perplexity, TokenAccuracy, TokensPerSecond
from nmt.training.optimizers import Adam
from nmt.training.schedules import WarmUp


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Make what is built inside compute in ``float32``, or in ``bfloat16`` with weights in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if name == "bfloat16" else name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_models(
    config: Config, vocabularies: tuple[int, int], steps: int
) -> tuple[Seq2Seq | LanguageModel, Seq2Seq | LanguageModel, WarmUp]:
    """Return the model that learns, for a run of about so many steps, the one that is kept, and the rate's schedule."""
    training = config.training
    with strategy(training.devices).scope(), precision(training.precision):
        model = build_model(config, *vocabularies)
        if training.scheduled_sampling:
            model.schedule_sampling()
        schedule = compiled(model, config, steps)
    kept = build_model(config, *vocabularies)
    kept.compile(
        optimizer=None, loss=MaskedCrossEntropy(training.label_smoothing), metrics=[Perplexity(), TokenAccuracy()]
    )
    return model, kept, schedule


def compiled(model: Seq2Seq | LanguageModel, config: Config, steps: int) -> WarmUp:
    """Compile a model as the config says, for a run of about so many steps, and return its schedule."""
    training = config.training
    decay = "constant" if training.schedule == "plateau" else training.schedule
    schedule = WarmUp(training.learning_rate, min(training.warmup_steps, steps), decay, steps + 1)
    model.compile(
        optimizer=_optimizer(training, schedule),
        loss=MaskedCrossEntropy(training.label_smoothing),
        metrics=[Perplexity(), TokenAccuracy(), TokensPerSecond()],
    )
    if training.guided_alignment:
        model.guidance = Guidance(training.guided_alignment)
    model.optimizer.build(model.trainable_variables)
    # Keras makes the variables of the metrics at the first batch, and a run to resume needs them before.
    word = tf.ones([1, 1], tf.int32)
    inputs = {"source": word, "target": word}
    scores = model(inputs)
    model.compute_loss(inputs, word, scores)
    model.compute_metrics(inputs, word, scores)
    model.reset_metrics()
    return schedule


def _optimizer(training: Training, schedule: WarmUp) -> Adam:
    optimizer = Adam(
        schedule,
        beta_2=0.98,
        epsilon=1e-8,
        global_clipnorm=training.clip_norm,
        weight_decay=training.weight_decay or None,
        use_ema=training.average_decay > 0,
        ema_momentum=training.average_decay or 0.99,
        gradient_accumulation_steps=training.accumulate if training.accumulate > 1 else None,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "strength"])
    return optimizer
