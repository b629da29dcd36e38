"""``nmt batch``: text files of any size in, files of translations out, a line for each line.

The lines of a file are read in order by one process, in blocks. Blocks are spread over all processes, translated in
batches, and each block becomes one file with its lines in order. Files are written aside and renamed, so a part that
is run again after a failure replaces its own file with an equal one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from nmt.beam.transforms import ExportHandler
from nmt.errors import InputError, WorkFailed, first_line
from nmt.translation import Translation

# Lines of a file of output.
LINES = 10_000

# The number of the file of input, and that of the line in it, from 0.
Key = tuple[int, int]


def find_input(pattern: str) -> list[str]:
    """Return the files that a pattern of any of Beam's file systems matches, sorted.

    Raises:
        InputError: if there are none.
    """
    try:
        found = sorted(file.path for match in FileSystems.match([pattern]) for file in match.metadata_list)
    except Exception as error:  # whatever a file system raises that is not installed or not reached
        raise InputError(f"--input {pattern} cannot be looked up: {first_line(error)}") from None
    if not found:
        raise InputError(f"--input {pattern} matches no file. Check the pattern and the folder.")
    return found


def check_output(prefix: str) -> None:
    """Make sure that no file begins with the prefix of the output.

    Raises:
        InputError: if one does.
    """
    try:
        there = [file.path for match in FileSystems.match([f"{prefix}-*"]) for file in match.metadata_list]
    except Exception as error:
        raise InputError(f"--output {prefix} cannot be looked up: {first_line(error)}") from None
    if there:
        raise InputError(f"--output {prefix} exists: {there[0]} is there already. Name another, or remove those files.")


def translate_files(
    export: str, files: Sequence[str], prefix: str, form: str, options: Sequence[str]
) -> tuple[int, int]:
    """Translate all lines of files.

    Arguments:
        export: the folder of a version of an export.
        files: text files, plain or compressed.
        prefix: what the names of the output begin with: ``PREFIX-00000-00000.txt`` begins the first file.
        form: ``text`` or ``jsonl``.
        options: of Beam, as ``--runner=DirectRunner``.

    Returns:
        How many lines were read, and how many of them are no UTF-8 and have a blank translation.

    Raises:
        InputError: if the options are wrong or a runner is not installed.
        WorkFailed: if the pipeline fails.
    """
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(list(options), save_main_session=False))
    except (ImportError, ValueError, AttributeError, SystemExit) as error:
        raise InputError(
            f"Beam does not take {' '.join(options)}: {first_line(error)}. A runner may need an extra, as "
            "apache-beam[gcp] for Dataflow."
        ) from None
    lines = pipeline | beam.Create(list(enumerate(files))) | "Read" >> beam.FlatMapTuple(read_lines)
    good = lines | "Good lines" >> beam.Filter(lambda line: line[1] is not None and bool(line[1].strip()))
    blank = (
        lines
        | "Blank lines" >> beam.Filter(lambda line: line[1] is None or not line[1].strip())
        | "Stay blank" >> beam.Map(lambda line: (line[0], Translation("", 0.0)))
    )
    translated = good | beam.Reshuffle() | RunInference(KeyedModelHandler(ExportHandler(export)))
    written = (
        (translated, blank)
        | beam.Flatten()
        | "By block" >> beam.MapTuple(lambda key, found: ((key[0], key[1] // LINES), (key[1], found)))
        | "Blocks" >> beam.GroupByKey()
        | "Write" >> beam.MapTuple(lambda block, found: write_block(prefix, form, block, found))
    )
    bad = lines | "Bad lines" >> beam.Filter(lambda line: line[1] is None) | "Places" >> beam.Map(lambda line: line[0])
    bad_written = (
        bad
        | "By file" >> beam.GroupByKey()
        | "Write bad lines" >> beam.MapTuple(lambda number, found: write_bad(prefix, files[number], number, found))
    )
    counts = f"{prefix}-counts.json"
    (
        ((written, bad_written) | "Both" >> beam.Flatten())
        | beam.CombinePerKey(sum)
        | beam.combiners.ToDict()
        | "Write counts" >> beam.Map(lambda found: write_text(counts, json.dumps(found) + "\n"))
    )
    try:
        pipeline.run().wait_until_finish()
    except (ImportError, ValueError) as error:
        raise InputError(f"Beam does not take {' '.join(options)}: {first_line(error)}") from error
    except Exception as error:
        raise WorkFailed(
            f"The pipeline failed: {first_line(error)}. What is written so far begins with {prefix}."
        ) from error
    with FileSystems.open(counts) as file:
        found = json.loads(file.read())
    return found.get("lines", 0), found.get("bad", 0)


def read_lines(number: int, path: str) -> Iterator[tuple[Key, str | None]]:
    """Yield the lines of a file with their keys; one that is no UTF-8 is ``None``."""
    with FileSystems.open(path) as file:
        for place, raw in enumerate(iter(file.readline, b"")):
            line = raw.removesuffix(b"\n").rstrip(b"\r").replace(b"\r", b" ")
            if place == 0:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield (number, place), line.decode()
            except UnicodeDecodeError:
                yield (number, place), None


def write_block(
    prefix: str, form: str, block: tuple[int, int], found: Iterable[tuple[int, Translation]]
) -> tuple[str, int]:
    """Write the lines of a block in their order."""
    rows = sorted(found, key=lambda row: row[0])
    if form == "text":
        texts = [translation.text for _, translation in rows]
    else:
        texts = [
            json.dumps(
                {"line": place + 1, "text": translation.text, "score": round(translation.score, 4)}, ensure_ascii=False
            )
            for place, translation in rows
        ]
    ending = "txt" if form == "text" else "jsonl"
    write_text(f"{prefix}-{block[0]:05}-{block[1]:05}.{ending}", "".join(f"{text}\n" for text in texts))
    return "lines", len(rows)


def write_bad(prefix: str, path: str, number: int, places: Iterable[int]) -> tuple[str, int]:
    """Write which lines of a file are no UTF-8."""
    rows = sorted(places)
    records = [{"file": path, "line": place + 1, "reason": "no UTF-8"} for place in rows]
    write_text(f"{prefix}-bad-{number:05}.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
    return "bad", len(rows)


def write_text(path: str, text: str) -> None:
    """Write a file aside, then rename it."""
    aside = f"{path}.{uuid.uuid4().hex}.part"
    with FileSystems.create(aside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(text.encode())
    if FileSystems.exists(path):
        FileSystems.delete([path])
    FileSystems.rename([aside], [path])
