"""Translating, scoring, cleaning and counting on Apache Beam, for pipelines of one's own; needs the extra ``beam``.

import apache_beam as beam, nmt.beam

with beam.Pipeline() as pipeline:
    texts = pipeline | beam.io.ReadFromText("gs://…/*.ko")
    found = texts | nmt.beam.Translate("saved_models/my-model/1")  # (text, Translation)
    found | beam.Map(lambda pair: pair[1].text) | beam.io.WriteToText("…")

    pairs = pipeline | nmt.beam.ReadPairs("gs://…/*.tsv")  # (line, (source, target))
    cleaned = pairs | nmt.beam.Clean()
    cleaned["kept"] | nmt.beam.WriteRows("gs://…/clean")
    pairs | nmt.beam.Survey() | beam.Map(print)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmt.beam.clean import Clean, Removed
    from nmt.beam.pairs import ReadPairs, WriteRows
    from nmt.beam.survey import Survey
    from nmt.beam.translate import Score, Translate

__all__ = ["Clean", "ReadPairs", "Removed", "Score", "Survey", "Translate", "WriteRows"]
_HOMES = {
    "Clean": "clean",
    "ReadPairs": "pairs",
    "Removed": "clean",
    "Score": "translate",
    "Survey": "survey",
    "Translate": "translate",
    "WriteRows": "pairs",
}


def __getattr__(name: str) -> Any:
    # So a module that needs no Beam, such as the record of a run, is imported without it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
