"""``nmt batch``: translates files of any size on Apache Beam."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from nmt.commands.console import say
from nmt.errors import InputError


def batch(
    export: Annotated[
        Path,
        typer.Argument(help="A version of an export, as saved_models/my-model/1.", show_default=False),
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
    beam_args: Annotated[
        str, typer.Option(help="More options of Beam, as '--project=P --region=R'.", show_default=False)
    ] = "",
) -> None:
    """Translate text files of any size on Apache Beam: a line in, a line out, in order; needs `nmt[beam]`.

    A line that is no UTF-8 has a blank translation and is named in OUTPUT-bad-….jsonl. OUTPUT-counts.json has the
    numbers of lines.

    **Example:** `nmt batch saved_models/my-model/1 --input 'library/*.ko' --output translated/library --processes 4`
    """
    try:
        from nmt.beam import batch as batches
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("apache_beam"):
            raise
        raise InputError("`nmt batch` needs Apache Beam, which is not installed: pip install nmt[beam].") from None
    if not (export / "saved_model.pb").exists():
        raise InputError(
            f"{export} is no version of an export, as saved_models/my-model/1. `nmt export` makes one of a "
            "model's folder."
        )
    if processes > 1 and runner != "DirectRunner":
        raise InputError("--processes is for the DirectRunner. Other runners have options of their own: --beam-args.")
    files = batches.find_input(input)
    batches.check_output(output)
    options = [f"--runner={runner}", *shlex.split(beam_args)]
    if runner == "DirectRunner":
        # The runner that is written in Python: the other one downloads a program when it starts.
        options[0] = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
        options += [f"--direct_num_workers={processes}"]
        options += ["--direct_running_mode=multi_processing"] if processes > 1 else []
    lines, bad = batches.translate_files(str(export.resolve()), files, output, form, options)
    say(f"{lines:,} lines of {len(files):,} {'file' if len(files) == 1 else 'files'} are translated.")
    if bad:
        say(f"{bad:,} of them are no UTF-8 and stay blank: {output}-bad-*.jsonl names them.")
