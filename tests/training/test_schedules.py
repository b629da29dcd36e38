"""The rate rises in a straight line and then stays or falls."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.training.schedules import WarmUp

# Peak 0.6, warm-up of 3 steps. Step 0 is the first update.
GOLDEN = {
    # 0.6 * (1/3, 2/3, 1, 1, 1)
    "constant": {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.6, 26: 0.6},
    # then 0.6 * sqrt(3 / (step + 1)): sqrt(3/12) = 1/2, sqrt(3/27) = 1/3, sqrt(3/4) = 0.866025
    "inverse_root": {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.519615, 11: 0.3, 26: 0.2},
    # then 0.6 * (13 - step - 1) / (13 - 3), never below 0.6 / 100
    "linear": {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.54, 7: 0.3, 11: 0.06, 12: 0.006, 99: 0.006},
}


@pytest.mark.parametrize("decay", GOLDEN)
def test_the_rate_by_hand(decay: str) -> None:
    schedule = WarmUp(0.6, 3, decay, 13)
    for step, rate in GOLDEN[decay].items():
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-5)
        assert float(tf.function(schedule)(tf.constant(step, tf.int64))) == pytest.approx(rate, rel=1e-5)


def test_the_root_is_that_of_the_transformer_paper() -> None:
    # Vaswani et al., equation 3: width ** -0.5 * min(step ** -0.5, step * warmup ** -1.5), with steps from 1.
    width, warmup = 512, 4000
    schedule = WarmUp(width**-0.5 * warmup**-0.5, warmup, "inverse_root")
    for step in (1, 17, 3999, 4000, 4001, 100_000):
        assert float(schedule(step - 1)) == pytest.approx(width**-0.5 * min(step**-0.5, step * warmup**-1.5), rel=1e-5)


def test_the_rate_never_passes_its_peak() -> None:
    for decay in GOLDEN:
        rates = [float(WarmUp(0.6, 7, decay, 13)(step)) for step in range(23)]
        assert max(rates) == pytest.approx(0.6, rel=1e-6)
        assert int(np.argmax(rates)) == 6


@pytest.mark.parametrize("decay", GOLDEN)
def test_the_scale_multiplies_the_rate_of_a_traced_step(decay: str) -> None:
    schedule = WarmUp(0.6, 3, decay, 13)
    traced = tf.function(schedule)
    before = float(traced(tf.constant(11)))
    schedule.scale.assign(0.25)
    assert float(traced(tf.constant(11))) == pytest.approx(before / 4, rel=1e-6)


def test_the_rise_is_at_most_the_whole_run() -> None:
    schedule = WarmUp(0.6, 1, "linear", 2)
    for steps, warmup in ((12, 3), (2, 2)):
        schedule.span(3, steps)
        assert (schedule.warmup, int(schedule.total)) == (warmup, steps + 1)
    schedule.span(3, 12)
    assert [float(schedule(step)) for step in GOLDEN["linear"]] == pytest.approx(list(GOLDEN["linear"].values()))


def test_an_unknown_decay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no decay 'cosine'. Known: constant, inverse_root, linear"):
        WarmUp(0.6, 3, "cosine")


@pytest.mark.parametrize("total", [0, 2, 3])
def test_a_linear_fall_needs_steps_after_the_rise(total: int) -> None:
    with pytest.raises(ValueError, match=f"over {total} steps leaves nothing after a rise of 3"):
        WarmUp(0.6, 3, "linear", total)


@pytest.mark.parametrize("decay", GOLDEN)
def test_a_schedule_can_be_saved(decay: str) -> None:
    config = keras.optimizers.schedules.serialize(WarmUp(0.6, 3, decay, 13))
    loaded = keras.optimizers.schedules.deserialize(config)
    assert float(loaded(11)) == pytest.approx(GOLDEN[decay].get(11, 0.6), rel=1e-6)


def test_a_rise_of_no_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup must be 1 or more, not 0"):
        WarmUp(0.6, 0, "inverse_root")


def test_a_schedule_that_was_lowered_is_saved_as_it_is() -> None:
    schedule = WarmUp(0.6, 3)
    schedule.scale.assign(0.25)
    loaded = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert float(loaded(11)) == pytest.approx(0.15, rel=1e-6)
