"""Cleans sharded pairs on Apache Beam, and examines what is left, as `nmt clean` and `nmt data` do on one machine.

python examples/clean_on_beam.py 'corpus/*.tsv' clean/corpus removed/corpus --dev dev.tsv --direct_num_workers=4

`nmt train --pairs clean/` then trains on what is left. What is removed lies elsewhere, with its reasons.
"""

import argparse
import json
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import nmt.beam
from nmt.data.corpora import from_tsv

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("pairs", help="TSV files, as 'gs://bucket/corpus-*.tsv'")
parser.add_argument("to", help="what the names of the files of what is left begin with")
parser.add_argument("removed", help="the same of what is removed, and of the counts; in another folder")
parser.add_argument("--dev", type=Path, nargs="*", default=[], help="TSV files that must share nothing with the pairs")
mine, options = parser.parse_known_args()

with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
    pairs = pipeline | nmt.beam.ReadPairs(mine.pairs)
    cleaned = pairs | nmt.beam.Clean(others=[from_tsv(file) for file in mine.dev])
    cleaned["kept"] | nmt.beam.WriteRows(mine.to)
    removed = cleaned["removed"] | beam.MapTuple(
        lambda line, out: (line, (str(line), out.rule, out.reason, *out.cells))
    )
    removed | "Removed" >> nmt.beam.WriteRows(mine.removed)
    counts = cleaned["counts"] | beam.Map(lambda found: json.dumps(vars(found)))
    counts | "Counts" >> beam.io.WriteToText(f"{mine.removed}-counts", ".json", shard_name_template="")
    found = cleaned["kept"] | nmt.beam.Survey("what is left")
    found | beam.Map(lambda found: print(f"{found[0][0].pairs:,} pairs are left, {found[0][0].repeated.counts}"))
