"""Translating and scoring as transforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam

from nmt.beam.export_handler import ExportHandler, ScoreHandler, keyed_inference


class Translate(beam.PTransform):
    """Texts to ``(text, Translation)``.

    Arguments:
        export: the folder of a version of an export, with the same path on every machine.
        threads: of TensorFlow, in each process. A runner starts a process for each core that it may use.
        trust: whether to run the export whatever its operations are, see :mod:`nmt.export.operations`.
    """

    def __init__(self, export: str | Path, threads: int = 1, trust: bool = False) -> None:
        super().__init__()
        self.handler = ExportHandler(export, threads, trust)

    def expand(self, texts: Any) -> Any:
        keyed = texts | "Keep the text" >> beam.Map(lambda text: (text, text))
        return keyed | keyed_inference(self.handler)


class Score(beam.PTransform):
    """Pairs ``(source, target)`` to ``(pair, Translation)``, whose score is the log-probability of the target.

    ``tokens`` are the target's pieces, and ``token_scores`` the log-probability of each and of the end.

    Arguments:
        export: the folder of a version of an export, with the same path on every machine.
        threads: of TensorFlow, in each process.
        trust: whether to run the export whatever its operations are, see :mod:`nmt.export.operations`.
    """

    def __init__(self, export: str | Path, threads: int = 1, trust: bool = False) -> None:
        super().__init__()
        self.handler = ScoreHandler(export, threads, trust)

    def expand(self, pairs: Any) -> Any:
        keyed = pairs | "Keep the pair" >> beam.Map(lambda pair: (tuple(pair), tuple(pair)))
        return keyed | keyed_inference(self.handler)
