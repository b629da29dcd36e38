"""A precision that the processor only emulates is told, and XLA compiles a step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.config import Config, Training, with_settings
from nmt.errors import InputError
from nmt.training import setup
from nmt.training.setup import (
    chosen_precision,
    faster_precision,
    idle_plateau,
    make_models,
    make_training_model,
    slow_precision,
)

OLD = "processor : 0\nflags : fpu sse avx2 avx512f\n"


@pytest.mark.parametrize("known", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_the_instructions_gets_no_warning(known: str) -> None:
    assert slow_precision("bfloat16", OLD.replace("avx2", known)) == ""
    assert slow_precision("bfloat16", "Features : fp asimd bf16") == ""


def test_the_faster_precision_goes_by_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [faster_precision(OLD), faster_precision("nothing is known")] == ["float32", "float32"]
    assert faster_precision(f"{OLD} amx_bf16") == faster_precision("Features : bf16") == "bfloat16"
    monkeypatch.setattr(setup, "faster_precision", lambda: "bfloat16")
    assert [chosen_precision(name) for name in ("auto", "float32")] == ["bfloat16", "float32"]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert faster_precision(f"{OLD} amx_bf16") == "float32"  # a GPU trains


def test_one_without_them_is_told_the_measured_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1.2 to 2.6 times as long as with float32" in slow_precision("bfloat16", OLD)
    assert slow_precision("float32", OLD) == slow_precision("bfloat16", "nothing is known") == ""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert slow_precision("bfloat16", OLD) == ""  # a GPU trains


def test_keys_of_a_plateau_are_told_only_where_they_do_nothing() -> None:
    changed = {"plateau_patience": 7, "plateau_factor": 0.3}
    assert idle_plateau(Training(**changed)) == idle_plateau(Training(schedule="linear")) == []
    factor, patience = idle_plateau(Training(schedule="inverse_root", **changed))
    assert "plateau_factor = 0.3" in factor and "plateau_patience = 7" in patience


SMALL = ["model.units=8", "model.embedding=8", "training.warmup_steps=1"]


def learned(settings: list[str], xla: str) -> tuple[list[float], list[np.ndarray]]:
    """The losses and the weights after two epochs on random batches of one shape."""
    rng = np.random.default_rng(1)
    source, target = rng.integers(4, 23, [12, 5]), rng.integers(4, 23, [12, 7])
    source[::3, 3:] = target[::4, 2:] = 0
    inputs = {"source": source, "target": target}
    config = with_settings(Config(), [*SMALL, *settings, f"training.xla={xla}"])
    if config.training.guided_alignment:
        inputs["links"] = np.eye(5, dtype=np.float32)[rng.integers(0, 5, [12, 7])] * (target > 0)[..., None]
    keras.utils.set_random_seed(1)
    model, _ = make_training_model(config, 6, 23, 23)
    assert model.jit_compile == (xla == "on")
    # Where a gradient is next to nothing, Adam would make steps of rounding errors.
    model.optimizer.epsilon = 1e-3
    data = tf.data.Dataset.from_tensor_slices((inputs, target)).batch(4, drop_remainder=True)
    losses = model.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]
    return losses, [np.asarray(variable) for variable in model.trainable_variables]


# XLA compiles for a processor with the same limits as for a GPU.


def test_a_step_that_xla_compiled_learns_the_same() -> None:
    still = [f"model.{kind}=0" for kind in ("dropout", "embedding_dropout", "context_dropout", "output_dropout")]
    still += ["model.attention_units=7", "training.guided_alignment=0.5"]
    (losses, weights), (others, found) = (learned(still, xla) for xla in ("auto", "on"))
    np.testing.assert_allclose(losses, others, rtol=1e-5)
    for one, other in zip(weights, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    "drawn",
    [
        ["model.architecture=transformer", "model.feed_forward=11", "model.word_dropout=0.2"],
        ["model.recurrent_dropout=0.2", "model.attention_units=7"],
    ],
    ids=["transformer", "recurrent"],
)
def test_what_is_drawn_compiles_too(drawn: list[str]) -> None:
    losses, _ = learned([*drawn, "training.average_decay=0.9"], "on")
    assert np.isfinite(losses).all()


def test_xla_needs_one_device() -> None:
    with pytest.raises(InputError, match="needs one device"):
        with_settings(Config(), ["training.xla=on", "training.devices=2"])


def test_the_model_that_is_kept_is_searched_in_float32_whatever_the_policy_of_keras() -> None:
    config = with_settings(Config(), ["model.units=4", "model.embedding=4", "training.precision=bfloat16"])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, kept, _ = make_models(config, (11, 13), 3)
    finally:
        keras.config.set_dtype_policy(before)
    assert [model.network.compute_dtype, kept.network.compute_dtype] == ["bfloat16", "float32"]
    kept.network.encode(tf.constant([[7, 3]]))
