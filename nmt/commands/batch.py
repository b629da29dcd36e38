"""``nmt batch``: translates files of any size on Apache Beam."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from nmt.commands.console import say
from nmt.errors import InputError


def batch(
    export: Annotated[
        Path,
        typer.Argument(help="An export, or a version of it, as saved_models/my-model/1.", show_default=False),
    ],
    input: Annotated[
        str, typer.Option(help="Text files, as 'corpus/*.ko' or 'gs://…/*.ko'; .gz too.", show_default=False)
    ],
    output: Annotated[
        str,
        typer.Option(
            help="What the names of the output begin with: OUTPUT-00000-00000.txt has the first 10,000 lines of the "
            "first file.",
            show_default=False,
        ),
    ],
    form: Annotated[
        Literal["text", "jsonl"], typer.Option("--format", help="jsonl: an object per line, with line, text, score.")
    ] = "text",
    runner: Annotated[
        str, typer.Option(help="Beam's runner: DirectRunner, DataflowRunner, FlinkRunner, SparkRunner.")
    ] = "DirectRunner",
    processes: Annotated[int, typer.Option(min=1, help="Processes of the DirectRunner.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the files of OUTPUT, and translate the rest.")] = False,
    beam_args: Annotated[
        str, typer.Option(help="More options of Beam, as '--project=P --region=R'.", show_default=False)
    ] = "",
) -> None:
    """Translate text files of any size on Apache Beam: a line in, a line out, in order; needs `nmt[beam]`.

    A line that is no UTF-8 has a blank translation. OUTPUT-bad-….jsonl names such lines, and those that were cut.
    OUTPUT-counts.json has the numbers of lines.

    **Example:** `nmt batch saved_models/my-model/1 --input 'library/*.ko' --output translated/library --processes 4`
    """
    try:
        from nmt.beam import batch as batches
        from nmt.beam.files import find_input, find_output
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("apache_beam"):
            raise
        raise InputError("`nmt batch` needs Apache Beam, which is not installed: pip install nmt[beam].") from None
    version = _version(export)
    if processes > 1 and runner != "DirectRunner":
        raise InputError("--processes is for the DirectRunner. Other runners have options of their own: --beam-args.")
    files = find_input(input)
    there = find_output(output)
    if there and not resume:
        raise InputError(
            f"--output {output} exists: {min(there)} is there already. Name another, remove those files, or continue "
            "with --resume."
        )
    options = [f"--runner={runner}", *shlex.split(beam_args)]
    threads = 1
    if runner == "DirectRunner":
        # The runner that is written in Python: the other one downloads a program when it starts.
        options[0] = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
        options += [f"--direct_num_workers={processes}"]
        options += ["--direct_running_mode=multi_processing"] if processes > 1 else []
        threads = max(1, (os.cpu_count() or 1) // processes)
    found = batches.translate_files(
        str(version.resolve()), files, output, form, options, threads=threads, done=there if resume else ()
    )
    of = f"{len(files):,} {'file' if len(files) == 1 else 'files'}"
    say(f"{found['lines']:,} lines of {of} are translated.")
    if found["kept"]:
        say(f"{found['kept']:,} more were translated before.")
    if found["bad"]:
        say(f"{found['bad']:,} are no UTF-8 or were cut: {output}-bad-*.jsonl names them.")


def _version(export: Path) -> Path:
    """Return the folder of a version of an export: the newest one, if all are named."""
    from nmt.export.versions import versions

    if (export / "saved_model.pb").exists():
        return export
    if there := versions(export):
        return export / str(there[-1])
    what = "a model's folder" if (export / "config.toml").exists() else "no export"
    raise InputError(
        f"{export} is {what}. Beam takes an export, as saved_models/my-model, which `nmt export MODEL` writes."
    )
