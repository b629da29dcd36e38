"""What training adds to a network: guided alignment, scheduled sampling, and steps that can be repeated exactly."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nmt.models.base import TextModel
from nmt.training.alignment_loss import AlignmentLoss, alignment_loss
from nmt.training.scheduled_sampling import mix_predictions


class TrainingModel(keras.Model):
    """A network as it is trained: ``compile`` and ``fit`` this one, then save and use ``network``.

    It has no weights of its own. Plain ``model.compile`` and ``model.fit`` on the network work as well if neither
    guided alignment nor scheduled sampling is used and no run is resumed.

    Arguments:
        network: the model that learns, with its weights.
        guided_alignment: weight of the alignment loss, which is added to the cross-entropy; 0 is none.
        scheduled_sampling: whether training replaces some of the target tokens it reads by the network's own
            predictions. The share is ``sampling_share``, 0 at first.

    Call arguments:
        inputs: those of the network, and for guided alignment ``links``, see :class:`nmt.data.alignment_targets.Guide`.
            A batch without links has no alignment loss.

    Returns:
        Logits ``(batch, target, vocabulary)`` and the alignment ``(batch, target, source)``.
    """

    def __init__(
        self,
        network: TextModel,
        guided_alignment: float = 0.0,
        scheduled_sampling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=network.dtype_policy, **kwargs)
        self.network = network
        self.guided_alignment = guided_alignment
        self.alignment_metric = AlignmentLoss() if guided_alignment else None
        # The share is set for each epoch, so a checkpoint does not store it.
        self.sampling_share = tf.Variable(0.0, trainable=False) if scheduled_sampling else None
        self.built = True

    def call(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        network, target = self.network, inputs["target"]
        encoded = network.run_encoder(inputs.get("source"), training)
        if training and self.sampling_share is not None:
            logits, _ = network.run_decoder(target, encoded)
            target = mix_predictions(target, logits, self.sampling_share, network.sampling_seed)
        return network.run_decoder(target, encoded, training)

    def train_step(self, data: Any) -> Any:
        """Take one step of training, all of it or nothing.

        At the end of an epoch Keras asks for one batch too many. Without the dependency those parts of a step that need
        no data, such as the seeds of dropout and the count of steps, might still change.
        """
        with tf.control_dependencies([part for part in tf.nest.flatten(data) if part is not None]):
            return super().train_step(data)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> tf.Tensor:
        logits, alignment = y_pred
        loss = super().compute_loss(x=x, y=y, y_pred=logits, sample_weight=sample_weight, training=training)
        return loss + self.guided_alignment * alignment_loss(x["links"], alignment) if self._guided(x) else loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        logits, alignment = y_pred
        if self.alignment_metric is not None and self._guided(x):
            self.alignment_metric.update_state(x["links"], alignment)
        return super().compute_metrics(x, y, logits, sample_weight)

    def _guided(self, inputs: dict[str, tf.Tensor]) -> bool:
        return self.guided_alignment > 0 and "links" in inputs

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: the network is built. A private method of Keras 3.15, see :mod:`nmt.tf_import`.

        With several devices Keras would build with a batch, for which it averages the parts of the devices; these need
        not have the same size.
        """
