"""The transforms: an export is loaded once in each process, and asked in batches of similar lengths.

They take exports, since these need no package that is made for a newer protobuf than Beam accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference

from nmt.translation import Translation

# Sentences in a batch, and the lengths in characters that batches are kept apart by.
_BATCH = 256
_LENGTHS = [20, 40, 60, 80, 120, 160, 240, 400]


class ExportHandler(ModelHandler[Any, Any, Any]):
    """Loads an export, and translates or scores batches with it.

    Arguments:
        export: the folder of a version, as ``saved_models/NAME/1``, with the same path on every machine.
        score: whether elements are pairs to be scored.
    """

    def __init__(self, export: str | Path, score: bool = False) -> None:
        # Batches are kept apart by length, so that little of one is padding.
        super().__init__(max_batch_size=_BATCH, batch_length_fn=_length, batch_bucket_boundaries=_LENGTHS)
        self.export = str(export)
        self.score = score

    def load_model(self) -> Any:
        """Open the export: it needs TensorFlow and tensorflow-text, and nothing else of this package."""
        from nmt.tf_import import import_tensorflow

        import_tensorflow()
        import tensorflow as tf

        return tf.saved_model.load(self.export)

    def run_inference(self, batch: Sequence[Any], model: Any, inference_args: Any = None) -> Iterable[Translation]:
        """Answer a batch, in its order."""
        if self.score:
            sides = zip(*batch, strict=True)
            answer = model.signatures["score"](**dict(zip(("source", "target"), map(_strings, sides), strict=True)))
            texts, scores = [target for _, target in batch], answer["log_probability"]
        else:
            answer = model.signatures["serving_default"](text=_strings(batch))
            texts = [text.decode("utf-8", "replace") for text in answer["translation"].numpy().tolist()]
            scores = answer["score"]
        return [
            Translation(text, score, source_truncated=None, unfinished=None)
            for text, score in zip(texts, scores.numpy().tolist(), strict=True)
        ]


def _strings(texts: Iterable[str]) -> Any:
    import tensorflow as tf

    return tf.constant([text.encode("utf-8", "replace") for text in texts])


def _length(element: Any) -> int:
    """Return the characters of a text, of a pair, or of one with its key."""
    return len(element) if isinstance(element, str) else sum(map(_length, element)) if isinstance(element, tuple) else 0


class Translate(beam.PTransform):
    """Texts to ``(text, Translation)``.

    Arguments:
        export: the folder of a version of an export, with the same path on every machine.
    """

    def __init__(self, export: str | Path) -> None:
        super().__init__()
        self.handler = ExportHandler(export)

    def expand(self, texts: Any) -> Any:
        keyed = texts | "Keep the text" >> beam.Map(lambda text: (text, text))
        return keyed | RunInference(KeyedModelHandler(self.handler))


class Score(beam.PTransform):
    """Pairs ``(source, target)`` to ``(pair, Translation)``, whose score is the log-probability of the target.

    Arguments:
        export: the folder of a version of an export, with the same path on every machine.
    """

    def __init__(self, export: str | Path) -> None:
        super().__init__()
        self.handler = ExportHandler(export, score=True)

    def expand(self, pairs: Any) -> Any:
        keyed = pairs | "Keep the pair" >> beam.Map(lambda pair: (tuple(pair), tuple(pair)))
        return keyed | RunInference(KeyedModelHandler(self.handler))
