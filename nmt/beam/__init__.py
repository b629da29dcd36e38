"""Translating, scoring, cleaning and counting on Apache Beam, for pipelines of one's own; needs ``pip install nmt[beam]``.

import apache_beam as beam, nmt.beam

with beam.Pipeline() as pipeline:
    texts = pipeline | beam.io.ReadFromText("gs://…/*.ko")
    found = texts | nmt.beam.Translate("saved_models/my-model/1")  # (text, Translation)
    found | beam.Map(lambda pair: pair[1].text) | beam.io.WriteToText("…")
"""

from nmt.beam.translate import Score, Translate

__all__ = ["Score", "Translate"]
