"""``nmt batch``: text files of any size in, files of translations out, a line for each line.

A file is read by one process and cut into blocks of lines. Blocks are spread over all processes, and each becomes one
file, so lines are never sorted and never lost. Files are written aside and renamed: a block that is run again after a
failure replaces its file with an equal one.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from nmt.beam.export_handler import BlockHandler, keyed_inference
from nmt.beam.files import find_output, our_error, raw_lines, read_lines, read_text, remove, write_text
from nmt.beam.run_record import record_path
from nmt.errors import InputError, WorkFailed, first_line
from nmt.translation import Translation

# Lines of a file of output.
LINES = 10_000

_ENDINGS = {"text": "txt", "jsonl": "jsonl"}

# A module that only the extra of a runner brings.
_EXTRAS = {"DataflowRunner": ("apache_beam.runners.dataflow.internal.apiclient", "gcp")}

# What a run has counted before it begins.
_NONE = {"lines": 0, "bad": 0, "kept": 0}

# The number of the file of input, and that of the block in it, from 0.
Key = tuple[int, int]


def translate_files(
    export: str,
    files: Sequence[str],
    prefix: str,
    form: str,
    options: Sequence[str],
    *,
    threads: int = 1,
    trust: bool = False,
    done: Collection[str] = (),
    record: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """Translate all lines of files.

    Arguments:
        export: the folder of a version of an export.
        files: text files, plain or compressed.
        prefix: what the names of the output begin with: ``PREFIX-00000-00000.txt`` begins the first file.
        form: ``text`` or ``jsonl``.
        options: of Beam, as ``--runner=DirectRunner``.
        threads: of TensorFlow, in each process.
        trust: whether to run the export whatever its operations are.
        done: files of output that are there already; their blocks are not translated again.
        record: of this run, as :func:`nmt.beam.run_record.describe_run` makes it; it is written before the first block.

    Returns:
        The numbers of ``lines`` that are translated, of ``kept`` ones in blocks that were there, and of ``bad`` ones
        among both.

    Raises:
        InputError: if the options are wrong, a runner is not installed, or a file cannot be read.
        WorkFailed: if the pipeline fails.
    """
    check_extra(options)
    counts = f"{prefix}-counts.json"
    blocks = _Blocks(prefix, form, frozenset(done))
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(list(options), save_main_session=False))
        read, kept = (
            pipeline
            | beam.Create(list(enumerate(files)))
            | "Files apart" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(blocks).with_outputs("kept", main="blocks")
        )
        written = (
            read
            | "Blocks apart" >> beam.Reshuffle()
            | keyed_inference(BlockHandler(export, threads, trust))
            | "Write"
            >> beam.FlatMapTuple(
                lambda key, found: write_block(prefix, form=form, key=key, found=found, path=files[key[0]])
            )
        )
        (
            ((written, kept) | "Both" >> beam.Flatten())
            | beam.CombinePerKey(sum)
            | beam.combiners.ToDict()
            | "Write counts" >> beam.Map(lambda found: write_text(counts, json.dumps({**_NONE, **found}) + "\n"))
        )
    except (Exception, SystemExit) as error:
        raise our_error(error) or _refused(options, error) from None
    if record is not None:
        write_text(record_path(prefix), json.dumps(record, ensure_ascii=False) + "\n")
    try:
        result = pipeline.run()
    except (Exception, SystemExit) as error:
        # The runner of this machine works while it is started; others may refuse before they begin.
        if isinstance(pipeline.runner, FnApiRunner) or find_output(prefix) - {*done, record_path(prefix)}:
            raise _failed(error, prefix) from error
        if record is not None and not done:
            remove(record_path(prefix))
        raise our_error(error) or _refused(options, error) from error
    try:
        result.wait_until_finish()
    except Exception as error:
        raise _failed(error, prefix) from error
    return {**_NONE, **json.loads(read_text(counts))}


def check_extra(options: Sequence[str]) -> None:
    """Make sure that what a runner needs beside Beam is installed.

    Raises:
        InputError: if not.
    """
    for option in options:
        module, extra = _EXTRAS.get(option.removeprefix("--runner="), (None, None))
        if module is None:
            continue
        try:
            import_module(module)
        except ImportError:
            raise InputError(f"{option} needs more than Beam alone: pip install 'apache-beam[{extra}]'.") from None


def _refused(options: Sequence[str], error: BaseException) -> InputError:
    said = textwrap.shorten(str(error), 300, placeholder=" …").rstrip(".")
    return InputError(
        f"Beam does not start with {' '.join(options)}: {said}. A runner may need an extra of apache-beam, or a "
        "server of its own."
    )


def _failed(error: BaseException, prefix: str) -> InputError | WorkFailed:
    return our_error(error) or WorkFailed(
        f"The pipeline failed: {_reason(error)}. The files that begin with {prefix} are whole; with --resume the "
        "same command translates the rest."
    )


def _reason(error: BaseException) -> str:
    """Return what an error says; of the text of a traceback, as other processes send it, that is the last line.

    >>> _reason(RuntimeError("Traceback (most recent call last):\\n  File a.py\\nIndexError: 7 [while running 'Read']"))
    "IndexError: 7 [while running 'Read']"
    """
    lines = str(error).splitlines()
    if not lines or not lines[0].startswith("Traceback"):
        return first_line(error).rstrip(".")
    ends = [line for line in lines[1:] if re.match(r"[\w.]+: ", line)]
    return (ends or lines)[-1].rstrip(".")


class _Blocks(beam.DoFn):
    """Numbers and paths of files to blocks of lines: ``((file, block), lines)``."""

    def __init__(self, prefix: str, form: str, done: frozenset[str]) -> None:
        super().__init__()
        self._prefix, self._form, self._done = prefix, form, done

    def process(self, element: tuple[int, str]) -> Iterator[Any]:
        number, path = element
        held: list[str | None] = []
        block = 0
        for line in read_lines(path):
            held.append(line)
            if len(held) == LINES:
                yield from self._block((number, block), held)
                block, held = block + 1, []
        # A file without lines has a file of output without lines.
        if held or not block:
            yield from self._block((number, block), held)

    def _block(self, key: Key, lines: list[str | None]) -> Iterator[Any]:
        if block_path(self._prefix, self._form, key) not in self._done:
            yield key, tuple(lines)
            return
        yield beam.pvalue.TaggedOutput("kept", ("kept", len(lines)))
        if (bad := bad_path(self._prefix, key)) in self._done:
            yield beam.pvalue.TaggedOutput("kept", ("bad", sum(1 for _ in raw_lines(bad))))


def block_path(prefix: str, form: str, key: Key) -> str:
    """Return the path of a block's file.

    >>> block_path("out/library", "text", (3, 2))
    'out/library-00003-00002.txt'
    """
    return f"{prefix}-{key[0]:05}-{key[1]:05}.{_ENDINGS[form]}"


def bad_path(prefix: str, key: Key) -> str:
    """Return the path of the file that names the bad lines of a block.

    >>> bad_path("out/library", (3, 2))
    'out/library-bad-00003-00002.jsonl'
    """
    return f"{prefix}-bad-{key[0]:05}-{key[1]:05}.jsonl"


def write_block(
    prefix: str, form: str, key: Key, found: Sequence[Translation | None], path: str
) -> Iterator[tuple[str, int]]:
    """Write the translations of a block, and beside it which of its lines are bad; yield how many there are of each.

    Arguments:
        prefix, form: of the output.
        key: of the block.
        found: the translation of each line, ``None`` of one that is no UTF-8.
        path: of the file of input.
    """
    first = key[1] * LINES + 1
    bad, rows = [], []
    for place, known in enumerate(found, first):
        translation = known or Translation("", 0.0)
        reasons = [
            reason
            for reason, holds in {
                "no UTF-8": known is None,
                "longer than the model reads": translation.source_truncated,
                "its translation reached its maximum length": translation.unfinished,
            }.items()
            if holds
        ]
        if reasons:
            bad.append({"file": path, "line": place, "reason": "; ".join(reasons)})
        if form == "text":
            rows.append(translation.text)
        else:
            record = {"line": place, "text": translation.text, "score": round(translation.score, 4)}
            rows.append(json.dumps(record, ensure_ascii=False))
    if bad:
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in bad)
        write_text(bad_path(prefix, key), text)
    else:
        remove(bad_path(prefix, key))  # of an earlier try
    # Last, because a block whose file is there is done.
    write_text(block_path(prefix, form, key), "".join(f"{row}\n" for row in rows))
    yield "lines", len(rows)
    yield "bad", len(bad)
