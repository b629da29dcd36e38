"""The models of a run, compiled as the config says: loss, optimizer, schedule, metrics, precision, devices."""

from __future__ import annotations

import contextlib
from pathlib import Path

import keras
import tensorflow as tf

from nmt.config import ENCODER_ALONE, Config, Training
from nmt.models.build import build_model
from nmt.models.precision import precision
from nmt.training.batch_parts import batch_parts
from nmt.training.distribute import strategy
from nmt.training.label_model import LabelCrossEntropy, LabelTrainingModel, label_metrics
from nmt.training.losses import MaskedCrossEntropy
from nmt.training.metrics import Perplexity, TokenAccuracy
from nmt.training.optimizers import Adam
from nmt.training.schedules import WarmUp
from nmt.training.training_model import TrainingModel


def chosen_precision(name: str) -> str:
    """Return what a run computes in, by its ``training.precision``; ``auto`` is :func:`faster_precision`."""
    return faster_precision() if name == "auto" else name


def faster_precision(processor: str | None = None) -> str:
    """Return ``bfloat16`` if a processor trains that has instructions for it, and ``float32`` if not, or on a GPU.

    Arguments:
        processor: the list of its instructions, by default that of this machine.

    >>> faster_precision("flags : avx2 avx512f avx512_bf16"), faster_precision("flags : avx2 avx512f")
    ('bfloat16', 'float32')
    """
    return "bfloat16" if not _on_gpu() and _computes_bfloat16(processor) else "float32"


def slow_precision(name: str, processor: str | None = None) -> str:
    """Return a warning if a precision is emulated by the processor that trains, and nothing otherwise.

    Arguments:
        name: ``training.precision``.
        processor: the list of its instructions, by default that of this machine. Where none is known nothing is said.

    >>> slow_precision("bfloat16", "flags : avx2 avx512f avx512_bf16")
    ''
    """
    if name != "bfloat16" or _on_gpu() or _computes_bfloat16(processor) is not False:
        return ""
    return (
        "Warning: this processor has no instructions for training.precision = bfloat16 (AVX512_BF16 or AMX), so they "
        "are emulated: a training took 1.2 to 2.6 times as long as with float32 where it was measured. Use float32."
    )


def idle_plateau(training: Training) -> list[str]:
    """Return a warning for each key of a plateau that is set and does nothing with another schedule.

    They are not refused: folders of earlier versions may have them.

    >>> idle_plateau(Training(schedule="linear", plateau_patience=7))
    ["Warning: training.plateau_patience = 7 does nothing with training.schedule = 'linear'."]
    """
    keys = ("plateau_factor", "plateau_patience") if training.schedule != "plateau" else ()
    return [
        f"Warning: training.{key} = {value} does nothing with training.schedule = '{training.schedule}'."
        for key in keys
        if (value := getattr(training, key)) != getattr(Training, key)
    ]


def _on_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _computes_bfloat16(processor: str | None) -> bool | None:
    """Return whether a processor has instructions for bfloat16; ``None`` where it does not tell, as on macOS."""
    if processor is None:
        try:
            processor = Path("/proc/cpuinfo").read_text("utf-8", "replace")
        except OSError:
            return None
    known = set(processor.split())
    # x86 names the first two; ARM has "Features" with bf16.
    if {"flags", "Features"}.isdisjoint(known):
        return None
    return bool(known & {"avx512_bf16", "amx_bf16", "bf16"})


def compiles(training: Training) -> bool:
    """Return whether XLA compiles the steps of a run.

    >>> compiles(Training(xla="on")), compiles(Training(xla="off"))
    (True, False)
    """
    alone = training.devices == 1 and bool(tf.config.list_physical_devices("GPU"))
    return training.xla == "on" or (training.xla == "auto" and alone)


# Keras compiles with XLA by itself where there is one device and it is no CPU.
_XLA: dict[str, bool | str] = {"auto": "auto", "on": True, "off": False}


