"""How ``RunInference`` asks an export: it is loaded once in each process, and asked in batches of similar lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference

from nmt.errors import InputError, first_line
from nmt.export.opening import check_no_address, open_export
from nmt.translation import Translation

# Elements that Beam hands over at once. Among this many, those of similar lengths are asked together.
_AT_ONCE = 4096
# Rows of a batch, and characters of it with its padding, so that a few long lines do not take much memory.
_ROWS, _CHARACTERS = 256, 32_768
_END = "</s>"


class ExportHandler(ModelHandler[Any, Any, Any]):
    """Loads an export, and translates texts with it.

    Beam's own batches by length keep elements for a time by the clock, and end in the order of timers. So Beam hands
    over many elements as they come, and they are put into batches by length here.

    Arguments:
        export: the folder of a version, as ``saved_models/NAME/1``, with the same path on every machine.
        threads: of TensorFlow, in each process. A runner starts a process for each core that it may use.
        trust: whether to run the export whatever its operations are, see :mod:`nmt.export.operations`.
        handed: elements that Beam hands over at once.

    Raises:
        InputError: if the export is an address, as in a bucket.
    """

    def __init__(self, export: str | Path, threads: int = 1, trust: bool = False, handed: int = _AT_ONCE) -> None:
        super().__init__(min_batch_size=handed, max_batch_size=handed)
        check_no_address(export)
        self.export = str(export)
        self.threads = threads
        self.trust = trust

    def load_model(self) -> Any:
        """Open the export.

        Raises:
            InputError: if it is damaged, or would do what no export needs.
        """
        from nmt.tf_import import import_tensorflow

        import_tensorflow()
        import tensorflow as tf

        with suppress(RuntimeError):  # TensorFlow has started already, in a pipeline that uses it for more than this
            tf.config.threading.set_intra_op_parallelism_threads(self.threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        return open_export(Path(self.export), self.trust)

    def check(self) -> None:
        """Open the export and translate a line. Before a pipeline starts this tells in a sentence what is wrong.

        Raises:
            InputError: if it cannot be opened, or does not translate.
        """
        model = self.load_model()
        signature = model.signatures.get("serving_default")
        takes = set(signature.structured_input_signature[1]) if signature else set()
        if takes != {"text"} or not {"translation", "score"} <= set(signature.structured_outputs):
            raise InputError(
                f"{self.export} is not the export of a translator: its signature serving_default, if there is one, "
                "does not make translations with a score of text."
            )
        try:
            list(self.ask(model, ["a b c"]))
        except Exception as error:  # TensorFlow raises many kinds for a damaged graph
            raise InputError(f"{self.export} does not translate: {first_line(error)}") from None

    def run_inference(self, batch: Sequence[Any], model: Any, inference_args: Any = None) -> Iterable[Any]:
        """Answer elements, in their order."""
        found: list[Any] = [None] * len(batch)
        for places in by_length([self.length(row) for row in batch]):
            for place, answer in zip(places, self.ask(model, [batch[place] for place in places]), strict=True):
                found[place] = answer
        return found

    def length(self, row: Any) -> int:
        """Return the length of an element, by which batches are made."""
        return len(row)

    def ask(self, model: Any, rows: Sequence[Any]) -> Iterable[Translation]:
        """Answer the elements of a batch."""
        answer = model.signatures["serving_default"](text=_strings(rows))
        texts = [text.decode("utf-8", "replace") for text in answer["translation"].numpy().tolist()]
        # Exports of earlier versions do not tell what they cut.
        cut, unfinished = (
            answer[name].numpy().tolist() if name in answer else [None] * len(rows)
            for name in ("source_truncated", "unfinished")
        )
        return map(_translation, texts, answer["score"].numpy().tolist(), cut, unfinished)


class BlockHandler(ExportHandler):
    """Translates blocks of lines, each as a whole. A blank line stays blank, and ``None`` stays ``None``."""

    def __init__(self, export: str | Path, threads: int = 1, trust: bool = False) -> None:
        super().__init__(export, threads, trust, handed=1)

    def run_inference(self, batch: Sequence[Any], model: Any, inference_args: Any = None) -> Iterable[Any]:
        lines = list(chain.from_iterable(batch))
        full = [place for place, line in enumerate(lines) if line and line.strip()]
        found = [None if line is None else Translation("", 0.0) for line in lines]
        for place, answer in zip(full, super().run_inference([lines[place] for place in full], model), strict=True):
            found[place] = answer
        answers = iter(found)
        return [[next(answers) for _ in block] for block in batch]


class ScoreHandler(ExportHandler):
    """Scores pairs ``(source, target)``."""

    def length(self, row: Any) -> int:
        return len(row[0]) + len(row[1])

    def ask(self, model: Any, rows: Sequence[Any]) -> Iterable[Translation]:
        sources, targets = zip(*rows, strict=True)
        answer = model.signatures["score"](source=_strings(sources), target=_strings(targets))
        scores, pieces, of_pieces = (
            answer[name].numpy().tolist() for name in ("log_probability", "tokens", "token_scores")
        )
        for target, score, padded, piece_scores in zip(targets, scores, pieces, of_pieces, strict=True):
            # Shorter rows of a batch are filled up with empty pieces, behind the end.
            tokens = [piece.decode("utf-8", "replace") for piece in padded if piece]
            yield Translation(
                target,
                score,
                tokens=tuple(tokens[:-1] if tokens[-1:] == [_END] else tokens),
                source_truncated=None,
                unfinished=None,
                token_scores=tuple(piece_scores[: len(tokens)]),
            )


def keyed_inference(handler: ExportHandler) -> Any:
    """Return the transform of ``(key, element)`` to ``(key, answer)``."""
    return RunInference(KeyedModelHandler(handler))


def by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of rows in batches, the shortest rows first.

    >>> list(by_length([5, 1, 40_000, 3]))
    [[1, 3, 0], [2]]
    """
    held: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if held and (len(held) == _ROWS or (len(held) + 1) * lengths[place] > _CHARACTERS):
            yield held
            held = []
        held.append(place)
    if held:
        yield held


def _translation(text: str, score: float, cut: bool | None, unfinished: bool | None) -> Translation:
    return Translation(text, score, source_truncated=cut, unfinished=unfinished)


def _strings(texts: Iterable[str]) -> Any:
    import tensorflow as tf

    return tf.constant([text.encode("utf-8", "replace") for text in texts])
