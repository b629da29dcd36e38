"""What training adds to a network: guided alignment, scheduled sampling, and steps that can be repeated exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nmt.data.tokenizers import PAD
from nmt.training.alignment_loss import AlignmentLoss, alignment_loss
from nmt.training.batch_parts import join_rows, split_rows
from nmt.training.distribute import sum_over_replicas
from nmt.training.scheduled_sampling import mix_predictions
from nmt.training.vocabulary_loss import OutputLayer, TokenScores, score_tokens


class TrainingModel(keras.Model):
    """A network as it is trained: ``compile`` and ``fit`` this one, then save and use ``network``.

    It has no weights of its own. Plain ``model.compile`` and ``model.fit`` on the network work as well if neither
    guided alignment nor scheduled sampling is used and no run is resumed.

    Arguments:
        network: the model that learns, with its weights.
        guided_alignment: weight of the alignment loss, which is added to the cross-entropy; 0 is none.
        scheduled_sampling: whether training replaces some of the target tokens it reads by the network's own
            predictions. The share is ``sampling_share``, 0 at first.
        parts: in how many parts a step computes a batch, see :mod:`nmt.training.batch_parts`. The numbers are the same
            but for rounding, and for dropout, whose masks are drawn for each part.

    Compile it with :class:`~nmt.training.losses.MaskedCrossEntropy` and metrics that take
    :class:`~nmt.training.vocabulary_loss.TokenScores`: its steps compute these, and no logits.

    Call arguments:
        inputs: those of the network; ``written``, the ids that the network should write, ``(batch, target)``; and for
            guided alignment ``links``, see :class:`nmt.data.alignment_targets.Guide`. A batch without links has no
            alignment loss.

    Returns:
        ``TokenScores`` of the ids to write, and the alignment ``(batch, target, source)``.
    """

    def __init__(
        self,
        network: Any,
        guided_alignment: float = 0.0,
        scheduled_sampling: bool = False,
        parts: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=network.dtype_policy, **kwargs)
        self.network = network
        self.parts = parts
        self.guided_alignment = guided_alignment
        # The share is set for each epoch, so a checkpoint does not store it.
        self.sampling_share = tf.Variable(0.0, trainable=False) if scheduled_sampling else None
        self.built = True

    @property
    def input_dtype(self) -> str:
        """What Keras casts features to before a call: in half precision large ones would lose what differs."""
        return "float32"

    def compile(
        self, optimizer: Any, loss: keras.losses.Loss, metrics: Sequence[keras.metrics.Metric], **kwargs: Any
    ) -> None:
        """Compile it as any Keras model. Loss and metrics are kept here, since Keras would give them tensors only."""
        super().compile(optimizer=optimizer, **kwargs)
        self.cross_entropy: Any = loss
        self.token_metrics = list(metrics)
        self.alignment_metric = AlignmentLoss() if self.guided_alignment else None

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> Any:
        read = {name: ids for name, ids in inputs.items() if name not in ("links", "written")}
        parts = split_rows(read, self.parts) if training and self.parts > 1 else [read]
        return self._write(join_rows([self._read(part, training) for part in parts]), inputs, training)

    def _read(self, inputs: dict[str, tf.Tensor], training: bool) -> Any:
        """Return what the output layer reads, and the alignment."""
        network, target = self.network, inputs["target"]
        encoded = network.run_encoder(inputs.get("source"), training)
        if training and self.sampling_share is not None:
            readouts, _ = network.read_target(target, encoded)
            likeliest = self._score(readouts, target, False).likeliest
            target = mix_predictions(target, likeliest, self.sampling_share, network.sampling_seed)
        return network.read_target(target, encoded, training)

    def _write(self, read: Any, inputs: dict[str, tf.Tensor], training: bool) -> Any:
        """Return the scores of what should be written, and the alignment."""
        readouts, alignment = read
        return self._score(readouts, inputs["written"], training), alignment

    def _score(self, readouts: tf.Tensor, written: tf.Tensor, training: bool) -> TokenScores:
        network = self.network
        kernel, bias = (tf.convert_to_tensor(weight) for weight in (network.output_matrix, network.output_bias))
        return score_tokens(
            readouts,
            OutputLayer(kernel, bias, network.tied_output),
            written,
            smoothing=self.cross_entropy.label_smoothing,
            training=training,
            fixed_shapes=self.jit_compile,
            parts=self.parts if training else 1,
        )

    def train_step(self, data: Any) -> Any:
        """Take one step of training, all of it or nothing.

        At the end of an epoch Keras asks for one batch too many. Without the dependency those parts of a step that need
        no data, such as the seeds of dropout and the count of steps, might still change.
        """
        with tf.control_dependencies([part for part in tf.nest.flatten(data) if part is not None]):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(_with_written(data))
            outputs, loss, gradients = self.loss_and_gradients(x, y, sample_weight)
            self._record_loss(loss, y)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
            return self.compute_metrics(x, y, outputs, sample_weight=sample_weight)

    def loss_and_gradients(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[Any, tf.Tensor, list[Any]]:
        """Return what the model computes in training, the loss, and its gradient to each trainable weight.

        The loss depends on the weights of the output layer by the ``total`` of the scores alone, whose gradient to them
        is among the scores; a tied matrix ``W`` is read as embedding, too::

            dL/dW = dL/dtotal dtotal/dW + (what the tape finds of the embedding)

        Arguments:
            x: inputs with ``written``.
            y: the ids to write, ``(batch, target)``.
            sample_weight: ``None``, see :class:`~nmt.training.losses.MaskedCrossEntropy`.

        Returns:
            The outputs, a scalar, and gradients in the order of ``trainable_weights``: tensors or, of an embedding that
            is not tied, ``IndexedSlices``; ``None`` of a weight that nothing reads.
        """
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y, outputs, sample_weight, training=True)
        weights, (scores, _) = self.trainable_weights, outputs
        *gradients, of_total = tape.gradient(loss, [*weights, scores.total])
        assert scores.gradient is not None
        network, places = self.network, {id(weight): place for place, weight in enumerate(weights)}
        for weight, gradient in zip((network.output_matrix, network.output_bias), scores.gradient, strict=True):
            if weight.trainable:
                place = places[id(weight)]
                gradients[place] = _sum(of_total * gradient, gradients[place])
        return outputs, loss, gradients

    def test_step(self, data: Any) -> Any:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(_with_written(data))
        outputs = self(x, training=False)
        loss = self.compute_loss(x, y, outputs, sample_weight, training=False)
        self._record_loss(loss, y)
        return self.compute_metrics(x, y, outputs, sample_weight=sample_weight)

    def _record_loss(self, loss: tf.Tensor, y: tf.Tensor) -> None:
        """Add the loss of a batch to Keras's own mean over all rows. It is private in Keras 3.15 and has no other name.

        Each device has a part of the loss, and those with more words have more of it, whatever their number of rows.
        """
        (whole,) = sum_over_replicas([loss])
        self._loss_tracker.update_state(whole, sample_weight=self.rows(y))

    def rows(self, y: tf.Tensor) -> tf.Tensor:
        """Return how many rows of a batch have something to write; the others make batches for XLA full."""
        return tf.math.count_nonzero(tf.reduce_any(y != PAD, 1), dtype=tf.int32)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> tf.Tensor:
        scores, alignment = y_pred
        loss = self.cross_entropy(y, scores, sample_weight)
        return loss + self.guided_alignment * alignment_loss(x["links"], alignment) if self._guided(x) else loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        scores, alignment = y_pred
        for metric in self.token_metrics:
            metric.update_state(y, scores)
        if self.alignment_metric is not None and self._guided(x):
            self.alignment_metric.update_state(x["links"], alignment)
        return self.get_metrics_result()

    def _guided(self, inputs: dict[str, tf.Tensor]) -> bool:
        return self.guided_alignment > 0 and "links" in inputs

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: the network is built. A private method of Keras 3.15, see :mod:`nmt.tf_import`.

        With several devices Keras would build with a batch, for which it averages the parts of the devices; these need
        not have the same size.
        """


def _sum(dense: tf.Tensor, other: tf.Tensor | tf.IndexedSlices | None) -> tf.Tensor:
    """Return the sum of two gradients of a weight, the second of which may be rows of an embedding."""
    if isinstance(other, tf.IndexedSlices):
        return tf.tensor_scatter_nd_add(dense, tf.expand_dims(other.indices, 1), tf.cast(other.values, dense.dtype))
    return dense if other is None else dense + other


def _with_written(data: Any) -> Any:
    """Return a batch whose inputs have the ids to write, too."""
    inputs, written, *rest = data
    return ({**inputs, "written": written}, written, *rest)