def make_models(
    config: Config, vocabularies: tuple[int, int], steps: int, shared: tf.distribute.Strategy | None = None
) -> tuple[TrainingModel, TrainingModel, WarmUp]:
    """Return the model that learns, the one whose network is kept, and the schedule of the learning rate.

    Arguments:
        config: the whole configuration.
        vocabularies: numbers of source and target tokens.
        steps: about how many steps the run will have.
        shared: the strategy of several workers.
    """
    model, schedule = make_training_model(config, steps, *vocabularies, shared=shared)
    with precision("float32"):
        network = build_model(config, *vocabularies)
        kept = LabelTrainingModel(network) if _labels(config) else TrainingModel(network)
    kept.compile(
        optimizer=None,
        loss=_loss(config),
        metrics=_metrics(config),
        jit_compile=_XLA[config.training.xla],
    )
    return model, kept, schedule


def make_training_model(
    config: Config,
    steps: int,
    source_vocabulary: int | None = None,
    target_vocabulary: int | None = None,
    shared: tf.distribute.Strategy | None = None,
) -> tuple[TrainingModel, WarmUp]:
    """Return a new network, ready to train as the config says, and the schedule of its learning rate.

    Arguments:
        config: the whole configuration.
        steps: about how many steps the run will have.
        source_vocabulary, target_vocabulary: see :func:`~nmt.models.build.build_model`.
        shared: the strategy of several workers, instead of that of several devices.
    """
    training = config.training
    chosen = shared or strategy(training.devices)
    with precision(chosen_precision(training.precision)):
        with chosen.scope():
            network = build_model(config, source_vocabulary, target_vocabulary)
            parts = batch_parts(training, shared.num_replicas_in_sync if shared else 1)
            model = (
                LabelTrainingModel(network, parts)
                if _labels(config)
                else TrainingModel(network, training.guided_alignment, training.scheduled_sampling > 0, parts)
            )
        # Within the scope of several workers a metric would be summed by all of them whenever one reads it.
        with contextlib.nullcontext() if shared else chosen.scope():
            return model, compile_for_training(model, config, steps, chosen)


def compile_for_training(
    model: keras.Model, config: Config, steps: int, chosen: tf.distribute.Strategy | None = None
) -> WarmUp:
    """Compile a model as the config says and return the schedule of its learning rate.

    Arguments:
        model: a new model, made within the scope of its devices and :func:`~nmt.models.precision.precision`.
        config: the whole configuration.
        steps: about how many steps the run will have.
        chosen: the strategy of the optimizer, by default that of the scope of this call.
    """
    training = config.training
    decay = "constant" if training.schedule == "plateau" else training.schedule
    with (chosen or tf.distribute.get_strategy()).scope():
        schedule = WarmUp(training.learning_rate, 1, decay, steps + 1)
        schedule.span(training.warmup_steps, steps)
        optimizer = _optimizer(training, schedule)
    model.compile(
        optimizer=optimizer,
        loss=_loss(config),
        metrics=_metrics(config),
        jit_compile=_XLA[training.xla],
    )
    with (chosen or tf.distribute.get_strategy()).scope():
        model.optimizer.build(model.trainable_variables)
    # Keras creates the variables of the metrics at the first batch, but a resumed run needs them before.
    token = tf.ones([1, 1], tf.int32)
    m = config.model
    source = tf.ones([1, m.source_cells, m.source_width]) if m.source == "features" else token
    inputs = {"source": source, "target": token, "written": token}
    outputs = model(inputs)
    written = tf.ones(tf.shape(outputs)[:-1], tf.int32) if _labels(config) else token
    model.compute_loss(inputs, written, outputs)
    model.compute_metrics(inputs, written, outputs)
    model.reset_metrics()
    return schedule


def _labels(config: Config) -> bool:
    return config.model.architecture in ENCODER_ALONE


def _loss(config: Config) -> keras.losses.Loss:
    smoothing = config.training.label_smoothing
    return LabelCrossEntropy(smoothing) if _labels(config) else MaskedCrossEntropy(smoothing)


def _metrics(config: Config) -> list[keras.metrics.Metric]:
    return label_metrics() if _labels(config) else [Perplexity(), TokenAccuracy()]


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
