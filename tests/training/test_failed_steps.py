"""Steps that fail for a reason outside the program end in a sentence that says which, and no others do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import small_model

from nmt.data.corpora import Corpus, from_tsv
from nmt.errors import InputError, WorkFailed
from nmt.training.failed_steps import explain_failed_steps


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    (tmp_path / "pairs.tsv").write_text("a\tb\n" * 9)
    return from_tsv(tmp_path / "pairs.tsv")


def fit(rows: tf.data.Dataset, read: Callable[[tf.Tensor], tf.Tensor], model: keras.Model) -> None:
    batches = rows.map(lambda row: (tf.ensure_shape(read(row), [3]), tf.ones([1]))).batch(2)
    model.fit(batches, verbose=0, shuffle=False)


def three(*_: Any) -> tf.Tensor:
    return tf.ones([3])


def test_a_file_that_is_gone_is_named_with_what_continues_the_run(corpus: Corpus, tmp_path: Path) -> None:
    rows = corpus.dataset()
    (tmp_path / "pairs.tsv").unlink()
    with (
        pytest.raises(
            WorkFailed, match=r"^pairs\.tsv can no longer be read .*No such file.*the run can then be resumed"
        ) as caught,
        explain_failed_steps(corpus, corpus),
    ):
        fit(rows.map(lambda source, target: target), three, small_model())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "No such file", "pairs.tsv"), InputError("pairs.tsv, line 7: it has no tab.")]
)
def test_what_python_could_not_read_is_told_as_python_told_it(corpus: Corpus, error: Exception) -> None:
    def fail(number: np.int64) -> np.ndarray:
        raise error

    with pytest.raises(WorkFailed) as caught, explain_failed_steps(corpus, corpus):
        fit(tf.data.Dataset.range(4), lambda number: tf.numpy_function(fail, [number], tf.float32), small_model())
    assert str(error).rstrip(".") in str(caught.value) and "\n" not in str(caught.value)


def test_an_error_of_the_model_itself_is_raised_as_it_is(corpus: Corpus) -> None:
    def refuse(values: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([tf.debugging.assert_less(values, 0.0)]):
            return tf.identity(values)

    broken = keras.Sequential([keras.Input([3]), keras.layers.Lambda(refuse), keras.layers.Dense(1)])
    broken.compile("sgd", "mse")
    with pytest.raises(tf.errors.InvalidArgumentError), explain_failed_steps(corpus, corpus):
        fit(tf.data.Dataset.range(4), three, broken)


def test_a_copy_of_the_batch_is_not_taken_for_its_reading(corpus: Corpus) -> None:
    said = "indices[0] = 7 is not in [0, 5)\n\t [[{{node gather}}]]\n\t [[IteratorGetNext/_2]]"
    with pytest.raises(tf.errors.InvalidArgumentError), explain_failed_steps(corpus, corpus):
        raise tf.errors.InvalidArgumentError(None, None, said)


def test_too_little_memory_has_a_sentence_of_its_own(corpus: Corpus) -> None:
    with (
        pytest.raises(WorkFailed, match=r"not enough memory .*shape\[9,9\]\. With more of it, the run can be resumed"),
        explain_failed_steps(corpus, corpus),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9,9]")
