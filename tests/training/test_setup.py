"""A precision that the processor only emulates is told."""

import pytest
import tensorflow as tf

from nmt.training.setup import slow_precision

OLD = "processor : 0\nflags : fpu sse avx2 avx512f\n"


@pytest.mark.parametrize("known", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_the_instructions_gets_no_warning(known: str) -> None:
    assert slow_precision("bfloat16", OLD.replace("avx2", known)) == ""
    assert slow_precision("bfloat16", "Features : fp asimd bf16") == ""


def test_one_without_them_is_told_the_measured_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2.6 times as long as with float32" in slow_precision("bfloat16", OLD)
    assert slow_precision("float32", OLD) == slow_precision("bfloat16", "nothing is known") == ""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert slow_precision("bfloat16", OLD) == ""  # a GPU trains
